"""A passage: one context and the rows recorded along it, and the checks before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.sources.traces.errors import TraceError
from specsim.sources.traces.forms import SPARSE_TOLERANCE, Base, Form, Head, Shared, Sparse, Tensors
from specsim.sources.traces.header import Header

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Passage:
    """One context with the rows recorded along it.

    Row ``i`` is the position ``positions[i]``: its context is ``tokens[:positions[i]]`` and the token that
    came next is ``tokens[positions[i]]``.

    Parameters
    ----------
    domain
        One of the header's domains.
    prompt
        A label that says where the text is from.
    tokens
        Token ids, shape ``(L,)``: the prompt and what followed it.
    positions
        Strictly increasing, in ``1 .. L - 1``, shape ``(N,)``, ``N >= 1``.
    target, drafts
        The distributions, each with N rows.

    Raises
    ------
    TraceError
        If any of that does not hold.

    Examples
    --------
    >>> from specsim.sources.traces import Dense
    >>> rows = Dense(np.zeros((2, 5), dtype=np.float32))
    >>> Passage("toy", "1", np.array([4, 0, 2]), np.array([1, 2]), rows, {"flat": rows}).rows
    2
    """

    domain: str
    prompt: str
    tokens: Array
    positions: Array
    target: Form
    drafts: Mapping[str, Form]

    def __post_init__(self) -> None:
        for name in ("tokens", "positions"):
            array = np.asarray(getattr(self, name))
            if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
                raise TraceError(
                    f"{name} of passage {self.prompt!r} must be one axis of one or more integers, "
                    f"got shape {array.shape} of {array.dtype}"
                )
            object.__setattr__(self, name, array.astype(np.int32))
        steps = np.diff(self.positions)
        if self.positions[0] < 1 or self.positions[-1] >= len(self.tokens) or (steps < 1).any():
            raise TraceError(
                f"positions of passage {self.prompt!r} must increase within "
                f"1 .. {len(self.tokens) - 1}, got {self.positions.tolist()}"
            )
        for name, form in {"target": self.target, **self.drafts}.items():
            if form.rows != self.rows:
                raise TraceError(
                    f"{name} of passage {self.prompt!r} has {form.rows} rows for {self.rows} positions"
                )

    @property
    def rows(self) -> int:
        """The number of rows, N."""
        return len(self.positions)


def describe(passage: Passage) -> dict[str, Any]:
    """What the manifest says about a passage."""
    return {
        "domain": passage.domain,
        "prompt": passage.prompt,
        "rows": passage.rows,
        "tokens": len(passage.tokens),
    }


def shard_tensors(passages: list[Passage]) -> Tensors:
    """All arrays of a shard: contexts, positions, and each source's arrays under its name."""
    parts = [_passage_tensors(passage) for passage in passages]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _passage_tensors(passage: Passage) -> Tensors:
    forms = {"target": passage.target, **{f"draft.{n}": f for n, f in passage.drafts.items()}}
    named = {f"{s}.{key}": array for s, form in forms.items() for key, array in form.tensors().items()}
    return {"tokens": passage.tokens, "positions": passage.positions, **named}


def check_shared(header: Header, shared: Mapping[str, Shared]) -> None:
    """Raise unless there is exactly the heads and bases that the header names, of its vocabulary."""
    if {name: value.role for name, value in shared.items()} != header.shared:
        given = {name: value.role for name, value in shared.items()}
        raise TraceError(f"the header needs the shared arrays {header.shared}, got {given}")
    for name, value in shared.items():
        if value.vocabulary != header.vocabulary:
            raise TraceError(
                f"mismatched vocabularies: the {value.role} {name!r} has {value.vocabulary} tokens, "
                f"the header says {header.vocabulary}"
            )


def check_passage(passage: Passage, header: Header, shared: Mapping[str, Shared]) -> None:
    """Raise unless a passage fits the header and its heads and bases."""
    place = f"passage {passage.prompt!r}"
    if passage.domain not in header.domains:
        raise TraceError(
            f"{place} is of the domain {passage.domain!r}; the header has {', '.join(header.domains)}"
        )
    if set(passage.drafts) != set(header.drafts):
        raise TraceError(
            f"{place} has the drafts {sorted(passage.drafts)}; the header has {sorted(header.drafts)}"
        )
    if passage.tokens.min() < 0 or passage.tokens.max() >= header.vocabulary:
        raise TraceError(
            f"{place} has tokens in {passage.tokens.min()} .. {passage.tokens.max()}; "
            f"the vocabulary is 0 .. {header.vocabulary - 1}"
        )
    for name, form in {"target": passage.target, **passage.drafts}.items():
        _check_form(form, name, place, header, shared)


def _check_form(form: Form, name: str, place: str, header: Header, shared: Mapping[str, Shared]) -> None:
    source = header.source(name)
    if (form.storage, form.dtype) != (source.storage, source.dtype):
        raise TraceError(
            f"{name} of {place} is {form.storage} {form.dtype}; "
            f"the header says {source.storage} {source.dtype}"
        )
    owner = shared.get(source.shared)
    if isinstance(form, Sparse):
        assert isinstance(owner, Base)
        _check_sparse_rows(form, name, place, owner)
        return
    width = owner.width if isinstance(owner, Head) else header.vocabulary
    ((_, array),) = form.tensors().items()
    if array.shape[1] != width:
        what = "mismatched vocabularies" if owner is None else "mismatched widths"
        raise TraceError(f"{what}: {name} of {place} has {array.shape[1]} numbers a row, not {width}")


def _check_sparse_rows(form: Sparse, name: str, place: str, base: Base) -> None:
    row = np.repeat(np.arange(form.rows), form.counts)
    indices = form.indices.astype(np.int64)
    if indices.size and indices.max() >= base.vocabulary:
        raise TraceError(
            f"mismatched vocabularies: {name} of {place} corrects token {indices.max()}, "
            f"but the vocabulary is 0 .. {base.vocabulary - 1}"
        )
    if ((np.diff(indices) <= 0) & (np.diff(row) == 0)).any():
        raise TraceError(f"{name} of {place}: the tokens of a sparse row must strictly increase")
    mass = form.weight * float(base.probability.sum(dtype=np.float64))
    mass += np.bincount(row, weights=form.values, minlength=form.rows)
    worst = int(np.argmax(np.abs(mass - 1)))
    if abs(mass[worst] - 1) > SPARSE_TOLERANCE:
        raise TraceError(f"{name} of {place}: row {worst} sums to {mass[worst]}, not to 1")
