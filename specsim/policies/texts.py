"""Recorded outcomes from files: JSON lines, one round or one text each.

``docs/draft-length.md`` has the format. A *round* says how many drafts were submitted and accepted::

    {"accepted": 3, "drafted": 5, "request": "a", "confidence": [0.9, 0.8, 0.9, 0.4, 0.3]}

Its accepted drafts are positions where a draft is accepted, the first one behind them (if any was rejected)
one where it isn't. Where all were accepted the next token is the target's own: nobody knows what a draft
would have come to. **Such positions are never drafted in a replay: rounds are cut before them**, for all
policies alike, unless one says what to take them for. A *text* has no such holes::

    {"positions": [1, 1, 0, 1, null, 1], "confidence": [0.9, 0.8, 0.4, 0.9, null, 0.7]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from specsim.policies.base import Features
from theory.stopping import Outcomes

_FEATURES = ("confidence", "top", "entropy")
_KEYS = {"accepted", "drafted", "positions", "request", "meta", *_FEATURES}

#: What to take positions for that were never drafted.
Unknown = Literal["cut", "rejected", "accepted"]


class BadRecord(ValueError):
    """A line of a file is no record; the message says which line and why."""


@dataclass(frozen=True)
class Text:
    """One request's text: for each token whether a draft there is accepted, and what the drafter knew.

    Attributes
    ----------
    name
        Of the request; may be empty.
    accepted
        True, False, or None where nothing was drafted.
    features
        Of each position; None where nothing was recorded.
    """

    name: str
    accepted: tuple[bool | None, ...]
    features: tuple[Features | None, ...]

    def __post_init__(self) -> None:
        if len(self.accepted) != len(self.features):
            raise ValueError(
                f"{len(self.accepted)} outcomes and {len(self.features)} features; give one for each position"
            )

    @classmethod
    def from_rounds(cls, name: str, rounds: Iterable[tuple[int, int]]) -> Text:
        """The text of rounds, each given by its accepted and drafted tokens.

        Examples
        --------
        >>> Text.from_rounds("", [(1, 3), (2, 2)]).accepted
        (True, False, True, True, None)
        """
        entries = [entry for good, made in rounds for entry in _round({"accepted": good, "drafted": made})]
        return cls(name, tuple(outcome for outcome, _ in entries), (None,) * len(entries))

    def taking(self, unknown: Unknown) -> Text:
        """With unknown positions cut (as they are), or taken for rejected or accepted ones.

        Examples
        --------
        >>> Text("", (True, None), (None, None)).taking("rejected").accepted
        (True, False)
        """
        if unknown not in ("cut", "rejected", "accepted"):
            raise ValueError(f"unknown positions are 'cut', 'rejected' or 'accepted', got {unknown!r}")
        if unknown == "cut":
            return self
        taken = unknown == "accepted"
        return replace(self, accepted=tuple(taken if known is None else known for known in self.accepted))

    @cached_property
    def outcomes(self) -> Outcomes:
        """For :mod:`theory.stopping.recorded`."""
        return Outcomes.from_positions(self.accepted)

    def recorded(self, name: str) -> bool:
        """Whether a feature is there at every position that can be drafted."""
        return all(
            known is None or (features is not None and getattr(features, name) is not None)
            for known, features in zip(self.accepted, self.features, strict=True)
        )


def read_texts(path: str | Path) -> tuple[Text, ...]:
    """Texts of a file; rounds of one request are put together in their order.

    Raises
    ------
    BadRecord
        If a line is not one of the two kinds of records, or there is none at all.

    Notes
    -----
    O(file).
    """
    try:
        content = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(f"{str(path)!r} is not UTF-8 text: {error}") from None
    return parse_texts(content.splitlines(), name=str(path))


def parse_texts(lines: Iterable[str], *, name: str = "records") -> tuple[Text, ...]:
    """Texts of some lines.

    Examples
    --------
    >>> (text,) = parse_texts(['{"accepted": 1, "drafted": 3}', '{"accepted": 2, "drafted": 2}'])
    >>> text.accepted
    (True, False, True, True, None)
    """
    rounds: dict[str, list[tuple[bool | None, Features | None]]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                request, positions = _record(line)
            except ValueError as error:
                raise BadRecord(f"{name}, line {number}: {error}") from None
            rounds.setdefault(request, []).extend(positions)
    if not rounds:
        raise BadRecord(f"{name} holds no record; each line is a round or a text, see docs/draft-length.md")
    return tuple(
        Text(request, tuple(outcome for outcome, _ in entries), tuple(features for _, features in entries))
        for request, entries in rounds.items()
    )


def _record(line: str) -> tuple[str, list[tuple[bool | None, Features | None]]]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError(f"a record is an object with 'accepted' and 'drafted', or 'positions', got {data!r}")
    if strange := sorted(set(data) - _KEYS):
        raise ValueError(f"no key {strange[0]!r}; there are {', '.join(sorted(_KEYS))} ('meta' for all else)")
    if ("positions" in data) == ("accepted" in data or "drafted" in data):
        raise ValueError("give either 'accepted' and 'drafted' (a round), or 'positions' (a text)")
    request = data.get("request", "")
    if not isinstance(request, str | int):
        raise ValueError(f"'request' is a name or a number, got {request!r}")
    return str(request), _text(data) if "positions" in data else _round(data)


def _round(data: dict[str, Any]) -> list[tuple[bool | None, Features | None]]:
    for key in ("accepted", "drafted"):
        value = data.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{key!r} must be a whole number of at least 0, got {value!r}")
    accepted, drafted = data["accepted"], data["drafted"]
    if accepted > drafted:
        raise ValueError(
            f"{accepted} of {drafted} drafts cannot be accepted; leave out the target's own token"
        )
    features = _features(data, drafted)
    known = [True] * accepted + [False] * (drafted > accepted)
    judged: list[tuple[bool | None, Features | None]] = list(zip(known, features, strict=False))
    return judged if drafted > accepted else [*judged, (None, None)]


def _text(data: dict[str, Any]) -> list[tuple[bool | None, Features | None]]:
    positions = data["positions"]
    if not isinstance(positions, list) or not all(value is None or value in (0, 1) for value in positions):
        raise ValueError("'positions' must be a list of 1 (accepted), 0 (rejected) and null (never drafted)")
    known = [None if value is None else bool(value) for value in positions]
    return list(zip(known, _features(data, len(known)), strict=True))


def _features(data: dict[str, Any], size: int) -> list[Features | None]:
    columns = {name: _column(name, data[name], size) for name in _FEATURES if name in data}
    if not columns:
        return [None] * size
    return [Features(**{name: column[place] for name, column in columns.items()}) for place in range(size)]


def _column(name: str, values: Any, size: int) -> Sequence[float | None]:
    numbers = isinstance(values, list) and all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values
    )
    if not numbers or len(values) != size:
        raise ValueError(f"{name!r} must be a list of {size} numbers, one for each draft")
    return [None if value is None else float(value) for value in values]
