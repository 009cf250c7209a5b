r"""Dumping a target's own text, with what it knows at every token: made once, shared by all trainers.

The target samples continuations of training prompts (:mod:`specsim.training.batched`). One pass over each
finished text then gives, at every token, prompt included, the final hidden state, the residual stream after
chosen layers, the normaliser of the next token's law at each temperature, and the most likely tokens. From
hidden state and normaliser the law of any set of tokens follows exactly; nothing of size V is stored.

Prompts that are kept for evaluation are left out (see :class:`~specsim.training.dump_plan.DumpPlan`). Bytes
are a function of the plan, the package versions and the machine's arithmetic; a chunk depends on the plan
and its number alone. Memory is flat: one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models import Model, load, logits
from specsim.models.config import Array
from specsim.models.llama import embed, final_norm, layer, turns_at
from specsim.models.steps import Padded
from specsim.recording.recorder import _context
from specsim.training.batched import generate_batch
from specsim.training.dump_files import Dump, DumpWriter
from specsim.training.dump_plan import Ask, DumpPlan, asks

Progress = Callable[[int, int], None]

#: Raised whenever the same plan would give other bytes than before.
RECIPE = 1
#: Rows whose logits are in memory at once.
_ROWS = 256


def make_dump(
    plan: DumpPlan,
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    model: Model | None = None,
) -> Dump:
    """Make a dump.

    Parameters
    ----------
    plan
        What to dump.
    out
        The directory of the dump.
    resume
        Go on with a dump of the same plan that was cut off; begin it if there is none.
    progress
        Called with (tokens generated, tokens wanted) before every chunk and at the end.
    model
        A loaded model to use in place of ``plan.model`` from the catalogue.

    Returns
    -------
    Dump
        The finished dump, opened.

    Raises
    ------
    DumpError
        If ``out`` already holds a dump and ``resume`` is false, or holds one of another plan.
    ValueError
        If a layer isn't the model's, or a prompt is too long for it.
    ModelUnavailable
        If the model or a prompt package can't be had.
    """
    model = load(plan.model) if model is None else model
    outside = [number for number in plan.layers if number > model.config.layers]
    if outside:
        raise ValueError(
            f"there is no stream after {outside[0]} layers: {model.name} has {model.config.layers}"
        )
    writer = DumpWriter(out, header=_header(plan, model), resume=resume)
    for number, batch in enumerate(asks(plan)):
        if writer.complete or writer.generated >= plan.positions:
            break
        if number >= len(writer.chunks):
            _report(progress, writer.generated, plan.positions)
            arrays = make_chunk(plan, model, batch)
            writer.append(arrays, [{"name": ask.name, "domain": ask.prompt.domain} for ask in batch])
    writer.finish()
    _report(progress, writer.generated, plan.positions)
    return Dump.open(out)


def _report(progress: Progress | None, done: int, wanted: int) -> None:
    if progress is not None:
        progress(done, wanted)


def _header(plan: DumpPlan, model: Model) -> dict[str, Any]:
    return {
        "command": plan.command(),
        "recipe": RECIPE,
        "vocabulary": model.config.vocabulary,
        "hidden": model.config.hidden,
        "layers": list(plan.layers),
        "normalisers": normalisers(plan),
        "model": {key: str(value) for key, value in model.metadata().items()},
        "versions": {name: version(name) for name in ("jax", "jaxlib", "numpy", "safetensors", "tokenizers")},
    }


def normalisers(plan: DumpPlan) -> list[float]:
    """The temperatures whose normalisers are stored: 1, and those of the plan above 0.

    Examples
    --------
    >>> normalisers(DumpPlan(temperatures=(0.0, 0.7)))
    [0.7, 1.0]
    """
    return sorted({1.0, *(float(t) for t in plan.temperatures if t > 0)})


def make_chunk(plan: DumpPlan, model: Model, batch: Sequence[Ask]) -> dict[str, Array]:
    """The arrays of one chunk, as :mod:`specsim.training.dump_files` lays them out."""
    contexts = [_context(ask.prompt, model, plan.tokens) for ask in batch]
    written = generate_batch(
        model,
        contexts,
        max_new_tokens=plan.tokens,
        temperatures=[ask.temperature for ask in batch],
        seeds=[ask.seed for ask in batch],
    )
    texts = [
        np.array([*context, *new], dtype=np.int32) for context, new in zip(contexts, written, strict=True)
    ]
    known = [
        describe(model, text, plan.layers, top=plan.top, temperatures=normalisers(plan)) for text in texts
    ]
    arrays = {name: np.concatenate([rows[name] for rows in known]) for name in known[0]}
    return arrays | {
        "tokens": np.concatenate(texts),
        "offsets": np.cumsum([0, *(len(text) for text in texts)]).astype(np.int32),
        "starts": np.array([len(context) for context in contexts], dtype=np.int32),
        "temperatures": np.array([ask.temperature for ask in batch], dtype=np.float32),
    }


def describe(
    model: Model, tokens: Array, layers: Sequence[int], *, top: int, temperatures: Sequence[float]
) -> dict[str, Array]:
    """What the target knows after each token of one text.

    Parameters
    ----------
    model, tokens
        The target, and token ids of shape ``(T,)``.
    layers
        Numbers of layers after which the stream is wanted.
    top
        How many of the most likely tokens.
    temperatures
        Of the normalisers.

    Returns
    -------
    dict of ndarray
        ``hidden``, ``layer_N``, ``log_normaliser``, ``top_ids``, ``top_log_p``, of T rows each.

    Raises
    ------
    ValueError
        If a hidden state is too large for float16.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> known = describe(toy_model(seed=0), np.array([1, 2, 3]), [2], top=4, temperatures=[1.0])
    >>> {name: value.shape for name, value in known.items()}["top_ids"]
    (3, 4)
    """
    streams = _streams(model, tokens, set(layers))
    found = {"hidden": _half(streams["hidden"], "hidden")}
    found |= {f"layer_{number}": _half(streams[number], f"layer_{number}") for number in layers}
    parts = [_laws(model, rows, top, temperatures) for rows in _split(found["hidden"])]
    return found | {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _split(rows: Array) -> list[Array]:
    return [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]


def _streams(model: Model, tokens: Array, wanted: set[int]) -> dict[Any, Array]:
    """The final hidden states, and the streams after the wanted numbers of layers, each ``(T, D)``."""
    config, params, text = model.config, model.params, Padded.of(tokens)
    turns, stream = turns_at(config, text.positions), embed(params["embedding"], text.tokens)
    found: dict[Any, Array] = {0: np.asarray(stream[0, : text.count])} if 0 in wanted else {}
    for number, weights in enumerate(params["layers"], start=1):
        stream, _ = layer(config, weights, stream, turns, text.mask, None)
        if number in wanted:
            found[number] = np.asarray(stream[0, : text.count])
    found["hidden"] = np.asarray(final_norm(config, params["norm"], stream)[0, : text.count])
    return found


def _half(rows: Array, name: str) -> Array:
    if not np.abs(rows).max() <= np.finfo(np.float16).max:
        raise ValueError(f"{name} has a number of size {np.abs(rows).max():g}, too large for float16")
    return rows.astype(np.float16)


def _laws(model: Model, hidden: Array, top: int, temperatures: Sequence[float]) -> dict[str, Array]:
    padded = np.zeros((_ROWS, hidden.shape[1]), dtype=np.float32)
    padded[: len(hidden)] = hidden
    law = logits(model.params, jnp.asarray(padded))
    norms = np.stack([np.asarray(_log_sum(law, temperature)) for temperature in temperatures], axis=-1)
    rows = np.asarray(law)[: len(hidden)]
    ids = _largest(rows, top)
    base = np.asarray(_log_sum(law, 1.0))[: len(hidden), None]
    return {
        "log_normaliser": norms[: len(hidden)],
        "top_ids": ids,
        "top_log_p": np.take_along_axis(rows, ids, axis=1) - base,
    }


@jax.jit
def _log_sum(law: jax.Array, temperature: float) -> jax.Array:
    return jax.nn.logsumexp(law / temperature, axis=-1)


def _largest(rows: Array, top: int) -> Array:
    """The ``top`` largest of each row, largest first, the smaller id of equals first."""
    if top > rows.shape[1]:
        raise ValueError(f"asked for the {top} most likely of {rows.shape[1]} tokens")
    if top == 0:
        return np.zeros((len(rows), 0), dtype=np.int32)
    some = np.sort(np.argpartition(-rows, top - 1, axis=1)[:, :top], axis=1)
    order = np.argsort(-np.take_along_axis(rows, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1).astype(np.int32)
