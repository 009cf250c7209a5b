"""Where commands print."""

from __future__ import annotations

import sys
from typing import NoReturn

from rich.console import Console

#: Columns where there is no terminal that says how many it has.
WIDTH = 112


class _Output(Console):
    """A console that leaves a broken pipe to the command line."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def console() -> Console:
    """Standard output with rich."""
    return _Output(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
