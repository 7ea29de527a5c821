"""The entropy block's driver on the chip: what is given out, and what is not while it is closed."""

import numpy as np
import pytest

from rtl.bus import LifecycleState
from rtl.entropy.cutoffs import admissible_cutoffs
from rtl.entropy.entropy import RAW_WORDS
from rtl.entropy.jitter import RAW_BITS
from sim.application_alone import ApplicationAlone
from sim.noise import SAMPLES
from sim.ring_jitter import RingJitter
from soc.config import preset
from soc.generated import registers
from sw.app import access
from sw.app.drivers import sysinfo
from sw.app.drivers.entropy import IDENTIFICATION, VERSION, Entropy, Refused
from sw.app.drivers.keystore import KeyStore
from sw.app.ops import Read, Wait

CONFIG = preset("tiny")
SAMPLE = CONFIG.noise_divider
CLOSED = "the generator of random numbers is closed"
FAILED = "a test of the source of randomness has failed"
VACUOUS = "a cut-off is out of its range: its test would let too much pass, or nothing"


@pytest.fixture(scope="module")
def powered_on():
    """Chips with one compiled simulator each, from power-on: by their lifecycle states."""
    compiled = {}

    def begin(state=LifecycleState.OPERATION):
        if state not in compiled:
            compiled[state] = ApplicationAlone(CONFIG.with_changes(lifecycle=state))
        return compiled[state].fresh()

    return begin


@pytest.fixture
def chip(powered_on):
    """A chip in operation, with random words."""
    chip = powered_on()
    assert chip.run(Entropy().ready(5000 * SAMPLE)), "no random words after 5000 samples"
    return chip


def test_it_is_there(chip):
    chip.run(sysinfo.check(registers.entropy, IDENTIFICATION, VERSION))


def test_random_bytes(chip):
    taken = [chip.run(Entropy().generate(count)) for count in (32, 32, 1, 33, 64)]
    assert [len(each) for each in taken] == [32, 32, 1, 33, 64]
    words = b"".join(taken)
    assert len({words[at : at + 4] for at in range(0, 128, 4)}) == 32


def test_a_fresh_number_waits_for_bits_that_come_after_the_request(chip):
    before = chip.cycles
    chip.run(Entropy().generate(32, fresh=True))
    assert chip.cycles - before > RAW_BITS * SAMPLE


def test_nothing_comes_before_it_is_seeded(powered_on, said):
    chip = powered_on()

    def early():
        return (
            (yield from said(Refused, Entropy().generate(4))),
            (yield Read(registers.entropy.random.address, 8)),
            (yield from access.read_fields(registers.entropy.cause))["refused"],
        )

    assert chip.run(early()) == ([CLOSED], [0] * 8, 1)


def test_words_that_were_not_read_are_void_when_the_source_fails(chip, said):
    """Never stale bits: zeros, and the error is told."""

    def fill():
        yield from Entropy()._operate("generate")

    def read():
        words = yield Read(registers.entropy.random.address, 8)
        state = yield from Entropy().state()
        refused = (yield from access.read_fields(registers.entropy.cause))["refused"]
        return words, refused, state, (yield from said(Refused, Entropy().generate(4)))

    def waits():
        yield Wait(0, 200 * SAMPLE)

    chip.run(fill())
    chip.stick_noise()
    chip.run(waits())
    words, refused, state, refusal = chip.run(read())
    assert (words, refused, refusal) == ([0] * 8, 1, [CLOSED])
    assert state["failures"] == ("silence",), "which starts the other tests anew, every second sample"
    assert not state["healthy"]
    assert not state["ready"]
    chip.stick_noise(stuck=False)
    assert chip.run(Entropy().ready(5000 * SAMPLE))
    assert len(set(chip.run(Entropy().generate(32)))) > 8


def test_a_word_is_read_once(chip):
    def firmware():
        yield from Entropy()._operate("generate")
        yield from access.write_fields(registers.entropy.cause, refused=1)
        first = yield Read(registers.entropy.random.address, 8)
        missing = (yield from access.read_fields(registers.entropy.cause))["refused"]
        second = yield Read(registers.entropy.random.address, 8)
        return first, missing, second, (yield from access.read_fields(registers.entropy.cause))["refused"]

    first, missing, second, refused = chip.run(firmware())
    assert 0 not in first
    assert (missing, second, refused) == (0, [0] * 8, 1)


def test_the_test_on_demand(chip, said):
    before = chip.cycles
    chip.run(Entropy().test())
    assert 1024 * SAMPLE <= chip.cycles - before < 1100 * SAMPLE
    assert not chip.run(Entropy().state())["ready"], "the generator is seeded anew"
    chip.stick_noise()
    assert chip.run(said(Refused, Entropy().test())) == [FAILED]


def test_other_cutoffs(chip, said):
    entropy = Entropy()
    usual = chip.run(entropy.cutoffs())
    other = {**usual, "repetition": 81, "proportion": 824}

    def firmware():
        yield from entropy.load_cutoffs(**other)
        taken = yield from entropy.cutoffs()
        yield from entropy.lock_cutoffs()
        refusal = yield from said(Refused, entropy.load_cutoffs(**usual))
        return taken, refusal, (yield from entropy.cutoffs()), (yield from entropy.state())["locked"]

    assert chip.run(firmware()) == (other, ["the cut-offs are locked"], other, 1)


@pytest.mark.parametrize("name", ["repetition", "proportion", "lag", "silence", "lost"])
def test_vacuous_cutoffs(chip, said, name):
    """Beyond the range that the register's description names, on either side, nothing is taken."""
    entropy = Entropy()
    rings = CONFIG.rings
    admissible = admissible_cutoffs(banks=rings.banks, lengths=len(rings.lengths))[name]
    usual = chip.run(entropy.cutoffs())
    most = (1 << registers.entropy.new_cutoffs.fields[name].width) - 1
    beyond = {value for value in (0, admissible[0] - 1, admissible[-1] + 1, most) if value <= most}
    attempts = [entropy.load_cutoffs(**usual | {name: value}) for value in beyond - set(admissible)]
    assert len(attempts) >= 1
    assert chip.run(said(Refused, *attempts)) == [VACUOUS] * len(attempts)
    assert chip.run(entropy.cutoffs()) == usual
    for value in (admissible[0], admissible[-1]):

        def load(value=value):
            yield from said(Refused, entropy.load_cutoffs(**usual | {name: value}))
            return (yield from entropy.cutoffs())[name]

        assert chip.run(load()) == value


def test_an_operation_comes_too_early(chip):
    def firmware():
        register = registers.entropy.operate
        yield from access.write_fields(registers.entropy.cause, done=1, refused=1)
        yield from access.write_fields(register, operation=register.fields["operation"].codes["test"])
        yield from access.write_fields(register, operation=register.fields["operation"].codes["generate"])
        return (yield from access.read_fields(registers.entropy.cause))["refused"], (
            yield from access.read_fields(registers.entropy.status)
        )["busy"]

    assert chip.run(firmware()) == (1, 1)


def test_an_unknown_operation(chip):
    def firmware():
        yield from access.write_fields(registers.entropy.operate, operation=7)
        yield Wait(0, 10)
        outcome = registers.entropy.status.fields["outcome"]
        return outcome.named((yield from access.read_fields(registers.entropy.status))["outcome"])

    assert chip.run(firmware()) == "unknown"


def test_a_wipe_of_the_keys_takes_the_random_words_along(chip):
    def firmware():
        yield from Entropy()._operate("generate")
        yield from KeyStore().wipe()
        words = yield Read(registers.entropy.random.address, 8)
        return words, (yield from Entropy().state())["ready"]

    assert chip.run(firmware()) == ([0] * 8, 0)
    assert chip.run(Entropy().ready(5000 * SAMPLE))


def test_raw_bits_stay_in(powered_on, said):
    chip = powered_on()
    assert chip.run(said(Refused, Entropy().open_raw(), Entropy().raw(1))) == [
        "not in this lifecycle state",
        "raw bits are not let out",
    ]
    assert chip.run(Entropy().ready(5000 * SAMPLE)), "it goes on as if nothing had been asked"


def test_raw_bits_are_those_of_the_source(powered_on, said):
    """Two pieces, each without a gap; nothing else comes out meanwhile, and all starts anew after."""
    chip = powered_on(LifecycleState.MANUFACTURING)
    entropy = Entropy()
    assert chip.run(entropy.ready(5000 * SAMPLE))
    chip.run(entropy.open_raw())
    assert chip.run(said(Refused, entropy.generate(4))) == [CLOSED]
    samples = RingJitter(CONFIG.rings, seed=1).samples(SAMPLES)
    played = np.bitwise_xor.reduce(samples, axis=1)
    for piece in range(2):
        taken = chip.run(entropy.raw(RAW_WORDS))
        bits = np.unpackbits(np.frombuffer(taken, np.uint8))
        assert any(
            np.array_equal(bits, np.resize(np.roll(played, -at), len(bits)))
            for at in np.flatnonzero(played == bits[0])
        ), f"piece {piece} is no stretch of the samples"
    chip.run(entropy.close_raw())
    assert chip.run(entropy.ready(5000 * SAMPLE))
    assert len(chip.run(entropy.generate(8))) == 8


def test_raw_bits_that_are_not_there(powered_on):
    chip = powered_on(LifecycleState.MANUFACTURING)

    def firmware():
        yield from Entropy().open_raw()
        yield from access.write_fields(registers.entropy.cause, refused=1)
        words = yield Read(registers.entropy.raw.address, 4)
        return words, (yield from access.read_fields(registers.entropy.cause))["refused"]

    assert chip.run(firmware()) == ([0] * 4, 1)
