"""Drivers: one module a block, each a set of coroutines to ``yield from``."""
