"""How our plots look."""

from typing import Any

__all__ = ["STYLE"]

STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.8,
    "axes.edgecolor": "#8a929b",
    "xtick.color": "#444b53",
    "ytick.color": "#444b53",
    "svg.fonttype": "none",
    "svg.hashsalt": "wattseal",
}
"""For `matplotlib.rc_context`. Figures of the same content have the same bytes."""
