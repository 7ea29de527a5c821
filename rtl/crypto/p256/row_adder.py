"""Addition, subtraction and selection of 256 bits modulo m, one a clock."""

from amaranth import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .moduli import BITS, MODULI, Modulo
from .signature import MAX_REGISTERS, Operation

__all__ = ["RowAdder"]


class RowAdder(wiring.Component):
    """A pipeline of three stages: the sum, the sum with m taken away or added, the one of the two that holds.

    Members
    -------
    start : In(1)
        Begins what the other inputs say.
    operation, modulus, condition, tag, left, right : In
        As in `Issue`; the tag comes back with the result.
    done : Out(1)
        The result is there.
    result : Out(256)
        While ``done``.
    borrow : Out(1)
        A subtraction's left is less than its right, while ``done``.
    done_tag : Out
        The tag, while ``done``.
    active : Out(1)
        Something is in the pipeline.

    Latency
    -------
    ``done`` three cycles after ``start``, which may come in every cycle.
    """

    start: In(1)
    operation: In(Operation)
    modulus: In(Modulo)
    condition: In(1)
    tag: In(range(MAX_REGISTERS))
    left: In(BITS)
    right: In(BITS)
    done: Out(1)
    result: Out(BITS)
    borrow: Out(1)
    done_tag: Out(range(MAX_REGISTERS))
    active: Out(1)

    def elaborate(self, platform):
        m = Module()
        # What many bits depend on is decoded a stage ahead.
        subtracts, selects = self.operation == Operation.SUBTRACT, self.operation == Operation.SELECT
        left, right = Signal(BITS), Signal(BITS)
        valid, tag, modulus = Signal(), Signal.like(self.tag), Signal(Modulo)
        subtract, add = Signal(), Signal()
        m.d.sync += [
            valid.eq(self.start),
            tag.eq(self.tag),
            modulus.eq(self.modulus),
            subtract.eq(subtracts),
            add.eq(self.operation == Operation.ADD),
            left.eq(self.left),
            right.eq(self.right ^ subtracts.replicate(BITS)),
        ]
        with m.If(selects):  # the sum of one operand and zero
            with m.If(self.condition):
                m.d.sync += right.eq(0)
            with m.Else():
                m.d.sync += left.eq(0)

        total, correction = Signal(BITS + 1), Signal(BITS + 2)
        finishing, total_tag = Signal(), Signal.like(self.tag)
        total_subtract, total_add = Signal(), Signal()
        m.d.sync += [
            finishing.eq(valid),
            total_tag.eq(tag),
            total_subtract.eq(subtract),
            total_add.eq(add),
            total.eq((Cat(C(1, 1), left, C(0, 1)) + Cat(subtract, right, subtract))[1:]),
        ]
        for name, constants in MODULI.items():
            with m.If(modulus == name):
                m.d.sync += correction.eq(Mux(subtract, constants.value, -constants.value))

        corrected, plain = Signal(BITS + 2), Signal(BITS)
        subtraction, addition = Signal(), Signal()
        m.d.sync += [
            self.done.eq(finishing),
            self.done_tag.eq(total_tag),
            corrected.eq(total + correction),
            plain.eq(total),
            subtraction.eq(total_subtract),
            addition.eq(total_add),
            self.borrow.eq(total_subtract & total[-1]),
        ]

        take_corrected = Mux(subtraction, self.borrow, addition & ~corrected[-1])
        m.d.comb += [
            self.result.eq(Mux(take_corrected, corrected, plain)),
            self.active.eq(valid | finishing | self.done),
        ]
        return m
