"""The application core's firmware."""
