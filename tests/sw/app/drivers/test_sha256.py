"""The SHA-256 driver on the chip: against hashlib and hmac, in pieces, with sessions that change places."""

import hashlib
import hmac
import random

import pytest

from soc.config import preset
from soc.generated import registers
from sw.app import access
from sw.app.drivers import sysinfo
from sw.app.drivers.sha256 import IDENTIFICATION, VERSION, Refused, Sha256

LENGTHS = (0, 1, 3, 4, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 191, 192, 300)


def message(length):
    return random.Random(length).randbytes(length)


def digests(messages):
    yield from sysinfo.check(registers.sha256, IDENTIFICATION, VERSION)
    engine = Sha256()
    result = {}
    for each in messages:
        result[each] = yield from engine.digest(each)
    return result


def in_pieces(data, seed):
    choose = random.Random(seed)
    engine = Sha256()
    yield from engine.begin()
    while data:
        length = choose.choice((0, 1, 2, 5, 63, 64, 65, 200))
        yield from engine.update(data[:length])
        data = data[length:]
    return (yield from engine.finish())


def authenticated(pairs):
    engine = Sha256()
    result = []
    for key, data in pairs:
        yield from engine.load_key(key)
        first = yield from engine.hmac(data)
        yield from engine.digest(b"something else")
        result += [first, (yield from engine.hmac(data))]
    return result


def interleaved(messages, key):
    """Messages grow by turns, each by a piece; the accelerator holds one at a time."""
    engine = Sha256()
    yield from engine.load_key(key)
    sessions = {}
    for data in messages:
        yield from engine.begin(with_key=len(data) % 2 == 1)
        sessions[data] = yield from engine.save()
    for start in range(0, max(map(len, messages)), 100):
        for data, session in sessions.items():
            yield from engine.restore(session)
            yield from engine.update(data[start : start + 100])
            sessions[data] = yield from engine.save()
    result = {}
    for data, session in sessions.items():
        yield from engine.restore(session)
        result[data] = yield from engine.finish()
    return result


def refusals():
    """What the accelerator refuses, and that it goes on afterwards."""
    engine = Sha256()
    seen = []
    for wrong in (engine.hmac(b"no key"), engine.finish()):
        try:
            yield from wrong
        except Refused as error:
            seen.append(str(error))
    yield from engine.load_key(b"key")
    yield from engine.wipe()
    try:
        yield from engine.hmac(b"the key is gone")
    except Refused as error:
        seen.append(str(error))
    return seen, (yield from engine.digest(b"abc"))


def wiped_meanwhile():
    """A wipe that the driver does not know of, in the middle of a message."""
    engine = Sha256()
    yield from engine.begin()
    yield from engine.update(bytes(128))
    yield from access.write_fields(registers.sha256.operate, operation=6)
    yield from engine.update(bytes(128))
    return (yield from engine.finish())


def test_digests(run):
    messages = [message(length) for length in LENGTHS]
    assert run(digests(messages)) == {each: hashlib.sha256(each).digest() for each in messages}


def test_digests_of_the_compact_variant(run):
    """Slow enough for the queue to fill."""
    messages = [message(length) for length in (0, 63, 300)]
    assert preset("tiny").sha256 == "compact"
    assert run(digests(messages), "tiny") == {each: hashlib.sha256(each).digest() for each in messages}


@pytest.mark.parametrize("seed", range(3))
def test_a_message_in_pieces(run, seed):
    data = message(1000 + seed)
    assert run(in_pieces(data, seed)) == hashlib.sha256(data).digest(), f"repeat with seed {seed}"


def test_hmac(run):
    pairs = [(message(key), message(77)) for key in (1, 20, 63, 64, 65, 131)]
    expected = [hmac.digest(key, data, "sha256") for key, data in pairs for _ in range(2)]
    assert run(authenticated(pairs)) == expected


def test_sessions_change_places(run):
    messages = [message(length) for length in (10, 100, 299, 301, 512)]
    expected = {
        data: hmac.digest(b"key", data, "sha256") if len(data) % 2 else hashlib.sha256(data).digest()
        for data in messages
    }
    assert run(interleaved(messages, b"key")) == expected


def test_refusals(run):
    seen, digest = run(refusals())
    assert seen == [
        "there is no key, or the unit was wiped",
        "it is out of order",
        "there is no key, or the unit was wiped",
    ]
    assert digest == hashlib.sha256(b"abc").digest()


def test_a_wipe_is_no_digest(run):
    with pytest.raises(Refused, match="it is out of order"):
        run(wiped_meanwhile())
