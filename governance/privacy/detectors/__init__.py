"""Pure scanners: text in, spans out."""
