"""The AES block with its NVM, compiled, and the firmware and key store around it."""

import pytest
from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import KeyOperation, KeyPathSignature, KeyResultSignature, csr, wishbone
from rtl.crypto.aes.aes import AesGcm
from rtl.crypto.aes.iv_source import NVM_WORDS
from rtl.crypto.aes.message_memory import IV_PLACE
from rtl.crypto.aes.registers import ApplicationOperation, IvChoice, Status
from rtl.guard.nvm import NvmRegion
from sim.block import Block

SLOTS = 6
FIXED_FIELD = 0x57A7_75EA
LIMIT = 400_000


class Chip(wiring.Component):
    """The block and its region of the NVM; without power, only the region keeps anything.

    With ``spoils``, whatever is read of the region is wrong.
    """

    def __init__(self, *, variant):
        self.aes = AesGcm(variant=variant, slots=SLOTS)
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=3, data_width=32)),
                "memory": In(wishbone.Signature(addr_width=10, data_width=32)),
                "irq": Out(1),
                "key": Out(KeyPathSignature(slots=SLOTS)),
                "result": Out(KeyResultSignature(slots=SLOTS)),
                "wipe": In(1),
                "wiping": Out(1),
                "power": In(1, init=1),
                "torn": In(32),
                "spoils": In(1),
            }
        )
        self.bus.memory_map, self.memory.memory_map = self.aes.bus.memory_map, self.aes.memory.memory_map

    def elaborate(self, platform):
        m = Module()
        aes = self.aes
        m.submodules.aes = ResetInserter(~self.power)(aes)
        m.submodules.nvm = nvm = NvmRegion(words=NVM_WORDS, write_clocks=3, tears=True)
        connect(m, flipped(self.bus), aes.bus)
        connect(m, flipped(self.memory), aes.memory)
        connect(m, aes.key, flipped(self.key))
        connect(m, aes.result, flipped(self.result))
        m.d.comb += [
            nvm.port.request.valid.eq(aes.nvm.request.valid),
            nvm.port.request.payload.eq(aes.nvm.request.payload),
            aes.nvm.request.ready.eq(nvm.port.request.ready),
            aes.nvm.done.eq(nvm.port.done),
            aes.nvm.error.eq(nvm.port.error),
            aes.nvm.data.eq(nvm.port.data | self.spoils.replicate(32)),
            aes.fixed_field.eq(FIXED_FIELD),
            aes.wipe.eq(self.wipe),
            self.wiping.eq(aes.wiping),
            self.irq.eq(aes.irq),
            nvm.power.eq(self.power),
            nvm.torn.eq(self.torn),
        ]
        return m


class Key:
    """A key in a slot, and what the store tells of it."""

    def __init__(self, key, *, external=0, to_bus=0, generated=None):
        self.short = len(key) == 16
        # What a slot holds behind a short key must not matter.
        self.words = [int.from_bytes(key.ljust(32, b"\x5a")[at : at + 4], "big") for at in range(0, 32, 4)]
        generated = not external if generated is None else generated
        self.code = external | to_bus << 1 | self.short << 2 | generated << 5


class Application:
    """Firmware on the buses of a compiled `Chip`, and the key store."""

    key = Key
    fixed_field = FIXED_FIELD

    def __init__(self, block, registers):
        self.block, self._registers = block, registers
        self.asked = []  # what the store was asked for: slot and operation
        block.set("power", 1)
        self._write("enable", 1)

    def _write(self, name, value):
        block = self.block
        block.set("bus__addr", self._registers[name])
        block.set("bus__w_data", value)
        block.set("bus__w_stb", 1)
        block.tick()
        block.set("bus__w_stb", 0)
        block.tick()

    def read(self, name):
        """The value of a register."""
        block = self.block
        block.set("bus__addr", self._registers[name])
        block.set("bus__r_stb", 1)
        block.tick()
        block.set("bus__r_stb", 0)
        return block.get("bus__r_data")

    def code(self):
        """How the last operation ended."""
        return Status(self.read("status") >> 4 & 15)

    def access(self, place, word=None):
        """Read a word of the memory, or write ``word``."""
        block = self.block
        block.set("memory__adr", place)
        block.set("memory__we", word is not None)
        block.set("memory__dat_w", word or 0)
        block.set("memory__cyc", 1)
        block.set("memory__stb", 1)
        block.tick()
        assert block.get("memory__ack")
        read = block.get("memory__dat_r")
        block.set("memory__cyc", 0)
        block.set("memory__stb", 0)
        block.tick()
        return read

    def put(self, data, place=0):
        """Write bytes from word ``place`` on."""
        for at in range(0, len(data), 4):
            # What does not belong to the piece must not matter.
            self.access(place + at // 4, int.from_bytes(data[at : at + 4].ljust(4, b"\xc3"), "big"))

    def take(self, count, place=0):
        """Read bytes from word ``place`` on."""
        words = (self.access(place + at // 4) for at in range(0, count, 4))
        return b"".join(word.to_bytes(4, "big") for word in words)[:count]

    def wait_idle(self):
        """Wait until the block is not busy."""
        for _ in range(LIMIT):
            if not self.read("status") & 1:
                return
        raise AssertionError("busy for ever")

    def start(self, operation, *, slot=0, target=0, iv=IvChoice.HARDWARE, tag_bytes=0, start=0, length=0):
        """Ask for an operation."""
        self._write("cause", 3)
        self._write("piece", start | length << 16)
        code = operation.value if isinstance(operation, ApplicationOperation) else operation
        choice = iv.value if isinstance(iv, IvChoice) else iv
        self._write("operate", code | choice << 4 | tag_bytes << 8 | slot << 16 | target << 24)

    def operate(self, operation, *, keys=(), accept=None, **fields):
        """Do an operation to its end; the store gives ``keys`` in turn, None is a refusal.

        ``accept`` tells whether the store takes the result. Returns how the operation ended.
        """
        self.start(operation, **fields)
        for key in keys:
            self.give(key)
        self.stored = self.store(accept) if accept is not None else None
        self.clocks = self.block.until("irq", LIMIT)
        assert self.read("cause") == 1
        assert not self.read("status") & 1
        return self.code()

    def give(self, key):
        """Answer a request for a key."""
        block = self.block
        block.until("key__request__valid", LIMIT)
        payload = block.get("key__request__payload")
        self.asked.append((payload & 7, KeyOperation(payload >> 3)))
        block.set("key__request__ready", 1)
        block.tick()
        block.set("key__request__ready", 0)
        if key is None:
            block.set("key__refused", 1)
            block.tick()
            block.set("key__refused", 0)
        else:
            block.set("key__key_class", key.code)
            block.send("key__key", key.words, LIMIT)

    def store(self, accept):
        """Answer the request for a slot; returns slot, what is said of the key's making, and the key."""
        block = self.block
        block.until("result__request__valid", LIMIT)
        payload = block.get("result__request__payload")
        block.set("result__request__ready", 1)
        block.tick()
        block.set("result__request__ready", 0)
        words = []
        if accept:
            block.set("result__key__ready", 1)
            for _ in range(8):
                block.until("result__key__valid", LIMIT)
                words.append(block.get("result__key__payload"))
                block.tick()
            block.set("result__key__ready", 0)
        answer = "result__done" if accept else "result__refused"
        block.set(answer, 1)
        block.tick()
        block.set(answer, 0)
        return payload & 7, payload >> 3, b"".join(word.to_bytes(4, "big") for word in words)

    def last_iv(self):
        """The IV in the memory."""
        return self.take(12, IV_PLACE)


@pytest.fixture(scope="session")
def application(variant):
    """Makes firmware on a fresh chip, or on one that has been running already."""
    chip = Chip(variant=variant)
    registers = {name[0]: start for _, name, (start, _) in chip.bus.memory_map.resources()}
    compiled = Block(chip)

    def make(block=None):
        app = Application(block or compiled.fresh(), registers)
        app.wait_idle()
        return app

    return make
