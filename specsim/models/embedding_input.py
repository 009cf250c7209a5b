r"""Reading vectors instead of tokens: mixtures of token embeddings, k drafts in one pass.

*Superposed Decoding* feeds the model at each step the mixture

.. math:: \tilde x = \sum_i \gamma_i E[x_i], \qquad \gamma_i = p_i / \sum_j p_j,

of the last tokens of k drafts, weighted by the drafts' probabilities, and so gets one law for all of them
from one pass. Source: Shen et al., 2024, *Superposed Decoding*, arXiv 2405.18400, section 3.1.

:func:`superpose` makes the mixture. :meth:`~specsim.models.growing.GrowingTree.extend` takes such vectors as
``inputs``, on a cache; :func:`hidden_of_inputs` reads a text of vectors without one. Inputs that are a
token's embedding give what the token gives, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.config import Array, Params
from specsim.models.stages import View
from specsim.models.steps import prefill
from specsim.models.views import HasWeights


def superpose(params: Params, *, tokens: Sequence[int] | Array, weights: Sequence[float] | Array) -> Array:
    """A mixture of token embeddings.

    Parameters
    ----------
    params
        The model's parameters.
    tokens
        k token ids.
    weights
        Their probabilities: non-negative, with a positive sum, which they are divided by.

    Returns
    -------
    ndarray
        Float32, shape ``(D,)``; added up in float64.

    Raises
    ------
    ValueError
        If the numbers differ, a token isn't in the vocabulary, or the weights can't be normalised.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> params = toy_model(seed=0).params
    >>> bool((superpose(params, tokens=[5, 6], weights=[0.3, 0.0]) == params["embedding"][5]).all())
    True
    """
    ids, share = np.asarray(tokens), np.asarray(weights, dtype=np.float64)
    vocabulary = params["embedding"].shape[0]
    if ids.ndim != 1 or ids.size == 0 or share.shape != ids.shape:
        raise ValueError(f"needs one weight a token, got {ids.shape} tokens and {share.shape} weights")
    if ids.min() < 0 or ids.max() >= vocabulary:
        raise ValueError(f"tokens must be in 0..{vocabulary - 1}, got {ids.min()}..{ids.max()}")
    if not np.isfinite(share).all() or share.min() < 0 or share.sum() <= 0:
        raise ValueError(f"weights must be non-negative with a positive sum, got {share.tolist()}")
    rows = np.asarray(params["embedding"])[ids].astype(np.float64)
    return np.asarray((share / share.sum()) @ rows, dtype=np.float32)


def embeddings(params: Params, tokens: Sequence[int] | Array) -> jax.Array:
    """Embeddings ``(T, D)`` of tokens, to be mixed or put among mixtures."""
    return jnp.asarray(np.asarray(params["embedding"])[np.asarray(tokens)])


def hidden_of_inputs(model: HasWeights, inputs: jax.Array | Array, *, view: View | None = None) -> Array:
    """Final hidden states ``(T, D)`` along a text of vectors, read without a cache.

    Parameters
    ----------
    model
        A loaded model.
    inputs
        Shape ``(T, D)``, at least one row.
    view
        What runs; the whole model for None.

    Examples
    --------
    >>> from specsim.models import Full, hidden_states, toy_model
    >>> model = toy_model(seed=0)
    >>> ours = hidden_of_inputs(model, embeddings(model.params, [1, 2, 3]))
    >>> bool((ours == hidden_states(model, [1, 2, 3], {"target": Full()})["target"]).all())
    True
    """
    rows = np.asarray(inputs, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[0] == 0 or rows.shape[1] != model.config.hidden:
        raise ValueError(f"inputs must have shape (T, {model.config.hidden}), got {rows.shape}")
    names = np.zeros(len(rows), np.int32)
    hidden, _ = prefill(model.params, model.config, tokens=names, view=view, inputs=jnp.asarray(rows))
    return np.array(hidden[0])
