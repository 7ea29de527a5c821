"""The application's way to the SHA-256 unit: registers, and a memory for the session's words."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...bus import (
    KeyClass,
    KeyPathSignature,
    KeyResultSignature,
    MemoryMap,
    RegisterBank,
    StoredRegister,
    csr,
)
from .operations import Operations
from .provenance import Provenance
from .registers import (
    BLOCK_WORDS,
    CODE_BITS,
    KEY_WORDS,
    STORED,
    Operate,
    Operation,
    Refusal,
    Status,
    is_one_of,
)
from .signature import Command, UserSignature
from .slot_words import BINDING, HIDDEN, SlotWords

__all__ = ["ApplicationPort"]

_STATE_LAST = 9  # index of the last word of a state
_ADDR_WIDTH = 7

# Places in the memory, as the upper bits of an address.
_QUEUE = Const(0b0, 1)
_RESULT = Const(0b10, 2)
_END = Const(0b11_0000, 6)


class ApplicationPort(Operations, SlotWords, wiring.Component):
    """Registers of the SHA-256 unit for the application, and its session.

    Words written to `data`, at any of its addresses, join a queue of two blocks. A block goes to the unit
    when it is complete, the rest with `finish`. The unit's answer is kept in a memory and read from `state`.
    An operation or word that is out of order, or that there is no room for, is dropped, and the cause
    `refused` is set; an access never waits.

    Words of a slot go from the key store to the unit without resting here: what is appended keeps its place
    in the queue empty, and is asked for when its block is handed over. A digest for a slot lies where no
    address on the bus leads, and is overwritten when it has gone.

    Parameters
    ----------
    slots : int
        Number of slots of the key store.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    irq : Out(1)
        Level interrupt.
    user : Out(UserSignature)
        To the unit.
    key : Out(KeyPathSignature)
        Slots' words, from the key store.
    result : Out(KeyResultSignature)
        Digests, to the key store.
    wiping : In(1)
        The unit is being wiped: the session ends, and the memory is cleared.
    wiped : Out(1)
        Low from ``wiping`` until that is done.

    Latency
    -------
    The first word of a block is offered to the unit three cycles after the last one was written, the others
    in the cycles after it. The cause `done` is set in the cycle after the unit's last word.
    """

    def __init__(self, *, slots):
        self._slots = slots
        self._bank = RegisterBank(
            identification="SHA2",
            version=3,
            addr_width=3,
            causes={
                "done": "An operation is done that is not a message's beginning or `append`.",
                "room": "The open message has room for 16 words.",
                "refused": "An operation or a word was refused, or the unit was wiped; `status` says why.",
            },
        )
        self._status = self._bank.add("status", Status())
        self._operate = self._bank.add("operate", Operate())
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=_ADDR_WIDTH, data_width=32)),
                "irq": Out(1),
                "user": Out(UserSignature()),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "wiping": In(1),
                "wiped": Out(1),
            }
        )
        self.bus.memory_map = self._memory_map()
        # What is read of a word in the cycle in which it is written is never used.
        self._memory = Memory(shape=32, depth=64, init=[], attrs={"no_rw_check": 1})
        self._word = Signal(32)  # read from it

        self._asked = Signal()  # an operation is to be done or being done
        self._operation = Signal(Operation)
        self._tail_bytes = Signal(2)
        self._wipes = Signal()  # the application's wipe is to be done or being done
        self._clears = Signal()  # the memory is to be cleared, since the unit is being wiped
        self._session = Signal()
        self._mode = Signal(Command)  # what began the session
        self._begun = Signal()
        self._put, self._get = Signal(6), Signal(6)  # one bit more than an address tells full from empty
        self._waiting = Signal(6)
        self._refusal = Signal(Refusal)
        self._number = Signal(6)  # of a word of the state, or to be cleared
        self._pushes = Signal()  # the bus writes a word into the queue
        self._stores = Signal()  # the bus writes another word of the memory
        self._refused = Signal()
        self._finished = Signal()
        self._closing = Signal()  # nothing can be added to the message
        self._ends = Signal()  # the operation ends it
        self._loads_key = Signal()  # the operation makes a slot's key the key
        self._clearing, self._clearing_digest = Signal(), Signal()  # memory is being overwritten
        self._provenance = Provenance()
        self._source = Signal(range(slots))  # slot to be read
        self._target = Signal(range(slots))  # slot that the digest is for
        self._binds = Signal()  # that slot's policy comes
        self._lost = Signal()  # that slot is refused
        self._key_slot = Signal(range(slots))  # slot of the key
        self._forgets = Signal()  # the wipe to be done is that of a key whose slot was emptied
        self._appended = Signal()  # the queue has a place for a slot's words
        self._place = Signal(6)  # that place
        self._key_class = Signal(KeyClass)  # of the words that come
        self._broken = Signal()  # the key store has broken off: zeros follow, and then all is wiped

    def _memory_map(self):
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for register, name, (start, end) in self._bank.freeze().resources():
            memory_map.add_resource(register, name=name, addr=start, size=end - start)
        for name, start, words, description in STORED:
            register = StoredRegister(description=description, width=32 * words, access="rw")
            memory_map.add_resource(register, name=(name,), addr=start, size=words)
        return memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        m.submodules.memory = self._memory
        m.submodules.provenance = self._provenance
        blocks_wait, busy = Signal(), Signal()
        m.d.comb += [
            self._waiting.eq(self._put - self._get),
            blocks_wait.eq(self._waiting >= BLOCK_WORDS),
            self._closing.eq(self._asked | self._wipes | self._clears),
            self._ends.eq(is_one_of(self._operation, Operation.FINISH, Operation.FINISH_SLOT)),
            self._loads_key.eq(
                self._asked & is_one_of(self._operation, Operation.KEY_HMAC, Operation.KEY_DERIVE)
            ),
            self.irq.eq(self._bank.irq),
            self._bank.event("done").eq(self._finished),
            self._bank.event("room").eq(self._session & ~self._asked & (self._waiting <= BLOCK_WORDS)),
            self._bank.event("refused").eq(self._refused),
            self._status.f.busy.r_data.eq(busy),
            self._status.f.session.r_data.eq(self._session),
            self._status.f.begun.r_data.eq(self._begun),
            self._status.f.keyed.r_data.eq(self.user.keyed),
            self._status.f.refusal.r_data.eq(self._refusal),
            self._status.f.waiting.r_data.eq(self._waiting),
        ]
        self._elaborate_bus(m, busy)
        self._elaborate_operations(m, busy)
        waits, address = self._elaborate_sender(m, blocks_wait)
        m.d.comb += [
            busy.eq(~waits | blocks_wait | self._closing),
            self.wiped.eq(~self.wiping & ~self._clears),
        ]
        self._elaborate_memory(m, busy, address)
        self._forget_with_slot(m)
        return m

    def _refuse(self, m, reason):
        m.d.comb += self._refused.eq(1)
        m.d.sync += self._refusal.eq(reason)

    def _elaborate_bus(self, m, busy):
        """Registers, and writes to the memory."""
        bus, bank = self.bus, self._bank.bus
        in_bank = bus.addr[3:] == 0
        m.d.comb += [
            bank.addr.eq(bus.addr),
            bank.r_stb.eq(bus.r_stb & in_bank),
            bank.w_stb.eq(bus.w_stb & in_bank),
            bank.w_data.eq(bus.w_data),
        ]
        with m.If(bus.w_stb & bus.addr[6] & (bus.addr[4:6] == 0)):
            with m.If(~self._session | self._closing):
                self._refuse(m, Refusal.ORDER)
            with m.Elif(self._waiting == 2 * BLOCK_WORDS):
                self._refuse(m, Refusal.ROOM)
            with m.Else():
                m.d.comb += self._pushes.eq(1)
                m.d.sync += self._put.eq(self._put + 1)
        with m.Elif(bus.w_stb & bus.addr[6]):
            with m.If(Mux(bus.addr[5], busy, self._closing)):
                self._refuse(m, Refusal.ORDER)
            with m.Else():
                m.d.comb += self._stores.eq(1)

    def _empty_queue(self, m):
        m.d.sync += [self._begun.eq(0), self._put.eq(0), self._get.eq(0), self._appended.eq(0)]

    def _close(self, m):
        """There is no session any more."""
        self._empty_queue(m)
        m.d.sync += [self._session.eq(0), self._asked.eq(0), self._broken.eq(0)]
        m.next = "Wait"

    def _elaborate_sender(self, m, blocks_wait):
        """Hands words to the unit. Returns if it waits, and where it reads."""
        message = self.user.message
        payload = message.payload
        fresh, taken = Signal(), Signal()  # the word read is the one to send; the unit takes it
        address = Signal(6)
        m.d.sync += fresh.eq(0)
        with m.If(self.wiping & ~self._clears):
            m.d.sync += self._clears.eq(1)
            self._refuse(m, Refusal.UNIT)
        with m.FSM() as fsm:
            with m.State("Wait"):
                self._choose(m, blocks_wait)
                self._close_if_failed(m, fresh)
            self._elaborate_slot(m, fresh, taken)
            with m.State("Send Block"):
                m.d.comb += address.eq(Cat((self._get + taken)[:5], _QUEUE))
                m.d.sync += [fresh.eq(1), self._get.eq(self._get + taken)]
                with m.If(taken & self._get[:4].all()):
                    m.d.sync += [fresh.eq(0), self._begun.eq(1)]
                    m.next = "Wait"
                with m.Elif(taken & (self._waiting == 1)):
                    m.d.sync += fresh.eq(0)
                    self._end_message(m)
                with m.Elif(taken & self._appended & (self._place == self._get + 1)):
                    m.d.sync += fresh.eq(0)
                    m.next = "Send Slot"
                self._close_if_failed(m, fresh)
            with m.State("Send State"):
                m.d.comb += address.eq(Cat(_upwards((self._number + taken)[:4]), _RESULT))
                m.d.sync += [fresh.eq(1), self._number.eq(self._number + taken)]
                with m.If(taken & (self._number == _STATE_LAST)):
                    m.d.sync += fresh.eq(0)
                    m.next = "Await Unit"
                self._close_if_failed(m, fresh)
            with m.State("Send End"):
                m.d.comb += address.eq(_END)
                m.d.sync += fresh.eq(~taken)
                with m.If(taken):
                    m.next = "Await Unit"
                self._close_if_failed(m, fresh)
            with m.State("Await Unit"):
                self._elaborate_answer(m)
                self._close_if_failed(m, fresh)
            self._elaborate_binding(m, fresh, taken, address)
            self._elaborate_digest(m, fresh, address)
            with m.State("Clear Memory"):
                m.d.comb += [self._clearing.eq(1), self._provenance.forget.eq(1)]
                m.d.sync += [self._number.eq(self._number + 1), self._operation.eq(Operation.WIPE)]
                with m.If(self._number.all()):
                    m.d.sync += self._clears.eq(self.wiping)
                    m.next = "Wait"
                    with m.If(self._wipes):
                        m.next = "Send End"
                    with m.Else():
                        m.d.sync += self._broken.eq(0)
        sends_end, sends_slot = fsm.ongoing("Send End"), fsm.ongoing("Send Slot")
        sends_state, gives = fsm.ongoing("Send State"), fsm.ongoing("Give Digest")
        begins = sends_end & ~self._ends | sends_state
        m.d.comb += [
            message.valid.eq(Mux(sends_slot, self._broken | self.key.key.valid, fresh & ~gives)),
            taken.eq(message.valid & message.ready),
            payload.word.data.eq(Mux(sends_slot, Mux(self._broken, 0, self.key.key.payload), self._word)),
            payload.word.bytes.eq(Mux(sends_end, self._tail_bytes, 4)),
            payload.word.last.eq(
                sends_end
                | (sends_state & (self._number == _STATE_LAST))
                | (sends_slot & self._loads_key & (self._number == KEY_WORDS - 1))
            ),
            payload.first.eq(begins | ~self._begun | self._loads_key),
            payload.command.eq(Mux(begins, self._operation.as_value()[:CODE_BITS], self._mode)),
            # Words that nobody waits for any more are dropped: the key store serves others then.
            self.key.key.ready.eq(
                Mux(sends_slot, message.ready & ~self._broken, ~fsm.ongoing("Await Slot") & ~self._holds(fsm))
            ),
        ]
        with m.If(sends_slot & self._loads_key):
            m.d.comb += payload.command.eq(Command.KEY)
        with m.If(self.key.refused & (sends_slot | self._holds(fsm))):
            m.d.sync += self._broken.eq(1)
        with m.If(self.result.refused):
            m.d.sync += self._lost.eq(1)
        return fsm.ongoing("Wait"), address

    def _holds(self, fsm):
        """The words of a slot wait for those of the queue that come before them."""
        return fsm.ongoing("Send Block") & self._appended

    def _choose(self, m, blocks_wait):
        """What is to be done next; part of a state's actions."""
        m.d.sync += self._number.eq(0)
        with m.If(self._wipes | self._clears):
            self._empty_queue(m)
            m.d.sync += [self._session.eq(0), self._asked.eq(0)]
            m.next = "Clear Memory"
        with m.Elif(blocks_wait | (self._asked & self._ends & (self._waiting != 0))):
            m.next = "Send Block"
            with m.If(self._appended & (self._place[4:] == self._get[4:])):
                m.next = "Ask Slot"
        with m.Elif(self._asked & self._loads_key):
            m.next = "Ask Slot"
        with m.Elif(self._asked & is_one_of(self._operation, Operation.RESTORE_HASH, Operation.RESTORE_HMAC)):
            m.next = "Send State"
        with m.Elif(self._asked):
            self._end_message(m)

    def _elaborate_answer(self, m):
        """The operation ends with `done`, or with the last word if there are any."""
        result, provenance = self.user.result, self._provenance
        has_digest, answered = Signal(), Signal()
        m.d.comb += [
            has_digest.eq(self._ends & (self._mode != Command.KEY)),
            answered.eq(
                Mux(
                    has_digest | (self._operation == Operation.SAVE),
                    result.stb & (result.index == Mux(has_digest, 0, _STATE_LAST)),
                    self.user.done,
                )
            ),
        ]
        wiped = self._operation == Operation.WIPE
        with m.If(answered & (self._broken | self._forgets) & wiped):
            self._refuse(m, Refusal.SLOT)
            m.d.sync += [self._wipes.eq(0), self._forgets.eq(0)]
            self._close(m)
        with m.Elif(answered & self._broken):
            m.d.sync += self._wipes.eq(1)
            m.next = "Wait"
        with m.Elif(answered & has_digest & (self._operation == Operation.FINISH_SLOT)):
            m.d.sync += self._number.eq(KEY_WORDS - 1)
            m.next = "Give Digest"
        with m.Elif(answered & has_digest & ~provenance.to_bus):
            m.d.comb += self.key.forbids.eq(1)
            self._refuse(m, Refusal.SECRET)
            self._close(m)
        with m.Elif(answered):
            goes_on = is_one_of(
                self._operation, Operation.SAVE, Operation.RESTORE_HASH, Operation.RESTORE_HMAC
            )
            m.d.comb += [
                self._finished.eq(1),
                provenance.loaded.stb.eq(self._loads_key | (self._ends & ~has_digest)),
                provenance.loaded.from_slot.eq(self._loads_key),
                provenance.loaded.derives.eq(self._operation == Operation.KEY_DERIVE),
                provenance.loaded.key_class.eq(self._key_class),
            ]
            with m.If(self._loads_key):
                m.d.sync += self._key_slot.eq(self._source)
            m.d.sync += [
                self._asked.eq(0),
                self._wipes.eq(self._wipes & ~wiped),
                self._session.eq(goes_on),
                self._begun.eq(goes_on),
            ]
            m.next = "Wait"

    def _close_if_failed(self, m, fresh):
        """The unit has refused a word, or was wiped."""
        with m.If(self.user.failed):
            self._refuse(m, Refusal.UNIT)
            m.d.sync += fresh.eq(0)
            self._close(m)

    def _elaborate_memory(self, m, busy, address):
        bus, result = self.bus, self.user.result
        read, write = self._memory.read_port(domain="comb"), self._memory.write_port()
        seen = Signal()
        # Within `data`, reads see the block that waits.
        shown = Cat(bus.addr[:4], self._get[4], _QUEUE)
        place = Mux(bus.addr[5], Cat(bus.addr[:4], _RESULT), _END)
        m.d.comb += [
            read.addr.eq(Mux(busy, address, Mux(bus.addr[4:6] == 0, shown, place))),
            bus.r_data.eq(self._bank.bus.r_data | Mux(seen, self._word, 0)),
        ]
        m.d.sync += [self._word.eq(read.data), seen.eq(bus.r_stb & bus.addr[6] & ~busy)]
        hides = self._ends & (self._operation == Operation.FINISH_SLOT)
        drops = self._broken | (self._ends & ~hides & ~self._provenance.to_bus)
        upwards = _upwards(result.index)
        with m.If(self._clearing):
            m.d.comb += [write.en.eq(1), write.addr.eq(self._number)]  # SEC_CM: KEY.WIPE
        with m.Elif(self._clearing_digest):
            m.d.comb += [write.en.eq(1), write.addr.eq(Cat(self._number[:3], HIDDEN))]
        with m.Elif(self._binds):
            m.d.comb += [write.en.eq(1), write.addr.eq(BINDING), write.data.eq(self.result.binding)]
        with m.Elif(result.stb):
            m.d.comb += [
                write.en.eq(~drops),  # SEC_CM: KEY.NOREAD
                write.addr.eq(Mux(hides, Cat(upwards[:3], HIDDEN), Cat(upwards, _RESULT))),
                write.data.eq(result.data),
            ]
        with m.Else():
            m.d.comb += [
                write.en.eq(self._pushes | self._stores),
                write.addr.eq(Mux(self._pushes, Cat(self._put[:5], _QUEUE), place)),
                write.data.eq(bus.w_data),
            ]


def _upwards(index):
    """Place in the memory of a word of the state: the chaining value's lowest word comes first."""
    return Cat(index[:3] ^ (~index[3]).replicate(3), index[3])
