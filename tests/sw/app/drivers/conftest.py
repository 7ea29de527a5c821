"""What tests of drivers share: the application's side of the chip, compiled once, and refusals in words."""

from functools import cache

import pytest

from sim.application_alone import ApplicationAlone
from soc.config import preset
from sw.app.drivers.entropy import Entropy
from sw.app.drivers.keystore import KeyStore
from sw.app.drivers.sha256 import Sha256
from sw.app.ops import Write


@pytest.fixture(scope="session")
def application():
    """The application's side of a preset by its name; one of each for all tests."""
    return cache(lambda name: ApplicationAlone(preset(name)))


@pytest.fixture
def run(application):
    """Runs firmware, on the preset ``polyphase`` if not told otherwise, with random words and empty slots."""

    def runs(firmware, on="polyphase"):
        chip = application(on)
        chip.stick_noise(stuck=False)
        chip.run(emptied(chip))
        return chip.run(firmware)

    return runs


def emptied(chip):
    """Wait for random words, and erase every slot; a wipe would take the random words away."""
    assert (yield from Entropy().ready())
    for slot in range(chip.config.key_slots):
        yield from KeyStore().erase(slot)
    yield from Sha256().wipe()


@pytest.fixture
def said():
    """What the driver says of each attempt: why it was refused with an error of the class, or None."""

    def refusals(error, *attempts):
        reasons = []
        for attempt in attempts:
            try:
                yield from attempt
            except error as refusal:
                reasons.append(getattr(refusal, "status", str(refusal)))
            else:
                reasons.append(None)
        return reasons

    return refusals


@pytest.fixture
def overheard():
    """Runs firmware inside of firmware, and returns its result with every word that crossed the bus."""

    def listen(firmware):
        words: set[int] = set()
        answer = None
        while True:
            try:
                operation = firmware.send(answer)
            except StopIteration as stop:
                return stop.value, words
            if isinstance(operation, Write):
                words.update(operation.words)
            answer = yield operation
            if isinstance(answer, tuple | list):
                words.update(answer)

    return listen
