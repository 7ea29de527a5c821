"""Whose turn it is, against the rule in Python."""

import random

import pytest

from rtl.crypto.sha256.arbiter import BLOCKS_AT_A_TIME, Arbiter


class Rule:
    """The rule as `Arbiter` states it."""

    def __init__(self, users):
        self.users = users
        self.taken = self.passed = self.recent = 0

    def winner(self, waits, holder, holds):
        last = holder or self.recent
        if holder and holds and holder in waits and self.taken < BLOCKS_AT_A_TIME:
            return holder
        if 0 in waits and self.passed == BLOCKS_AT_A_TIME:
            return 0
        in_turn = [(last + step) % self.users for step in range(1, self.users + 1)]
        return next((user for user in in_turn if user and user in waits), 0)

    def edge(self, waits, holder, turn, block):
        self.recent = holder or self.recent
        self.taken = min(BLOCKS_AT_A_TIME, block if turn else self.taken + block)
        self.passed = min(BLOCKS_AT_A_TIME, self.passed + block)
        if 0 not in waits or (block and holder == 0):
            self.passed = 0


@pytest.mark.parametrize("users", [1, 2, 3, 5])
def test_random_steps(simulate, users):
    dut, seed = Arbiter(users=users), 41

    async def check(ctx):
        rng = random.Random(seed)
        rule = Rule(users)
        often = 0.9
        for step in range(1500):
            if step % 100 == 0:
                often = rng.choice((0.3, 0.9, 1.0))
            waits = [user for user in range(users) if rng.random() < often] or [rng.randrange(users)]
            holder, holds = rng.randrange(users), rng.random() < 0.7
            ctx.set(dut.waits, sum(1 << user for user in waits))
            ctx.set(dut.holder, holder)
            ctx.set(dut.holds, holds)
            turn, block = rng.random() < 0.05, rng.random() < 0.8
            ctx.set(dut.turn_stb, turn)
            ctx.set(dut.block_stb, block)
            expected = rule.winner(waits, holder, holds)
            assert ctx.get(dut.winner) == expected, (
                f"seed {seed}, step {step}: {waits} wait, {holder} had the last block, "
                f"{rule.taken} taken, {rule.passed} passed"
            )
            await ctx.tick()
            rule.edge(waits, holder, turn, block)

    simulate(dut, check)


def _turns(simulate, users, waiting, blocks):
    """Winners of successive blocks while the users in ``waiting`` always wait and no message ends."""
    dut, winners = Arbiter(users=users), []

    async def run(ctx):
        ctx.set(dut.waits, sum(1 << user for user in waiting))
        ctx.set(dut.holds, 1)
        ctx.set(dut.block_stb, 1)
        for _ in range(blocks):
            winner = ctx.get(dut.winner)
            winners.append(winner)
            ctx.set(dut.holder, winner)
            ctx.set(dut.turn_stb, [winner] != winners[-2:-1])
            await ctx.tick()

    simulate(dut, run)
    return winners


def test_the_application_gets_a_block_after_sixteen(simulate):
    assert _turns(simulate, 3, (0, 2), 35) == [*[2] * 16, 0, *[2] * 16, 0, 2]


def test_hardware_users_change_after_sixteen(simulate):
    assert _turns(simulate, 3, (1, 2), 48) == [*[1] * 16, *[2] * 16, *[1] * 16]


def test_everybody_gets_on(simulate):
    assert _turns(simulate, 3, (0, 1, 2), 51) == [*[1] * 16, 0, *[2] * 16, 0, *[1] * 16, 0]


def test_an_unlucky_number_of_users_is_refused():
    with pytest.raises(ValueError, match="Number of users must be 1 or more, not 0"):
        Arbiter(users=0)
    with pytest.raises(TypeError, match="Number of users must be an integer, not 'two'"):
        Arbiter(users="two")
