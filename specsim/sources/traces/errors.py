"""The one error of the trace format."""

from __future__ import annotations


class TraceError(ValueError):
    """A trace can't be written or read as asked; the message names the file and the place in it."""
