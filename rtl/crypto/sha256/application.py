"""The application's way to the SHA-256 unit: registers, and a memory for the session's words."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...bus import MemoryMap, RegisterBank, StoredRegister, csr
from .signature import Command, UserSignature

__all__ = ["ApplicationPort", "Refusal"]

_FINISH = 7  # beside the codes of `Command`
_BLOCK_WORDS = 16
_STATE_LAST = 9  # index of the last word of a state
_ADDR_WIDTH = 7
_STORED = (
    (
        "data",
        64,
        16,
        "Words of the message, their first byte on top. Whatever address a word is written to, it is the "
        "next one. Reads show the words of the incomplete block.",
    ),
    ("tail", 80, 1, "The last bytes of the message, up to three, the first one on top; see `finish`."),
    (
        "state",
        96,
        8,
        "The digest after `finish`, its first byte on top; the chaining value after `save`, and for the "
        "`restore` operations.",
    ),
    (
        "length",
        104,
        2,
        "Blocks of 64 bytes hashed into `state`, after `save` and for the `restore` operations.",
    ),
)
"""Name, address, words and description of what lies in the memory."""

# Places in the memory, as the upper bits of an address.
_QUEUE = Const(0b0, 1)
_RESULT = Const(0b10, 2)
_END = Const(0b11_0000, 6)


class Refusal(enum.Enum, shape=2):
    """Why a command or a word of the application was refused."""

    NONE = 0
    ORDER = 1
    ROOM = 2
    UNIT = 3


class ApplicationPort(wiring.Component):
    """Registers of the SHA-256 unit for the application, and its session.

    Words written to `data`, at any of its addresses, join a queue of two blocks. A block goes to the unit
    when it is complete, the rest with `finish`. The unit's answer is kept in a memory and read from `state`.
    An operation or word that is out of order, or that there is no room for, is dropped, and the cause
    `refused` is set; an access never waits.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    irq : Out(1)
        Level interrupt.
    user : Out(UserSignature)
        To the unit.
    wiping : In(1)
        The unit is being wiped: the session ends, and the memory is cleared.
    wiped : Out(1)
        Low from ``wiping`` until that is done.

    Latency
    -------
    The first word of a block is offered to the unit three cycles after the last one was written, the others
    in the cycles after it. The cause `done` is set in the cycle after the unit's last word.
    """

    class Status(csr.Register, access="r"):
        """State of the session.

        Fields
        ------
        busy: An operation is being done, or a block handed over: the memory reads as zero.
        session: A message is open: words can be written to `data`.
        begun: A block of the message has gone to the unit, so that `save` has something to save.
        keyed: An HMAC key is loaded.
        refusal: Why the last refusal was. 0 there was none; 1 the access was out of order; 2 the queue was
            full; 3 there was no key, or the unit was wiped, which ends the session and clears the memory.
        waiting: Words in the queue. While not busy these are the words of the incomplete block, and `data`
            shows them.
        """

        busy: csr.Field(csr.action.R, 1)
        session: csr.Field(csr.action.R, 1)
        begun: csr.Field(csr.action.R, 1)
        keyed: csr.Field(csr.action.R, 1)
        refusal: csr.Field(csr.action.R, 2)
        _: csr.Field(csr.action.ResR0W0, 2)
        waiting: csr.Field(csr.action.R, 6)

    class Operate(csr.Register, access="w"):
        """What is to be done.

        Fields
        ------
        operation: 0 `hash`, 1 `hmac` and 2 `key` begin a message: it is hashed, authenticated with the key,
            or made the key. 7 `finish` ends it; then the digest, if there is one, is in `state`. 3 `save`
            puts the state of the message into `state` and `length`, without the words that wait; 4
            `restore_hash` and 5 `restore_hmac` make a message of them. 6 `wipe` forgets message, key and
            memory, as soon as what is being done is done.
        tail_bytes: With `finish`: how many bytes of `tail`, 0 to 3, end the message.
        """

        operation: csr.Field(csr.action.W, 3)
        tail_bytes: csr.Field(csr.action.W, 2)

    def __init__(self):
        self._bank = RegisterBank(
            identification="SHA2",
            version=1,
            addr_width=3,
            causes={
                "done": "`finish`, `save`, `restore_hash`, `restore_hmac` or `wipe` is done.",
                "room": "The open message has room for 16 words.",
                "refused": "An operation or a word was refused, or the unit was wiped; `status` says why.",
            },
        )
        self._status = self._bank.add("status", self.Status())
        self._operate = self._bank.add("operate", self.Operate())
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=_ADDR_WIDTH, data_width=32)),
                "irq": Out(1),
                "user": Out(UserSignature()),
                "wiping": In(1),
                "wiped": Out(1),
            }
        )
        self.bus.memory_map = self._memory_map()
        # What is read of a word in the cycle in which it is written is never used.
        self._memory = Memory(shape=32, depth=64, init=[], attrs={"no_rw_check": 1})
        self._word = Signal(32)  # read from it

        self._asked = Signal()  # an operation is to be done or being done
        self._operation = Signal(3)
        self._tail_bytes = Signal(2)
        self._wipes = Signal()  # the application's wipe is to be done or being done
        self._clears = Signal()  # the memory is to be cleared, since the unit is being wiped
        self._session = Signal()
        self._mode = Signal(2)  # what began the session
        self._begun = Signal()
        self._put, self._get = Signal(6), Signal(6)  # one bit more than an address tells full from empty
        self._waiting = Signal(6)
        self._refusal = Signal(Refusal)
        self._number = Signal(6)  # of a word of the state, or to be cleared
        self._pushes = Signal()  # the bus writes a word into the queue
        self._stores = Signal()  # the bus writes another word of the memory
        self._refused = Signal()
        self._finished = Signal()

    def _memory_map(self):
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for register, name, (start, end) in self._bank.freeze().resources():
            memory_map.add_resource(register, name=name, addr=start, size=end - start)
        for name, start, words, description in _STORED:
            register = StoredRegister(description=description, width=32 * words, access="rw")
            memory_map.add_resource(register, name=(name,), addr=start, size=words)
        return memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        m.submodules.memory = self._memory
        blocks_wait, busy = Signal(), Signal()
        m.d.comb += [
            self._waiting.eq(self._put - self._get),
            blocks_wait.eq(self._waiting >= _BLOCK_WORDS),
            self.irq.eq(self._bank.irq),
            self._bank.event("done").eq(self._finished),
            self._bank.event("room").eq(self._session & ~self._asked & (self._waiting <= _BLOCK_WORDS)),
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
        waits, clearing, address = self._elaborate_sender(m, blocks_wait)
        m.d.comb += [
            busy.eq(~waits | blocks_wait | self._asked | self._wipes | self._clears),
            self.wiped.eq(~self.wiping & ~self._clears),
        ]
        self._elaborate_memory(m, busy, clearing, address)
        return m

    def _refuse(self, m, reason):
        m.d.comb += self._refused.eq(1)
        m.d.sync += self._refusal.eq(reason)

    def _elaborate_bus(self, m, busy):
        """Registers, and writes to the memory."""
        bus, bank = self.bus, self._bank.bus
        in_bank = bus.addr[3:] == 0
        closing = self._asked | self._wipes | self._clears
        m.d.comb += [
            bank.addr.eq(bus.addr),
            bank.r_stb.eq(bus.r_stb & in_bank),
            bank.w_stb.eq(bus.w_stb & in_bank),
            bank.w_data.eq(bus.w_data),
        ]
        with m.If(bus.w_stb & bus.addr[6] & (bus.addr[4:6] == 0)):
            with m.If(~self._session | closing):
                self._refuse(m, Refusal.ORDER)
            with m.Elif(self._waiting == 2 * _BLOCK_WORDS):
                self._refuse(m, Refusal.ROOM)
            with m.Else():
                m.d.comb += self._pushes.eq(1)
                m.d.sync += self._put.eq(self._put + 1)
        with m.Elif(bus.w_stb & bus.addr[6]):
            with m.If(Mux(bus.addr[5], busy, closing)):
                self._refuse(m, Refusal.ORDER)
            with m.Else():
                m.d.comb += self._stores.eq(1)

    def _elaborate_operations(self, m, busy):
        """What is written to `operate`."""
        written = self._operate.f.operation
        operation, strobe = written.w_data, written.w_stb
        starts = operation.matches(*_codes(Command.HASH, Command.HMAC, Command.KEY))
        restores = operation.matches(*_codes(Command.RESTORE_HASH, Command.RESTORE_HMAC))
        with_key = operation.matches(*_codes(Command.HMAC, Command.RESTORE_HMAC))
        wipes = operation.matches(*_codes(Command.WIPE))
        out_of_order = Signal()
        with m.Switch(operation):
            with m.Case(*_codes(Command.WIPE)):
                m.d.comb += out_of_order.eq(0)
            with m.Case(*_codes(Command.SAVE)):
                m.d.comb += out_of_order.eq(busy | ~self._begun | (self._mode == Command.KEY.value))
            with m.Case(_FINISH):
                m.d.comb += out_of_order.eq(~self._session | self._asked | self._wipes | self._clears)
            with m.Default():
                m.d.comb += out_of_order.eq(busy)
        with m.If(strobe & out_of_order):
            self._refuse(m, Refusal.ORDER)
        with m.Elif(strobe & with_key & ~self.user.keyed):
            self._refuse(m, Refusal.UNIT)
        with m.Elif(strobe & wipes):
            m.d.sync += self._wipes.eq(1)
        with m.Elif(strobe):
            with m.If(starts | restores):
                self._empty_queue(m)
                m.d.sync += [self._session.eq(starts), self._mode.eq(Mux(starts, operation, with_key))]
            with m.If(~starts):
                m.d.sync += [
                    self._asked.eq(1),
                    self._operation.eq(operation),
                    self._tail_bytes.eq(self._operate.f.tail_bytes.w_data),
                ]

    def _empty_queue(self, m):
        m.d.sync += [self._begun.eq(0), self._put.eq(0), self._get.eq(0)]

    def _elaborate_sender(self, m, blocks_wait):
        """Hands words to the unit. Returns if it waits, if it clears the memory, and where it reads."""
        message = self.user.message
        payload = message.payload
        fresh, taken = Signal(), Signal()  # the word read is the one to send; the unit takes it
        address = Signal(6)
        ends = self._operation == _FINISH
        m.d.sync += fresh.eq(0)
        with m.If(self.wiping & ~self._clears):
            m.d.sync += self._clears.eq(1)
            self._refuse(m, Refusal.UNIT)
        with m.FSM() as fsm:
            with m.State("Wait"):
                m.d.sync += self._number.eq(0)
                with m.If(self._wipes | self._clears):
                    m.d.sync += [self._session.eq(0), self._asked.eq(0)]
                    self._empty_queue(m)
                    m.next = "Clear Memory"
                with m.Elif(blocks_wait | (self._asked & ends & (self._waiting != 0))):
                    m.next = "Send Block"
                with m.Elif(self._asked & self._operation[2] & ~ends):
                    m.next = "Send State"
                with m.Elif(self._asked):
                    m.next = "Send End"
                self._close_if_failed(m, fresh)
            with m.State("Send Block"):
                m.d.comb += address.eq(Cat((self._get + taken)[:5], _QUEUE))
                m.d.sync += [fresh.eq(1), self._get.eq(self._get + taken)]
                with m.If(taken & self._get[:4].all()):
                    m.d.sync += [fresh.eq(0), self._begun.eq(1)]
                    m.next = "Wait"
                with m.Elif(taken & (self._waiting == 1)):
                    m.d.sync += fresh.eq(0)
                    m.next = "Send End"
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
                self._elaborate_answer(m, ends)
                self._close_if_failed(m, fresh)
            with m.State("Clear Memory"):
                m.d.sync += [self._number.eq(self._number + 1), self._operation.eq(Command.WIPE.value)]
                with m.If(self._number.all()):
                    m.d.sync += self._clears.eq(self.wiping)
                    m.next = "Wait"
                    with m.If(self._wipes):
                        m.next = "Send End"
        sends_end = fsm.ongoing("Send End")
        begins = sends_end & ~ends | fsm.ongoing("Send State")
        m.d.comb += [
            message.valid.eq(fresh),
            taken.eq(fresh & message.ready),
            payload.word.data.eq(self._word),
            payload.word.bytes.eq(Mux(sends_end, self._tail_bytes, 4)),
            payload.word.last.eq(sends_end | (fsm.ongoing("Send State") & (self._number == _STATE_LAST))),
            payload.first.eq(begins | ~self._begun),
            payload.command.eq(Mux(begins, self._operation, self._mode)),
        ]
        return fsm.ongoing("Wait"), fsm.ongoing("Clear Memory"), address

    def _elaborate_answer(self, m, ends):
        """The operation ends with `done`, or with the last word if there are any."""
        result = self.user.result
        saves = self._operation == Command.SAVE.value
        with m.If(saves):
            m.d.comb += self._finished.eq(result.stb & (result.index == _STATE_LAST))
        with m.Elif(ends & (self._mode != Command.KEY.value)):
            m.d.comb += self._finished.eq(result.stb & (result.index == 0))
        with m.Else():
            m.d.comb += self._finished.eq(self.user.done)
        with m.If(self._finished):
            goes_on = ~ends & (self._operation != Command.WIPE.value)
            m.d.sync += [
                self._asked.eq(0),
                self._wipes.eq(self._wipes & (self._operation != Command.WIPE.value)),
                self._session.eq(goes_on),
                self._begun.eq(goes_on),
            ]
            m.next = "Wait"

    def _close_if_failed(self, m, fresh):
        """The unit has refused a word, or was wiped: there is no session any more."""
        with m.If(self.user.failed):
            self._refuse(m, Refusal.UNIT)
            self._empty_queue(m)
            m.d.sync += [self._session.eq(0), self._asked.eq(0), fresh.eq(0)]
            m.next = "Wait"

    def _elaborate_memory(self, m, busy, clearing, address):
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
        with m.If(clearing):
            m.d.comb += [write.en.eq(1), write.addr.eq(self._number)]
        with m.Elif(result.stb):
            m.d.comb += [
                write.en.eq(1),
                write.addr.eq(Cat(_upwards(result.index), _RESULT)),
                write.data.eq(result.data),
            ]
        with m.Else():
            m.d.comb += [
                write.en.eq(self._pushes | self._stores),
                write.addr.eq(Mux(self._pushes, Cat(self._put[:5], _QUEUE), place)),
                write.data.eq(bus.w_data),
            ]


def _codes(*commands):
    return tuple(command.value for command in commands)


def _upwards(index):
    """Place in the memory of a word of the state: the chaining value's lowest word comes first."""
    return Cat(index[:3] ^ (~index[3]).replicate(3), index[3])
