"""Views in plain numpy, float64, one head and one row after the other, to hold the package against.

No cache, no padding, no masks of parts; shares only the rotary turn and the norm with ``plain_llama``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from plain_llama import norm, turn

from specsim.models import Model
from specsim.models.stages import Part, Stages

#: Which slots of the context a drafted row attends to, for each key-value head: from a layer's number, the
#: last context row's queries (H, Dh) and the context's keys (n, K, Dh).
Pick = Callable[[int, np.ndarray, np.ndarray], Sequence[Sequence[int]]]


def arrays(model: Model, part: Part) -> dict[str, np.ndarray]:
    found = model.params["layers"][part] if isinstance(part, int) else model.params["adapters"][part]
    return {name: np.asarray(array, dtype=np.float64) for name, array in found.items()}


def heads(model: Model, weights: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unturned queries (T, H, Dh), keys and values (T, K, Dh)."""
    inner = norm(x, weights["attention_norm"], model.config.epsilon)
    size = model.config.head_size
    return tuple((inner @ weights[name].T).reshape(len(x), -1, size) for name in ("query", "key", "value"))


def mix(model: Model, query: np.ndarray, place: int, keys: np.ndarray, places: list[int], values: np.ndarray):
    """One head's attention of one row: unturned query and keys with their places."""
    base = model.config.rope_base
    turned = np.array([turn(key, at, base, False) for key, at in zip(keys, places, strict=True)])
    scores = turned @ turn(query, place, base, False) / np.sqrt(len(query))
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ values


def attention(model: Model, weights: dict, x: np.ndarray) -> np.ndarray:
    q, k, v = heads(model, weights, x)
    mixed = np.zeros_like(q)
    for row in range(len(x)):
        for head in range(q.shape[1]):
            group = head // model.config.group
            upto = slice(0, row + 1)
            mixed[row, head] = mix(
                model, q[row, head], row, k[upto, group], list(range(row + 1)), v[upto, group]
            )
    return mixed.reshape(len(x), -1) @ weights["output"].T


def feed(model: Model, weights: dict, x: np.ndarray) -> np.ndarray:
    inner = norm(x, weights["feed_norm"], model.config.epsilon)
    gate = inner @ weights["gate"].T
    return (gate / (1 + np.exp(-gate)) * (inner @ weights["up"].T)) @ weights["down"].T


def embedded(model: Model, tokens: Sequence[int]) -> np.ndarray:
    return np.asarray(model.params["embedding"], dtype=np.float64)[list(tokens)]


def finished(model: Model, x: np.ndarray, weight: object = None) -> np.ndarray:
    scale = np.asarray(model.params["norm"] if weight is None else weight, dtype=np.float64)
    return norm(x, scale, model.config.epsilon)


def staged(model: Model, x: np.ndarray, stages: Stages) -> np.ndarray:
    """Final hidden states (T, D) of stages on inputs (T, D)."""
    adapter = None
    for stage in stages:
        before = x
        for part in stage.attention:
            weights = arrays(model, part)
            added = attention(model, weights, before)
            x = x + added
            if stage.whole:
                x = x + feed(model, weights, before + added)
            adapter = weights.get("norm")
        if not stage.whole:
            for number in stage.feed:
                x = x + feed(model, arrays(model, number), x)
    return finished(model, x, adapter)


def chosen_slots(model: Model, tokens: Sequence[int], context: int, pick: Pick, *, moved: bool) -> np.ndarray:
    """Final hidden states of a text whose rows from ``context`` on attend to picked slots and themselves."""
    x = embedded(model, tokens)
    base, group = model.config.rope_base, model.config.group
    for number in range(model.config.layers):
        weights = arrays(model, number)
        q, k, v = heads(model, weights, x)
        added = attention(model, weights, x)
        last = np.array([turn(head, context - 1, base, False) for head in q[context - 1]])
        turned = np.array([[turn(h, at, base, False) for h in row] for at, row in enumerate(k[:context])])
        kept = [sorted(slots) for slots in pick(number, last, turned)]
        mixed = np.zeros_like(q)
        for row in range(context, len(x)):
            for head in range(q.shape[1]):
                slots = [*kept[head // group], *range(context, row + 1)]
                places = list(range(len(slots))) if moved else slots
                keys, values = k[slots, head // group], v[slots, head // group]
                mixed[row, head] = mix(model, q[row, head], places[-1], keys, places, values)
        added[context:] = mixed[context:].reshape(len(x) - context, -1) @ weights["output"].T
        x = x + added
        x = x + feed(model, weights, x)
    return finished(model, x)
