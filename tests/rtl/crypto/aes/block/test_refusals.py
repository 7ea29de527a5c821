"""Whatever is asked for wrongly is refused with its status, changes nothing, and hangs nothing."""

import random

import pytest

from rtl.crypto.aes.aes import AesGcm
from rtl.crypto.aes.message_memory import IV_PLACE, TAG_PLACE
from rtl.crypto.aes.registers import ApplicationOperation as Operation
from rtl.crypto.aes.registers import IvChoice, Status

REFUSED = [
    (None, Operation.AAD, {}, Status.ORDER),
    (None, Operation.AAD_SLOT, {}, Status.ORDER),
    (None, Operation.TEXT, {}, Status.ORDER),
    (None, Operation.FINISH, {}, Status.ORDER),
    (None, Operation.VERIFY, {"tag_bytes": 16}, Status.ORDER),
    *((None, code, {}, Status.ORDER) for code in (13, 14, 15)),
    (None, Operation.ENCRYPT, {"iv": 3}, Status.ORDER),
    (None, Operation.DECRYPT, {}, Status.IV_EMPTY),
    (None, Operation.DECRYPT, {"iv": IvChoice.PIECE}, Status.IV_EMPTY),
    (None, Operation.ENCRYPT, {"iv": IvChoice.PIECE}, Status.IV_EMPTY),
    (None, Operation.ENCRYPT, {"iv": IvChoice.PIECE, "length": 2049}, Status.TOO_LONG),
    (None, Operation.ENCRYPT, {"slot": 6}, Status.KEY_REFUSED),
    (None, Operation.CMAC, {"slot": 255}, Status.KEY_REFUSED),
    (None, Operation.WRAP, {"target": 6}, Status.KEY_REFUSED),
    *((None, Operation.UNWRAP, {"length": length}, Status.LENGTH) for length in (0, 8, 16, 25, 32, 48)),
    *((None, Operation.WRAP_DATA, {"length": length}, Status.LENGTH) for length in (0, 8, 17, 2048)),
    *((None, Operation.UNWRAP_DATA, {"length": length}, Status.LENGTH) for length in (0, 16, 28, 2056)),
    (Operation.ENCRYPT, Operation.AAD, {"length": 2049}, Status.TOO_LONG),
    (Operation.ENCRYPT, Operation.AAD, {"start": 511, "length": 5}, Status.TOO_LONG),
    (Operation.ENCRYPT, Operation.TEXT, {"length": 17}, Status.LENGTH),
    (Operation.ENCRYPT, Operation.FINISH, {"length": 4095}, Status.TOO_LONG),
    (Operation.ENCRYPT, Operation.VERIFY, {"tag_bytes": 16}, Status.ORDER),
    (Operation.DECRYPT, Operation.FINISH, {}, Status.ORDER),
    (Operation.DECRYPT, Operation.TEXT, {"length": 16}, Status.TOO_LONG),
    (Operation.DECRYPT, Operation.VERIFY, {"length": 2049, "tag_bytes": 16}, Status.TOO_LONG),
    *(
        (Operation.DECRYPT, Operation.VERIFY, {"tag_bytes": size}, Status.LENGTH)
        for size in (0, 3, 4, 11, 17, 31)
    ),
    (Operation.CMAC, Operation.AAD, {}, Status.ORDER),
    (Operation.CMAC, Operation.AAD_SLOT, {}, Status.ORDER),
    (Operation.CMAC, Operation.TEXT, {"length": 8}, Status.LENGTH),
    (Operation.CMAC, Operation.VERIFY, {"tag_bytes": 2}, Status.LENGTH),
]
SESSIONS = {None: 0, Operation.ENCRYPT: 1, Operation.DECRYPT: 2, Operation.CMAC: 3}


def opened(app, operation, key):
    fields = {"iv": IvChoice.REGISTER} if operation == Operation.DECRYPT else {}
    if operation is not None:
        assert app.operate(operation, keys=[app.key(key)], **fields) == Status.SUCCESS


def test_refusals(application, reference):
    app, rng = application(), random.Random(9)
    for number, (session, operation, fields, status) in enumerate(REFUSED):
        key, text = rng.randbytes(16), rng.randbytes(40)
        opened(app, session, key)
        iv = app.last_iv()
        asked = len(app.asked)
        app.put(text)
        assert app.operate(operation, **fields) == status, f"refusal {number}"
        assert len(app.asked) == asked, f"refusal {number}: a key was asked for"
        assert app.read("status") >> 1 & 3 == SESSIONS[session], f"refusal {number}"
        assert app.take(40) == text, f"refusal {number}"
        # What was open goes on as if nothing had happened.
        if session == Operation.ENCRYPT:
            app.operate(Operation.FINISH, length=40)
            assert (app.take(40), app.take(16, TAG_PLACE)) == reference.gcm(key, iv, b"", text)
        elif session == Operation.CMAC:
            app.operate(Operation.FINISH, length=40)
            assert app.take(16, TAG_PLACE) == reference.cmac(key, text)
        elif session == Operation.DECRYPT:
            plain, tag = reference.gcm(key, iv, b"", text, decrypt=True)
            app.put(tag, TAG_PLACE)
            assert app.operate(Operation.VERIFY, length=40, tag_bytes=16) == Status.SUCCESS
            assert app.take(40) == plain
        else:
            app.operate(Operation.WIPE)


def test_additional_data_comes_before_the_text(application):
    app = application()
    opened(app, Operation.ENCRYPT, bytes(16))
    assert app.operate(Operation.TEXT, length=16) == Status.SUCCESS
    assert app.operate(Operation.AAD, length=4) == Status.ORDER
    assert app.operate(Operation.AAD_SLOT) == Status.ORDER
    assert app.operate(Operation.FINISH) == Status.SUCCESS


def test_the_last_piece_of_cmac_is_not_empty(application, reference):
    app = application()
    app.put(bytes(range(32)))
    opened(app, Operation.CMAC, bytes(16))
    assert app.operate(Operation.TEXT, length=16) == Status.SUCCESS
    for operation in (Operation.FINISH, Operation.VERIFY):
        assert app.operate(operation, tag_bytes=16) == Status.LENGTH
    assert app.operate(Operation.FINISH, start=4, length=16) == Status.SUCCESS
    assert app.take(16, TAG_PLACE) == reference.cmac(bytes(16), bytes(range(32)))


def test_an_ordinary_key_takes_no_iv_from_the_bus(application):
    app = application()
    for fields in ({"iv": IvChoice.REGISTER}, {"iv": IvChoice.PIECE, "length": 12}):
        assert app.operate(Operation.ENCRYPT, keys=[app.key(bytes(16))], **fields) == Status.IV_FORBIDDEN
        assert app.read("status") >> 1 & 3 == 0


@pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.DECRYPT])
def test_a_tag_under_a_key_that_is_known_tells_nothing_of_a_slot(application, operation):
    """Who knows the key of a message solves its tag for what was hashed."""
    app, iv = application(), {"iv": IvChoice.REGISTER}
    inside, outside = app.key(bytes(range(16))), app.key(bytes(16), external=1)
    made = app.key(bytes(range(16)), generated=0)  # which may be known, and must be kept
    for known, kept in ((outside, inside), (outside, made), (made, inside), (made, made)):
        fields = iv if known is outside or operation == Operation.DECRYPT else {}
        assert app.operate(operation, keys=[known], **fields) == Status.SUCCESS
        assert app.operate(Operation.AAD_SLOT, keys=[outside]) == Status.SUCCESS
        assert app.operate(Operation.AAD_SLOT, keys=[kept]) == Status.KEY_REFUSED
        assert app.read("status") >> 1 & 3 == 0
        for ends in (Operation.FINISH, Operation.VERIFY):
            assert app.operate(ends, tag_bytes=16) == Status.ORDER
        assert app.take(16, TAG_PLACE) == bytes(16)
    # Nor is a class kept from one message to the next.
    fields = iv if operation == Operation.DECRYPT else {}
    for other in (outside, made, inside):
        assert app.operate(operation, keys=[inside], **fields) == Status.SUCCESS
        assert app.operate(Operation.AAD_SLOT, keys=[other]) == Status.SUCCESS
        assert app.operate(operation, keys=[outside], **iv) == Status.SUCCESS
        assert app.operate(Operation.AAD_SLOT, keys=[inside]) == Status.KEY_REFUSED


@pytest.mark.parametrize("external", [0, 1])
def test_the_shortest_tag_of_a_message(application, reference, external):
    app, key = application(), bytes(range(16))
    text, tag = reference.gcm(key, bytes(12), b"", bytes(20), decrypt=True)
    for size in range(18):
        app.put(bytes(12), IV_PLACE)
        fields = {"iv": IvChoice.REGISTER, "keys": [app.key(key, external=external)]}
        assert app.operate(Operation.DECRYPT, **fields) == Status.SUCCESS
        app.put(bytes(20))
        app.put(tag, TAG_PLACE)
        status = app.operate(Operation.VERIFY, length=20, tag_bytes=size)
        right = (4 if external else 12) <= size <= 16
        assert status == (Status.SUCCESS if right else Status.LENGTH), f"{size} bytes"
        assert app.take(20) == (text if right else bytes(20)), f"{size} bytes"


@pytest.mark.parametrize(
    "operation", [Operation.ENCRYPT, Operation.CMAC, Operation.WRAP, Operation.WRAP_DATA]
)
def test_a_store_that_refuses(application, operation):
    app = application()
    fields = {"length": 16} if operation == Operation.WRAP_DATA else {}
    assert app.operate(operation, keys=[None], **fields) == Status.KEY_REFUSED
    if operation == Operation.WRAP:
        assert app.operate(operation, keys=[app.key(bytes(32)), None]) == Status.KEY_REFUSED
    opened(app, Operation.ENCRYPT, bytes(32))
    assert app.operate(Operation.AAD_SLOT, keys=[None]) == Status.KEY_REFUSED
    assert app.operate(Operation.FINISH) == Status.ORDER


@pytest.mark.parametrize("taken", range(8))
def test_a_slot_that_is_wiped_on_the_way(application, taken):
    app = application()
    block, key = app.block, app.key(bytes(range(32)))
    app.start(Operation.ENCRYPT)
    block.until("key__request__valid", 1000)
    block.set("key__request__ready", 1)
    block.tick()
    block.set("key__request__ready", 0)
    block.set("key__key_class", key.code)
    block.send("key__key", key.words[:taken], 1000)
    block.set("key__refused", 1)
    block.tick()
    block.set("key__refused", 0)
    block.until("irq", 2000)
    assert app.code() == Status.KEY_REFUSED
    opened(app, Operation.ENCRYPT, bytes(32))


def test_what_comes_while_busy_is_dropped(application, reference):
    app, rng = application(), random.Random(10)
    key, text = rng.randbytes(16), rng.randbytes(2048)
    opened(app, Operation.ENCRYPT, key)
    iv = app.last_iv()
    app.put(text)
    app.start(Operation.FINISH, length=2048)
    app.access(3, 0x12345678)
    assert app.access(3) == 0
    assert app.read("cause") == 2
    app._write("cause", 2)
    app._write("operate", Operation.WIPE.value)
    app._write("piece", 0)
    assert app.read("cause") == 2
    app.block.until("irq", 30_000)
    assert app.code() == Status.SUCCESS
    assert (app.take(2048), app.take(16, TAG_PLACE)) == reference.gcm(key, iv, b"", text)


def test_identification(application):
    app = application()
    assert app.read("identification") == int.from_bytes(b"AESG", "big")
    assert app.read("version") == 1


@pytest.mark.parametrize("slots", [1, 257])
def test_an_impossible_number_of_slots_is_refused(slots):
    with pytest.raises(ValueError, match=f"Number of key slots must be .*, not {slots}"):
        AesGcm(variant="fast", slots=slots)
