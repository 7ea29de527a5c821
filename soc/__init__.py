"""The chip as a whole: configuration, address map, assembly, formats, generated register files."""
