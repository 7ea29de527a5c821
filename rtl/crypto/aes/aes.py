"""The AES block of the chip."""

from amaranth import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import KeyPathSignature, KeyResultSignature, NvmPortSignature, RegisterBank, csr, wishbone
from .engine import Engine
from .iv_source import NVM_WORDS, IvSource
from .registers import Operate, Piece, Status, StatusRegister

__all__ = ["AesGcm"]


class AesGcm(wiring.Component):
    """AES-128 and AES-256 for the application: GCM, CMAC and key wrap, with the keys of slots.

    Parameters
    ----------
    variant : str
        ``fast`` or ``compact``.
    slots : int
        Number of key slots, from 2 to 256.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    memory : In(wishbone.Signature)
        The message memory: 2 KiB, a tag and an IV.
    irq : Out(1)
        Level interrupt.
    key : Out(KeyPathSignature)
        Path of keys from their slots.
    result : Out(KeyResultSignature)
        Path of unwrapped keys to their slots.
    nvm : Out(NvmPortSignature)
        NVM of the IVs that hardware makes.
    fixed_field : In(32)
        First word of each such IV; a constant of the device, another one for each.
    wipe : In(1)
        Asks to forget every key and message: high for a cycle or longer.
    wiping : Out(1)
        High from the cycle after ``wipe`` until nothing is left of them.

    Latency
    -------
    A read of a register is answered in the next clock, of the memory with ``ack`` in the next clock. Of
    operations, see `Engine` and `Unit`. No number of clocks depends on a key or on data.

    Raises
    ------
    TypeError, ValueError
        If there is no such variant, or the number of slots is wrong.
    """

    def __init__(self, *, variant, slots):
        self._engine, self._ivs = Engine(variant=variant, slots=slots), IvSource()
        self._bank = RegisterBank(
            identification="AESG",
            version=1,
            addr_width=3,
            causes={
                "done": "An operation has ended; `status` says how.",
                "refused": "An operation or a word for the memory was dropped: the block was busy.",
            },
        )
        self._status = self._bank.add("status", StatusRegister())
        self._operate = self._bank.add("operate", Operate())
        self._piece = self._bank.add("piece", Piece())
        memory_map = self._bank.freeze()
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=3, data_width=32)),
                "memory": In(wishbone.Signature(addr_width=10, data_width=32)),
                "irq": Out(1),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "nvm": Out(NvmPortSignature(words=NVM_WORDS)),
                "fixed_field": In(32),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self.bus.memory_map = memory_map
        self.memory.memory_map = self._engine.memory.memory_map

    def elaborate(self, platform):
        m = Module()
        engine, ivs, bank = self._engine, self._ivs, self._bank
        reset = Signal()
        m.submodules.bank, m.submodules.ivs = bank, ivs
        # SEC_CM: KEY.WIPE
        m.submodules.engine = ResetInserter(reset)(engine)  # registers at once; then it clears its memories
        connect(m, flipped(self.bus), bank.bus)
        connect(m, flipped(self.memory), engine.memory)
        connect(m, engine.key, flipped(self.key))
        connect(m, engine.result, flipped(self.result))
        connect(m, ivs.nvm, flipped(self.nvm))
        self._elaborate_wipe(m, reset)
        operate, starts = self._operate.f, Signal()
        m.d.comb += [
            starts.eq(operate.operation.w_stb & ~engine.busy & ~self.wiping),
            engine.asked.stb.eq(starts),
            engine.asked.operation.eq(operate.operation.w_data),
            engine.asked.iv.eq(operate.iv.w_data),
            engine.asked.tag_bytes.eq(operate.tag_bytes.w_data),
            engine.asked.slot.eq(operate.slot.w_data),
            engine.asked.target.eq(operate.target.w_data),
            bank.event("refused").eq((operate.operation.w_stb & ~starts) | engine.dropped),
            self.irq.eq(bank.irq),
            self._status.f.busy.r_data.eq(engine.busy | self.wiping | operate.operation.w_stb),
            self._status.f.session.r_data.eq(engine.session),
            ivs.ask.eq(engine.ask_iv),
            engine.iv_given.eq(ivs.given),
            engine.iv_failed.eq(ivs.failed),
            engine.iv_broken.eq(ivs.broken),
            engine.iv_word.eq(ivs.word),
            ivs.lower.eq(engine.iv_lower),
            engine.fixed_field.eq(self.fixed_field),
        ]
        self._elaborate_piece(m, starts)
        return m

    def _elaborate_piece(self, m, starts):
        """The piece of the operation that is being done is what it was when that was asked for."""
        fields, piece = self._piece.f, self._engine.piece
        start, length = Signal(9), Signal(12)
        m.d.comb += [piece.start.eq(start), piece.length.eq(length)]
        with m.If(starts):
            m.d.sync += [start.eq(fields.start.data), length.eq(fields.length.data)]

    def _elaborate_wipe(self, m, reset):
        """Reset the engine, once it uses no path of a key, and wait until it has cleared everything."""
        engine, asked, working = self._engine, Signal(), Signal()
        done, code = self._bank.event("done"), Signal(Status)
        m.d.comb += [
            reset.eq((asked | self.wipe) & engine.settled),
            done.eq(engine.done),
            self._status.f.code.r_data.eq(code),
        ]
        with m.If(engine.done):
            m.d.sync += code.eq(engine.status)
        with m.If(self.wipe):
            m.d.sync += [self.wiping.eq(1), working.eq(working | (engine.busy & ~self.wiping))]
        with m.Elif(self.wiping & ~asked & ~engine.busy):
            m.d.sync += [self.wiping.eq(0), working.eq(0)]
            with m.If(working):
                m.d.comb += done.eq(1)
                m.d.sync += code.eq(Status.WIPED)
        with m.If(reset):
            m.d.sync += asked.eq(0)
        with m.Elif(self.wipe):
            m.d.sync += asked.eq(1)
