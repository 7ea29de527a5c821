"""Formats, each declared once, for whoever writes or reads them."""
