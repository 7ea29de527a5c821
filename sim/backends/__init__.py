"""Back-ends: each runs the same scenarios on the same chip, in its own way."""

from importlib import import_module

from soc.errors import InputError

from .base import Backend, CyclesExhausted, PowerOff, Result, needs

__all__ = ["BACKENDS", "Backend", "CyclesExhausted", "PowerOff", "Result", "backend", "needs"]

BACKENDS = {
    "verilator": "VerilatorBackend",
    "pysim": "PysimBackend",
}
"""Class of each back-end, in the module of its name; the first is the default."""


def backend(name: str) -> Backend:
    """The back-end called ``name``; raises `InputError` with the known names if there is none."""
    if name not in BACKENDS:
        raise InputError(f"There is no back-end {name!r}; known are {', '.join(BACKENDS)}.")
    made: Backend = getattr(import_module(f"{__name__}.{name}"), BACKENDS[name])()
    return made
