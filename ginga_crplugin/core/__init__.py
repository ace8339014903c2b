"""Arrays in, arrays out: the part of the package that knows no display."""
