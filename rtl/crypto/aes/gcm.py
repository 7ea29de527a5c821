"""The states of GCM."""

from amaranth import Cat, Mux

from .sequencer import Sequencer, Then
from .signature import Operation, byte_enables

__all__ = ["GcmStates"]


class GcmStates(Sequencer):
    """GCM (NIST SP 800-38D): IV, additional data, message and tag."""

    def _set_iv(self, m):
        path, ghash = self._path, self._ghash
        with m.State("Begin IV"):
            m.d.comb += ghash.clear.eq(1)  # of what CMAC's keys are made of
            m.next = "Take IV"
            with m.If(self._asked.operation == Operation.HASHED_IV):
                m.next = "Take Hashed IV"
        with m.State("Take IV"):
            m.d.comb += [self.words.ready.eq(1), path.bytes.eq(4)]
            with m.If(self.words.valid):
                m.d.comb += path.shift_counter.eq(1)
                self._next_word(m)
                with m.If(self._index == 2):
                    m.next = "Count From One"
        with m.State("Count From One"):
            m.d.comb += [path.constant.eq(1), path.shift_counter.eq(1)]
            self._next_word(m)
            m.next = "Keep Counter"
        with m.State("Keep Counter"):
            m.d.comb += path.keep.eq(1)
            m.d.sync += self._bytes.eq(0)
            self._end(m)
        with m.State("Await Hash"), m.If(~self._complete & ghash.ready):
            m.next = "Clear For IV"
        with m.State("Clear For IV"):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.next = "Move Hash"
        with m.State("Move Hash"):
            m.d.comb += ghash.load.eq(1)
            m.next = "Set Counter"
        with m.State("Set Counter"):
            m.d.comb += [path.add_operand.eq(1), path.shift_counter.eq(1)]
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.comb += ghash.clear.eq(1)
                m.next = "Keep Counter"

    def _hash(self, m):
        """Hash an IV, or AAD, and fill the last block with zeros."""
        path, packer, word = self._path, self._packer, self.words.payload
        is_iv = self._asked.operation == Operation.HASHED_IV
        with m.State("Take Hashed IV"):
            m.d.comb += [self.words.ready.eq(~self._complete), path.bytes.eq(word.bytes)]
            with m.If(self.words.valid & ~self._complete):
                self._hash_word(m, when=word.bytes != 0)
                m.d.sync += self._bytes.eq(self._bytes + word.bytes)
                with m.If(word.last):
                    m.next = "Pad Block"
        with m.State("Take AAD"):
            m.d.comb += [
                packer.words.valid.eq(self.words.valid),
                self.words.ready.eq(packer.words.ready),
            ]
            self._hash_packed(m)
            with m.If(self.words.valid & self.words.ready):
                m.d.sync += self._bytes.eq(self._bytes + word.bytes)
                with m.If(word.last):
                    self._end(m)
        with m.State("Pad AAD"):
            m.d.comb += packer.flush.eq(1)
            self._hash_packed(m)
            with m.If(self._is_mac):
                m.next = "Choose Tag"
            with m.Elif(packer.empty):
                m.d.sync += self._in_text.eq(1)
                with m.If(~self._in_text):
                    m.d.sync += [self._aad_bytes.eq(self._bytes), self._bytes.eq(0)]
                m.next = "Pad Block"
        with m.State("Pad Block"):
            with m.If((self._index != 0) & ~self._complete):
                self._hash_word(m)
            with m.Elif(self._index == 0):
                with m.Switch(self._asked.operation):
                    with m.Case(Operation.ENCRYPT, Operation.DECRYPT):
                        m.next = "Crypt"
                    with m.Case(Operation.HASHED_IV):
                        m.next = "Hash Lengths"
                    with m.Default():
                        m.next = "Restart Counter"
        with m.State("Hash Lengths"):
            # In bits: of each count the upper word, then the lower one.
            counts = Mux(self._index[1], self._bytes, self._aad_bytes)
            m.d.comb += path.count.eq(
                Cat(_if(~self._index[0], counts[29:]), _if(self._index[0], counts[:29]))
            )
            with m.If(~self._complete):
                self._hash_word(m)
                with m.If(self._index == 3):
                    m.next = "Await Hash"
                    with m.If(~is_iv):
                        m.next = "Await Cipher"

    def _hash_word(self, m, *, when=1):
        """Shift the word on the way into the block, and have it hashed when it is complete."""
        with m.If(when):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.sync += self._complete.eq(1)

    def _hash_packed(self, m):
        path, packer = self._path, self._packer
        m.d.comb += [packer.packed.ready.eq(~self._complete), path.add_packed.eq(1)]
        with m.If(packer.packed.valid & ~self._complete):
            self._hash_word(m)

    def _crypt(self, m):
        path, cipher, word = self._path, self._path.cipher, self.words.payload
        encrypts = self._asked.operation == Operation.ENCRYPT
        with m.State("Crypt"):
            has_bytes = word.bytes != 0
            m.d.comb += [
                cipher.start.eq(1),
                cipher.room.eq(~self._keystream & ~self._complete),
                path.bytes.eq(word.bytes),
                path.add_block.eq(1),
                path.masked.eq(1),
                self.result.valid.eq(self.words.valid & self._keystream & has_bytes),
                self.words.ready.eq(self._keystream & (self.result.ready | ~has_bytes)),
            ]
            with m.If(cipher.given):
                m.d.sync += self._keystream.eq(1)
            with m.If(self.words.valid & self.words.ready):
                with m.If(has_bytes):
                    self._shift_block(m, word=~encrypts)
                    self._next_word(m)
                    m.d.sync += self._bytes.eq(self._bytes + word.bytes)
                    with m.If(self._index == 3):
                        m.d.sync += [self._complete.eq(1), self._keystream.eq(0)]
                with m.If(word.last):
                    self._end(m)

    def _finish_tag(self, m):
        path, cipher, ghash, word = self._path, self._path.cipher, self._ghash, self.words.payload
        gives = self._asked.operation == Operation.TAG
        with m.State("Restart Counter"), m.If(~cipher.take):
            m.d.comb += cipher.abort.eq(1)
            m.d.sync += [self._keystream.eq(0), self._then.eq(Then.TAG)]
            m.next = "Turn Counter"
        with m.State("Turn Counter"):
            m.d.comb += path.shift_counter.eq(1)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.comb += path.add_kept.eq(1)
                m.next = "Start Mask"
            with m.Else():
                m.d.comb += path.add_counter.eq(1)
        with m.State("Start Mask"):
            m.d.comb += cipher.start.eq(1)
            with m.If(cipher.taken):
                m.next = "Hash Lengths"
        with m.State("Mask Tag"), m.If(~self._complete & ghash.ready):
            m.d.comb += ghash.load.eq(1)
            m.next = "Choose Tag"
        with m.State("Choose Tag"):
            m.next = "Check Tag"
            m.d.sync += self._same.eq(1)
            with m.If(gives):
                m.next = "Give Tag"
        with m.State("Give Tag"):
            m.d.comb += [path.add_operand.eq(1), self.result.valid.eq(1)]
            with m.If(self.result.ready):
                self._next_word(m)
                with m.If(self._index == 3):
                    self._forget(m)
        with m.State("Check Tag"):
            m.d.comb += [path.add_operand.eq(1), path.bytes.eq(4), self.words.ready.eq(1)]
            with m.If(self.words.valid):
                self._compare(m, byte_enables(word.bytes))
                with m.If((self._index == 0) & (word.bytes != 4)):
                    m.d.sync += [self._differs.eq(1), self._same.eq(0)]  # no tag is as short as that
                self._next_word(m)
                with m.If(word.last | (self._index == 3)):
                    m.next = "Report"
        with m.State("Report"):
            self._forget(m)


def _if(condition, bits):
    return bits & condition.replicate(len(bits))
