"""GCM and CMAC as firmware uses them: slots, pieces, tags and what is held back."""

import random

from rtl.bus import KeyOperation
from rtl.crypto.aes.message_memory import IV_PLACE, TAG_PLACE
from rtl.crypto.aes.registers import ApplicationOperation as Operation
from rtl.crypto.aes.registers import IvChoice, Status


def authenticate(app, rng, aad, slots):
    """Additional data in pieces from anywhere in the memory, and keys of slots; returns all of it."""
    whole = b""
    for key in (None, *slots):
        if key is not None:
            assert app.operate(Operation.AAD_SLOT, slot=2, keys=[app.key(key)]) == Status.SUCCESS
            whole += key
        part = aad[: rng.randrange(len(aad) + 1)]
        aad = aad[len(part) :]
        start = rng.randrange(400)
        app.put(part, start)
        assert app.operate(Operation.AAD, start=start, length=len(part)) == Status.SUCCESS
        whole += part
    return whole


def test_encryption_with_an_iv_of_the_hardware(application, reference):
    app = application()
    for step in range(10):
        rng = random.Random(step)
        key, texts = (
            rng.randbytes(rng.choice((16, 32))),
            [rng.randbytes(16 * rng.randrange(4)) for _ in range(2)],
        )
        texts.append(rng.randbytes(rng.choice((0, 1, 16, 50, 2048))))
        assert app.operate(Operation.ENCRYPT, slot=3, keys=[app.key(key)]) == Status.SUCCESS
        assert app.asked[-1] == (3, KeyOperation.ENCRYPT)
        iv = app.last_iv()
        assert iv == app.fixed_field.to_bytes(4, "big") + step.to_bytes(8, "big"), f"step {step}"
        slots = [rng.randbytes(rng.choice((16, 32))) for _ in range(rng.randrange(3))]
        aad = authenticate(app, rng, rng.randbytes(40), slots)
        given = b""
        for number, text in enumerate(texts):
            last = number == len(texts) - 1
            start = 0 if len(text) == 2048 else 5
            app.put(text, start)
            operation = Operation.FINISH if last else Operation.TEXT
            assert app.operate(operation, start=start, length=len(text)) == Status.SUCCESS, f"step {step}"
            given += app.take(len(text), start)
        expected = reference.gcm(key, iv, aad, b"".join(texts))
        assert (given, app.take(16, TAG_PLACE)) == expected, f"step {step}"


def test_decryption_with_any_iv(application, reference):
    app = application()
    for step in range(12):
        rng = random.Random(100 + step)
        key, iv = rng.randbytes(rng.choice((16, 32))), rng.randbytes(rng.choice((12, 1, 16, 300)))
        aad, cipher = rng.randbytes(rng.randrange(30)), rng.randbytes(rng.choice((0, 3, 64, 2048)))
        text, tag = reference.gcm(key, iv, aad, cipher, decrypt=True)
        external = step % 4 // 2
        size, right = rng.randrange(4 if external else 12, 17), step % 3 != 0
        choice, start = IvChoice.PIECE, 100
        if len(iv) == 12 and step % 2:
            choice, start = IvChoice.REGISTER, IV_PLACE
        app.put(iv, start)
        fields = {"iv": choice, "start": start % 512, "length": len(iv)}
        fields["keys"] = [app.key(key, external=external)]
        assert app.operate(Operation.DECRYPT, slot=1, **fields) == Status.SUCCESS
        assert app.asked[-1] == (1, KeyOperation.DECRYPT)
        app.put(aad)
        assert app.operate(Operation.AAD, length=len(aad)) == Status.SUCCESS
        app.put(cipher)
        claimed = bytearray(tag[:size])
        if not right:
            claimed[rng.randrange(size)] ^= 1 << rng.randrange(8)
        app.put(bytes(claimed), TAG_PLACE)
        status = app.operate(Operation.VERIFY, length=len(cipher), tag_bytes=size)
        assert status == (Status.SUCCESS if right else Status.TAG_WRONG), f"step {step}"
        assert app.take(2048)[: len(text)] == (text if right else bytes(len(text))), f"step {step}"
        assert app.read("status") >> 1 & 3 == 0


def test_nothing_of_a_message_is_readable_before_its_tag_is_checked(application, reference):
    app, rng = application(), random.Random(7)
    key, iv, cipher = rng.randbytes(16), rng.randbytes(12), rng.randbytes(320)
    text, tag = reference.gcm(key, iv, b"", cipher, decrypt=True)
    app.put(iv, IV_PLACE)
    app.operate(Operation.DECRYPT, iv=IvChoice.REGISTER, keys=[app.key(key)])
    app.put(cipher)
    app.put(bytes(16), TAG_PLACE)
    app.start(Operation.VERIFY, length=len(cipher), tag_bytes=16)
    place = reads = 0
    while app.read("status") & 1:
        # The access after the last clock of the operation is that of a memory full of zeros.
        assert app.access(place % 80) == 0
        place, reads = place + 7, reads + 1
    assert reads > 20
    assert app.code() == Status.TAG_WRONG
    assert app.take(2048) == bytes(2048)
    assert text[:16] not in app.take(16)
    assert tag != bytes(16)


def test_an_external_key_takes_any_iv(application, reference):
    app, rng = application(), random.Random(8)
    for size in (1, 12, 13, 128, 2048):
        key, iv = rng.randbytes(32), rng.randbytes(size)
        app.put(iv)
        external = app.key(key, external=1)
        status = app.operate(Operation.ENCRYPT, iv=IvChoice.PIECE, length=size, keys=[external])
        assert status == Status.SUCCESS
        app.put(b"meter")
        assert app.operate(Operation.FINISH, length=5) == Status.SUCCESS
        assert (app.take(5), app.take(16, TAG_PLACE)) == reference.gcm(key, iv, b"", b"meter"), size


def test_cmac(application, reference):
    app = application()
    for step in range(8):
        rng = random.Random(200 + step)
        key, message = rng.randbytes(rng.choice((16, 32))), rng.randbytes(rng.choice((0, 16, 17, 90, 32)))
        at = 16 if len(message) > 16 else 0
        assert app.operate(Operation.CMAC, slot=4, keys=[app.key(key)]) == Status.SUCCESS
        assert app.asked[-1] == (4, KeyOperation.CMAC)
        app.put(message)
        assert app.operate(Operation.TEXT, length=at) == Status.SUCCESS
        rest, tag = len(message) - at, reference.cmac(key, message)
        if not at and not rest:  # an empty piece has been taken already
            assert app.operate(Operation.FINISH, start=0, length=0) == Status.LENGTH
            continue
        if step % 2:
            assert app.operate(Operation.FINISH, start=at // 4, length=rest) == Status.SUCCESS
            assert app.take(16, TAG_PLACE) == tag, f"step {step}"
        else:
            size, right = rng.randrange(4, 17), rng.random() < 0.5
            app.put(tag[: size - 1] + bytes([tag[size - 1] ^ (not right)]), TAG_PLACE)
            status = app.operate(Operation.VERIFY, start=at // 4, length=rest, tag_bytes=size)
            assert status == (Status.SUCCESS if right else Status.TAG_WRONG), f"step {step}"
        assert app.take(len(message)) == message or app.code() == Status.TAG_WRONG


def test_the_memory_keeps_up(application, variant, budgets):
    """A long message takes no more clocks a block than the unit alone, and the same ones for all keys."""
    for size in (16, 32):
        clocks = {}
        for length in (1024, 2048, 1024):
            app = application()
            app.operate(Operation.ENCRYPT, keys=[app.key(bytes([length % 251]) * size)])
            app.operate(Operation.FINISH, length=length)
            assert clocks.setdefault(length, app.clocks) == app.clocks
        assert (clocks[2048] - clocks[1024]) / 64 <= budgets[f"block_{variant}_{8 * size}"]
