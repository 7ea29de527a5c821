"""The kernel against a bus made of a few lines: turns, sleep, deadlines, errors, ends."""

import random

import pytest

from sw.app.kernel import Kernel, Until
from sw.app.ops import BusError, Read, Wait, Write

CLOCK = 0x400
HOLE = 0xF000


class Bus:
    """Memory, a clock that every operation advances, and interrupts that rise at given times."""

    def __init__(self, rises=()):
        self.time = 0
        self.rises = dict(rises)  # time -> lines that rise
        self.lines = 0
        self.memory = {}
        self.operations = []

    def pass_time(self, cycles):
        self.time += cycles
        for time in [time for time in self.rises if time <= self.time]:
            self.lines |= self.rises.pop(time)

    def perform(self, operation):
        self.operations.append(operation)
        if isinstance(operation, Wait):
            end = None if operation.cycles is None else self.time + operation.cycles
            while not self.lines & operation.mask and (end is None or self.time < end):
                assert self.rises or end is not None, "sleeps for ever"
                self.pass_time(min([*self.rises, *([] if end is None else [end])]) - self.time)
            return self.lines & operation.mask
        self.pass_time(1)
        if operation.address == HOLE:
            raise BusError(HOLE)
        if isinstance(operation, Read):
            return [self.read(operation.address + 4 * index) for index in range(operation.count)]
        for index, word in enumerate(operation.words):
            self.memory[operation.address + 4 * index] = word
        return None

    def read(self, address):
        return self.time if address == CLOCK else self.memory.get(address, 0)

    def run(self, coroutine, limit=10_000):
        advance, answer = coroutine.send, None
        for _ in range(limit):
            try:
                operation = advance(answer)
            except StopIteration as stop:
                return stop.value
            try:
                advance, answer = coroutine.send, self.perform(operation)
            except BusError as error:
                advance, answer = coroutine.throw, error
        raise AssertionError(f"still runs after {limit} operations")


def clock():
    return (yield Read(CLOCK))[0]


def writer(address, count):
    for value in range(count):
        yield Write(address, (value,))
    return address


def test_turns_are_round_robin():
    bus, kernel = Bus(), Kernel(clock=clock)
    for address, count in ((0, 2), (4, 3), (8, 1)):
        kernel.start(f"writer {address}", writer(address, count))
    bus.run(kernel.run())
    assert [operation.address for operation in bus.operations] == [0, 4, 8, 0, 4, 4]
    assert [(task.name, task.result, task.error) for task in kernel.reports] == [
        ("writer 8", 8, None),
        ("writer 0", 0, None),
        ("writer 4", 4, None),
    ]


def test_sleepers_share_one_wait():
    bus, kernel = Bus({50: 0b010, 90: 0b101}), Kernel(clock=clock)
    woken = []

    def sleeper(name, wait):
        causes = yield wait
        woken.append((name, causes, bus.time))
        bus.lines &= ~causes

    kernel.start("first", sleeper("first", Wait(0b001)))
    kernel.start("second", sleeper("second", Wait(0b110)))
    kernel.start("third", sleeper("third", Wait(0b000, 70)))
    bus.run(kernel.run())
    assert [(name, causes) for name, causes, _ in woken] == [
        ("second", 0b010),
        ("third", 0),
        ("first", 0b001),
    ]
    assert 70 <= woken[1][2] <= 75
    waits = [operation for operation in bus.operations if isinstance(operation, Wait)]
    assert [wait.mask for wait in waits] == [0b111, 0b001, 0b001]
    assert waits[-1].cycles is None


def test_a_line_that_stays_high_starves_nobody():
    bus, kernel = Bus({0: 1}), Kernel(clock=clock, poll_every=4)
    seen: list[int] = []

    def stubborn():
        while len(seen) < 100:
            seen.append((yield Wait(1)))

    def alarm():
        yield Wait(0, 20)
        return bus.time

    kernel.start("stubborn", stubborn())
    kernel.start("writer", writer(0, 60))
    late = kernel.start("alarm", alarm())
    bus.run(kernel.run())
    assert seen == [1] * 100
    assert late.result <= 40


def test_interrupts_are_seen_while_others_are_busy():
    bus, kernel = Bus({30: 1}), Kernel(clock=clock, poll_every=8)

    def waiting():
        yield Wait(1)
        return bus.time

    task = kernel.start("waiting", waiting())
    kernel.start("busy", writer(0, 200))
    bus.run(kernel.run())
    assert 30 <= task.result <= 30 + 8


def test_a_bus_error_reaches_its_own_task_only():
    bus, kernel = Bus(), Kernel(clock=clock)

    def careful():
        try:
            yield Read(HOLE)
        except BusError as error:
            return error.address

    def careless():
        yield Write(HOLE, (1,))

    tasks = [kernel.start("careful", careful()), kernel.start("careless", careless())]
    tasks.append(kernel.start("writer", writer(0, 9)))
    bus.run(kernel.run())
    assert [task.result for task in tasks] == [HOLE, None, 0]
    assert isinstance(tasks[1].error, BusError)
    assert [task.name for task in kernel.reports] == ["careful", "careless", "writer"]


def test_a_task_that_fails_is_reported_and_the_others_run_on():
    bus, kernel = Bus(), Kernel(clock=clock)

    def failing():
        yield Read(0)
        raise KeyError("lost")

    def wrong():
        yield "nonsense"

    kernel.start("failing", failing())
    kernel.start("wrong", wrong())
    kernel.start("bad condition", iter_until(lambda: 1 // 0))
    last = kernel.start("writer", writer(0, 5))
    bus.run(kernel.run())
    assert last.ended
    assert {task.name: type(task.error) for task in kernel.reports} == {
        "failing": KeyError,
        "wrong": TypeError,
        "bad condition": ZeroDivisionError,
        "writer": type(None),
    }


def test_the_failure_of_an_essential_task_ends_the_kernel():
    bus, kernel = Bus(), Kernel(clock=clock)
    closed = []

    def failing():
        yield Read(HOLE)

    def lasting():
        try:
            yield Until(lambda: False)
        finally:
            closed.append(True)

    kernel.start("lasting", lasting())
    kernel.start("failing", failing(), essential=True)
    with pytest.raises(BusError):
        bus.run(kernel.run())
    assert closed


def iter_until(condition):
    yield Until(condition)


def test_until_hands_over_between_tasks():
    bus, kernel = Bus(), Kernel(clock=clock)
    box: list[int] = []
    taken: list[tuple[int, int]] = []

    def producer():
        for value in range(3):
            yield Wait(0, 10)
            box.append(value)

    def consumer():
        while len(taken) < 3:
            yield Until(lambda: box)
            taken.append((box.pop(), bus.time // 10))

    kernel.start("consumer", consumer())
    kernel.start("producer", producer())
    bus.run(kernel.run())
    assert [value for value, _ in taken] == [0, 1, 2]
    assert taken[0][1] == 1


def test_tasks_that_wait_for_one_another_are_named():
    kernel = Kernel(clock=clock)
    kernel.start("one", iter_until(lambda: False))
    kernel.start("two", iter_until(lambda: False))
    with pytest.raises(RuntimeError, match=r"Every task left waits for another: one, two"):
        Bus().run(kernel.run())


def test_tasks_are_closed_when_the_kernel_is():
    closed = []

    def lasting(name, wait):
        try:
            while True:
                yield wait
        finally:
            closed.append(name)

    kernel = Kernel(clock=clock)
    kernel.start("busy", lasting("busy", Read(0)))
    kernel.start("asleep", lasting("asleep", Wait(1)))
    kernel.start("until", lasting("until", Until(lambda: False)))
    run = kernel.run()
    for _ in range(5):
        next(run)
    run.close()
    assert sorted(closed) == ["asleep", "busy", "until"]


def test_limits():
    with pytest.raises(ValueError, match="Limit of tasks must be 1 or more, not 0"):
        Kernel(clock=clock, tasks_limit=0)
    with pytest.raises(ValueError, match="Operations between two polls must be 1 or more, not 0"):
        Kernel(clock=clock, poll_every=0)
    kernel = Kernel(clock=clock, tasks_limit=1)
    kernel.start("one", writer(0, 1))
    with pytest.raises(RuntimeError, match="Task 'two' is one more than the 1 that may run at a time"):
        kernel.start("two", writer(0, 1))


def test_a_task_may_start_another():
    bus, kernel = Bus(), Kernel(clock=clock)

    def parent():
        child = kernel.start("child", writer(4, 2))
        yield Until(lambda: child.ended)
        return child.result

    task = kernel.start("parent", parent())
    bus.run(kernel.run())
    assert task.result == 4


@pytest.mark.parametrize("seed", range(8))
def test_random_tasks_end_with_what_they_should(seed):
    """Every task gets its own answers, whatever the mixture."""
    choose = random.Random(seed)
    rises = {choose.randrange(1, 3000): 1 << choose.randrange(4) for _ in range(30)}
    bus, kernel = Bus(rises), Kernel(clock=clock, poll_every=choose.randrange(1, 20))

    def task(number):
        steps = random.Random(f"{seed} {number}")
        address = 0x1000 + 0x100 * number
        for step in range(40):
            kind = steps.randrange(4)
            if kind == 0:
                before = bus.time
                cycles = steps.randrange(1, 60)
                causes = yield Wait(1 << steps.randrange(4), cycles)
                assert causes or bus.time >= before + cycles
                bus.lines &= ~causes
            elif kind == 1:
                with pytest.raises(BusError):
                    yield Read(HOLE)
            else:
                yield Write(address + 4 * step, (number << 16 | step,))
                assert (yield Read(address + 4 * step)) == [number << 16 | step]
        return number

    tasks = [kernel.start(f"task {number}", task(number)) for number in range(6)]
    bus.run(kernel.run())
    assert [task.error for task in tasks] == [None] * 6, f"repeat with seed {seed}"
    assert [task.result for task in tasks] == list(range(6)), f"repeat with seed {seed}"
