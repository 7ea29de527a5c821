"""SHA-256 of one message at a time: a compression core behind the padding."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .core_compact import CompactCore
from .core_fast import FastCore
from .padder import Padder
from .signature import MessageWord

__all__ = ["VARIANTS", "Hash"]

VARIANTS = {"fast": FastCore, "compact": CompactCore}


class Hash(wiring.Component):
    """SHA-256 (FIPS 180-4) of a message of whole bytes.

    The state between two blocks can be moved out and another moved in, word by word.

    Parameters
    ----------
    variant : str
        ``fast`` or ``compact``.

    Members
    -------
    message : In(stream of MessageWord)
        The message.
    idle : Out(1)
        At the boundary of two blocks, and the blocks taken are hashed. After the word with ``last``: the
        message is hashed.
    state : Out(256)
        The chaining value, which after a message is its digest; valid while ``idle``.
    masked, index : Out
        As `Padder` has them.
    restart : In(1)
        Begins a message, at the initial value unless ``restart_blocks``. Given while ``idle``.
    restart_blocks : In(1)
        The state stays as it is, and is that of a message of one block.
    shift, shift_data : In
        As `CoreSignature` has them.
    blocks, blocks_load, blocks_data
        As `Padder` has them.

    Latency
    -------
    That of the core: the padding adds no cycle.

    Raises
    ------
    ValueError
        If there is no such variant.
    """

    def __init__(self, *, variant):
        if variant not in VARIANTS:
            raise ValueError(f"Variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
        self._padder = Padder()
        self._core = VARIANTS[variant]()
        of_padder = self._padder.signature.members
        super().__init__(
            {
                "message": In(stream.Signature(MessageWord)),
                "idle": Out(1),
                "state": Out(256),
                "restart": In(1),
                "restart_blocks": In(1),
                "shift": In(1),
                "shift_data": In(32),
                **{
                    name: of_padder[name]
                    for name in ("masked", "index", "blocks", "blocks_load", "blocks_data")
                },
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.padder = padder = self._padder
        m.submodules.core = core = self._core
        connect(m, flipped(self.message), padder.message)
        connect(m, padder.words, core.words)
        m.d.comb += [
            self.idle.eq(core.idle & (padder.index == 0) & ~padder.padding),
            self.state.eq(core.state),
            core.init.eq(self.restart & ~self.restart_blocks),
            core.shift.eq(self.shift),
            core.shift_data.eq(self.shift_data),
            self.masked.eq(padder.masked),
            self.index.eq(padder.index),
            padder.restart.eq(self.restart),
            padder.restart_blocks.eq(self.restart_blocks),
            self.blocks.eq(padder.blocks),
            padder.blocks_load.eq(self.blocks_load),
            padder.blocks_data.eq(self.blocks_data),
        ]
        return m
