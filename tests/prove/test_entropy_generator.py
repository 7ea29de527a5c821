"""The proofs of the generator hold, and fail on one that breaks what they claim."""

import pytest
from amaranth import Signal

from prove.entropy_generator import PROOFS, ClosedAtOnce, WordsOnce
from prove.runner import Proof, run
from rtl.entropy.generator import Generator
from rtl.entropy.word_buffer import WordBuffer


class _LateGenerator(Generator):
    """Closes a clock after something is wrong."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.random.healthy.eq(self._instantiated)
        return m


class _StubbornGenerator(Generator):
    """Opens again by itself when nothing is wrong any more."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self._instantiated):
            m.d.sync += self._instantiated.eq(1)
        return m


class _UntestedGenerator(Generator):
    """Opens without a self-test."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.sync += self._tested.eq(1)
        return m


class _KeepingGenerator(Generator):
    """Words that wait stay when it closes."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self._buffer.clear.eq(self.reseed)
        return m


class _ShowingGenerator(Generator):
    """The word that waits is seen while it is closed."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.random.words.payload.eq(self._buffer.words.payload)
        return m


class _RepeatingBuffer(WordBuffer):
    """Gives a word twice."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        twice = Signal()
        with m.If(self.words.valid & self.words.ready & ~twice):
            m.d.sync += [self._get.eq(self._get), twice.eq(1)]
        return m


class _HastyBuffer(WordBuffer):
    """Is full later than it should be, and overwrites a word that waits."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.free.eq(~self._clearing)
        return m


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_it_holds(proof):
    verdict = run(proof)
    assert verdict.holds, verdict.place


@pytest.mark.parametrize(
    "broken",
    [_LateGenerator, _StubbornGenerator, _UntestedGenerator, _KeepingGenerator, _ShowingGenerator],
    ids=lambda broken: broken.__name__,
)
def test_a_generator_that_does_not_close_is_found(broken):
    def harness():
        return ClosedAtOnce(lambda: broken(raw_bits=320, request_blocks=2, reseed_interval=2))

    assert not run(Proof("broken", "must not hold", harness)).holds


@pytest.mark.parametrize("broken", [_RepeatingBuffer, _HastyBuffer], ids=lambda broken: broken.__name__)
def test_a_buffer_that_gives_other_words_is_found(broken):
    verdict = run(Proof("broken", "must not hold", lambda: WordsOnce(broken)), cycles=30)
    assert not verdict.holds
