"""The shipped trained parts by name: heads, and small stand-alone drafts."""

from __future__ import annotations

from typing import Any

from specsim.models import Model
from specsim.training import artefacts, fastdraft

#: Artefacts that are stand-alone drafts; the others are heads.
STUDENTS = ("fastdraft",)


def load(name: str, model: Model) -> tuple[Any, Any]:
    """A trained network and its parameters.

    Raises
    ------
    ValueError
        If there is none of that name, its file is broken, or it was trained for another target.
    """
    if name in STUDENTS:
        return fastdraft.of_artefact(artefacts.load(name), model)
    from specsim.heads import load as load_head

    return load_head(name, model)
