"""The splitter: no word goes to two users, and none is lost."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.entropy.random_splitter import RandomSplitter


@pytest.mark.parametrize("users", [1, 2, 3])
def test_every_word_goes_to_one_user(users):
    splitter, rng = RandomSplitter(users=users), random.Random(users)
    taken = []

    async def bench(ctx):
        for number in range(300):
            wants = [rng.random() < 0.4 for _ in range(users)]
            valid, healthy = rng.random() < 0.8, rng.random() < 0.9
            ctx.set(splitter.source.words.payload, number)
            ctx.set(splitter.source.words.valid, valid)
            ctx.set(splitter.source.healthy, healthy)
            for user, wanted in zip(splitter.users, wants, strict=True):
                ctx.set(user.words.ready, wanted)
            await ctx.delay(1e-9)
            where = f"seed {users}, step {number}"
            offered = [ctx.get(user.words.valid) for user in splitter.users]
            got = [place for place in range(users) if wants[place] and offered[place]]
            assert got == ([wants.index(True)] if valid and any(wants) else []), where
            assert ctx.get(splitter.source.words.ready) == any(wants), where
            assert all(ctx.get(user.words.payload) == number for user in splitter.users), where
            assert all(ctx.get(user.healthy) == healthy for user in splitter.users), where
            taken.extend(got)

    simulator = Simulator(splitter)
    simulator.add_testbench(bench)
    simulator.run()
    assert set(taken) == set(range(users))


@pytest.mark.parametrize(
    ("users", "error", "sentence"),
    [
        (0, ValueError, "Number of users must be 1 or more, not 0"),
        ("2", TypeError, "Number of users must be an integer, not '2'"),
    ],
)
def test_refusals(users, error, sentence):
    with pytest.raises(error) as caught:
        RandomSplitter(users=users)
    assert str(caught.value) == sentence
