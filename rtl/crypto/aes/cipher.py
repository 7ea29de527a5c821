"""AES, one round a clock."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .columns import bytes_of, mix_difference, shift_rows, word_of
from .passes import KEY_ROWS, Passes, rounds
from .sbox import SBoxes

__all__ = ["Cipher", "CipherSignature"]


class CipherSignature(wiring.Signature):
    """A cipher, from the side of who uses it.

    Parameters
    ----------
    columns : int
        Columns of a block, of 32 bits each, that the cipher takes and gives at a time: 1 or 4.

    Members
    -------
    key_stb, key_word : Out(1), Out(32)
        The words of a new key, the first byte on top, four with ``short``, else eight; only while ``ready``.
    short : Out(1)
        The key has 128 bits. Steady from its first word on.
    wipe : Out(1)
        Forgets the key, and the block in work; high for one clock. What else remains of secrets goes with the
        next block.
    ready : In(1)
        The key is expanded, or wiped.
    start : Out(1)
        Asks for a block; only while ``ready``.
    decrypt : Out(1)
        Backwards. Steady from a clock before ``start`` until the block is given.
    ends : In(1)
        The columns at ``source`` are the last ones of the block.
    take, taken : In(1)
        The columns at ``source`` are taken in this clock; they are the last ones of the block.
    source : Out(32 * columns)
        The next columns.
    room : Out(1)
        The result can be given. Once high, stays so until the block is given.
    give, given : In(1)
        The columns at ``result`` are given in this clock; they are the last ones of the block.
    result : In(32 * columns)
        Columns of the result.
    abort : Out(1)
        Forgets the block in work. None is taken in the next clock.
    """

    def __init__(self, *, columns):
        super().__init__(
            {
                "key_stb": Out(1),
                "key_word": Out(32),
                "short": Out(1),
                "wipe": Out(1),
                "ready": In(1),
                "start": Out(1),
                "decrypt": Out(1),
                "ends": In(1),
                "take": In(1),
                "taken": In(1),
                "source": Out(32 * columns),
                "room": Out(1),
                "give": In(1),
                "given": In(1),
                "result": In(32 * columns),
                "abort": Out(1),
            }
        )


class Cipher(wiring.Component):
    """AES-128 and AES-256 (FIPS 197), one round a clock.

    The round keys are expanded once for each key, a round key a clock, into a memory of 16 rows, by four of
    the 16 S-boxes.

    Members
    -------
    port : In(CipherSignature)
        The user, four columns at a time.

    Latency
    -------
    A block is given 10 clocks after it is taken, 14 with a key of 256 bits; the next one is taken in the
    clock after that. Backwards 178 and 254. ``ready`` comes 11 (14) clocks after the last word of a key,
    and 17 after ``wipe``.
    """

    columns = 4

    def __init__(self):
        super().__init__({"port": In(CipherSignature(columns=self.columns))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.passes = passes = Passes()
        # The block between two rounds is nowhere but behind the S-boxes, which are memories.
        substituted, shifted = Signal(128), Signal(128)
        out, round_key = Signal(128), Signal(128)
        mixes, given_up = Signal(), Signal()
        columns = [shifted[at : at + 32] for at in range(0, 128, 32)]
        m.d.comb += [
            shifted.eq(shift_rows(bytes_of(substituted))),
            mixes.eq(passes.mix & passes.active),
            out.eq(
                Mux(passes.active, shifted, port.source)
                ^ Cat(mix_difference(column, mixes) for column in columns)
                ^ round_key
            ),
            port.take.eq(port.start & port.ready & ~passes.active & ~given_up),
            port.ends.eq(1),
            port.taken.eq(port.take),
            port.give.eq(passes.active & passes.last & port.room),
            port.given.eq(port.give),
            port.result.eq(out),
            passes.decrypt.eq(port.decrypt),
            passes.short.eq(port.short),
            passes.advance.eq(port.take | (passes.active & (~passes.last | port.room))),
            passes.abort.eq(port.abort | port.wipe),
        ]
        m.d.sync += given_up.eq(passes.abort)
        steps = port.take | (passes.active & ~passes.last)
        before = self._elaborate_keys(m, passes, round_key, substituted[:32])
        for at in range(0, 128, 16):
            m.submodules[f"sboxes_{at // 16}"] = boxes = SBoxes()
            m.d.comb += [
                boxes.bytes.eq(out[at : at + 16]),
                boxes.linear.eq(passes.next_linear),
                boxes.en.eq(steps),
                substituted[at : at + 16].eq(boxes.results),
            ]
            if at < 32:
                with m.If(~port.ready | port.key_stb):
                    m.d.comb += [
                        boxes.bytes.eq(before[at : at + 16]),
                        boxes.linear.eq(0),
                        boxes.en.eq(1),
                    ]
        return m

    def _elaborate_keys(self, m, passes, round_key, substituted):
        """Expands the key (FIPS 197, section 5.2) into the memory of round keys, and reads that.

        Returns the last word that was made, whose SubWord is to be ``substituted`` in the next clock.
        """
        port = self.port
        constant = Signal(8, init=1)
        count = Signal(range(KEY_ROWS))  # of words of the key, or the row that is being made
        expands, wipes, turns = Signal(), Signal(init=1), Signal()
        read_row, write_row, write = Signal.like(count), Signal.like(count), Signal(4)
        word = Signal(32)
        m.d.comb += [
            port.ready.eq(~expands & ~wipes),
            turns.eq(port.short | ~count[0]),
            write_row.eq(Mux(expands | wipes, count, count[2])),
            read_row.eq(Mux(expands, count - Mux(port.short, 1, 2), passes.row)),
            write.eq(Mux(expands | wipes, 0b1111, port.key_stb << count[:2])),
            word.eq(Mux(turns, substituted.rotate_left(8) ^ (constant << 24), substituted)),
        ]
        key_word = Mux(wipes, 0, port.key_word)
        columns = []
        for number in range(4):
            m.submodules[f"keys_{number}"] = memory = Memory(shape=32, depth=KEY_ROWS, init=[])
            read_port, write_port = memory.read_port(domain="comb"), memory.write_port()
            made = Signal(32, name=f"word_{number}")
            m.d.comb += [
                made.eq(Mux(expands, read_port.data ^ word, key_word)),
                read_port.addr.eq(read_row),
                write_port.addr.eq(write_row),
                write_port.en.eq(write.bit_select(number, 1)),
                write_port.data.eq(made),
            ]
            columns.append(read_port.data)
            word = made
        m.d.comb += round_key.eq(word_of(columns))
        with m.If(port.wipe):
            m.d.sync += [wipes.eq(1), expands.eq(0), count.eq(0)]
        with m.Elif(wipes):
            m.d.sync += [wipes.eq(count != KEY_ROWS - 1), count.eq(count + 1), constant.eq(1)]
        with m.Elif(expands):
            m.d.sync += count.eq(count + 1)
            with m.If(turns):
                m.d.sync += constant.eq((constant << 1) ^ Mux(constant[7], 0x1B, 0))
            with m.If(count == rounds(port.short)):
                m.d.sync += [expands.eq(0), count.eq(0), constant.eq(1)]
        with m.Elif(port.key_stb):
            m.d.sync += count.eq(count + 1)
            with m.If(count == Mux(port.short, 3, 7)):
                m.d.sync += [expands.eq(1), count.eq(Mux(port.short, 1, 2))]
        return word
