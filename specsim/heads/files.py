"""Heads as artefacts: parameters, and all that is needed to build the network again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from specsim.heads.accept_head import AcceptHead
from specsim.heads.backbone import Backbone
from specsim.heads.blocks import Params
from specsim.heads.chimera import Chimera
from specsim.heads.eagle import Eagle
from specsim.heads.hydra import Hydra
from specsim.heads.judge import JudgeProbe
from specsim.heads.kangaroo import Kangaroo
from specsim.heads.medusa import Medusa
from specsim.heads.narrow import Shape
from specsim.heads.sorted import Sorted
from specsim.models import Model
from specsim.training import artefacts

_KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (AcceptHead, Chimera, Eagle, Hydra, JudgeProbe, Kangaroo, Medusa, Sorted)
}


class HeadFileError(ValueError):
    """A file isn't a head, or belongs to another target; the message says which."""


def save(path: str | Path, network: Any, params: Params, *, note: Mapping[str, str]) -> None:
    """Write a head: parameters in float16, settings, sub-vocabulary.

    Parameters
    ----------
    path
        A ``.safetensors`` file; replaced if it is there.
    network, params
        The head.
    note
        What should be known of it: the command and seed that made it; its target's checksum as ``target``.

    Raises
    ------
    ArtefactError
        If a parameter is too large for float16.
    """
    about = {"network": type(network).__name__, "settings": _settings(network)} | dict(note)
    artefacts.save(path, params, own=_frozen(network), about=about)


def _frozen(network: Any) -> dict[str, Any]:
    """Arrays that aren't trained and belong to no target."""
    if isinstance(network, JudgeProbe):
        return {"mean": network.mean, "deviation": network.deviation}
    return {} if isinstance(network, AcceptHead) else {"tokens": network.backbone.vocabulary.ids}


def _settings(network: Any) -> dict[str, Any]:
    known = {f.name: getattr(network, f.name) for f in fields(network) if f.metadata.get("static")}
    known.pop("config", None)
    return {name: _plain(value) if isinstance(value, Shape) else value for name, value in known.items()}


def _plain(shape: Shape) -> dict[str, int]:
    return {f.name: getattr(shape, f.name) for f in fields(shape)}


def load(source: str | Path, model: Model | None = None) -> tuple[Any, Params]:
    """Read a head.

    Parameters
    ----------
    source
        The name of a shipped artefact, or a ``.safetensors`` file.
    model
        The target, whose embedding and head the network uses; None for probes, which need no target.

    Returns
    -------
    network, params
        Parameters in float32.

    Raises
    ------
    ArtefactError
        If there is no such artefact, or it is broken.
    HeadFileError
        If it isn't a head, needs a target, or belongs to another one.
    """
    file = Path(source) if str(source).endswith(".safetensors") else artefacts.path(str(source))
    found = artefacts.read(file)
    kind = found.about.get("network") if isinstance(found.about, dict) else None
    if kind not in _KINDS:
        raise HeadFileError(f"{file} holds no head: its network is {kind!r}")
    wanted = found.about.get("target")
    if model is not None and wanted not in (None, model.source.sha256):
        raise HeadFileError(f"{file} was trained for another target than {model.name}: checksums differ")
    network = _network(kind, dict(found.about["settings"]), found.own, model)
    return network, _arranged(network, found.params, file)


def _arranged(network: Any, params: Params, file: Path) -> Params:
    """Parameters in the network's own structure, which a file doesn't tell (it knows no empty lists)."""
    known = {_place(place): value for place, value in jax.tree_util.tree_flatten_with_path(params)[0]}
    like = jax.eval_shape(network.init, jax.random.key(0))
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    missing = [_place(place) for place, _ in leaves if _place(place) not in known]
    if missing:
        raise HeadFileError(f"{file} has no array {missing[0]}, which {type(network).__name__} needs")
    return jax.tree_util.tree_unflatten(structure, [known[_place(place)] for place, _ in leaves])


def _place(place: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(place, simple=True, separator="/")


def _network(kind: str, settings: dict[str, Any], own: Mapping[str, Any], model: Model | None) -> Any:
    if kind == "AcceptHead":
        return AcceptHead(**settings)
    if kind == "JudgeProbe":
        return JudgeProbe(jnp.asarray(own["mean"]), jnp.asarray(own["deviation"]), **settings)
    if model is None:
        raise HeadFileError(f"{kind} needs its target: load(source, model)")
    settings |= {name: Shape(**value) for name, value in settings.items() if isinstance(value, dict)}
    settings |= {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
    if kind == "Kangaroo":
        settings["config"] = model.config
    return _KINDS[kind](backbone=Backbone.of(model, tokens=own["tokens"]), **settings)
