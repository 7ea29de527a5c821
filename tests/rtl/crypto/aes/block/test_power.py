"""No key and IV twice: not over power cuts, torn words, resets and wipes; and a wipe leaves nothing."""

import random

from rtl.crypto.aes.message_memory import TAG_PLACE
from rtl.crypto.aes.registers import ApplicationOperation as Operation
from rtl.crypto.aes.registers import IvChoice, Status

LIMIT = 3000


def test_no_iv_comes_twice_over_power_cuts(application):
    app = application()
    block, key, seen = app.block, app.key(bytes(16)), set()
    for step in range(150):
        rng = random.Random(step)
        app.start(Operation.ENCRYPT)
        app.give(key)
        cut = rng.randrange(40, 260)
        block.tick(cut)
        done = block.get("irq") and app.code() == Status.SUCCESS
        if done:
            iv = app.last_iv()
            assert iv not in seen, f"step {step}: {iv.hex()} again"
            seen.add(iv)
        if step % 4 == 1:
            block.set("wipe", 1)
            block.tick()
            block.set("wipe", 0)
            app.wait_idle()
        elif not done or step % 4 == 0:
            block.set("torn", rng.getrandbits(32))
            block.set("power", 0)
            block.tick(rng.randrange(1, 5))
            app = application(block)
    assert len(seen) > 40
    assert all(iv.startswith(app.fixed_field.to_bytes(4, "big")) for iv in seen)


def test_broken_nvm_ends_encryption_with_ivs_of_the_hardware_alone(application, reference):
    app = application()
    block, inside, outside = app.block, app.key(bytes(16)), app.key(bytes(16), external=1)
    assert app.operate(Operation.ENCRYPT, keys=[inside]) == Status.SUCCESS
    block.set("spoils", 1)
    block.set("power", 0)
    block.tick(2)
    app = application(block)
    block.set("spoils", 0)
    for _ in range(2):
        assert app.operate(Operation.ENCRYPT, keys=[inside]) == Status.NVM_BROKEN
        assert app.operate(Operation.FINISH) == Status.ORDER
    app.put(bytes(range(12)))
    fields = {"iv": IvChoice.PIECE, "length": 12}
    assert app.operate(Operation.ENCRYPT, keys=[outside], **fields) == Status.SUCCESS
    assert app.operate(Operation.FINISH) == Status.SUCCESS
    assert app.take(16, TAG_PLACE) == reference.gcm(bytes(16), bytes(range(12)), b"", b"")[1]


def test_a_wipe_at_any_time(application, reference):
    app = application()
    block, rng = app.block, random.Random(11)
    for step in range(40):
        key, text = app.key(rng.randbytes(16)), rng.randbytes(64)
        assert app.operate(Operation.ENCRYPT, keys=[key]) == Status.SUCCESS
        app.put(text)
        app.start(Operation.FINISH, length=64)
        block.tick(rng.randrange(300))
        busy = app.read("status") & 1
        block.set("wipe", 1)
        block.tick()
        block.set("wipe", 0)
        assert block.get("wiping")
        clocks = 0
        while block.get("wiping"):
            block.tick()
            clocks += 1
            assert clocks < LIMIT, f"step {step}"
        if busy:
            assert app.code() == Status.WIPED, f"step {step}"
        assert app.read("status") & 7 == 0, f"step {step}"
        assert app.take(2048 + 28) == bytes(2048 + 28), f"step {step}"


def test_a_wipe_waits_for_the_way_of_a_key(application):
    """The store is not left alone in the middle of a key; and it refuses all when it is wiped itself."""
    app = application()
    block, key = app.block, app.key(bytes(range(32)))
    app.start(Operation.ENCRYPT)
    block.until("key__request__valid", LIMIT)
    block.set("key__request__ready", 1)
    block.tick()
    block.set("key__request__ready", 0)
    block.set("wipe", 1)
    block.tick()
    block.set("wipe", 0)
    block.set("key__key_class", key.code)
    block.send("key__key", key.words, LIMIT)
    for _ in range(LIMIT):
        if not block.get("wiping"):
            break
        block.tick()
    assert app.code() == Status.WIPED
    assert app.read("status") & 7 == 0
    assert app.operate(Operation.CMAC, keys=[key]) == Status.SUCCESS


def test_the_wipe_of_the_application(application, reference):
    app = application()
    app.operate(Operation.ENCRYPT, keys=[app.key(bytes(16))])
    app.put(b"secret")
    app.put(b"tag", TAG_PLACE)
    assert app.operate(Operation.WIPE) == Status.SUCCESS
    assert app.read("status") >> 1 & 3 == 0
    assert app.take(2048 + 28) == bytes(2048 + 28)
    assert app.operate(Operation.FINISH) == Status.ORDER
    assert app.operate(Operation.DECRYPT, iv=IvChoice.REGISTER, keys=[app.key(bytes(16))]) == Status.SUCCESS
