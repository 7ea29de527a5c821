"""Writes the harness of the configuration in the current folder as Verilog; run with ``python -m``.

In a process of its own, so that the Verilog is that of the sources as they are now.
"""

import pickle
from pathlib import Path

__all__ = ["CONFIG", "VERILOG"]

CONFIG = "config.pickle"
VERILOG = "harness.v"

if __name__ == "__main__":
    from amaranth.back import verilog

    from sim.harness import Harness

    harness = Harness(pickle.loads(Path(CONFIG).read_bytes()))
    Path(VERILOG).write_text(
        verilog.convert(harness, name="harness", emit_src=False, strip_internal_attrs=True)
    )
