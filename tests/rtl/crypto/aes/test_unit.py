"""The unit against a library: GCM, CMAC and key wrap, in pieces and with pauses."""

import random

import pytest

from rtl.crypto.aes import Operation
from rtl.crypto.aes.unit import Unit

STEPS = 40


def pieces(rng, message):
    """The message in pieces of whole blocks, but for the last one, which may be empty."""
    parts = []
    while len(message) > 16 and rng.random() < 0.6:
        size = 16 * rng.randrange(1, len(message) // 16 + 1)
        parts.append(message[:size])
        message = message[size:]
    return [*parts, message]


def flipped(rng, data):
    """The bytes with one bit changed."""
    bit = rng.randrange(8 * len(data))
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def run_gcm(user, key, iv, aads, texts, *, decrypt=False):
    """Everything of a message but its tag; returns what was given for its text."""
    user.key(key)
    user.iv(iv)
    for aad in aads:
        user.do(Operation.AAD, aad)
    given = b""
    for text in texts:
        user.do(Operation.DECRYPT if decrypt else Operation.ENCRYPT, text)
        part = user.given()
        assert part[len(text) :] == bytes(-len(text) % 4), "bytes behind the text are not zero"
        given += part[: len(text)]
    return given


def test_gcm(driver, reference):
    user = driver()
    for step in range(STEPS):
        rng = random.Random(step)
        key, iv = rng.randbytes(rng.choice((16, 32))), rng.randbytes(rng.choice((12, 12, 1, 8, 16, 17, 60)))
        aads = [rng.randbytes(rng.randrange(24)) for _ in range(rng.randrange(4))]
        text, decrypt = rng.randbytes(rng.choice((0, 1, 15, 16, 17, 48, rng.randrange(200)))), step % 2 == 1
        expected = reference.gcm(key, iv, b"".join(aads), text, decrypt=decrypt)
        given = run_gcm(user, key, iv, aads, pieces(rng, text), decrypt=decrypt)
        assert given == expected[0], f"step {step}"
        assert user.tag() == expected[1], f"step {step}"


def test_every_length_of_additional_data(driver, reference):
    user, rng = driver(), random.Random(31)
    key, iv, aad = rng.randbytes(16), rng.randbytes(12), rng.randbytes(300)
    for length in (*range(71), 255, 300):
        run_gcm(user, key, iv, [aad[:length]], [])
        assert user.tag() == reference.gcm(key, iv, aad[:length], b"")[1], f"{length} bytes"


def test_every_length_of_a_tag_and_every_wrong_bit(driver, reference):
    user, rng = driver(), random.Random(32)
    key, iv, text = rng.randbytes(32), rng.randbytes(12), rng.randbytes(20)
    tag = reference.gcm(key, iv, b"", text)[1]

    def matches(claimed):
        run_gcm(user, key, iv, [], [text])
        return user.check(claimed)

    for length in range(1, 17):
        assert matches(tag[:length]) == (length >= 4), f"{length} bytes"
    for bit in range(128):
        wrong = (int.from_bytes(tag, "big") ^ 1 << bit).to_bytes(16, "big")
        assert not matches(wrong), f"bit {bit}"
        assert matches(wrong[: 15 - bit // 8]) == (bit < 96), f"bit {bit} outside the tag"


def test_cmac(driver, reference):
    user = driver()
    for step in range(STEPS):
        rng = random.Random(1000 + step)
        key = rng.randbytes(rng.choice((16, 32)))
        message = rng.randbytes(rng.choice((0, 1, 4, 15, 16, 17, 32, rng.randrange(120))))
        *parts, last = pieces(rng, message)
        if parts and not last:
            last = parts.pop()
        user.key(key)
        for part in parts:
            user.do(Operation.MAC, part)
        user.do(Operation.MAC, last, final=1)
        expected = reference.cmac(key, message)
        if step % 2:
            assert user.tag() == expected, f"step {step}"
        else:
            tag, right = expected[: rng.randrange(4, 17)], rng.random() < 0.5
            assert user.check(tag if right else flipped(rng, tag)) == right, f"step {step}"


def turn(user, words, operation, key, data):
    """All turns of key data, with the first 64 bits of its wrapped form before or behind."""
    unwraps = operation == Operation.UNWRAP
    blocks = [data[at : at + 8] for at in range(0, len(data), 8)]
    head = blocks.pop(0) if unwraps else b""
    user.key(key)
    user.command(operation, turns=6 * len(blocks))
    user.words(words(head) if unwraps else [])
    for _ in range(6):
        for place in reversed(range(len(blocks))) if unwraps else range(len(blocks)):
            user.words(words(blocks[place]))
            blocks[place] = b""
            while len(blocks[place]) < 8:
                user.block.tick()
                blocks[place] += user.given()
    user.until_done()
    return user.given() + b"".join(blocks)


def test_key_wrap(driver, reference, words):
    user = driver()
    for step in range(8):
        rng = random.Random(2000 + step)
        key, data = rng.randbytes(rng.choice((16, 32))), rng.randbytes(8 * rng.choice((2, 3, 4, 4, 8)))
        wrapped = turn(user, words, Operation.WRAP, key, data)
        assert wrapped == reference.wrap(key, data), f"step {step}"
        right = step % 2
        unwrapped = turn(user, words, Operation.UNWRAP, key, wrapped if right else flipped(rng, wrapped))
        assert user.block.get("match") == right, f"step {step}"
        assert (unwrapped == data) == right, f"step {step}"


def test_pauses_of_both_sides(driver, reference, words):
    user, rng = driver(), random.Random(33)
    block = user.block
    for step in range(6):
        key, iv, aad, text = (rng.randbytes(size) for size in (16, 12, 21, 77))
        user.key(key)
        user.iv(iv)
        user.do(Operation.AAD, aad)
        user.command(Operation.ENCRYPT)
        payloads = words(text)
        while payloads:
            block.set("words__payload", payloads[0])
            block.set("words__valid", rng.random() < 0.5)
            block.set("result__ready", rng.random() < 0.5)
            block.watch("result__ready", ["result__valid", "result__payload"])
            taken = block.get("words__valid") and block.get("words__ready")
            block.tick()
            given = [word for valid, word in block.recorded() if valid]
            assert bool(given) == bool(taken), f"step {step}: a word comes with each that is taken"
            user.kept = getattr(user, "kept", b"") + b"".join(word.to_bytes(4, "big") for word in given)
            payloads = payloads[bool(taken) :]
        block.set("words__valid", 0)
        block.set("result__ready", 1)
        block.watch("result__valid", ["result__payload"])
        block.tick(2)
        expected = reference.gcm(key, iv, aad, text)
        assert (user.kept[: len(text)], user.tag()) == expected, f"step {step}"
        user.kept = b""


def test_a_new_key_ends_everything(driver, reference, words):
    user, rng = driver(), random.Random(34)
    other, key, iv, text = (rng.randbytes(size) for size in (32, 16, 12, 40))
    for step in range(3):
        run_gcm(user, other, rng.randbytes(9), [b"abc"], [bytes(32)][: step % 2])
        assert run_gcm(user, key, iv, [b"xyz"], [text]) == reference.gcm(key, iv, b"xyz", text)[0]
        assert user.tag() == reference.gcm(key, iv, b"xyz", text)[1]


def test_a_wipe_at_any_time(driver, reference):
    user, rng = driver(), random.Random(35)
    key, iv, text = rng.randbytes(16), rng.randbytes(12), rng.randbytes(33)
    for clock in range(0, 180, 7):
        user.command(Operation.KEY, short=1)
        user.block.set("words__valid", 1)
        user.block.tick(clock)
        user.block.set("wipe", 1)
        user.block.tick()
        user.block.set("wipe", 0)
        user.block.set("words__valid", 0)
        assert user.block.get("wiping")
        user.given()
        given = run_gcm(user, key, iv, [], [text])
        assert (given, user.tag()) == reference.gcm(key, iv, b"", text), f"wiped after {clock} clocks"


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="Variant must be one of compact, fast, not 'huge'"):
        Unit(variant="huge")
