"""The proof of the entropy source holds, and fails on sources that break what it claims."""

import pytest

from prove.entropy import PROOFS, HealthyAfterStartUp
from prove.runner import Proof, run
from rtl.entropy import source as source_module
from rtl.entropy.source import EntropySource
from rtl.entropy.start_up import StartUp


class _LateStartUp(StartUp):
    """Healthy falls a clock after the failing bit."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.healthy.eq(~self.starting)
        return m


class _ShortStartUp(StartUp):
    """The last sample of a start-up is not waited for."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.stb & (self.position == 1022) & ~self.again & ~self.failed):
            m.d.sync += self.starting.eq(0)
        return m


class _HastyStartUp(StartUp):
    """A start-up that is asked for goes on with the one that is under way."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.restart & self.enable):
            m.d.sync += self.again.eq(self.again)
        return m


def _source():
    return EntropySource(lengths=(3, 4), banks=4, divider=19)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_holds(proof):
    verdict = run(proof)
    assert verdict.holds, verdict


@pytest.mark.parametrize("broken", [_LateStartUp, _ShortStartUp, _HastyStartUp])
def test_fails_on_a_broken_source(monkeypatch, broken):
    monkeypatch.setattr(source_module, "StartUp", broken)
    verdict = run(Proof("RNG.FAILCLOSED/broken", "", lambda: HealthyAfterStartUp(_source)))
    assert not verdict.holds
    assert "entropy.py" in verdict.place


def test_fails_on_a_test_that_is_not_heard(monkeypatch):
    """A failure that reaches no one is found: the claim goes by the tests, not by what became of them."""

    class DeafStartUp(StartUp):
        def elaborate(self, platform):
            self.failed = self.failed & ~self.stb
            return super().elaborate(platform)

    monkeypatch.setattr(source_module, "StartUp", DeafStartUp)
    assert not run(Proof("RNG.FAILCLOSED/deaf", "", lambda: HealthyAfterStartUp(_source))).holds
