"""Keys leave and reach their slots wrapped only, and nothing carries out a key that it must not."""

import random

import pytest

from rtl.bus import KeyOperation, KeySource
from rtl.crypto.aes.registers import ApplicationOperation as Operation
from rtl.crypto.aes.registers import Status

# RFC 3394, sections 4.1 and 4.6; the keys count up from 0.
KNOWN = [
    (16, "00112233445566778899aabbccddeeff", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
    (
        32,
        "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
        "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
    ),
]


@pytest.mark.parametrize(("size", "data", "wrapped"), KNOWN)
def test_known_answers(application, size, data, wrapped):
    app, key = application(), bytes(range(size))
    data, wrapped = bytes.fromhex(data), bytes.fromhex(wrapped)
    assert app.operate(Operation.WRAP, slot=1, target=2, keys=[app.key(key), app.key(data)]) == Status.SUCCESS
    assert app.asked == [(1, KeyOperation.WRAP), (2, KeyOperation.WRAP)]
    assert app.take(len(wrapped)) == wrapped
    for external in (0, 1):
        app.put(wrapped)
        fields = {"slot": 1, "target": 5, "length": len(wrapped), "keys": [app.key(key, external=external)]}
        assert app.operate(Operation.UNWRAP, accept=True, **fields) == Status.SUCCESS
        assert app.asked[-1] == (1, KeyOperation.UNWRAP)
        made = external | KeySource.UNWRAPPED.value << 2 | (len(data) == 16) << 4
        assert app.stored == (5, made, data.ljust(32, b"\0"))
        assert app.take(2048) == bytes(2048)


def test_data_of_external_keys(application, reference):
    app = application()
    for step in range(8):
        rng = random.Random(step)
        key, data = rng.randbytes(rng.choice((16, 32))), rng.randbytes(8 * rng.randrange(2, 9))
        external = app.key(key, external=1, to_bus=1)
        app.put(data, 2)
        assert app.operate(Operation.WRAP_DATA, length=len(data), keys=[external]) == Status.SUCCESS
        wrapped = app.take(len(data) + 8)
        assert wrapped == reference.wrap(key, data), f"step {step}"
        bad = step % 3 == 2
        app.put(bytes([wrapped[0] ^ bad]) + wrapped[1:])
        status = app.operate(Operation.UNWRAP_DATA, length=len(wrapped), keys=[external])
        assert status == (Status.UNWRAP_WRONG if bad else Status.SUCCESS), f"step {step}"
        assert app.take(len(data), 2) == (bytes(len(data)) if bad else data), f"step {step}"


def test_a_wrong_wrapped_key_goes_nowhere(application, reference):
    app, rng = application(), random.Random(3)
    key, data = rng.randbytes(16), rng.randbytes(32)
    wrapped = reference.wrap(key, data)
    for _ in range(3):
        bit = rng.randrange(320)
        app.put((int.from_bytes(wrapped, "big") ^ 1 << bit).to_bytes(40, "big"))
        assert app.operate(Operation.UNWRAP, length=40, keys=[app.key(key)]) == Status.UNWRAP_WRONG, bit
        assert not app.block.get("result__request__valid")
        assert app.take(2048) == bytes(2048), f"bit {bit}"


def test_a_slot_that_takes_no_key(application, reference):
    app, key = application(), bytes(16)
    app.put(reference.wrap(key, bytes(range(32))))
    status = app.operate(Operation.UNWRAP, length=40, keys=[app.key(key)], accept=False)
    assert status == Status.TARGET_REFUSED
    assert app.take(2048) == bytes(2048)


def test_a_key_that_is_known_outside_carries_out_no_other(application):
    app = application()
    inside, outside = app.key(bytes(16)), app.key(bytes(32), external=1)
    made = app.key(bytes(16), generated=0)  # which may be known
    not_to_bus = app.key(bytes(32), external=1)
    assert app.operate(Operation.WRAP, keys=[outside, inside]) == Status.KEY_REFUSED
    # Unwrapped again, that key would not be external, and yet known.
    assert app.operate(Operation.WRAP, keys=[inside, outside]) == Status.KEY_REFUSED
    for other in (made, inside, outside):
        assert app.operate(Operation.WRAP, keys=[made, other]) == Status.KEY_REFUSED
    assert app.operate(Operation.WRAP, keys=[outside, made]) == Status.KEY_REFUSED
    assert app.take(2048) == bytes(2048)
    assert app.operate(Operation.WRAP, keys=[inside, inside]) == Status.SUCCESS
    assert app.operate(Operation.WRAP, keys=[inside, made]) == Status.SUCCESS
    assert app.operate(Operation.WRAP, keys=[outside, outside]) == Status.SUCCESS
    assert app.operate(Operation.WRAP_DATA, length=16, keys=[inside]) == Status.KEY_REFUSED
    assert app.operate(Operation.UNWRAP_DATA, length=24, keys=[inside]) == Status.KEY_REFUSED
    assert app.operate(Operation.UNWRAP_DATA, length=24, keys=[not_to_bus]) == Status.KEY_REFUSED
    assert app.take(2048) == bytes(2048)


@pytest.mark.parametrize("count", [2, 255])
def test_the_shortest_and_the_longest_data(application, reference, variant, count):
    if variant == "compact" and count == 255:
        pytest.skip("the same sequencer as that of the fast variant, ten times as long")
    app, rng = application(), random.Random(count)
    key, data = rng.randbytes(16), rng.randbytes(8 * count)
    external = app.key(key, external=1, to_bus=1)
    app.put(data, 2)
    assert app.operate(Operation.WRAP_DATA, length=8 * count, keys=[external]) == Status.SUCCESS
    assert app.take(8 * count + 8) == reference.wrap(key, data)
    assert app.operate(Operation.UNWRAP_DATA, length=8 * count + 8, keys=[external]) == Status.SUCCESS
    assert app.take(8 * count, 2) == data
