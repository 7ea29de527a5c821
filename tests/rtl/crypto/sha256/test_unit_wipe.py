"""After a wipe nothing that is kept anywhere in the unit depends on what was there before."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.sha256 import Command
from rtl.crypto.sha256.hash import VARIANTS
from rtl.crypto.sha256.unit import Unit

USERS = 2
LIMIT = 6000
# Of one user, of all: the blocks in work, 64 words of memory a user, and two blocks of zeros.
BOUND = {"fast": {"user": 300, "all": 500}, "compact": {"user": 1200, "all": 2400}}


async def _say(ctx, user, words, *, command, first=True):
    for index, (data, count, last) in enumerate(words):
        word = {"data": data, "bytes": count, "last": last}
        ctx.set(user.message.payload, {"word": word, "first": first and index == 0, "command": command})
        ctx.set(user.message.valid, 1)
        await ctx.tick().until(user.message.ready)
        ctx.set(user.message.valid, 0)


async def _done(ctx, user):
    for _ in range(LIMIT):
        if ctx.get(user.done):
            return
        await ctx.tick()
    raise AssertionError("never done")


def _after_wipe(path, variant, reference, kept, words, whose, seed):
    """Everything kept after secrets of ``seed`` were put in, ``words`` words of a message, and wiped."""
    unit, rng = Unit(variant=variant, users=USERS), random.Random(seed)

    async def check(ctx):
        for user in unit.users:
            key = reference.message_words(rng.randbytes(40))
            await _say(ctx, user, key, command=Command.KEY)
            await _done(ctx, user)
            await ctx.tick()
        message = [(rng.getrandbits(32), 4, False) for _ in range(words)]
        await _say(ctx, unit.users[0], message, command=Command.HMAC)
        for user in unit.users:
            ctx.set(user.message.payload, 0)
        cycles = 0
        if whose == "all":
            ctx.set(unit.wipe, 1)
            await ctx.tick()
            ctx.set(unit.wipe, 0)
            failed = 0
            while ctx.get(unit.wiping):
                failed += ctx.get(unit.users[0].failed)
                assert not ctx.get(unit.users[1].failed)
                await ctx.tick()
                cycles += 1
            assert failed == 1
        else:
            for user in unit.users:
                start = cycles
                await _say(ctx, user, [(0, 0, True)], command=Command.WIPE)
                while not ctx.get(user.done):
                    await ctx.tick()
                    cycles += 1
                assert cycles - start <= BOUND[variant]["user"]
                await ctx.tick()
                ctx.set(user.message.payload, 0)
        assert cycles <= BOUND[variant]["all"]
        for user in unit.users:
            assert not ctx.get(user.keyed)
        await ctx.tick().repeat(3)

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize(("words", "whose"), [(16, "user"), (37, "all"), (48, "all"), (80, "user")])
def test_no_secret_remains(tmp_path, reference, kept, variant, words, whose):
    first, second = (
        _after_wipe(tmp_path / f"{seed}.vcd", variant, reference, kept, words, whose, seed)
        for seed in (81, 82)
    )
    assert len(first) > 100 + 64 * USERS
    different = [name for name, value in first.items() if second[name] != value]
    assert not different


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_secrets_are_there_before(tmp_path, reference, kept, variant, monkeypatch):
    """The check above would find what remains."""
    monkeypatch.setattr(Unit, "_wipe", _wipe_nothing)
    with pytest.raises(AssertionError, match="assert not"):
        test_no_secret_remains(tmp_path, reference, kept, variant, 16, "user")


def _wipe_nothing(unit, m):
    for name in ("Settle", "Wipe Hash"):
        with m.State(name):
            m.next = "Wipe Memory"
    with m.State("Wipe Memory"):
        m.d.comb += unit._done.eq(1)
        m.d.sync += [unit._keyed.eq(0), unit._opened.eq(0)]
        m.next = "Choose"
