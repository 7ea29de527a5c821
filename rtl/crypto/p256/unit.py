"""The unit: sequencer, arithmetic, store, and what moves words between them and other blocks."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import KeyPathSignature, KeyResultSignature, RandomSignature
from ..sha256 import UserSignature
from .arithmetic import arithmetic_unit
from .declarations import Operate, Status
from .microcode import Condition, Request
from .moves import MOVES, Moves
from .nonce import HASHES, Nonce
from .paths import PATHS, Paths, template_signature
from .scalar import Scalar
from .sequencer import Sequencer
from .store import Store, StoreSignature

__all__ = ["Unit"]


class Unit(wiring.Component):
    """ECDSA and ECDH on P-256, an operation at a time.

    Parameters
    ----------
    variant : str
        Of the arithmetic unit, ``row`` or ``compact``.
    slots : int
        Key slots.

    Members
    -------
    start : In(1)
        Begins ``operation``, while not running.
    operation, slot, target, to_slot : In
        What is to be done, with which slot, and for ``AGREE`` if the secret goes to the target slot.
    running : Out(1)
        From the cycle after the start until the end.
    ended : Out(1)
        High for one cycle when an operation that was asked for has ended, over the bus or the template port.
    templated : Out(1)
        With ``ended``: it was asked for over the template port.
    status : Out(Status)
        How it ended.
    window : In(StoreSignature)
        To the store, while not running; zeros while not in use.
    key, result, random, hash
        To the key store, the source of randomness and the hash unit.
    template : In(stream of {slot, first, data})
        The eight words of a digest that its slot is to sign, which is of class ``template``. After a wipe a
        digest begins anew; what is left of one before is dropped.
    wipe : In(1)
        Asks to forget everything: high for a cycle or longer. An operation ends with the status ``WIPED``.
    wiping : Out(1)
        High from the cycle after ``wipe`` until that is done.

    Latency
    -------
    See the page; `Model` tells it to the cycle.

    Raises
    ------
    TypeError, ValueError
        If there is no such variant, or the slots are not two or more.
    """

    def __init__(self, *, variant, slots):
        super().__init__(
            {
                "start": In(1),
                "operation": In(Operate),
                "slot": In(range(slots)),
                "target": In(range(slots)),
                "to_slot": In(1),
                "running": Out(1),
                "ended": Out(1),
                "templated": Out(1),
                "status": Out(Status),
                "window": In(StoreSignature()),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "random": In(RandomSignature()),
                "hash": Out(UserSignature()),
                "template": In(template_signature(slots=slots)),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self._arithmetic = arithmetic_unit(variant=variant)
        self._sequencer = Sequencer(variant=variant)
        self._store = Store(users=5)
        self._moves, self._scalar = Moves(), Scalar()
        self._paths, self._nonce = Paths(slots=slots), Nonce()
        self._slot, self._target = Signal(range(slots)), Signal(range(slots))
        self._to_slot = Signal()
        self._asked = Signal()  # somebody waits for the end of the operation

    def elaborate(self, platform):
        m = Module()
        for name in ("arithmetic", "sequencer", "store", "moves", "scalar", "paths", "nonce"):
            m.submodules[name] = getattr(self, f"_{name}")
        connect(m, self._store.ports[0], flipped(self.window))
        for port, user in zip(
            list(self._store.ports)[1:],
            (self._moves, self._scalar, self._paths, self._nonce),
            strict=True,
        ):
            connect(m, port, user.store)
        connect(m, flipped(self.key), self._paths.key)
        connect(m, flipped(self.result), self._paths.result)
        connect(m, flipped(self.hash), self._nonce.hash)
        connect(m, flipped(self.random), self._moves.random)
        self._begin(m)
        self._connect_arithmetic(m)
        self._connect_requests(m)
        self._connect_conditions(m)
        return m

    def _begin(self, m):
        """Operations of the application and of the template port; wipes go before both."""
        sequencer, paths = self._sequencer, self._paths
        begins, free, digest = Signal(), Signal(), self.template.payload
        m.d.comb += [
            free.eq(~sequencer.running & ~self.wipe & ~self.wiping),
            begins.eq(free & (self.start | (self.template.valid & digest.first))),
            sequencer.start.eq(begins),
            sequencer.operation.eq(Mux(self.start, self.operation, Operate.SIGN)),
            self.running.eq(sequencer.running | self.wiping),
            self.status.eq(sequencer.status),
            self.ended.eq(self._asked & sequencer.ended),
            paths.forbids.eq(
                self.ended & sequencer.status.as_value().matches(Status.TEMPLATE_ONLY, Status.SLOT_ONLY)
            ),
            paths.slot.eq(self._slot),
            paths.target.eq(self._target),
            paths.template.payload.eq(self.template.payload),
            paths.template.valid.eq(self.template.valid),
            self.template.ready.eq(paths.template.ready | (free & ~digest.first)),
        ]
        with m.If(begins):
            m.d.sync += [
                self._asked.eq(1),
                self.templated.eq(~self.start),
                self._slot.eq(Mux(self.start, self.slot, digest.slot)),
                self._target.eq(self.target),
                self._to_slot.eq(self.to_slot),
            ]
        with m.Elif(sequencer.ended):
            m.d.sync += self._asked.eq(0)
        aborting = Signal()  # the sequencer has yet to see that it is to wipe
        m.d.comb += sequencer.abort.eq(aborting)
        with m.If(self.wipe):
            m.d.sync += [self.wiping.eq(1), aborting.eq(1)]
        with m.Elif(sequencer.aborted):
            m.d.sync += aborting.eq(0)
        with m.Elif(sequencer.ended & ~aborting):
            m.d.sync += self.wiping.eq(0)
        m.d.comb += [self._moves.abort.eq(aborting), paths.abort.eq(aborting)]

    def _connect_arithmetic(self, m):
        arithmetic, sequencer, moves = self._arithmetic, self._sequencer, self._moves
        connect(m, sequencer.issue, arithmetic.issue)
        connect(m, moves.write, arithmetic.write)
        m.d.comb += [
            arithmetic.condition.eq(sequencer.condition),
            sequencer.zero.eq(arithmetic.flags.zero),
            sequencer.borrow.eq(arithmetic.flags.borrow),
            sequencer.idle.eq(arithmetic.idle),
            arithmetic.read_adr.eq(moves.read_adr),
            moves.read_data.eq(arithmetic.read_data),
        ]

    def _connect_requests(self, m):
        sequencer, request = self._sequencer, self._sequencer.request
        code = request.request.as_value()
        wipes = Signal()

        def asked(*requests):
            return sequencer.request_stb & code.matches(*(each.value for each in requests))

        for unit, requests in ((self._moves, MOVES), (self._paths, PATHS), (self._nonce, HASHES)):
            m.d.comb += [unit.start.eq(asked(*requests)), unit.request.eq(request.request)]
            m.d.comb += unit.area.eq(request.area)
        m.d.comb += [
            self._moves.register.eq(request.register),
            self._moves.argument.eq(request.argument),
            self._moves.index.eq(self._scalar.index),
            self._moves.table.eq(self._scalar.table),
            self._paths.argument.eq(request.argument),
            self._nonce.tag.eq(request.argument[0]),
            self._scalar.area.eq(request.area),
            self._scalar.argument.eq(request.argument),
            self._scalar.blind_start.eq(asked(Request.BLIND)),
            self._scalar.digit_start.eq(asked(Request.DIGIT)),
            self._scalar.position_load.eq(sequencer.position_load),
            self._scalar.position.eq(sequencer.position),
            self._scalar.clear.eq(~sequencer.running),
            sequencer.sign.eq(self._scalar.sign),
            sequencer.index.eq(self._scalar.index),
            wipes.eq(asked(Request.WIPE)),
            self._arithmetic.wipe.eq(wipes),
            sequencer.busy.eq(
                Cat(
                    self._moves.busy,
                    self._paths.busy,
                    self._nonce.busy,
                    self._scalar.busy,
                    self._arithmetic.wiping,
                ).any()
            ),
        ]

    def _connect_conditions(self, m):
        """What the microprogram can ask about; who refuses is who was asked last."""
        key_class, last = self._paths.key_class, Signal(3)
        with m.If(self._sequencer.request_stb):
            m.d.sync += last.eq(Cat(self._moves.start, self._paths.start, self._nonce.start))
        refused = Cat(self._moves.refused, self._paths.refused, self._nonce.refused)
        values = {
            Condition.REFUSED: (last & refused).any(),
            Condition.MORE: self._scalar.more,
            Condition.HEALTHY: self.random.healthy,
            Condition.TEMPLATE: self.templated,
            Condition.TEMPLATE_KEY: key_class.template,
            Condition.UNCHECKED: key_class.unchecked,
            Condition.TO_BUS: key_class.external & key_class.to_bus,
            Condition.TO_SLOT: self._to_slot,
        }
        for number in range(len(self._sequencer.conditions)):
            condition = Condition(number) if number < len(Condition) else None
            m.d.comb += self._sequencer.conditions[number].eq(values.get(condition, Const(0)))
