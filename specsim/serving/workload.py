"""Requests: when they arrive, how long they are, how well their drafts do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Workload:
    """Requests in the order of their arrival.

    Parameters
    ----------
    arrival
        Seconds, never falling, shape ``(n,)``.
    prompt
        Tokens of each prompt, at least 1.
    output
        Tokens that each request emits, 0 or more. A request of none is done when its prompt has been read.
    acceptance
        Probability that a judged draft of the request is accepted, in [0, 1].
    kinds
        Kind of each request, for servers with a menu of trees for each kind; all 0 if left out.

    Raises
    ------
    ValueError
        If shapes differ, arrivals fall, or a number is out of its range.

    Examples
    --------
    >>> Workload([0.0, 0.5], [100, 20], [10, 0], [0.8, 0.6]).size
    2
    """

    arrival: Floats
    prompt: Counts
    output: Counts
    acceptance: Floats
    kinds: Counts

    def __init__(
        self,
        arrival: ArrayLike,
        prompt: ArrayLike,
        output: ArrayLike,
        acceptance: ArrayLike,
        kinds: ArrayLike | None = None,
    ) -> None:
        columns = {
            "arrival": np.asarray(arrival, dtype=np.float64),
            "prompt": _counts(prompt, "prompt"),
            "output": _counts(output, "output"),
            "acceptance": np.asarray(acceptance, dtype=np.float64),
        }
        shape = columns["arrival"].shape
        columns["kinds"] = np.zeros(shape, dtype=np.int64) if kinds is None else _counts(kinds, "kinds")
        for name, column in columns.items():
            object.__setattr__(self, name, column)
        shapes = {column.shape for column in columns.values()}
        if len(shapes) != 1 or self.arrival.ndim != 1 or not self.size:
            raise ValueError(
                "arrival, prompt, output and acceptance need one entry for each of some requests, got "
                + ", ".join(f"{name} of shape {column.shape}" for name, column in columns.items())
            )
        if not (
            np.all(np.isfinite(self.arrival)) and np.all(np.diff(self.arrival) >= 0) and self.arrival[0] >= 0
        ):
            raise ValueError("arrival must be seconds from 0 on that never fall")
        if self.prompt.min() < 1 or self.output.min() < 0:
            raise ValueError("a prompt has at least 1 token, an output at least 0")
        if not np.all((self.acceptance >= 0) & (self.acceptance <= 1)):
            raise ValueError("acceptance must be probabilities in [0, 1]")

    @property
    def size(self) -> int:
        """Number of requests."""
        return int(self.arrival.size)

    @classmethod
    def poisson(
        cls,
        *,
        rate: float,
        requests: int,
        rng: np.random.Generator,
        prompt: int = 256,
        output: int = 128,
        spread: float = 0.5,
        acceptance: float | tuple[float, float] = 0.7,
    ) -> Workload:
        """Poisson arrivals and log-normal lengths.

        Parameters
        ----------
        rate
            Requests a second; positive.
        requests
            How many.
        rng
            The generator; the same seed gives the same requests.
        prompt, output
            Mean lengths.
        spread
            Standard deviation of the lengths' logarithms; 0 for constant lengths.
        acceptance
            One probability, or the two parameters of a beta law that each request's is drawn from.

        Examples
        --------
        >>> load = Workload.poisson(rate=10, requests=1000, rng=np.random.default_rng(0))
        >>> bool(90 < load.arrival[-1] < 110)
        True
        """
        if not rate > 0 or requests < 1:
            raise ValueError(f"a workload needs a positive rate and some requests, got {rate} and {requests}")
        arrival = np.cumsum(rng.exponential(1 / rate, requests))
        lengths = [_lengths(mean, spread, requests, rng) for mean in (prompt, output)]
        if isinstance(acceptance, tuple):
            accepts = rng.beta(*acceptance, requests)
        else:
            accepts = np.full(requests, float(acceptance))
        return cls(arrival, lengths[0], lengths[1], accepts)

    def at_rate(self, rate: float) -> Workload:
        """The same requests, their arrivals stretched evenly to a mean rate (requests over the last arrival).

        Examples
        --------
        >>> Workload([0.0, 1.0, 4.0], [9] * 3, [9] * 3, [0.5] * 3).at_rate(1.5).arrival.tolist()
        [0.0, 0.5, 2.0]
        """
        last = float(self.arrival[-1])
        if not rate > 0 or not last > 0:
            raise ValueError(
                f"a rate must be positive, and arrivals spread over time, got {rate} and {last} s"
            )
        factor = self.size / (rate * last)
        return Workload(self.arrival * factor, self.prompt, self.output, self.acceptance, self.kinds)

    def only(self, numbers: ArrayLike) -> Workload:
        """Some of the requests, by their numbers in rising order."""
        rows = np.asarray(numbers, dtype=np.int64)
        columns = (self.arrival, self.prompt, self.output, self.acceptance, self.kinds)
        return Workload(*(column[rows] for column in columns))


def _counts(values: ArrayLike, name: str) -> Counts:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.dtype.kind == "b":
        raise ValueError(f"{name} must be whole numbers of tokens, got {array.dtype}")
    return array.astype(np.int64)


def _lengths(mean: float, spread: float, count: int, rng: np.random.Generator) -> Counts:
    """Log-normal lengths of a mean, rounded up; at least 1."""
    if not mean >= 1 or not spread >= 0:
        raise ValueError(f"lengths need a mean of at least 1 and no negative spread, got {mean}, {spread}")
    drawn = rng.lognormal(np.log(mean) - spread**2 / 2, spread, count)
    return np.maximum(1, np.round(drawn)).astype(np.int64)
