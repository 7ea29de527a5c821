"""The key store: registers, and the operations that the application asks for."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import (
    AlertSignature,
    KeyPathSignature,
    KeyResultSignature,
    LifecycleState,
    MemoryMap,
    RandomSignature,
    RegisterBank,
    StoredRegister,
    csr,
)
from .paths import Paths, allows_result
from .policy import POLICY, SLOT_WORDS, STATES, Operation, Outcome, WipeLevel, is_sound, states_of
from .registers import Operate, Select, SlotState, Status, policy_register
from .vault import Vault

__all__ = ["KeyStore"]

_ADDR_WIDTH, _BANK_WIDTH = 5, 4
_DATA = 16  # address of `data`
_MOST_SLOTS = 256  # that a number in `select` can name
_LEAST_PATIENCE = 2


class KeyStore(wiring.Component):
    """Slots of 256 bits, each with a policy that says which operation of which block may use it.

    No register shows a key. The words of a slot go to the blocks' paths alone, and new keys come from there,
    from the source of randomness, or, as external ones, over the bus.

    Parameters
    ----------
    slots : int
        Number of slots, 2 to 256.
    users : int
        Number of blocks that use keys, from 1.
    loadable : iterable of LifecycleState
        States in which keys can be loaded over the bus. In ``RETIRED`` nothing can be done at all.
    patience : int
        Cycles after which a transfer ends whose user does not take or bring its next word, 2 or more.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    irq : Out(1)
        Level interrupt.
    keys : array of In(KeyPathSignature)
        Way of the slots' words to each user.
    results : array of In(KeyResultSignature)
        Way of new keys from each user.
    random : In(RandomSignature)
        For keys that are generated.
    lifecycle : In(LifecycleState)
        State of the chip. When it becomes ``RETIRED``, or a code that is no state's, every slot is wiped.
    wipe : In(1)
        Wipes every slot: high for a cycle or longer.
    alerts : In(a bit for each WipeLevel)
        An alert that rises wipes the slots whose policies name it; while it is high, they stay unusable.
    wiping : Out(1)
        High from the cycle after ``wipe``, an alert or the end of a reset until nothing is left.
    alert : Out(AlertSignature)
        Raised for a cycle, two cycles after the request, when a block was asked to do with a slot what its
        policy, or the class or origin of its key, forbids.

    Latency
    -------
    Wipe: 8 cycles for each slot. Paths: as `Paths`. ``done`` is set 3 cycles after `operate` is written for
    ``define`` and whatever is refused, 11 cycles after it for ``erase``, 1 cycle after the last word for
    ``load`` and ``generate``.

    Raises
    ------
    TypeError, ValueError
        If the number of slots, users or cycles is not such a number, or keys were loadable in ``RETIRED``.
    """

    def __init__(self, *, slots=16, users=3, loadable=STATES, patience=65536):
        key_path, key_result = KeyPathSignature(slots=slots), KeyResultSignature(slots=slots)
        if slots > _MOST_SLOTS:
            raise ValueError(f"Number of key slots must be {_MOST_SLOTS} or less, not {slots}")
        if not isinstance(users, int):
            raise TypeError(f"Number of users must be an integer, not {users!r}")
        if users < 1:
            raise ValueError(f"Number of users must be 1 or more, not {users}")
        if not isinstance(patience, int):
            raise TypeError(f"Cycles of patience must be an integer, not {patience!r}")
        if patience < _LEAST_PATIENCE:
            raise ValueError(f"Cycles of patience must be {_LEAST_PATIENCE} or more, not {patience}")
        for state in loadable:
            if state not in STATES:
                raise ValueError(f"Keys can be loaded in a state of service only, not in {state}")
        self._slots = slots
        self._loadable = sum(1 << STATES.index(state) for state in loadable)
        self._bank = RegisterBank(
            identification="KEYS",
            version=2,
            addr_width=_BANK_WIDTH,
            causes={
                "done": "The operation has ended; `status` says how.",
                "refused": "An operation came while another was being done, or a word that none waits for.",
                "forbidden": "A block was asked to do with a slot what its policy, or the class or origin of "
                "its key, forbids; the alert was raised.",
            },
        )
        self._status = self._bank.add("status", Status())
        self._select = self._bank.add("select", Select())
        self._new_policy = self._bank.add("policy", policy_register("rw", "The policy that `define` gives."))
        self._slot = self._bank.add("slot", SlotState())
        self._slot_policy = self._bank.add("slot_policy", policy_register("r", "The selected slot's policy."))
        self._operate = self._bank.add("operate", Operate())
        self.vault = Vault(slots=slots)
        self.paths = Paths(slots=slots, users=users, patience=patience)
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=_ADDR_WIDTH, data_width=32)),
                "irq": Out(1),
                "keys": In(key_path).array(users),
                "results": In(key_result).array(users),
                "random": In(RandomSignature()),
                "lifecycle": In(LifecycleState, init=LifecycleState.RETIRED),
                "wipe": In(1),
                "alerts": In(len(WipeLevel)),
                "wiping": Out(1),
                "alert": Out(AlertSignature()),
            }
        )
        self.bus.memory_map = self._memory_map()
        self._states = Signal(len(STATES))  # a bit for that of the chip
        self._operation = Signal(Operation)
        self._outcome = Signal(Outcome)
        self.number = Signal(range(slots))  # of the slot that the operation is about
        self._exists = Signal()
        self._index = Signal(range(SLOT_WORDS))  # of its next word
        self._short = Signal()
        self.fills = Signal()  # words go into it
        self._random = Signal()  # the words are random ones
        self._loads = Signal()  # the bus has written a word of a key
        self.loaded = Signal(32)  # that word; zero if there is none

    def _memory_map(self):
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for register, name, (start, end) in self._bank.freeze().resources():
            memory_map.add_resource(register, name=name, addr=start, size=end - start)
        memory_map.add_resource(
            StoredRegister(
                description="Takes the words of `load`, their first byte on top. Whatever address a word is "
                "written to, it is the next one.",
                width=32 * SLOT_WORDS,
                access="w",
            ),
            name=("data",),
            addr=_DATA,
            size=SLOT_WORDS,
        )
        return memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        m.submodules.vault = vault = self.vault
        m.submodules.paths = paths = self.paths
        for number in range(len(self.keys)):
            connect(m, flipped(self.keys[number]), paths.keys[number])
            connect(m, flipped(self.results[number]), paths.results[number])
        connect(m, paths.look, vault.looks[1])
        connect(m, paths.write, vault.writes[1])
        m.d.comb += [
            self._states.eq(states_of(self.lifecycle)),
            self.irq.eq(self._bank.irq),
            self.wiping.eq(vault.wiping),
            vault.alerts.eq(self.alerts),
            vault.read.eq(paths.read),
            vault.fills[1].eq(paths.fill),
            paths.word.eq(vault.word),
            paths.emptied.eq(vault.emptied),
            paths.wiping.eq(vault.wiping),
            paths.alerts.eq(self.alerts),
            paths.lifecycle.eq(self._states),
        ]
        self._elaborate_registers(m)
        self._elaborate_operations(m)
        return m

    def _elaborate_registers(self, m):
        """What the registers show: of a slot nothing but its state and policy."""
        bus, bank = self.bus, self._bank.bus
        in_bank, loads = ~bus.addr[_BANK_WIDTH], Signal()
        m.d.comb += [
            bank.addr.eq(bus.addr),
            bank.r_stb.eq(bus.r_stb & in_bank),
            # The bank keeps the last word that was written to it: no word of a key goes there.
            bank.w_stb.eq(bus.w_stb & in_bank),  # SEC_CM: KEY.WIPE
            bank.w_data.eq(bus.w_data),
            bus.r_data.eq(bank.r_data),
            loads.eq(bus.w_stb & (bus.addr[3:] == _DATA >> 3)),
        ]
        # As late as the bank is with `operate`.
        m.d.sync += [self._loads.eq(loads), self.loaded.eq(Mux(loads, bus.w_data, 0))]
        vault, filling = self.vault, self.paths.filling
        selected, shown = self._select.f.slot.data, vault.looks[0].state
        exists = selected < self._slots
        m.d.comb += [
            # While an operation is being done, its slot is the one that is looked at.
            vault.looks[0].slot.eq(Mux(self._status.f.busy.r_data, self.number, selected)),
            self._status.f.wiping.r_data.eq(vault.wiping),
            self._status.f.outcome.r_data.eq(self._outcome),
            self._status.f.words.r_data.eq(self._index),
        ]
        with m.If(exists):
            m.d.comb += [
                self._slot.f.valid.r_data.eq(shown.valid),
                self._slot.f.external.r_data.eq(shown.external),
                self._slot.f.generated.r_data.eq(shown.generated),
                self._slot.f.filling.r_data.eq(filling.stb & (filling.slot == vault.looks[0].slot)),
                Cat(field.r_data for _, field in _fields(self._slot_policy)).eq(shown.policy),
            ]

    def _elaborate_operations(self, m):
        vault, held = self.vault, self.paths.held
        written = self._operate.f.operation
        refuses, ends = Signal(), Signal()
        retired_before = Signal()
        retired = self._states == 0
        m.d.sync += [
            retired_before.eq(retired),
            self.alert.p.eq(self.paths.forbidden),
            self.alert.n.eq(~self.paths.forbidden),
        ]
        m.d.comb += [
            vault.wipe.eq(self.wipe | (retired & ~retired_before)),
            self._bank.event("done").eq(ends),
            self._bank.event("refused").eq(refuses),
            self._bank.event("forbidden").eq(self.paths.forbidden),
            held.slot.eq(self.number),
            vault.define.slot.eq(self.number),
            vault.fills[0].slot.eq(self.number),
            vault.writes[0].payload.slot.eq(self.number),
            vault.writes[0].payload.index.eq(self._index),
        ]
        with m.FSM() as fsm:
            with m.State("Wait"):
                with m.If(written.w_stb):
                    self._begin(m, written.w_data)
            with m.State("Judge"):
                self._judge(m, ends)
            with m.State("Fill"):
                self._fill(m, ends)
                with m.If(written.w_stb & (written.w_data == Operation.ERASE.value)):
                    m.d.sync += [self._operation.eq(written.w_data), self._index.eq(0)]
                    m.next = "Erase"
                with m.Elif(written.w_stb & (written.w_data == Operation.WIPE.value)):
                    self._begin(m, written.w_data)
            with m.State("Erase"):
                self._erase(m, ends)
            with m.State("Await Wipe"):
                with m.If(~vault.wiping):
                    self._end(m, ends, Outcome.SUCCESS)
        idle, fills = fsm.ongoing("Wait"), self.fills
        stops = written.w_data.matches(Operation.ERASE.value, Operation.WIPE.value)
        m.d.comb += [
            fills.eq(fsm.ongoing("Fill")),
            refuses.eq((written.w_stb & ~idle & ~(fills & stops)) | (self._loads & (~fills | self._random))),
            held.stb.eq(~idle & self._exists),
            held.erases.eq(fsm.ongoing("Erase")),
            self._status.f.busy.r_data.eq(~idle),
            self._status.f.waits.r_data.eq(fills & ~self._random),
        ]

    def _begin(self, m, operation):
        selected = self._select.f.slot.data
        m.d.sync += [
            self._operation.eq(operation),
            self.number.eq(selected),
            self._exists.eq(selected < self._slots),
            self._index.eq(0),
        ]
        m.next = "Judge"

    def _end(self, m, ends, outcome):
        m.d.comb += ends.eq(1)
        m.d.sync += self._outcome.eq(outcome)
        m.next = "Wait"

    def _judge(self, m, ends):
        """Refuse the operation, or begin it; one that needs no more ends at once."""
        vault, state, operation = self.vault, self.vault.looks[0].state, self._operation
        filling = self.paths.filling
        policy = Signal(POLICY)
        m.d.comb += policy.eq(Cat(field.data for _, field in _fields(self._new_policy)))
        loads, generates = operation == Operation.LOAD, operation == Operation.GENERATE
        defines, erases = operation == Operation.DEFINE, operation == Operation.ERASE
        with m.If(operation == Operation.WIPE):
            m.d.comb += vault.wipe.eq(1)
            m.next = "Await Wipe"
        with m.Elif(~(loads | generates | defines | erases)):
            self._end(m, ends, Outcome.UNKNOWN)
        with m.Elif(~self._exists):
            self._end(m, ends, Outcome.SLOT)
        with m.Elif(self._states == 0):
            self._end(m, ends, Outcome.LIFECYCLE)
        with m.Elif(vault.wiping):
            self._end(m, ends, Outcome.WIPED)
        with m.Elif(erases):
            m.next = "Erase"
        with m.Elif(state.valid | (filling.stb & (filling.slot == self.number))):
            self._end(m, ends, Outcome.OCCUPIED)
        with m.Elif(defines & is_sound(policy)):
            m.d.comb += [vault.define.stb.eq(1), vault.define.policy.eq(policy)]
            self._end(m, ends, Outcome.SUCCESS)
        with m.Elif(defines | ~allows_result(state, self._states)):
            self._end(m, ends, Outcome.POLICY)
        with m.Elif(loads & ~(self._states & self._loadable).any()):
            self._end(m, ends, Outcome.LIFECYCLE)
        with m.Elif((state.policy.wiped_by & self.alerts).any()):
            self._end(m, ends, Outcome.WIPED)
        with m.Elif(generates & ~self.random.healthy):
            self._end(m, ends, Outcome.RANDOM)
        with m.Else():
            m.d.sync += [self._random.eq(generates), self._short.eq(state.policy.short)]
            m.next = "Fill"

    def _fill(self, m, ends):
        """Put words into the slot; a slot that is empty holds zeros, so a short key needs no more."""
        vault, write = self.vault, self.vault.writes[0]
        words = self.random.words
        last = self._index == Mux(self._short, SLOT_WORDS // 2 - 1, SLOT_WORDS - 1)
        m.d.comb += [
            write.valid.eq(Mux(self._random, words.valid & self.random.healthy, self._loads)),
            words.ready.eq(self._random & self.random.healthy & write.ready),
            write.payload.data.eq(Mux(self._random, words.payload, self.loaded)),
            vault.fills[0].external.eq(~self._random),
            vault.fills[0].generated.eq(self._random),
        ]
        with m.If(vault.wiping):  # which takes the words so far along
            self._end(m, ends, Outcome.WIPED)
        with m.Elif(self._random & ~self.random.healthy):
            m.d.sync += self._index.eq(0)
            m.next = "Erase"
        with m.Elif(write.valid):
            m.d.sync += self._index.eq(self._index + 1)
            with m.If(last):
                m.d.comb += vault.fills[0].stb.eq(1)
                self._end(m, ends, Outcome.SUCCESS)

    def _erase(self, m, ends):
        """Overwrite the slot, waiting for a wipe, and only then call it empty."""
        vault, write = self.vault, self.vault.writes[0]
        failed = self._operation == Operation.GENERATE
        m.d.comb += write.valid.eq(1)
        with m.If(write.ready):
            m.d.sync += self._index.eq(self._index + 1)
            with m.If(self._index == SLOT_WORDS - 1):
                m.d.comb += vault.define.stb.eq(1)
                self._end(m, ends, Mux(failed, Outcome.RANDOM, Outcome.SUCCESS))


def _fields(register):
    """Name and port of each field of a register."""
    return [(path[0], field) for path, field in register]
