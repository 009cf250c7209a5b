r"""Checkpoints: all that a run is, in one file that is whole or not there.

Parameters, optimiser state, the source's state, the step (which is the data's cursor and, with the seed, all
randomness) and the curve so far. The file is written beside its place, forced to the disk, and moved there in
one step; a SHA-256 of its arrays stands in it. A killed run leaves the last whole checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from specsim.models.config import Array
from specsim.sources.traces.manifest import write_durably

NAME = "checkpoint.safetensors"


class CheckpointError(ValueError):
    """A checkpoint is broken or of another run; the message says which, and what to do."""


def save(directory: Path, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> None:
    """Write a checkpoint in place of the last one.

    Parameters
    ----------
    directory
        Made if need be.
    arrays
        By name.
    about
        Plain JSON values.
    """
    directory.mkdir(parents=True, exist_ok=True)
    whole = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    metadata = {"about": json.dumps(about, sort_keys=True), "sha256": digest(whole)}
    write_durably(directory, NAME, safetensors.numpy.save(whole, metadata))


def load(directory: Path) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """The checkpoint in a directory, or None if there is none.

    Raises
    ------
    CheckpointError
        If it is broken.
    """
    path = directory / NAME
    if not path.exists():
        return None
    return read_checked(path)


def read_checked(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and ``about`` of a file that :func:`save` wrote; ``CheckpointError`` if a byte was changed."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} can't be read ({error}); delete it to begin again") from None
    if metadata.get("sha256") != digest(arrays):
        raise CheckpointError(
            f"{path} does not match its SHA-256: a byte was changed; delete it to begin again"
        )
    return arrays, json.loads(metadata["about"])


def digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names.

    Examples
    --------
    >>> digest({"x": np.zeros(2)}) == digest({"x": np.zeros((2, 1))})
    False
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        values = np.asarray(arrays[name], order="C")
        total.update(f"{name} {values.dtype.str} {arrays[name].shape} ".encode())
        total.update(values.tobytes())
    return total.hexdigest()


def flatten(values: Mapping[str, Any], prefix: str) -> dict[str, Array]:
    """Nested dictionaries as one, keys joined by slashes.

    Examples
    --------
    >>> flatten({"a": {"b": np.ones(1)}, "c": {}}, "state")
    {'state/a/b': array([1.])}
    """
    found: dict[str, Array] = {}
    for name, value in values.items():
        inner = f"{prefix}/{name}"
        found |= flatten(value, inner) if isinstance(value, Mapping) else {inner: np.asarray(value)}
    return found


def unflatten(arrays: Mapping[str, Array], prefix: str, default: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`flatten`; dictionaries that were empty are those of ``default``."""
    found: dict[str, Any] = {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in default.items()
    }
    for name, values in arrays.items():
        if name.startswith(f"{prefix}/"):
            *path, last = name.removeprefix(f"{prefix}/").split("/")
            place = found
            for part in path:
                place = place.setdefault(part, {})
            place[last] = values
    return found
