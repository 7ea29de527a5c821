"""AES, one column a clock."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from .cipher import CipherSignature
from .columns import bytes_of, mix_difference, word_of
from .passes import KEY_ROWS, Passes, rounds
from .sbox import SBoxes

__all__ = ["CompactCipher"]


class CompactCipher(wiring.Component):
    """AES-128 and AES-256 (FIPS 197), one column a clock, with four S-boxes in two
    block RAMs.

    Each row of the state has a memory of its own, with two banks: a pass reads its bytes from one bank, where
    ShiftRows is a matter of addresses, and writes them to the other one. The round keys are expanded once for
    each key, a word a clock or two, into a block RAM.

    Members
    -------
    port : In(CipherSignature)
        The user, a column at a time.

    Latency
    -------
    A block is taken in 4 clocks, and its last column is given 40 clocks later, 56 with a key of 256 bits; the
    next one is taken in the clock after that. Backwards 712 and 1016. ``ready`` comes 82 (106) clocks after
    the last word of a key, and 66 after ``wipe``.
    """

    columns = 1

    def __init__(self):
        super().__init__({"port": In(CipherSignature(columns=self.columns))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.passes = passes = Passes()
        column, next_column, bank = Signal(2), Signal(2), Signal()  # numbers of the column; bank written
        begun, steps, ends, given_up = Signal(), Signal(), Signal(), Signal()
        substituted, round_key, out = Signal(32), Signal(32), Signal(32)
        m.d.comb += [
            out.eq(
                Mux(passes.active, substituted, port.source)
                ^ mix_difference(substituted, passes.mix & passes.active)
                ^ round_key
            ),
            port.take.eq(~passes.active & ((port.start & port.ready & ~given_up) | begun)),
            port.ends.eq(ends),
            port.taken.eq(port.take & ends),
            port.give.eq(passes.active & passes.last & port.room),
            port.given.eq(port.give & ends),
            port.result.eq(out),
            passes.decrypt.eq(port.decrypt),
            passes.short.eq(port.short),
            passes.abort.eq(port.abort | port.wipe),
            ends.eq(column == 3),
            steps.eq(port.take | (passes.active & (~passes.last | port.room))),
            passes.advance.eq(steps & ends),
        ]
        m.d.comb += next_column.eq(column + steps)
        m.d.sync += [column.eq(next_column), given_up.eq(passes.abort)]
        with m.If(steps):
            m.d.sync += [begun.eq(port.take & ~ends), bank.eq(bank ^ ends)]
        with m.If(passes.abort):
            m.d.sync += [column.eq(0), begun.eq(0)]
        before = self._elaborate_keys(m, passes, round_key, next_column, substituted)
        following = self._elaborate_state(m, out, column, next_column, bank, steps)
        for at in (0, 16):
            m.submodules[f"sboxes_{at // 16}"] = boxes = SBoxes()
            m.d.comb += [
                boxes.bytes.eq(Mux(port.ready, following, before)[at : at + 16]),
                boxes.linear.eq(passes.next_linear & port.ready),
                boxes.en.eq(steps | ~port.ready),
                substituted[at : at + 16].eq(boxes.results),
            ]
        return m

    def _elaborate_state(self, m, out, column, next_column, bank, steps):
        """The memories of the four rows. Returns the bytes for the next clock's S-boxes.

        Of the first column of a pass, the last row's byte is the one that is being written in this clock.
        """
        following = Signal(32)
        rows = []
        for row, byte in enumerate(bytes_of(out)):
            m.submodules[f"row_{row}"] = memory = Memory(shape=8, depth=8, init=[])
            read_port, write_port = memory.read_port(domain="comb"), memory.write_port()
            ends = next_column == 0
            m.d.comb += [
                read_port.addr.eq(Cat((next_column + row)[:2], Mux(ends, bank, ~bank))),
                write_port.addr.eq(Cat(column, bank)),
                write_port.en.eq(steps),
                write_port.data.eq(byte),
            ]
            rows.append(Mux(ends, byte, read_port.data) if row == 3 else read_port.data)
        m.d.comb += following.eq(word_of(rows))
        return following

    def _elaborate_keys(self, m, passes, round_key, next_column, substituted):
        """Expands the key (FIPS 197, section 5.2), and reads the round keys ahead.

        Returns the word whose SubWord is to be ``substituted`` in the next clock.
        """
        port = self.port
        # A block RAM, of which nothing is used that is read of a word while that is written.
        m.submodules.keys = memory = Memory(shape=32, depth=4 * KEY_ROWS, init=[], attrs={"no_rw_check": 1})
        read_port, write_port = memory.read_port(domain="comb"), memory.write_port()
        read = Signal(32, reset_less=True)
        m.d.sync += read.eq(read_port.data)
        count = Signal(range(4 * KEY_ROWS))  # of words
        before, constant = Signal(32), Signal(8, init=1)
        written, word = Signal(32), Signal(32)
        expands, fresh, wipes, settled = Signal(), Signal(), Signal(init=1), Signal()
        size = Signal(range(9))  # of the key, in words
        place = Signal(3)  # of the word within as many
        m.d.comb += [
            size.eq(Mux(port.short, 4, 8)),
            port.ready.eq(settled & ~expands & ~wipes),  # the first round key is read
            read_port.addr.eq(Mux(expands, count - size, Cat(next_column, passes.next_row))),
            write_port.addr.eq(count),
            write_port.en.eq(wipes | (expands & fresh) | port.key_stb),
            write_port.data.eq(written),
            written.eq(Mux(expands, read ^ word, Mux(wipes, 0, port.key_word))),
            round_key.eq(read),
            word.eq(before),
        ]
        m.d.sync += settled.eq(~expands & ~wipes)
        with m.If(write_port.en):
            m.d.sync += before.eq(written)
        with m.If(place == 0):
            m.d.comb += word.eq(substituted.rotate_left(8) ^ (constant << 24))
        with m.Elif(~port.short & (place == 4)):
            m.d.comb += word.eq(substituted)
        with m.If(port.wipe):
            m.d.sync += [wipes.eq(1), expands.eq(0), count.eq(0), fresh.eq(0), place.eq(0)]
        with m.Elif(wipes):
            m.d.sync += [wipes.eq(~count.all()), count.eq(count + 1), constant.eq(1)]
        with m.Elif(expands):
            m.d.sync += fresh.eq(~fresh)
            with m.If(fresh):
                m.d.sync += count.eq(count + 1)
                m.d.sync += place.eq(Mux(place == size - 1, 0, place + 1))
                with m.If(place == 0):
                    m.d.sync += constant.eq((constant << 1) ^ Mux(constant[7], 0x1B, 0))
                with m.If(count == (rounds(port.short) << 2) + 3):
                    m.d.sync += [expands.eq(0), place.eq(0), count.eq(0), constant.eq(1)]
        with m.Elif(port.key_stb):
            m.d.sync += count.eq(count + 1)
            m.d.sync += expands.eq(count == size - 1)
        return before
