"""The states of the key wrap."""

from amaranth import Mux

from .sequencer import Sequencer, Then
from .signature import Operation

__all__ = ["WrapStates"]

_WRAP_IV = 0xA6A6_A6A6  # each half of the initial value of section 2.2.3.1


class WrapStates(Sequencer):
    """Key wrap (RFC 3394)."""

    def _wrap(self, m):
        path = self._path
        unwraps = self._asked.operation == Operation.UNWRAP
        with m.State("Begin Wrap"):
            m.d.sync += self._turn.eq(Mux(unwraps, self._asked.turns, 0))
            with m.If(unwraps & ~self._index[1]):
                m.d.comb += [self.words.ready.eq(1), path.bytes.eq(4)]
            with m.Else():
                m.d.comb += path.constant.eq(_WRAP_IV)
            with m.If(~unwraps | self._index[1] | self.words.valid):
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index == 3):
                    m.next = "Load Turn"
        with m.State("Load Turn"):
            with m.If(self._index[1]):
                m.d.comb += [self.words.ready.eq(1), path.bytes.eq(4)]
            with m.Else():
                m.d.comb += path.add_block.eq(1)
            with m.If(self._index == 1):
                m.d.comb += path.constant.eq(self._turn)
            with m.If(~self._index[1] | self.words.valid):
                m.d.comb += path.shift_counter.eq(1)
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index == 3):
                    m.d.sync += self._turn.eq(self._turn + Mux(unwraps, -1, 1))
                    self._run(m, Then.UNLOAD)
        with m.State("Unload Turn"):
            m.d.comb += [path.add_block.eq(1), self.result.valid.eq(self._index[1])]
            with m.If(~self._index[1] | self.result.ready):
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index == 3):
                    m.next = "Load Turn"
                    with m.If(self._turn == Mux(unwraps, 0, self._asked.turns)):
                        m.d.sync += self._same.eq(1)
                        m.next = "End Wrap"
        with m.State("End Wrap"):
            m.d.comb += [path.add_block.eq(1), self.result.valid.eq(~unwraps), self.head.eq(1)]
            with m.If(unwraps):
                m.d.comb += path.constant.eq(_WRAP_IV)
                self._compare(m, 0b1111)
            with m.Elif(self._index[0]):
                m.d.comb += path.constant.eq(self._turn)
            with m.If(unwraps | self.result.ready):
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index[0]):
                    m.next = "Report"
