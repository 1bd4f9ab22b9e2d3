"""One four-eyes mechanism for every grave act."""
