r"""Sampling several continuations at once.

Contexts are padded **on the left** to one width, so that all of them end in the same slot and one step
appends to all. Positions count from each text's own first token, and no token may attend to padding, so a
row's law is that of its text alone (up to the rounding that another width of the arithmetic brings).

Each text has its own generator: a continuation is a function of its context, temperature and seed, and of
the texts that it was batched with only through rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models import Cache, LlamaConfig, Model, commit, forward, logits
from specsim.models.config import Array, Params
from specsim.models.sampling import check_temperature, sample_token
from specsim.models.steps import BUCKET, check_context, check_tokens, round_up


def generate_batch(
    model: Model,
    contexts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperatures: Sequence[float],
    seeds: Sequence[int],
) -> list[list[int]]:
    """Sample a continuation of each context.

    Parameters
    ----------
    model
        The model.
    contexts
        Token ids, at least one each.
    max_new_tokens
        At least 1; a continuation stops after an end token, which is included.
    temperatures, seeds
        One a context; temperature 0 is greedy.

    Returns
    -------
    list of list of int
        The new tokens of each. The same call gives the same tokens in every process on one machine.

    Raises
    ------
    ValueError
        If there is no context, lists differ in length, or a text doesn't fit in the model's context.

    Notes
    -----
    Cost: a prefill of ``len(contexts)`` times the longest context, rounded up to 64, and a pass a token.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> new = generate_batch(
    ...     toy_model(seed=0), [[1, 2, 3], [4]], max_new_tokens=1, temperatures=[1.0, 0.0], seeds=[0, 1])
    >>> [len(tokens) for tokens in new]
    [1, 1]
    """
    ids = [check_tokens(model.config, context) for context in contexts]
    if not ids or not len(ids) == len(temperatures) == len(seeds):
        raise ValueError(
            f"give one temperature and one seed a context, at least one; got {len(ids)} contexts, "
            f"{len(temperatures)} temperatures and {len(seeds)} seeds"
        )
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
    for context, temperature in zip(ids, temperatures, strict=True):
        check_temperature(temperature)
        check_context(model.config, len(context) + max_new_tokens)
    return _sample(model, ids, max_new_tokens, temperatures, [np.random.default_rng(seed) for seed in seeds])


def _sample(
    model: Model,
    contexts: list[Array],
    count: int,
    temperatures: Sequence[float],
    rngs: list[np.random.Generator],
) -> list[list[int]]:
    pads, law, cache = begin_batch(model, contexts, count)
    written: list[list[int]] = [[] for _ in contexts]
    ended = np.zeros(len(contexts), dtype=bool)
    while True:
        last = np.zeros((len(contexts), 1), dtype=np.int32)
        for row in np.flatnonzero(~ended).tolist():
            token = sample_token(law[row], temperature=temperatures[row], rng=rngs[row])
            written[row].append(token)
            last[row] = token
            ended[row] = token in model.tokenizer.end_tokens or len(written[row]) == count
        if ended.all():
            return written
        step, cache = append_tokens(model.params, model.config, cache, jnp.asarray(last), pads)
        law = np.asarray(step)


def begin_batch(model: Model, contexts: Sequence[Array], room: int) -> tuple[jax.Array, Array, Cache]:
    """Read contexts: the padding before each, logits ``(B, V)``, and a cache with ``room`` more slots."""
    width = round_up(max(len(context) for context in contexts), BUCKET)
    tokens = np.zeros((len(contexts), width), dtype=np.int32)
    pads = np.array([width - len(context) for context in contexts], dtype=np.int32)
    for row, context in enumerate(contexts):
        tokens[row, pads[row] :] = context
    columns = np.arange(width)
    real = columns >= pads[:, None]
    mask = (np.tri(width, dtype=bool) & real[:, None, :]) | np.eye(width, dtype=bool)
    hidden, cache = forward(
        model.params,
        model.config,
        tokens=jnp.asarray(tokens),
        positions=jnp.asarray(np.maximum(columns - pads[:, None], 0), dtype=jnp.int32),
        mask=jnp.asarray(mask),
    )
    law = np.asarray(logits(model.params, hidden[:, -1]))
    return jnp.asarray(pads), law, cache.grow(round_up(width + room, BUCKET))


@partial(jax.jit, static_argnames="config", donate_argnames="cache")
def append_tokens(
    params: Params, config: LlamaConfig, cache: Cache, tokens: jax.Array, pads: jax.Array
) -> tuple[jax.Array, Cache]:
    """Append one token to every text: logits ``(B, V)``, and the cache that holds it."""
    slots = jnp.arange(cache.slots)
    past = (slots >= pads[:, None]) & (slots < cache.length)
    own = jnp.ones((len(pads), 1), dtype=bool)
    hidden, after = forward(
        params,
        config,
        tokens=tokens,
        positions=(cache.length - pads)[:, None],
        mask=jnp.concatenate([past, own], axis=1)[:, None, :],
        cache=cache,
    )
    return logits(params, hidden[:, 0]), commit(after, path=[0])
