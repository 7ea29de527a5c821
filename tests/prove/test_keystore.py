"""The proofs of the key store hold, and fail on a store that breaks what they claim."""

import random

import pytest
from amaranth import Const, Signal
from amaranth.lib.memory import Memory

from prove.keystore import PROOFS, OriginsKept, SameOutputs, WipedClean, WordsByPolicy
from prove.runner import Proof, run
from rtl.guard.keystore import KeyStore, keystore, paths
from rtl.guard.keystore.policy import POLICY
from rtl.guard.keystore.vault import Vault

_POLICY = {"operations": 1, "states": 7}
_WORDS = random.Random(1)


class _FilledVault(Vault):
    """With a key in slot 0 from the start: a counterexample need not take the way there."""

    def __init__(self, *, slots):
        super().__init__(slots=slots)
        words = [_WORDS.getrandbits(32) for _ in range(8)]
        self.memory = Memory(shape=32, depth=8 * slots, init=words)
        self.policies = Memory(shape=POLICY, depth=slots, init=[_POLICY])
        self.valid = Signal(slots, init=1)
        self.wipes = Signal.like(self.asked)


class _LeakingStore(KeyStore):
    """A bit of the word that goes to a block shows in what the bus reads."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.bus.r_data.eq(self._bank.bus.r_data | self.vault.word[31])
        return m


class _TellingStore(KeyStore):
    """How long a transfer takes depends on the key."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.keys[0].key.valid.eq(self.paths.keys[0].key.valid & ~self.vault.word[0])
        return m


class _ForgetfulVault(_FilledVault):
    """The register behind the memory is not cleared."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(~self.read.en | self.wiping):
            m.d.sync += self.word.eq(self.word)
        return m


class _HastyVault(_FilledVault):
    """A wipe ends a word too early."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.place == 8 * self._slots - 2):
            m.d.sync += self.wipes.eq(0)
        return m


def _store(kind=KeyStore):
    return kind(slots=2, users=2)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_what_is_claimed_is_proved(proof):
    assert run(proof).holds, proof.claim


def _fails(harness, cycles):
    verdict = run(Proof("mutant", "", harness), cycles=cycles)
    assert not verdict.holds
    assert verdict.trace.startswith("$"), "no counterexample"
    assert "keystore.py" in verdict.place


@pytest.mark.parametrize("kind", [_LeakingStore, _TellingStore])
def test_a_leak_is_found(monkeypatch, kind):
    monkeypatch.setattr(keystore, "Vault", _FilledVault)
    _fails(lambda: SameOutputs(lambda: _store(kind)), 8)


def test_a_missing_check_of_the_policy_is_found(monkeypatch):
    monkeypatch.setattr(keystore, "Vault", _FilledVault)
    monkeypatch.setattr(paths, "allows_key", lambda state, operation, lifecycle: state.valid)
    _fails(lambda: WordsByPolicy(_store), 8)


class _SlotForHmac(_FilledVault):
    """Slot 1 is empty and waits for a key."""

    def __init__(self, *, slots):
        super().__init__(slots=slots)
        self.policies = Memory(shape=POLICY, depth=slots, init=[_POLICY] * slots)


@pytest.mark.parametrize(
    ("place", "instead"),
    [("admits", lambda policy, made: Const(1)), ("_is_generated", lambda made: made.generated)],
)
def test_a_missing_rule_of_origins_is_found(monkeypatch, place, instead):
    monkeypatch.setattr(keystore, "Vault", _SlotForHmac)
    monkeypatch.setattr(paths, place, instead)
    _fails(lambda: OriginsKept(_store), 8)


@pytest.mark.parametrize("vault", [_ForgetfulVault, _HastyVault])
def test_a_wipe_that_leaves_something_is_found(monkeypatch, vault):
    monkeypatch.setattr(keystore, "Vault", vault)
    _fails(lambda: WipedClean(_store), 24)
