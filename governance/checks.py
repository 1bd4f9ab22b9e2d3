"""System checks `governance.E0xx`: an unsafe start is refused, and the message says how to mend it."""
