"""The models of the design as an engine: what vectors say of them without compiling anything."""

import random

from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.microcode import Area
from rtl.crypto.p256.model import Class, Model, Peers
from sim.vectors.cases import Point, Signature
from sim.vectors.engine import Refused
from sim.vectors.reference_engine import ReferenceEngine
from soc.config import SocConfig

__all__ = ["ModelEngine"]

_SLOT = 0
_SEED = 1  # of nonces and blinding; whatever they are, the answers are right
_DIGEST_BYTES = 32


class ModelEngine(ReferenceEngine):
    """P-256 by the model that runs the chip's microprogram; the rest by the reference.

    SHA-256 and AES have no model of their own: what they compute is the whole of their function, and the
    reference computes it.

    Parameters
    ----------
    config : SocConfig
        Whose variant of P-256 the microprogram is for. `without_missing` keeps away what it lacks.
    """

    def __init__(self, config: SocConfig):
        self._config = config
        self._random = random.Random(_SEED)
        self._model: Model | None = None

    def ecdsa_verify(self, public: Point, digest: bytes, signature: Signature) -> bool | Refused:
        """Of the protocol."""
        model = self._with_key(None)
        self._give(model, public)
        model.load(Area.DIGEST, int.from_bytes(digest, "big"))
        model.load(Area.R, signature.r)
        model.load(Area.S, signature.s)
        status = model.run(Operate.VERIFY)
        if status == Status.SIGNATURE_WRONG:
            return False
        return _refusal(status) or True

    def ecdsa_sign(self, private: int, digest: bytes) -> Signature | Refused:
        """Of the protocol."""
        model = self._with_key(private)
        model.load(Area.DIGEST, int.from_bytes(digest, "big"))
        refused = _refusal(model.run(Operate.SIGN, slot=_SLOT))
        return refused or Signature(model.number(Area.R), model.number(Area.S))

    def ecdh(self, private: int, public: Point) -> bytes | Refused:
        """Of the protocol."""
        model = self._with_key(private)
        self._give(model, public)
        refused = _refusal(model.run(Operate.AGREE, slot=_SLOT))
        return refused or model.number(Area.SHARED).to_bytes(_DIGEST_BYTES, "big")

    def p256_public(self, private: int) -> Point | Refused:
        """Of the protocol."""
        model = self._with_key(private)
        refused = _refusal(model.run(Operate.PUBLIC, slot=_SLOT))
        return refused or Point(model.number(Area.X), model.number(Area.Y))

    def _with_key(self, private: int | None) -> Model:
        """The model with a key from the bus in its slot, and none else."""
        keys = {} if private is None else {_SLOT: (private, Class(external=True, to_bus=True))}
        peers = Peers(keys=keys, random=lambda: self._random.getrandbits(32))
        if self._model is None:
            self._model = Model(variant=self._config.p256, peers=peers)
        self._model.peers = peers
        return self._model

    @staticmethod
    def _give(model: Model, public: Point) -> None:
        model.load(Area.X, public.x)
        model.load(Area.Y, public.y)


def _refusal(status: Status) -> Refused | None:
    """A status as the driver says it; None if it is success."""
    if status == Status.SUCCESS:
        return None
    return Refused(f"The P-256 unit refused: {status.name.lower().replace('_', ' ')}")
