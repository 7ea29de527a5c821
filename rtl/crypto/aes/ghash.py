"""GHASH, several bits of the operand a clock."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Ghash"]

_BITS = 128
_REDUCTION = (0, 1, 2, 7)  # x^128 = 1 + x + x² + x⁷
_TABLE_BITS = 4


class Ghash(wiring.Component):
    """GHASH (NIST SP 800-38D, section 6.4): multiplies by the hash key, ``digit`` bits a clock.

    Parameters
    ----------
    digit : int
        Bits of the operand a clock, from 1 to 64.
    tables : bool
        Looks up multiples of the hash key, for four bits each, instead of computing them; then ``digit`` is a
        multiple of 4.

    Members
    -------
    block : In(128)
        Block to be hashed, or the hash key.
    set_key : In(1)
        Takes ``block`` for the hash key, after ``clear``. With tables, the block is steady until ``ready``.
    load : In(1)
        Takes the sum of ``block`` and the hash for the operand; only while ``ready``.
    run : In(1)
        With ``load``: the next hash is the operand times the hash key. Without it, ``operand`` is for
        reading, and there is no hash until ``clear``.
    clear : In(1)
        Makes hash and operand zero, and ends what runs.
    ready : Out(1)
        An operand can be loaded.
    operand : Out(128)
        The operand loaded, until it runs.

    Latency
    -------
    128 / ``digit`` clocks, rounded up, from one ``load`` to the next. With tables, ``set_key`` takes 16.

    Raises
    ------
    ValueError
        If the digit is not from 1 to 64, or no multiple of 4 for tables.
    """

    def __init__(self, *, digit, tables=False):
        if not isinstance(digit, int) or not 1 <= digit <= 64:
            raise ValueError(f"Digit of GHASH must be from 1 to 64 bits, not {digit!r}")
        if tables and digit % _TABLE_BITS:
            raise ValueError(f"Digit of GHASH with tables must be a multiple of {_TABLE_BITS}, not {digit}")
        self._digit, self._tables = digit, tables
        super().__init__(
            {
                "block": In(_BITS),
                "set_key": In(1),
                "load": In(1),
                "run": In(1),
                "clear": In(1),
                "ready": Out(1),
                "operand": Out(_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        digit, steps = self._digit, -(-_BITS // self._digit)
        padding = steps * digit - _BITS
        # Here bit i is the coefficient of x^i; in a block it is the first bit that is that of x^0.
        total, following, operand = Signal(_BITS), Signal(_BITS), Signal(_BITS + padding)
        left = Signal(range(steps))  # steps but for the last one, which is done as the next operand is loaded
        top = operand[_BITS + padding - digit :]
        multiples, busy = (self._look_up if self._tables else self._compute)(m, top)
        m.d.comb += [
            following.eq(self._step(total, multiples)),
            self.operand.eq(operand[:_BITS][::-1]),
            self.ready.eq((left == 0) & ~busy),
        ]
        with m.If(self.clear):
            m.d.sync += [total.eq(0), operand.eq(0), left.eq(0)]
        with m.Elif(self.load):
            m.d.sync += [operand.eq(following ^ self.block[::-1]), total.eq(0), left.eq(0)]
            with m.If(self.run):
                m.d.sync += left.eq(steps - 1)
        with m.Elif(left != 0):
            m.d.sync += [total.eq(following), operand.eq(operand << digit), left.eq(left - 1)]
        return m

    def _compute(self, m, top):
        """The terms of the digit times the hash key, each as (place, bits), from a register."""
        key = Signal(_BITS)
        with m.If(self.set_key):
            m.d.sync += key.eq(self.block[::-1])
        terms = []
        for place, bit in enumerate(top):
            multiple = Signal(_BITS, name=f"multiple_{place}")
            m.d.comb += multiple.eq(key & bit.replicate(_BITS))
            terms.append((place, multiple))
        return terms, 0

    def _look_up(self, m, top):
        """The terms of the digit times the hash key, each as (place, bits), from tables of 16 multiples."""
        count, builds = Signal(_TABLE_BITS), Signal()
        half, made, added = Signal(_BITS), Signal(_BITS), Signal(_BITS)
        terms = []
        for place in range(0, self._digit, _TABLE_BITS):
            m.submodules[f"table_{place}"] = table = Memory(shape=_BITS, depth=1 << _TABLE_BITS, init=[])
            read_port, write_port = table.read_port(domain="comb"), table.write_port()
            m.d.comb += [
                read_port.addr.eq(top[place : place + _TABLE_BITS]),
                write_port.addr.eq(count),
                write_port.en.eq(builds),
                write_port.data.eq(made),
            ]
            if place == 0:
                with m.If(builds):
                    m.d.comb += read_port.addr.eq(count >> 1)
                m.d.comb += half.eq(read_port.data & (count >= 2).replicate(_BITS))
            multiple = Signal(_BITS, name=f"multiple_{place}")
            m.d.comb += multiple.eq(read_port.data)
            terms.append((place, multiple))
        # Multiple 2n is x times multiple n, and 2n + 1 is that plus the key.
        m.d.comb += [
            added.eq(self.block[::-1] & count[0].replicate(_BITS)),
            made.eq(_reduce([(1, half), (0, added)], 1)),
        ]
        with m.If(self.set_key):
            m.d.sync += [builds.eq(1), count.eq(0)]
        with m.Elif(builds):
            m.d.sync += [count.eq(count + 1), builds.eq(~count.all())]
        return terms, builds

    def _step(self, total, multiples):
        """The total times x^digit, plus the digit times the key."""
        return _reduce([(self._digit, total), *multiples], self._digit)


def _reduce(terms, excess):
    """Sum of ``terms`` times x^place, of a degree less than 128 + ``excess``, in the field."""
    places = [[] for _ in range(_BITS + excess)]
    for place, value in terms:
        for at in range(_BITS):
            places[place + at].append(value[at])
    for at in reversed(range(_BITS, len(places))):
        overflow = _sum(places[at])
        for step in _REDUCTION:
            places[at - _BITS + step].append(overflow)
    return Cat(_sum(place) for place in places[:_BITS])


def _sum(bits):
    total = bits[0]
    for bit in bits[1:]:
        total = total ^ bit
    return total
