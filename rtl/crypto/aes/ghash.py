"""GHASH, several bits of the operand a clock."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Ghash"]

_BITS = 128
_REDUCTION = (0, 1, 2, 7)  # x^128 = 1 + x + x² + x⁷


class Ghash(wiring.Component):
    """GHASH (NIST SP 800-38D, section 6.4): multiplies by the hash key, ``digit`` bits a clock.

    Parameters
    ----------
    digit : int
        Bits of the operand a clock, from 1 to 64.

    Members
    -------
    block : In(128)
        Block to be hashed, or the hash key.
    set_key : In(1)
        Takes ``block`` for the hash key.
    load : In(1)
        Takes the sum of ``block`` and ``hash`` for the operand; only while ``ready``.
    run : In(1)
        With ``load``: multiplies it by the hash key, which gives the new ``hash``.
    clear : In(1)
        Makes hash and operand zero, and ends what runs.
    ready : Out(1)
        ``hash`` and ``operand`` are valid.
    hash, operand : Out(128)
        The hash, and the operand, as long as it is not used up.

    Latency
    -------
    128 / ``digit`` clocks, rounded up, between ``load`` and ``ready``.

    Raises
    ------
    ValueError
        If the digit is not from 1 to 64.
    """

    def __init__(self, *, digit):
        if not isinstance(digit, int) or not 1 <= digit <= 64:
            raise ValueError(f"Digit of GHASH must be from 1 to 64 bits, not {digit!r}")
        self._digit = digit
        super().__init__(
            {
                "block": In(_BITS),
                "set_key": In(1),
                "load": In(1),
                "run": In(1),
                "clear": In(1),
                "ready": Out(1),
                "hash": Out(_BITS),
                "operand": Out(_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        digit, steps = self._digit, -(-_BITS // self._digit)
        padding = steps * digit - _BITS
        # Here bit i is the coefficient of x^i; in a block it is the first bit that is that of x^0.
        key, total, operand = Signal(_BITS), Signal(_BITS), Signal(_BITS + padding)
        left = Signal(range(steps + 1))
        m.d.comb += [
            self.hash.eq(total[::-1]),
            self.operand.eq(operand[:_BITS][::-1]),
            self.ready.eq(left == 0),
        ]
        with m.If(self.set_key):
            m.d.sync += key.eq(self.block[::-1])
        with m.If(self.clear):
            m.d.sync += [total.eq(0), operand.eq(0), left.eq(0)]
        with m.Elif(self.load):
            m.d.sync += operand.eq(total ^ self.block[::-1])
            with m.If(self.run):
                m.d.sync += [total.eq(0), left.eq(steps)]
        with m.Elif(~self.ready):
            m.d.sync += [
                total.eq(self._step(total, operand[_BITS + padding - digit :], key)),
                operand.eq(operand << digit),
                left.eq(left - 1),
            ]
        return m

    def _step(self, total, top, key):
        """The total times x^digit, plus the digit times the key."""
        terms = [[] for _ in range(_BITS + self._digit)]
        for place in range(_BITS):
            terms[place + self._digit].append(total[place])
            for step in range(self._digit):
                terms[place + step].append(top[step] & key[place])
        for place in reversed(range(_BITS, len(terms))):
            overflow = _sum(terms[place])
            for step in _REDUCTION:
                terms[place - _BITS + step].append(overflow)
        return Cat(_sum(term) for term in terms[:_BITS])


def _sum(bits):
    total = bits[0]
    for bit in bits[1:]:
        total = total ^ bit
    return total
