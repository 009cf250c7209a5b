r"""What a policy is: it says, before a token is drawn, whether one more is submitted.

A policy is a frozen value with four parts:

* ``begin()``: its memory before the first round (hashable; ``None`` where it learns nothing);
* ``more(seen, memory)``: whether the position at hand is drafted and submitted;
* ``learn(memory, done)``: its memory after a round;
* ``looks``: ``"behind"`` if it decides by positions that are submitted already, ``"here"`` if it needs the
  draft's distribution q at the position at hand. That takes a draft step, **which is paid even if the
  answer is no**.

It sees the past, the draft's distributions and features; never the token at the position at hand, nor
whether anything in this round will be accepted. That is what keeps verification lossless: given the text so
far, whether a position is submitted must not depend on the token that is drawn there.
:mod:`specsim.policies.drafting` proves it by enumeration for every policy here, and refutes one that peeks.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

Memory = Hashable


class Missing(ValueError):
    """A policy needs a feature that was not recorded."""


@dataclass(frozen=True)
class Features:
    """What is known of a drafted position.

    Attributes
    ----------
    confidence
        A head's, or any other, estimate of the probability that the draft is accepted, in [0, 1].
    top
        Largest probability of q.
    entropy
        Of q, in nats.
    """

    confidence: float | None = None
    top: float | None = None
    entropy: float | None = None

    def __post_init__(self) -> None:
        for name in ("confidence", "top"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {value}")
        if self.entropy is not None and not 0 <= self.entropy < math.inf:
            raise ValueError(f"entropy must be at least 0 nats and finite, got {self.entropy}")

    @classmethod
    def of(cls, q: ArrayLike, *, confidence: float | None = None) -> Features:
        """Top probability and entropy of a distribution.

        Examples
        --------
        >>> Features.of([0.5, 0.5]).top
        0.5
        """
        row = np.asarray(q, dtype=np.float64)
        positive = row[row > 0]
        entropy = max(0.0, float(-(positive * np.log(positive)).sum()))
        return cls(confidence, min(1.0, float(row.max())), entropy)

    def need(self, name: str) -> float:
        """A feature, or :class:`Missing` with what to do."""
        value: float | None = getattr(self, name)
        if value is None:
            raise Missing(
                f"this policy needs the feature {name!r} of drafted positions, which was not recorded; "
                "record it, or use a policy that does without"
            )
        return value


@dataclass(frozen=True)
class Seen:
    """What a policy looks at before a position is drafted.

    Attributes
    ----------
    drafted
        Features of the positions submitted in this round, in order.
    here
        Of the position at hand, for policies that look there; None for others.
    start
        Of the committed position that the round starts behind, where it was ever drafted; else None.
    """

    drafted: tuple[Features, ...]
    here: Features | None = None
    start: Features | None = None

    @property
    def length(self) -> int:
        """Drafts submitted so far."""
        return len(self.drafted)

    def at_hand(self) -> Features:
        """Features of the position at hand."""
        if self.here is None:
            raise Missing("this policy looks at the position at hand: its attribute 'looks' must be 'here'")
        return self.here


@dataclass(frozen=True)
class Done:
    """How a round ended.

    Attributes
    ----------
    drafted
        Submitted drafts.
    accepted
        How many of them were accepted.
    cut
        Whether the limit ended drafting, or the text, not the policy.
    features
        Of the submitted positions.
    """

    drafted: int
    accepted: int
    cut: bool = False
    features: tuple[Features, ...] = ()


class Policy(Protocol):
    """See the module's text."""

    @property
    def looks(self) -> Literal["behind", "here"]:
        """Whether it needs q of the position at hand."""
        ...

    def begin(self) -> Memory:
        """Memory before the first round."""
        ...

    def more(self, seen: Seen, memory: Any) -> bool:
        """Whether the position at hand is submitted."""
        ...

    def learn(self, memory: Any, done: Done) -> Memory:
        """Memory after a round."""
        ...


class Behind:
    """A policy that decides by submitted positions; to inherit from."""

    looks: Literal["behind", "here"] = "behind"


class Forgetful(Behind):
    """A policy without a memory, by submitted positions unless it says otherwise; to inherit from."""

    def begin(self) -> Memory:
        """Nothing."""
        return None

    def learn(self, memory: Any, done: Done) -> Memory:
        """Nothing."""
        return None


def check_length(name: str, value: int, *, least: int = 0) -> None:
    """Raise ``ValueError`` unless a length is a whole number of at least ``least``."""
    if int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")


def check_share(name: str, value: float) -> None:
    """Raise ``ValueError`` unless a number is in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}")
