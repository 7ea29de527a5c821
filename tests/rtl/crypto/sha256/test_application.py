"""The application's registers: sessions, saved states, refusals and what a wipe leaves."""

import hashlib
import hmac
import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.sha256 import Sha256
from rtl.crypto.sha256.hash import VARIANTS
from rtl.crypto.sha256.registers import Refusal

HASH, HMAC, KEY, SAVE, RESTORE_HASH, RESTORE_HMAC, WIPE, FINISH = range(8)
LIMIT = 5000


class Application:
    """Firmware, as far as it goes, on the bus of the block."""

    def __init__(self, ctx, dut):
        self.ctx, self.bus, self.irq = ctx, dut.bus, dut.irq
        self.places = {
            name[0]: (resource, start) for resource, name, (start, _) in dut.bus.memory_map.resources()
        }
        offsets, self.causes = iter(range(32)), {}
        for path, _ in self.places["cause"][0]:
            self.causes[path[0]] = next(offsets)

    async def write(self, name, words, at=0):
        """Write words to successive addresses, those of `data` in a ring, an access every other cycle."""
        for index, word in enumerate(words):
            self.ctx.set(self.bus.addr, self.places[name][1] + (at + index) % 16)
            self.ctx.set(self.bus.w_data, word)
            self.ctx.set(self.bus.w_stb, 1)
            await self.ctx.tick()
            self.ctx.set(self.bus.w_stb, 0)
            await self.ctx.tick()

    async def read(self, name, count=1, at=0):
        """Read words from successive addresses."""
        words = []
        for index in range(count):
            self.ctx.set(self.bus.addr, self.places[name][1] + at + index)
            self.ctx.set(self.bus.r_stb, 1)
            await self.ctx.tick()
            self.ctx.set(self.bus.r_stb, 0)
            words.append(self.ctx.get(self.bus.r_data))
            await self.ctx.tick()
        return words

    async def status(self):
        """The fields of `status`."""
        (value,) = await self.read("status")
        fields, lsb = {}, 0
        for path, action in self.places["status"][0]:
            width = len(action.port.r_data)
            fields[path[0]] = value >> lsb & (1 << width) - 1
            lsb += width
        return fields

    async def operate(self, operation, tail_bytes=0):
        await self.write("operate", [operation | tail_bytes << 4])

    async def wait(self, *causes):
        """Sleep until one of the causes; clear it and return it. Whether there is room is asked anew."""
        await self.write("cause", [1 << self.causes["room"]])
        await self.write("enable", [sum(1 << self.causes[cause] for cause in causes)])
        for _ in range(LIMIT):
            if self.ctx.get(self.irq):
                break
            await self.ctx.tick()
        else:
            raise AssertionError(f"none of {causes} in {LIMIT} cycles")
        (pending,) = await self.read("cause")
        happened = [cause for cause in causes if pending >> self.causes[cause] & 1]
        await self.write("cause", [1 << self.causes[happened[0]]])
        return happened[0]

    async def push(self, message):
        """Write a whole number of words of a message, a block at a time."""
        words = [int.from_bytes(message[at : at + 4], "big") for at in range(0, len(message), 4)]
        for at in range(0, len(words), 16):
            assert await self.wait("room", "refused") == "room"
            await self.write("data", words[at : at + 16])

    async def finish(self, end=b""):
        """End the message with less than four bytes."""
        if end:
            await self.write("tail", [int.from_bytes(end.ljust(4, b"\xee"), "big")])
        await self.operate(FINISH, len(end))
        assert await self.wait("done", "refused") == "done"

    async def digest(self, operation, message):
        """The digest of a whole message."""
        await self.operate(operation)
        await self.push(message[: len(message) // 4 * 4])
        await self.finish(message[len(message) // 4 * 4 :])
        return await self.state()

    async def state(self):
        """The bytes of `state`."""
        words = await self.read("state", 8)
        return sum(word << 32 * index for index, word in enumerate(words)).to_bytes(32, "big")

    async def load_key(self, key):
        await self.operate(KEY)
        await self.push(key[: len(key) // 4 * 4])
        await self.finish(key[len(key) // 4 * 4 :])

    async def refuses(self, reason):
        """The last access was refused for this reason; the cause is cleared."""
        await self.ctx.tick()
        await self.ctx.tick()
        (pending,) = await self.read("cause")
        assert pending >> self.causes["refused"] & 1, f"nothing was refused, {reason} expected"
        assert (await self.status())["refusal"] == reason.value
        await self.write("cause", [1 << self.causes["refused"]])


@pytest.fixture(params=sorted(VARIANTS))
def dut(request):
    return Sha256(variant=request.param, hardware_users=1)


@pytest.fixture
def run(simulate):
    """Runs a coroutine of an `Application`."""

    def runs(dut, firmware, *others):
        async def check(ctx):
            await firmware(Application(ctx, dut))

        simulate(dut, check, background=others)

    return runs


@pytest.fixture
def fast():
    return Sha256(variant="fast", hardware_users=1)


def test_reset_state(run, fast):
    async def check(app):
        assert await app.read("identification") == [int.from_bytes(b"SHA2", "big")]
        assert await app.read("version") == [3]
        assert set((await app.status()).values()) == {0}
        assert await app.read("cause") == [0]

    run(fast, check)


def test_digests(run, dut):
    async def check(app):
        rng = random.Random(91)
        for length in (0, 1, 3, 4, 55, 56, 63, 64, 65, 127, 128, 200, 333):
            message = rng.randbytes(length)
            assert await app.digest(HASH, message) == hashlib.sha256(message).digest(), f"{length} bytes"

    run(dut, check)


def test_hmac(run, dut):
    async def check(app):
        rng = random.Random(92)
        for length in (0, 5, 64, 100):
            key, message = rng.randbytes(length), rng.randbytes(rng.randrange(150))
            await app.load_key(key)
            assert (await app.status())["keyed"]
            for _ in range(2):
                assert await app.digest(HMAC, message) == hmac.digest(key, message, "sha256")

    run(dut, check)


def test_a_word_written_anywhere_in_data_is_the_next_one(run, fast):
    async def check(app):
        await app.operate(HASH)
        for at, word in ((7, b"four"), (0, b"byte"), (15, b"word")):
            await app.write("data", [int.from_bytes(word, "big")], at)
        await app.finish(b"s")
        assert await app.state() == hashlib.sha256(b"fourbytewords").digest()

    run(fast, check)


def test_data_shows_the_words_that_wait(run, fast):
    async def check(app):
        await app.operate(HASH)
        words = list(range(100, 125))
        await app.write("data", words[:16])
        await app.write("data", words[16:])
        while (await app.status())["busy"]:
            pass
        assert (await app.status())["waiting"] == 9
        assert await app.read("data", 9) == words[16:]

    run(fast, check)


def test_the_memory_reads_as_zero_while_busy(run, fast):
    async def check(app):
        await app.digest(HASH, b"leaves a digest")
        await app.operate(HASH)
        await app.operate(FINISH)
        assert (await app.status())["busy"]
        assert await app.read("state", 8) == [0] * 8
        await app.wait("done")
        assert await app.state() == hashlib.sha256().digest()

    run(fast, check)


@pytest.mark.parametrize("operation", [HASH, HMAC])
def test_a_session_is_saved_and_restored_around_another(run, dut, operation):
    async def check(app):
        rng = random.Random(93)
        key = rng.randbytes(33)
        await app.load_key(key)
        restore = {HASH: RESTORE_HASH, HMAC: RESTORE_HMAC}[operation]
        for _ in range(4):
            message = rng.randbytes(64 * rng.randrange(1, 4) + rng.randrange(64))
            cut = rng.randrange(64, len(message) + 1) // 4 * 4
            await app.operate(operation)
            await app.push(message[:cut])
            while (await app.status())["busy"]:
                pass
            status = await app.status()
            assert status["begun"]
            waiting = await app.read("data", status["waiting"])
            await app.operate(SAVE)
            assert await app.wait("done", "refused") == "done"
            saved = await app.read("state", 8), await app.read("length", 2)
            assert saved[1] == [cut // 64 + (operation == HMAC), 0]

            other = rng.randbytes(rng.randrange(100))
            assert await app.digest(HASH, other) == hashlib.sha256(other).digest()

            await app.write("state", saved[0])
            await app.write("length", saved[1])
            await app.operate(restore)
            assert await app.wait("done", "refused") == "done"
            await app.write("data", waiting)
            rest = message[cut:]
            await app.push(rest[: len(rest) // 4 * 4])
            await app.finish(rest[len(rest) // 4 * 4 :])
            expected = (
                hmac.digest(key, message, "sha256") if operation == HMAC else hashlib.sha256(message).digest()
            )
            assert await app.state() == expected, f"{len(message)} bytes, cut at {cut}"

    run(dut, check)


def test_a_session_goes_on_after_it_was_saved(run, fast):
    async def check(app):
        message = bytes(range(100))
        await app.operate(HASH)
        await app.push(message[:80])
        while (await app.status())["busy"]:
            pass
        await app.operate(SAVE)
        await app.wait("done")
        await app.push(message[80:])
        await app.finish()
        assert await app.state() == hashlib.sha256(message).digest()

    run(fast, check)


ORDER, ROOM, UNIT = Refusal.ORDER, Refusal.ROOM, Refusal.UNIT


@pytest.mark.parametrize(
    ("before", "operation", "reason"),
    [
        ("nothing", FINISH, ORDER),
        ("nothing", SAVE, ORDER),
        ("nothing", HMAC, UNIT),
        ("nothing", RESTORE_HMAC, UNIT),
        ("digest", FINISH, ORDER),
        ("digest", SAVE, ORDER),
        ("begun", SAVE, ORDER),
        ("key block", SAVE, ORDER),
        ("busy", HASH, ORDER),
        ("busy", KEY, ORDER),
        ("busy", FINISH, ORDER),
        ("busy", SAVE, ORDER),
        ("busy", RESTORE_HASH, ORDER),
        ("wiping", HASH, ORDER),
        ("wiping", FINISH, ORDER),
        ("wiped", FINISH, ORDER),
        ("wiped", HMAC, UNIT),
    ],
)
def test_an_operation_out_of_order_is_refused(run, fast, before, operation, reason):
    async def check(app):
        busy = before in ("busy", "wiping")
        if before == "digest":
            await app.digest(HASH, b"done")
        elif before == "begun":
            await app.operate(HASH)
            await app.write("data", range(15))
        elif before == "key block":
            await app.operate(KEY)
            await app.write("data", range(17))
            await app.ctx.tick().repeat(400)
        elif before == "busy":
            await app.operate(HASH)
            await app.operate(FINISH)
        elif before == "wiping":
            await app.operate(WIPE)
        elif before == "wiped":
            await app.load_key(b"key")
            await app.operate(WIPE)
            await app.wait("done")
        await app.operate(operation)
        await app.refuses(reason)
        if busy:
            await app.wait("done")
        assert await app.digest(HASH, b"goes on") == hashlib.sha256(b"goes on").digest()

    run(fast, check)


def test_words_out_of_order_are_refused(run, fast):
    async def check(app):
        await app.write("data", [1])
        await app.refuses(ORDER)
        await app.operate(HASH)
        await app.operate(FINISH)
        for name in ("data", "tail", "state", "length"):
            await app.write(name, [1])
            await app.refuses(ORDER)
        await app.wait("done")
        assert await app.state() == hashlib.sha256().digest()

    run(fast, check)


async def _hold_the_unit(ctx, user, until):
    """A hardware user that begins a block and does not end it before ``until`` says so."""
    ctx.set(user.message.payload, {"word": {"data": 0, "bytes": 4}, "first": 1})
    ctx.set(user.message.valid, 1)
    for _ in range(15):
        await ctx.tick().until(user.message.ready)
    ctx.set(user.message.valid, 0)
    while not until():
        await ctx.tick()
    ctx.set(user.message.payload.word.last, 1)
    ctx.set(user.message.valid, 1)
    await ctx.tick().until(user.message.ready)
    ctx.set(user.message.valid, 0)


def test_a_word_without_room_is_refused_and_the_others_are_kept(run, fast):
    released = []

    async def hold(ctx):
        await _hold_the_unit(ctx, fast.users[0], lambda: released)

    async def check(app):
        await app.ctx.tick().repeat(30)
        message = bytes(range(128))
        words = [int.from_bytes(message[at : at + 4], "big") for at in range(0, 128, 4)]
        await app.operate(HASH)
        await app.write("data", words)
        (pending,) = await app.read("cause")
        assert not pending >> app.causes["refused"] & 1
        await app.write("data", [0])
        await app.refuses(ROOM)
        released.append(True)
        await app.finish(b"!")
        assert await app.state() == hashlib.sha256(message + b"!").digest()

    run(fast, check, hold)


def test_a_wipe_asked_for_while_busy_is_done(run, fast):
    async def check(app):
        await app.load_key(b"key")
        await app.operate(HMAC)
        await app.write("data", range(16))
        await app.operate(FINISH)
        await app.operate(WIPE)
        while (await app.status())["busy"]:
            pass
        status = await app.status()
        assert not status["keyed"]
        assert not status["session"]
        assert await app.read("state", 8) == [0] * 8
        assert await app.read("data", 16) == [0] * 16

    run(fast, check)


def test_a_session_ends_when_the_unit_is_wiped(run, fast):
    async def check(app):
        await app.operate(HASH)
        await app.write("data", range(20))
        await app.ctx.tick().repeat(200)
        app.ctx.set(fast.wipe, 1)
        await app.ctx.tick()
        app.ctx.set(fast.wipe, 0)
        assert await app.wait("refused") == "refused"
        while app.ctx.get(fast.wiping):
            await app.ctx.tick()
        status = await app.status()
        assert Refusal(status["refusal"]) == UNIT
        assert (status["session"], status["waiting"], status["busy"]) == (0, 0, 0)
        assert await app.read("data", 16) == [0] * 16
        await app.operate(FINISH)
        await app.refuses(ORDER)
        assert await app.digest(HASH, b"goes on") == hashlib.sha256(b"goes on").digest()

    run(fast, check)


@pytest.mark.parametrize("moment", [0, 5, 20, 90, 150])
def test_a_wipe_of_the_unit_at_any_moment_leaves_no_one_waiting(run, fast, moment):
    async def check(app):
        await app.load_key(b"key")
        await app.operate(HMAC)
        await app.write("data", range(16))
        await app.operate(FINISH)
        for _ in range(moment):
            await app.ctx.tick()
        app.ctx.set(fast.wipe, 1)
        await app.ctx.tick()
        app.ctx.set(fast.wipe, 0)
        assert await app.wait("refused") == "refused"
        while app.ctx.get(fast.wiping):
            await app.ctx.tick()
        assert not (await app.status())["keyed"]
        assert not (await app.status())["busy"]
        assert await app.state() == bytes(32)
        await app.write("cause", [0b111])  # the message may have ended before, or have been refused
        assert await app.digest(HASH, b"goes on") == hashlib.sha256(b"goes on").digest()

    run(fast, check)


def test_interrupts(run, fast):
    async def check(app):
        await app.operate(HASH)
        assert await app.wait("room") == "room"
        await app.write("enable", [1 << app.causes["done"]])
        assert not app.ctx.get(app.irq)
        await app.operate(FINISH)
        for _ in range(200):
            await app.ctx.tick()
        assert app.ctx.get(app.irq)
        await app.write("cause", [1 << app.causes["done"]])
        await app.ctx.tick()
        assert not app.ctx.get(app.irq)

    run(fast, check)


def _after_wipe(path, kept, how, seed):
    dut, rng = Sha256(variant="fast", hardware_users=1), random.Random(seed)

    async def check(ctx):
        app = Application(ctx, dut)
        await app.load_key(rng.randbytes(70))
        await app.digest(HMAC, rng.randbytes(90))
        await app.operate(HMAC)
        await app.push(rng.randbytes(64 + 20))
        await app.write("tail", [rng.getrandbits(32)])
        if how == "operation":
            await app.operate(WIPE)
            await app.wait("done")
        else:
            ctx.set(dut.wipe, 1)
            await ctx.tick()
            ctx.set(dut.wipe, 0)
            while ctx.get(dut.wiping):
                await ctx.tick()
        await app.write("enable", [0])
        assert await app.state() == bytes(32)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path)


@pytest.mark.parametrize("how", ["operation", "wire"])
def test_nothing_remains_after_a_wipe(tmp_path, kept, how):
    first, second = (_after_wipe(tmp_path / f"{seed}.vcd", kept, how, seed) for seed in (95, 96))
    assert not [name for name, value in first.items() if second[name] != value]
