"""The states of CMAC."""

from amaranth import Const, Signal

from .sequencer import Sequencer, Then

__all__ = ["CmacStates"]


class CmacStates(Sequencer):
    """CMAC (NIST SP 800-38B)."""

    def _authenticate(self, m):
        """CMAC: the chaining value is in the block register, and ends as GHASH's operand."""
        path, ghash, word = self._path, self._ghash, self.words.payload
        ends = self._asked.final & word.last
        last = Signal()  # word of the piece was the last one
        with m.State("Take Message"):
            m.d.comb += [self.words.ready.eq(1), path.bytes.eq(word.bytes), path.add_block.eq(1)]
            m.d.sync += self._is_mac.eq(1)
            with m.If(ends):
                m.d.comb += path.constant.eq(Const(0x8000_0000, 32) >> (word.bytes << 3))
            with m.If(self.words.valid):
                m.d.sync += [last.eq(word.last), self._pads.eq(ends & (word.bytes == 4))]
                m.d.sync += self._padded.eq(ends & ((word.bytes != 4) | (self._index != 3)))
                with m.If(~ends & (word.bytes == 0)):
                    self._end_piece(m, word.last)
                with m.Else():
                    self._take_message_word(m)
                    with m.If(self._index == 3):
                        self._next_message_block(m, ends)
                    with m.Elif(ends):
                        m.next = "Pad Message"
                    with m.Elif(word.last):
                        self._end(m)
        with m.State("Pad Message"):
            m.d.comb += path.add_block.eq(1)
            with m.If(self._pads):
                m.d.comb += path.constant.eq(0x8000_0000)
            m.d.sync += self._pads.eq(0)
            self._take_message_word(m)
            with m.If(self._index == 3):
                m.next = "Load Subkey"
        with m.State("Load Subkey"):
            m.d.comb += path.add_operand.eq(1)
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.next = "Double"
        with m.State("Next Block"):
            self._end_piece(m, last)
        with m.State("Double"):
            m.d.comb += [path.add_block.eq(1), path.double.eq(1)]
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.sync += self._padded.eq(0)
                with m.If(~self._padded):
                    m.d.comb += ghash.clear.eq(1)
                    m.next = "Add Subkey"
        with m.State("Add Subkey"):
            m.d.comb += [path.add_block.eq(1), path.add_counter.eq(1), path.shift_counter.eq(1)]
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                self._run(m, Then.KEEP_MAC)
        with m.State("Keep MAC"):
            m.d.comb += ghash.load.eq(1)
            self._end(m)

    def _end_piece(self, m, ends):
        """End a piece of a message of CMAC, or go on with it."""
        with m.If(ends):
            self._end(m)
        with m.Else():
            m.next = "Take Message"

    def _take_message_word(self, m):
        """A word of the message joins the chaining value on its way into the cipher."""
        m.d.comb += self._path.shift_counter.eq(1)
        self._shift_block(m)
        self._next_word(m)

    def _next_message_block(self, m, ends):
        with m.If(ends):
            m.next = "Load Subkey"
        with m.Else():
            self._run(m, Then.MAC)
