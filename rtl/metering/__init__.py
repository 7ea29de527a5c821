"""The metrology domain: front end, compute engine and its program, quantities."""
