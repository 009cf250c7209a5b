"""The errors of loading a model: broken weights, weights that can't be had, weights that aren't as pinned."""

from __future__ import annotations


class ModelError(ValueError):
    """A file isn't a model that this package can run; the message names the file and the place in it."""


class ModelUnavailable(RuntimeError):
    """A catalogued model isn't in the cache and its package can't be downloaded now."""


class ModelCorrupted(ModelError):
    """A model file doesn't have the SHA-256 that the catalogue pins.

    Parameters
    ----------
    file
        Name of the file.
    expected, found
        Hexadecimal SHA-256 digests.
    advice
        What to do about it.
    """

    def __init__(self, file: str, *, expected: str, found: str, advice: str) -> None:
        super().__init__(f"{file}: expected SHA-256 {expected}, found {found}; {advice}")
        self.file = file
        self.expected = expected
        self.found = found
