"""The engines that vectors can be put to, by name."""

from collections.abc import Callable, Sequence

from sim.vectors.cases import BLOCKS, Case, Skipped
from sim.vectors.engine import Engine
from sim.vectors.model_engine import ModelEngine
from sim.vectors.rtl_engine import RtlEngine
from soc.config import SocConfig
from soc.errors import InputError

__all__ = ["ENGINES", "engine_named", "without_missing"]

ENGINES: dict[str, Callable[[SocConfig], Engine]] = {"rtl": RtlEngine, "model": ModelEngine}
"""What makes each engine of a configuration; it compiles when the first vector needs it."""


def engine_named(name: str, config: SocConfig) -> Engine:
    """Make an engine of a configuration.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in ENGINES:
        raise InputError(f"There is no engine '{name}'; known are {', '.join(ENGINES)}.")
    return ENGINES[name](config)


def without_missing(vectors: Sequence[Case | Skipped], config: SocConfig) -> list[Case | Skipped]:
    """The vectors, those for blocks that the configuration does not have skipped."""
    missing = {block for block in BLOCKS if getattr(config, block) == "none"}
    return [
        Skipped(
            place=vector.place,
            reason=f"the block {vector.block} is not built in by the preset {config.name}",
            block=vector.block,
            kind=vector.kind,
        )
        if isinstance(vector, Case) and vector.block in missing
        else vector
        for vector in vectors
    ]
