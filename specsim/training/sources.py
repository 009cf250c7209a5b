r"""Sources: where batches come from. Fixed text, target samples, student samples, mixes, replay, labels.

Every source is stateless or carries its state in the open: ``draw(state, step=, seed=, network=, params=)``
gives a batch and the next state, dictionaries of numpy arrays that a checkpoint can hold. All its randomness
is a function of seed and step. So a run that is resumed meets the same data, and one that is repeated too.

=========================================  ===================================================================
source                                     text is from
=========================================  ===================================================================
:class:`~specsim.training.corpus.Windows`  a dump of target samples, or fixed text
:class:`Sampled`                           target (share 0), student (share 1: on-policy), or a mix of the two
                                           by request or by token (DistillSpec; Online Speculative Decoding)
:class:`Replay`                            what another source has given lately
:class:`Labelled`                          features with labels (acceptance, errors)
:class:`Noisy`                             another source, noise added to its features (EAGLE)
=========================================  ===================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from specsim.models.config import Array
from specsim.training.network import Batch, Network, Params, generator
from specsim.training.worlds import World, draw_rows


class Source(Protocol):
    """Where batches come from."""

    def start(self) -> Any:
        """The state before the first step: numpy arrays in nested dictionaries (empty if there is none)."""

    def draw(
        self, state: Any, *, step: int, seed: int, network: Network, params: Params
    ) -> tuple[Batch, Any]:
        """The batch of a step, and the next state."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """Text sampled for the occasion, by the target, by the student as it now is, or by both.

    Parameters
    ----------
    world
        Prompts, the target's law, and what is known of a text.
    batch
        How many texts.
    share
        The student's part of the text: 0 target samples, 1 on-policy.
    by
        ``"request"``: each text is written by one of them, chosen with probability ``share``; ``"token"``:
        each token is.

    Raises
    ------
    ValueError
        For a value out of its range.

    Notes
    -----
    The student needs outputs of which column t depends on nothing to the right of t, and tokens of its
    vocabulary are sampled at temperature 1.
    """

    world: World
    batch: int
    share: float = 0.0
    by: str = "request"

    def __post_init__(self) -> None:
        if self.batch < 1 or not 0 <= self.share <= 1:
            raise ValueError(
                f"batch must be at least 1 and share in [0, 1], got {self.batch} and {self.share}"
            )
        if self.by not in ("request", "token"):
            raise ValueError(f"by must be 'request' or 'token', got {self.by!r}")

    def start(self) -> Any:
        return {}

    def draw(
        self, state: Any, *, step: int, seed: int, network: Network, params: Params
    ) -> tuple[Batch, Any]:
        rng = generator(seed, "sampled", step)
        run = self.world.open(self.batch, rng)
        whole = rng.random(self.batch) < self.share
        while not run.finished:
            mine = whole if self.by == "request" else rng.random(self.batch) < self.share
            law = run.law()
            if mine.any():
                law = np.where(mine[:, None], run.student_law(network, params), law)
            run.append(draw_rows(law, rng))
        return run.score(), state


@dataclass(frozen=True, eq=False)
class Replay:
    """A ring of the rows that a source gave last, from which batches are drawn at random.

    Parameters
    ----------
    source
        Asked for one batch every ``every`` steps.
    capacity
        Rows kept; at least one batch.
    batch
        Rows a batch.
    every
        At least 1.

    Notes
    -----
    A step is asked of the inner source by the number of the refill, so a refill is a batch it would give.
    """

    source: Source
    capacity: int
    batch: int
    every: int = 1

    def __post_init__(self) -> None:
        if min(self.capacity, self.batch, self.every) < 1:
            raise ValueError(
                f"capacity, batch and every must be at least 1, "
                f"got {self.capacity}, {self.batch} and {self.every}"
            )

    def start(self) -> Any:
        return {"inner": self.source.start(), "filled": np.zeros((), np.int64), "rows": {}}

    def draw(
        self, state: Any, *, step: int, seed: int, network: Network, params: Params
    ) -> tuple[Batch, Any]:
        if step % self.every == 0:
            fresh, inner = self.source.draw(
                state["inner"], step=step // self.every, seed=seed, network=network, params=params
            )
            state = {**self._push(state, fresh), "inner": inner}
        chosen = generator(seed, "replay", step).integers(known_rows(state, self.capacity), size=self.batch)
        return Batch.of_rows({name: rows[chosen] for name, rows in state["rows"].items()}), state

    def _push(self, state: Any, fresh: Batch) -> Any:
        return push(state, fresh.as_rows(), self.capacity)


def known_rows(state: Mapping[str, Any], capacity: int) -> int:
    """How many rows of a ring hold something."""
    return min(int(state["filled"]), capacity)


def push(state: Mapping[str, Any], fresh: Mapping[str, Array], capacity: int) -> dict[str, Any]:
    """A ring with rows put in place of the oldest; ``state`` has ``filled`` and ``rows``, and isn't changed.

    Examples
    --------
    >>> ring = push({"filled": np.zeros((), int), "rows": {}}, {"x": np.array([1, 2])}, 3)
    >>> push(ring, {"x": np.array([3, 4])}, 3)["rows"]["x"].tolist()
    [4, 2, 3]
    """
    count = len(next(iter(fresh.values())))
    if count > capacity:
        raise ValueError(f"a batch of {count} rows doesn't fit in a buffer of {capacity}")
    places = (int(state["filled"]) + np.arange(count)) % capacity
    rows = {}
    for name, values in fresh.items():
        old = state["rows"].get(name)
        rows[name] = np.zeros((capacity, *values.shape[1:]), values.dtype) if old is None else old.copy()
        rows[name][places] = values
    return {**state, "filled": state["filled"] + count, "rows": rows}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Feature vectors with labels, each a text of one column: for acceptance heads and judges.

    Parameters
    ----------
    hidden
        Shape ``(N, D)``.
    label
        Shape ``(N,)``, in [0, 1].
    batch
        How many a batch, drawn without replacement within an epoch.
    weight
        Shape ``(N,)``; ones if None.

    Examples
    --------
    >>> source = Labelled([[0.0], [1.0], [2.0]], [0.0, 1.0, 1.0], batch=2)
    >>> source.draw({}, step=0, seed=0, network=None, params=None)[0].hidden.shape
    (2, 1, 1)
    """

    hidden: ArrayLike
    label: ArrayLike
    batch: int
    weight: ArrayLike | None = None
    _rows: Mapping[str, Array] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        hidden = np.asarray(self.hidden, dtype=np.float32)
        label = np.asarray(self.label, dtype=np.float32)
        weight = np.ones_like(label) if self.weight is None else np.asarray(self.weight, dtype=np.float32)
        if hidden.ndim != 2 or not label.shape == weight.shape == hidden.shape[:1]:
            raise ValueError(
                f"hidden must be (N, D), label and weight (N,); got {hidden.shape}, {label.shape} "
                f"and {weight.shape}"
            )
        if not ((label >= 0) & (label <= 1)).all() or not (weight >= 0).all():
            raise ValueError("labels must be in [0, 1] and weights at least 0")
        if not 1 <= self.batch <= len(label):
            raise ValueError(f"batch must be in 1 .. {len(label)}, got {self.batch}")
        object.__setattr__(self, "_rows", {"hidden": hidden, "label": label, "weight": weight})

    def start(self) -> Any:
        return {}

    def draw(
        self, state: Any, *, step: int, seed: int, network: Any = None, params: Any = None
    ) -> tuple[Batch, Any]:
        epochs, place = divmod(step * self.batch, len(self._rows["label"]))
        order = [
            generator(seed, "labelled", epoch).permutation(len(self._rows["label"]))
            for epoch in (epochs, epochs + 1)
        ]
        chosen = np.concatenate(order)[place : place + self.batch]
        rows = {name: jnp.asarray(values[chosen][:, None]) for name, values in self._rows.items()}
        return Batch.of(np.zeros((self.batch, 1), dtype=np.int32), **rows), state


@dataclass(frozen=True, eq=False)
class Noisy:
    """Another source with uniform noise in ``[-size, size]`` for the hidden states, in ``batch.noise``.

    EAGLE trains its feature drafter so, against the errors that it will itself make at later steps (there
    with size ``0.1 * 512 / T``). Networks read ``batch.shaken()``; teachers and regression targets stay
    clean.
    """

    source: Source
    size: float

    def __post_init__(self) -> None:
        if not self.size >= 0:
            raise ValueError(f"size must be at least 0, got {self.size}")

    def start(self) -> Any:
        return self.source.start()

    def draw(
        self, state: Any, *, step: int, seed: int, network: Network, params: Params
    ) -> tuple[Batch, Any]:
        batch, state = self.source.draw(state, step=step, seed=seed, network=network, params=params)
        shape = batch.require("hidden").shape
        noise = generator(seed, "noise", step).uniform(-self.size, self.size, shape)
        return replace(batch, noise=jnp.asarray(noise, dtype=jnp.float32)), state
