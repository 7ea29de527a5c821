"""SHA-256 and HMAC for several users of one hash."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .arbiter import Arbiter
from .contexts import USER_WORDS, ContextMemory, Place
from .hash import Hash
from .signature import Command, UserSignature, UserWord

__all__ = ["Unit"]

_BLOCK_WORDS = 16
_DIGEST_WORDS = 8
_WIPING_WORDS = 2 * _BLOCK_WORDS  # the compact core has room for two blocks
_INNER_PAD, _OUTER_PAD = 0x3636_3636, 0x5C5C_5C5C


class _Part(enum.Enum, shape=3):
    """What is being hashed."""

    MESSAGE = 0
    INNER_DIGEST = 1
    LONG_KEY = 2  # first block of a key that is longer than a block
    INNER_KEY = 3
    OUTER_KEY = 4


class _Then(enum.Enum, shape=3):
    """What follows when words have been moved."""

    CHOOSE = 0
    HASH_MESSAGE = 1
    HASH_SCRATCH = 2
    FILL_KEY = 3
    RESTART = 4
    GIVE_STATE = 5
    WIPE_HASH = 6


class Unit(wiring.Component):
    """SHA-256 (FIPS 180-4) and HMAC-SHA-256 (FIPS 198-1) for several users of one hash.

    A user's open message, and the two chaining values that its HMAC key gives, are kept in a memory and moved
    into the hash when it is the user's turn; the unit changes users between two blocks only, as `Arbiter`
    says. A key of up to 64 bytes is used as it is, a longer one is hashed first.

    Parameters
    ----------
    variant : str
        Core of the hash, ``fast`` or ``compact``.
    users : int
        Number of users, from 1. User 0 is the application, the others are hardware.

    Members
    -------
    users : array of In(UserSignature)
        The users.
    wipe : In(1)
        Asks to forget every message and key: high for a cycle or longer.
    wiping : Out(1)
        High from the cycle after ``wipe`` until nothing is left of them. A user whose message was open then
        gets ``failed``.

    Latency
    -------
    An idle unit takes a message's first word two cycles after it is offered, and 11 cycles later if the state
    of another user's open message has to be moved out first. With the core ``fast``, ``done`` comes 68
    cycles after the first word of a message of one block, and 65 cycles later for each block more.

    Raises
    ------
    TypeError, ValueError
        If there is no such variant, or no user.
    """

    def __init__(self, *, variant, users):
        self._arbiter = Arbiter(users=users)
        self._hash = Hash(variant=variant)
        self._contexts = ContextMemory(users=users)
        super().__init__({"users": In(UserSignature()).array(users), "wipe": In(1), "wiping": Out(1)})

        self._holder = Signal(range(users))  # user whose turn it is
        self._offer = Signal(UserWord)  # of the holder
        self._offered = Signal()
        self._take = Signal()
        self._done = Signal()
        self._failed = Signal()
        self._wiped = Signal()  # all users were
        self._wipes_all = Signal()  # all users are being wiped, and not one

        self._opened = Signal(users)  # a message is open
        self._keyed = Signal(users)  # an HMAC key is loaded
        self._with_key = Signal(users)  # the open message is to be authenticated
        self._is_key = Signal(users)  # the open message is a long key
        self._live = Signal()  # the holder's open message is in the hash, not in the memory
        self._primed = Signal()  # the holder's inner chaining value is in the hash
        self._part = Signal(_Part)
        self._then = Signal(_Then)
        self._gives = Signal()  # the words that are moved out go to the holder
        self._count = Signal(range(USER_WORDS))

    def _of_holder(self, flags):
        """The holder's bit of ``flags``."""
        return flags.bit_select(self._holder, 1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.hash = self._hash
        m.submodules.arbiter = self._arbiter
        m.submodules.contexts = self._contexts
        self._connect_users(m)
        self._connect_contexts(m)
        with m.FSM() as fsm:
            self._choose(m)
            self._begin(m)
            self._hash_message(m)
            self._finish(m)
            self._load_key(m)
            self._hash_scratch(m)
            self._restore(m)
            self._move_words(m)
            self._wipe(m)
        self._select_payload(
            m,
            from_memory=fsm.ongoing("Hash Scratch") | fsm.ongoing("Settle") | fsm.ongoing("Wipe Hash"),
            zero=fsm.ongoing("Fill Key") | fsm.ongoing("Wipe Memory"),
        )
        return m

    def _select_payload(self, m, *, from_memory, zero):
        """What the hash is offered: the holder's word, or one from the memory, with the pad of FIPS 198-1."""
        payload = self._hash.message.payload
        outer_pad = Mux(self._part == _Part.OUTER_KEY, _OUTER_PAD, 0)
        pad = Mux(self._part == _Part.INNER_KEY, _INNER_PAD, outer_pad)
        m.d.comb += payload.eq(self._offer.word)
        with m.If(from_memory):
            m.d.comb += [
                payload.data.eq(self._contexts.word ^ pad),
                payload.bytes.eq(4),
                payload.last.eq((self._part == _Part.INNER_DIGEST) & (self._count == _DIGEST_WORDS - 1)),
            ]
        with m.If(zero):
            m.d.comb += [payload.bytes.eq(0), payload.last.eq(1)]

    def _connect_users(self, m):
        m.d.comb += [
            self._arbiter.waits.eq(Cat(user.message.valid for user in self.users)),
            self._arbiter.holder.eq(self._holder),
            self._arbiter.holds.eq(self._of_holder(self._opened)),
        ]
        with m.Switch(self._holder):
            for number, user in enumerate(self.users):
                with m.Case(number):
                    m.d.comb += [
                        self._offer.eq(user.message.payload),
                        self._offered.eq(user.message.valid),
                        user.message.ready.eq(self._take),
                        user.done.eq(self._done),
                        user.failed.eq(self._failed),
                        user.result.stb.eq(self._contexts.out.stb & self._gives),
                    ]
        for number, user in enumerate(self.users):
            m.d.comb += [
                user.digest.eq(self._hash.state),
                user.result.index.eq(self._contexts.out.index),
                user.result.data.eq(self._contexts.out.data),
                user.keyed.eq(self._keyed[number]),
            ]
            with m.If(self._wiped & self._opened[number]):
                m.d.comb += user.failed.eq(1)
        with m.If(self.wipe):
            m.d.sync += self.wiping.eq(1)
        with m.Elif(self._wiped):
            m.d.sync += self.wiping.eq(0)

    def _connect_contexts(self, m):
        contexts = self._contexts
        m.d.comb += [
            contexts.write_data.eq(self._hash.masked),
            contexts.holder.eq(self._holder),
            contexts.tail.eq(self._hash.state[:32]),
            contexts.blocks.eq(self._hash.blocks),
            contexts.write_index.eq(self._count),
            contexts.read_index.eq(self._count),
            self._hash.shift.eq(contexts.shift),
            self._hash.shift_data.eq(contexts.shift_data),
            self._hash.blocks_load.eq(contexts.blocks_load),
            self._hash.blocks_data.eq(contexts.shift_data),
        ]

    def _move(self, m, *, store=None, fetch=None, whole=False, give=False, then):
        """Move words out of the hash and into it; part of a state's actions."""
        contexts = self._contexts
        m.d.comb += [contexts.move_stb.eq(1), contexts.move.whole.eq(whole)]
        if store is not None:
            m.d.comb += [contexts.move.store_en.eq(1), contexts.move.store.eq(store)]
        if fetch is not None:
            m.d.comb += [contexts.move.fetch_en.eq(1), contexts.move.fetch.eq(fetch)]
            if not whole:  # a key's chaining value, which is that of one block
                m.d.comb += [self._hash.restart.eq(1), self._hash.restart_blocks.eq(1)]
        m.d.comb += self._done.eq(give)
        m.d.sync += [self._gives.eq(give), self._then.eq(then)]
        m.next = "Move Words"

    def _choose(self, m):
        """Between two blocks: who is next, and is the state of who was before to be kept?"""
        winner = self._arbiter.winner
        with m.State("Choose"):
            m.d.sync += self._count.eq(0)
            m.d.sync += self._wipes_all.eq(self.wiping)
            with m.If(self.wiping):
                m.d.sync += self._holder.eq(0)
                m.next = "Wipe Memory"
            with m.Elif(self._arbiter.waits.any()):
                with m.If(self._live & (winner == self._holder) & ~self._offer.first):
                    with m.If(self._hash.message.ready):  # not earlier: somebody else may still come
                        m.next = "Hash Message"
                with m.Elif(self._primed & (winner == self._holder) & self._begins_hmac()):
                    m.d.comb += self._arbiter.turn_stb.eq(1)
                    m.d.sync += [self._primed.eq(0), self._part.eq(_Part.MESSAGE)]
                    self._open_hmac(m)
                    m.next = "Hash Message"
                with m.Elif(self._hash.idle):
                    with m.If(self._live & (winner != self._holder)):
                        m.d.sync += self._live.eq(0)
                        self._move(m, store=Place.RUNNING, whole=True, then=_Then.CHOOSE)
                    with m.Else():
                        m.d.sync += self._holder.eq(winner)
                        with m.If(winner != self._holder):
                            m.d.sync += self._primed.eq(0)
                        m.next = "Begin"

    def _begin(self, m):
        """The holder's word is the first of a block that is not simply the next one."""
        opened, keyed = self._of_holder(self._opened), self._of_holder(self._keyed)
        with_key, is_key = self._of_holder(self._with_key), self._of_holder(self._is_key)
        with m.State("Begin"):
            m.d.sync += [self._live.eq(0), self._primed.eq(0), self._part.eq(_Part.MESSAGE)]
            # A turn counts as a block, unless blocks follow, which count themselves.
            m.d.comb += [self._arbiter.turn_stb.eq(1), self._arbiter.block_stb.eq(1)]
            with m.If(self._offer.first):
                with m.If(self._offer.command != Command.SAVE):
                    m.d.sync += [opened.eq(0), is_key.eq(0), with_key.eq(self._offer.command.as_value()[0])]
                with m.Switch(self._offer.command):
                    with m.Case(Command.HASH):
                        m.d.comb += [self._hash.restart.eq(1), self._arbiter.block_stb.eq(0)]
                        m.d.sync += [opened.eq(1), self._live.eq(1)]
                        m.next = "Hash Message"
                    with m.Case(Command.HMAC):
                        with m.If(~keyed):
                            self._refuse(m)
                        with m.Else():
                            m.d.comb += self._arbiter.block_stb.eq(0)
                            self._open_hmac(m)
                            self._move(m, fetch=Place.INNER, then=_Then.HASH_MESSAGE)
                    with m.Case(Command.KEY):
                        m.d.sync += keyed.eq(0)
                        m.next = "Take Key"
                    with m.Case(Command.SAVE):
                        with m.If(~opened):
                            self._refuse(m)
                        with m.Else():
                            m.d.comb += self._take.eq(1)
                            with m.If(self._live):
                                self._move(m, store=Place.RUNNING, whole=True, give=True, then=_Then.CHOOSE)
                            with m.Else():
                                self._move(m, fetch=Place.RUNNING, whole=True, then=_Then.GIVE_STATE)
                    with m.Case(Command.RESTORE_HASH):
                        m.next = "Take State"
                    with m.Case(Command.RESTORE_HMAC):
                        with m.If(~keyed):
                            self._refuse(m)
                        with m.Else():
                            m.next = "Take State"
                    with m.Case(Command.WIPE):
                        m.d.comb += self._take.eq(1)
                        m.next = "Wipe Memory"
                    with m.Default():
                        self._refuse(m)
            with m.Elif(opened):
                m.d.comb += self._arbiter.block_stb.eq(0)
                m.d.sync += self._live.eq(1)
                self._move(m, fetch=Place.RUNNING, whole=True, then=_Then.HASH_MESSAGE)
            with m.Else():
                self._refuse(m)

    def _begins_hmac(self):
        return self._offer.first & (self._offer.command == Command.HMAC)

    def _open_hmac(self, m):
        """The holder's message is to be authenticated; part of a state's actions."""
        m.d.sync += [
            self._of_holder(self._opened).eq(1),
            self._of_holder(self._with_key).eq(1),
            self._of_holder(self._is_key).eq(0),
            self._live.eq(1),
        ]

    def _refuse(self, m):
        """Drop the holder's word; part of a state's actions."""
        m.d.comb += [self._take.eq(1), self._failed.eq(1)]
        m.next = "Choose"

    def _hash_message(self, m):
        message = self._hash.message
        with m.State("Hash Message"):
            m.d.comb += [message.valid.eq(self._offered), self._take.eq(message.ready)]
            with m.If(message.valid & message.ready):
                with m.If(self._offer.word.last):
                    m.d.comb += self._arbiter.block_stb.eq(1)
                    m.next = "Finish"
                with m.Elif(self._hash.index == _BLOCK_WORDS - 1):
                    m.d.comb += self._arbiter.block_stb.eq(1)
                    m.next = "Choose"
            with m.Elif(self.wiping):
                m.next = "Choose"

    def _finish(self, m):
        """All words of a part are in the hash: wait for it, and see to what comes of it."""
        opened = self._of_holder(self._opened)
        with m.State("Finish"), m.If(self._hash.idle):
            m.d.sync += self._count.eq(0)
            with m.Switch(self._part):
                with m.Case(_Part.MESSAGE):
                    with m.If(self._of_holder(self._is_key)):
                        m.d.sync += [self._count.eq(_DIGEST_WORDS), self._part.eq(_Part.INNER_KEY)]
                        self._move(m, store=Place.SCRATCH, then=_Then.FILL_KEY)
                    with m.Elif(self._of_holder(self._with_key)):
                        m.d.sync += self._part.eq(_Part.INNER_DIGEST)
                        self._move(m, store=Place.SCRATCH, fetch=Place.OUTER, then=_Then.HASH_SCRATCH)
                    with m.Else():
                        m.d.sync += [opened.eq(0), self._live.eq(0)]
                        self._move(m, give=True, then=_Then.CHOOSE)
                with m.Case(_Part.INNER_DIGEST):
                    m.d.sync += [opened.eq(0), self._live.eq(0), self._primed.eq(1)]
                    self._move(m, fetch=Place.INNER, give=True, then=_Then.CHOOSE)
                with m.Case(_Part.LONG_KEY):
                    m.d.sync += self._part.eq(_Part.MESSAGE)
                    m.next = "Choose"
                with m.Case(_Part.INNER_KEY):
                    m.d.sync += self._part.eq(_Part.OUTER_KEY)
                    self._move(m, store=Place.INNER, then=_Then.RESTART)
                with m.Case(_Part.OUTER_KEY):
                    m.d.sync += [opened.eq(0), self._live.eq(0), self._of_holder(self._keyed).eq(1)]
                    self._move(m, store=Place.OUTER, then=_Then.CHOOSE)
                    m.d.comb += self._done.eq(1)

    def _load_key(self, m):
        """Take a key, as far as it fits into a block, and fill the block with zeros."""
        word = self._offer.word
        full = self._count[4]
        opened, is_key = self._of_holder(self._opened), self._of_holder(self._is_key)
        with m.State("Take Key"):
            m.d.comb += self._contexts.write_place.eq(Place.SCRATCH)
            with m.If(self.wiping):
                m.d.sync += opened.eq(1)  # for the user to be told
                m.next = "Choose"
            with m.Elif(self._offered & full & ~(word.last & (word.bytes == 0))):
                m.d.sync += [opened.eq(1), is_key.eq(1), self._live.eq(1), self._part.eq(_Part.LONG_KEY)]
                m.next = "Restart"
            with m.Elif(self._offered):
                m.d.comb += [self._take.eq(1), self._contexts.write_en.eq(~full)]
                m.d.sync += [self._part.eq(_Part.INNER_KEY), self._count.eq(self._count + ~full)]
                with m.If(word.last):
                    m.next = "Fill Key"
        with m.State("Fill Key"):
            m.d.comb += self._contexts.write_place.eq(Place.SCRATCH)
            with m.If(full):
                m.next = "Restart"
            with m.Else():
                m.d.comb += self._contexts.write_en.eq(1)
                m.d.sync += self._count.eq(self._count + 1)

    def _hash_scratch(self, m):
        """Hash a block of key, or the inner digest."""
        message = self._hash.message
        fresh = Signal()  # the word read is that of `count`
        taken = Signal()
        with m.State("Restart"):
            m.d.sync += self._count.eq(0)
            with m.If(self._hash.idle):
                m.d.comb += self._hash.restart.eq(1)
                m.next = "Hash Scratch"
        with m.State("Hash Scratch"):
            m.d.comb += [
                message.valid.eq(fresh),
                taken.eq(message.valid & message.ready),
                self._contexts.read_index.eq(self._count + taken),
            ]
            m.d.sync += [fresh.eq(1), self._count.eq(self._count + taken)]
            with m.If(taken & (message.payload.last | (self._hash.index == _BLOCK_WORDS - 1))):
                m.d.sync += fresh.eq(0)
                m.next = "Finish"

    def _restore(self, m):
        """Take the state of a message."""
        with m.State("Take State"):
            m.d.comb += self._contexts.write_place.eq(Place.RUNNING)
            with m.If(self.wiping):
                m.d.sync += self._of_holder(self._opened).eq(1)
                m.next = "Choose"
            with m.Elif(self._offered):
                m.d.comb += [self._take.eq(1), self._contexts.write_en.eq(1)]
                m.d.sync += self._count.eq(self._count + 1)
                with m.If(self._offer.word.last):
                    m.next = "Open Message"
        with m.State("Open Message"):
            m.d.comb += self._done.eq(1)
            m.d.sync += self._of_holder(self._opened).eq(1)
            m.next = "Choose"

    def _move_words(self, m):
        with m.State("Move Words"), m.If(self._contexts.moved):
            m.d.sync += self._gives.eq(0)
            with m.Switch(self._then):
                with m.Case(_Then.CHOOSE):
                    m.next = "Choose"
                with m.Case(_Then.HASH_MESSAGE):
                    m.next = "Hash Message"
                with m.Case(_Then.HASH_SCRATCH):
                    m.next = "Hash Scratch"
                with m.Case(_Then.FILL_KEY):
                    m.next = "Fill Key"
                with m.Case(_Then.RESTART):
                    m.next = "Restart"
                with m.Case(_Then.GIVE_STATE):
                    m.next = "Give State"
                with m.Case(_Then.WIPE_HASH):
                    m.next = "Wipe Hash"
        with m.State("Give State"), m.If(self._hash.idle):
            self._move(m, store=Place.RUNNING, whole=True, give=True, then=_Then.CHOOSE)

    def _wipe(self, m):
        """Write zeros over the memory of one user or all, and hash zeros until nothing else is left."""
        message = self._hash.message
        with m.State("Wipe Memory"):
            m.d.comb += [
                self._contexts.write_en.eq(1),  # SEC_CM: KEY.WIPE
                Cat(self._contexts.write_index, self._contexts.write_place).eq(self._count),
            ]
            m.d.sync += [
                self._count.eq(self._count + 1),
                self._primed.eq(0),
                self._live.eq(0),
                self._part.eq(_Part.MESSAGE),
            ]
            with m.If(self._count == USER_WORDS - 1):
                with m.If(self._wipes_all & (self._holder != len(self.users) - 1)):
                    m.d.sync += self._holder.eq(self._holder + 1)
                with m.Else():
                    m.next = "Settle"
        with m.State("Settle"):
            # A block that was begun is filled with zeros.
            m.d.comb += message.valid.eq(self._hash.index != 0)
            with m.If(self._hash.idle):
                self._move(m, fetch=Place.SCRATCH, whole=True, then=_Then.WIPE_HASH)
        with m.State("Wipe Hash"):
            m.d.comb += message.valid.eq(self._count < _WIPING_WORDS)  # SEC_CM: KEY.WIPE
            with m.If(message.valid):
                m.d.sync += self._count.eq(self._count + message.ready)
            with m.Elif(self._hash.idle):
                m.d.sync += [self._of_holder(self._opened).eq(0), self._of_holder(self._keyed).eq(0)]
                with m.If(self._wipes_all):
                    m.d.comb += self._wiped.eq(1)
                    m.d.sync += [self._opened.eq(0), self._keyed.eq(0)]
                with m.Else():
                    m.d.comb += self._done.eq(1)
                m.next = "Choose"
