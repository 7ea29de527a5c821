"""The sub-command ``entropy``: raw bits, their assessment, and what follows from the jitter of the rings."""

import argparse

from . import entropy_assess, entropy_capture, entropy_cutoffs, entropy_rings

__all__ = ["add"]


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser("entropy", help="raw bits of the noise source: capture, assess, cut-offs")
    actions = parser.add_subparsers(metavar="WHAT", required=True, title="What is done")
    for action in (entropy_capture, entropy_assess, entropy_cutoffs, entropy_rings):
        action.add(actions)
