r"""Trained parameters that are shipped: small files in ``artefacts/``, each checked before it is used.

``artefacts/SHA256SUMS`` lists every file with its checksum (``sha256sum -c`` reads it too),
``artefacts/README.md`` the command and seed that made it. A file holds float16 arrays, named by their paths
in the pytree of parameters (``params/layers/0/query``), other arrays under ``own/``, and a few strings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from specsim.models.config import Array
from specsim.sources.traces.manifest import file_sha256
from specsim.training.network import Params

SUMS = "SHA256SUMS"


class ArtefactError(ValueError):
    """An artefact is missing, broken, or of another target; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Artefact:
    """What a file holds.

    Parameters
    ----------
    name
        The file's, without its ending.
    params
        Parameters, float32.
    own
        Other arrays by name (the ids of a sub-vocabulary, say).
    about
        Plain JSON values: how it was made and for which target.
    """

    name: str
    params: Params
    own: Mapping[str, Array]
    about: Mapping[str, Any]


def folder() -> Path:
    """Where artefacts lie: ``$SPECSIM_ARTEFACTS``, or ``artefacts`` beside the packages."""
    return Path(os.environ.get("SPECSIM_ARTEFACTS") or Path(__file__).resolve().parents[2] / "artefacts")


def names(directory: str | Path | None = None) -> list[str]:
    """The artefacts that are listed."""
    return sorted(Path(file).stem for file in _sums(Path(directory or folder())))


def path(name: str, directory: str | Path | None = None) -> Path:
    """The checked file of an artefact, for loaders of their own.

    Parameters
    ----------
    name
        One of :func:`names`.
    directory
        Where; :func:`folder` by default.

    Raises
    ------
    ArtefactError
        If it isn't listed, is missing, or doesn't have its checksum.
    """
    place = Path(directory or folder())
    sums, file = _sums(place), f"{name}.safetensors"
    if file not in sums:
        known = ", ".join(Path(known).stem for known in sorted(sums)) or "none"
        raise ArtefactError(f"there is no artefact {name!r} in {place}; there are {known}")
    if not (place / file).is_file():
        raise ArtefactError(
            f"{place / file} is missing, which {SUMS} lists; restore it, or train it as README.md says"
        )
    found = file_sha256(place / file)
    if found != sums[file]:
        raise ArtefactError(
            f"{place / file} is corrupt: its SHA-256 is {found}, {SUMS} says {sums[file]}; restore it"
        )
    return place / file


def load(name: str, directory: str | Path | None = None) -> Artefact:
    """A shipped artefact, checked.

    Parameters
    ----------
    name, directory
        As for :func:`path`.

    Raises
    ------
    ArtefactError
        If it isn't there or is broken.
    """
    return read(path(name, directory))


def save(file: str | Path, params: Params, *, own: Mapping[str, Array], about: Mapping[str, Any]) -> Path:
    """Write parameters in float16.

    Raises
    ------
    ArtefactError
        If a number is too large for float16.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = save(f"{place}/x.safetensors", {"a": [jnp.ones(2)]}, own={}, about={"seed": 0})
    ...     read(file).params["a"][0].tolist(), read(file).about
    ([1.0, 1.0], {'seed': 0})
    """
    arrays = {f"own/{name}": np.asarray(values, order="C") for name, values in own.items()}
    for place, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        values = np.asarray(leaf)
        if not (np.abs(values) <= np.finfo(np.float16).max).all():
            raise ArtefactError(f"{_name(place)} has a number that float16 can't hold")
        arrays[f"params/{_name(place)}"] = values.astype(np.float16)
    metadata = {"about": json.dumps(about, sort_keys=True)}
    Path(file).write_bytes(safetensors.numpy.save(arrays, metadata))
    return Path(file)


def read(file: str | Path) -> Artefact:
    """A file that :func:`save` wrote; ``ArtefactError`` if it can't be read."""
    try:
        with safe_open(file, framework="np") as opened:
            about = json.loads((opened.metadata() or {}).get("about", "null"))
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ArtefactError(f"{file} can't be read: {error}") from None
    if about is None:
        raise ArtefactError(f"{file} isn't an artefact of specsim.training: it doesn't say what it is")
    tree: dict[str, Any] = {}
    for name, values in arrays.items():
        if name.startswith("params/"):
            _put(tree, name.split("/")[1:], jnp.asarray(values, dtype=jnp.float32))
    own = {name[4:]: values for name, values in arrays.items() if name.startswith("own/")}
    return Artefact(Path(file).stem, _listed(tree), own, about)


def update_sums(directory: str | Path | None = None) -> str:
    """Write the checksums of all artefacts in a directory into ``SHA256SUMS``; its text."""
    place = Path(directory or folder())
    files = sorted(place.glob("*.safetensors"))
    text = "".join(f"{file_sha256(file)}  {file.name}\n" for file in files)
    (place / SUMS).write_text(text, encoding="ascii")
    return text


def _sums(place: Path) -> dict[str, str]:
    try:
        lines = (place / SUMS).read_text(encoding="ascii").splitlines()
    except OSError:
        raise ArtefactError(
            f"there are no artefacts in {place}: no file {SUMS}. Take them from the project's repository, or "
            "set SPECSIM_ARTEFACTS to their directory"
        ) from None
    return {file: digest for digest, file in (line.split("  ", 1) for line in lines if line)}


def _name(place: tuple[Any, ...]) -> str:
    return "/".join(str(getattr(step, "key", getattr(step, "idx", step))) for step in place)


def _put(tree: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        tree = tree.setdefault(step, {})
    tree[steps[-1]] = value


def _listed(tree: Any) -> Any:
    """Dictionaries whose keys are 0, 1, ... as lists."""
    if not isinstance(tree, dict):
        return tree
    inner = {name: _listed(value) for name, value in tree.items()}
    if inner and set(inner) == {str(number) for number in range(len(inner))}:
        return [inner[str(number)] for number in range(len(inner))]
    return inner
