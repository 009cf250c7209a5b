r"""The trainer: one loop for every network, source, loss and schedule.

A step draws a batch (:mod:`specsim.training.sources`), takes the gradient of the loss in compiled code, and
lets the optimiser (any of optax) change the parameters. The result is a function of the arguments alone:
same bytes on every run on one machine, whether it was stopped and resumed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from specsim.training import checkpoints
from specsim.training.checkpoints import CheckpointError
from specsim.training.curve import Curve
from specsim.training.losses import Loss
from specsim.training.network import Batch, Network, Params, apply, is_argument
from specsim.training.schedules import Schedule
from specsim.training.sources import Source

Step = Callable[..., tuple[Params, Any, jax.Array, Mapping[str, jax.Array]]]


class TrainingError(ArithmeticError):
    """A training went wrong: the loss is no finite number."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A finished training.

    Parameters
    ----------
    params
        The trained parameters.
    curve
        Loss and metrics of every step.
    """

    params: Params
    curve: Curve


def fit(
    network: Network,
    *,
    source: Source | Mapping[str, Source],
    objective: Loss | Mapping[str, Loss],
    schedule: Schedule,
    optimiser: optax.GradientTransformation,
    seed: int,
    params: Params | None = None,
    checkpoint: str | Path | None = None,
    every: int = 50,
    progress: bool = False,
) -> Fit:
    """Train a network.

    Parameters
    ----------
    network
        What is trained.
    source
        Where batches come from; with stages, one for each by name.
    objective
        What is minimised; with stages, one or one for each.
    schedule
        How many steps, in which stages.
    optimiser
        Of optax; its own schedules count steps from 0.
    seed
        Of the initial parameters and of all data.
    params
        Parameters to begin with, in place of ``network.init``.
    checkpoint
        A directory. If it holds a checkpoint of this run the training goes on from there; at the end it holds
        the last one and ``curve.csv``. None keeps nothing.
    every
        Steps between checkpoints.
    progress
        Whether to show a bar on stderr (tqdm).

    Returns
    -------
    Fit
        Parameters and curve.

    Raises
    ------
    ValueError
        If a stage has no source or objective, or a number is out of range.
    CheckpointError
        If the checkpoint is broken, or belongs to another run (other seed, schedule or shapes).
    TrainingError
        If the loss is not finite; the message names the step and what to try.

    Notes
    -----
    A checkpoint doesn't hold the data or the loss: to resume with others is a mistake that can't be seen
    unless shapes differ.

    Examples
    --------
    >>> import optax
    >>> from specsim.sources.tables import TableModel
    >>> from specsim.training import Dense, Next, Offline, Sampled, Soft, TableStudent, TableWorld, fit
    >>> target = TableModel.random(vocabulary=4, order=1, rng=np.random.default_rng(0))
    >>> done = fit(
    ...     TableStudent(vocabulary=4, order=1), source=Sampled(TableWorld(target, width=8), batch=4),
    ...     objective=Next(Soft(Dense())), schedule=Offline(30), optimiser=optax.adam(0.3), seed=0)
    >>> bool(done.curve["acceptance"][-1] > done.curve["acceptance"][0])
    True
    """
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    run = _Run(
        network, _by_stage(source, schedule), _by_stage(objective, schedule), schedule, optimiser, seed
    )
    state = run.begin(params)
    place = None if checkpoint is None else Path(checkpoint)
    if place is not None:
        state = run.restore(place, state)
    with _bar(schedule.steps, state.step, shown=progress) as bar:
        while state.step < schedule.steps:
            state = run.advance(state)
            if place is not None and (state.step % every == 0 or state.step == schedule.steps):
                run.save(place, state)
            bar.update(1)
    if place is not None:
        state.curve.to_csv(place / "curve.csv")
    return Fit(state.params, state.curve)


def evaluate(network: Network, params: Params, objective: Loss, batches: Sequence[Batch]) -> dict[str, float]:
    """Loss and metrics on batches, each weighed by the weight of its columns.

    Parameters
    ----------
    network, params, objective
        What is evaluated, by what.
    batches
        At least one with weight.
    """
    weights = np.array([float(batch.weight.sum()) for batch in batches])
    if not weights.sum() > 0:
        raise ValueError("there is nothing to evaluate on: no column of the batches has weight")
    rows = []
    for batch in batches:
        loss, metrics = _judged(network, objective, params, batch)
        rows.append({"loss": float(loss)} | {name: float(value) for name, value in metrics.items()})
    return {name: float(np.average([row[name] for row in rows], weights=weights)) for name in rows[0]}


def _judged(network: Network, objective: Loss, params: Params, batch: Batch) -> Any:
    if is_argument(network) and is_argument(objective):
        return _judge(network, objective, params, batch)
    return objective(apply(network, params, batch), batch)


@jax.jit
def _judge(network: Any, objective: Any, params: Params, batch: Batch) -> Any:
    return objective(network.apply(params, batch), batch)


def _by_stage(given: Any, schedule: Schedule) -> dict[str, Any]:
    names = dict.fromkeys(schedule.stage(step) for step in range(schedule.steps))
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"stage {missing[0]!r} has no source or objective; given are {', '.join(given)}")
    return {name: given[name] for name in names}


@dataclass(frozen=True, eq=False)
class _State:
    """Everything that changes."""

    step: int
    params: Params
    optimiser: Any
    sources: dict[str, Any]
    curve: Curve


@dataclass(frozen=True, eq=False)
class _Run:
    """Everything that doesn't."""

    network: Network
    sources: Mapping[str, Source]
    losses: Mapping[str, Loss]
    schedule: Schedule
    optimiser: optax.GradientTransformation
    seed: int

    def begin(self, params: Params | None) -> _State:
        fresh = self.network.init(jax.random.key(self.seed)) if params is None else params
        fresh = jax.tree.map(jax.numpy.array, fresh)  # a copy: the step may reuse its memory
        states = {name: source.start() for name, source in self.sources.items()}
        return _State(0, fresh, self.optimiser.init(fresh), states, Curve.empty())

    def advance(self, state: _State) -> _State:
        name = self.schedule.stage(state.step)
        source = self.sources[name]
        batch, after = source.draw(
            state.sources[name], step=state.step, seed=self.seed, network=self.network, params=state.params
        )
        step = _step_of(self.network, self.losses[name], self.optimiser)
        params, optimiser, loss, metrics = step(state.params, state.optimiser, batch)
        if not np.isfinite(float(loss)):
            raise TrainingError(
                f"the loss of step {state.step} (stage {name!r}) is {float(loss)}: try a smaller step, "
                "or, where the target gives a token probability 0, a divergence other than reverse_kl"
            )
        watch = getattr(source, "watch", None)
        row = {"loss": loss, **metrics, **(watch(after) if watch else {})}
        curve = state.curve.extended(name, {key: float(value) for key, value in row.items()})
        return _State(state.step + 1, params, optimiser, state.sources | {name: after}, curve)

    def about(self, state: _State) -> dict[str, Any]:
        leaves = jax.tree_util.tree_flatten_with_path((state.params, state.optimiser))[0]
        shapes = [f"{jax.tree_util.keystr(path)} {np.shape(leaf)}" for path, leaf in leaves]
        return {"seed": self.seed, "schedule": repr(self.schedule), "shapes": shapes}

    def save(self, place: Path, state: _State) -> None:
        leaves = jax.tree.leaves((state.params, state.optimiser))
        arrays = {f"leaf/{number:05}": np.asarray(leaf) for number, leaf in enumerate(leaves)}
        arrays |= checkpoints.flatten(state.sources, "source")
        arrays |= checkpoints.flatten(state.curve.columns, "curve")
        about = self.about(state) | {"step": state.step, "stages": list(state.curve.stages)}
        checkpoints.save(place, arrays, about)

    def restore(self, place: Path, fresh: _State) -> _State:
        found = checkpoints.load(place)
        if found is None:
            return fresh
        arrays, about = found
        for key, value in self.about(fresh).items():
            if about.get(key) != value:
                raise CheckpointError(
                    f"{place} holds a checkpoint of another run: its {key} differs; choose another directory"
                )
        leaves = [jax.numpy.asarray(arrays[name]) for name in sorted(arrays) if name.startswith("leaf/")]
        params, optimiser = jax.tree.unflatten(jax.tree.structure((fresh.params, fresh.optimiser)), leaves)
        columns = checkpoints.unflatten(arrays, "curve", {})
        return replace(
            fresh,
            step=about["step"],
            params=params,
            optimiser=optimiser,
            sources=checkpoints.unflatten(arrays, "source", fresh.sources),
            curve=Curve(tuple(about["stages"]), columns),
        )


def _step_of(network: Network, loss: Loss, optimiser: optax.GradientTransformation) -> Step:
    """The compiled step; what is a registered pytree goes in as an argument, the rest is closed over."""
    net = network if is_argument(network) else None
    objective = loss if is_argument(loss) else None
    fixed = (network if net is None else None, loss if objective is None else None)
    return partial(_step, fixed, optimiser.update, net, objective)


@partial(jax.jit, static_argnums=(0, 1))
def _step(
    fixed: tuple[Any, Any],
    update: Any,
    network: Any,
    objective: Any,
    params: Params,
    state: Any,
    batch: Batch,
) -> tuple[Params, Any, jax.Array, Mapping[str, jax.Array]]:
    net, loss_of = fixed[0] or network, fixed[1] or objective

    def loss(current: Params) -> tuple[jax.Array, Mapping[str, jax.Array]]:
        value: tuple[jax.Array, Mapping[str, jax.Array]] = loss_of(net.apply(current, batch), batch)
        return value

    (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    change, after = update(gradient, state, params)
    return optax.apply_updates(params, change), after, value, metrics


def _bar(total: int, done: int, *, shown: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=done, unit="step", desc="training", disable=not shown, leave=False)


__all__ = ["CheckpointError", "Fit", "TrainingError", "evaluate", "fit"]
