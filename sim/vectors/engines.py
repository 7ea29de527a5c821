"""The engines that vectors can be put to, by name."""

from collections.abc import Callable

from sim.vectors.engine import Engine
from sim.vectors.rtl_engine import RtlEngine
from soc.errors import InputError

__all__ = ["ENGINES", "engine_named"]

ENGINES: dict[str, Callable[[], Engine]] = {"rtl": RtlEngine}
"""What makes each engine; it compiles a block when the first vector needs it."""


def engine_named(name: str) -> Engine:
    """Make an engine.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in ENGINES:
        raise InputError(f"There is no engine '{name}'; known are {', '.join(ENGINES)}.")
    return ENGINES[name]()
