"""Data sets on the command line: building and opening them."""
