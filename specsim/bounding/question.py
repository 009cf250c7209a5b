"""What is asked about a trace: drafting laws, numbers of drafts, temperatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from theory.simplex import Warp

#: Drafting laws whose bound is known at full vocabulary.
LAWS = ("iid", "without-replacement", "top-k-plus-sample", "point")


@dataclass(frozen=True)
class Question:
    """Which bounds to compute.

    Parameters
    ----------
    laws
        Of :data:`LAWS`, different ones.
    ks
        Numbers of drafts, different, at least 1.
    temperatures
        Different ones; each is applied to target and draft alike.
    filters
        A :class:`~theory.simplex.Warp` whose top-k, top-p and min-p are used; its temperature is not.
    drafts
        Names of recorded drafts; all if None.
    domains
        Of the trace; all if None.
    limit
        At most so many positions, evenly spaced; all if None.
    top
        Take only the likeliest ``top`` tokens of p and of q as known, and give intervals for all that the
        rest could be; None takes all.
    certify_every
        Without replacement, evaluate the certificate of every so-many-th position anew (it takes as long as a
        bound); those of the other laws always are.

    Raises
    ------
    ValueError
        For a parameter out of its range.

    Examples
    --------
    >>> list(Question(laws=("iid", "point"), ks=(2, 4)).methods())
    [('iid', 2), ('iid', 4), ('point', 2), ('point', 4)]
    """

    laws: tuple[str, ...] = LAWS
    ks: tuple[int, ...] = (1, 2, 4, 8)
    temperatures: tuple[float, ...] = (1.0,)
    filters: Warp = field(default_factory=Warp)
    drafts: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None
    limit: int | None = None
    top: int | None = None
    certify_every: int = 8

    def __post_init__(self) -> None:
        if not self.laws or len(set(self.laws)) < len(self.laws) or not set(self.laws) <= set(LAWS):
            raise ValueError(f"laws must be different ones of {', '.join(LAWS)}; got {self.laws}")
        if not self.ks or len(set(self.ks)) < len(self.ks) or min(self.ks) < 1:
            raise ValueError(f"ks must be one or more different numbers of at least 1, got {self.ks}")
        if not self.temperatures or len(set(self.temperatures)) < len(self.temperatures):
            raise ValueError(f"temperatures must be one or more different ones, got {self.temperatures}")
        for name in ("limit", "top", "certify_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.top is not None and self.top < max(self.ks):
            raise ValueError(
                f"top is {self.top}, but with {max(self.ks)} drafts that many of the likeliest tokens of q "
                "have to be known; give a larger top"
            )
        for temperature in self.temperatures:
            self.warp(temperature)

    def warp(self, temperature: float) -> Warp:
        """The processing of logits at a temperature."""
        return Warp(temperature, self.filters.top_k, self.filters.top_p, self.filters.min_p)

    def methods(self) -> Iterator[tuple[str, int]]:
        """Laws with numbers of drafts, in the order of the last axis of all results."""
        return ((law, k) for law in self.laws for k in self.ks)
