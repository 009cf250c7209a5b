r"""What is trained, and on what: the :class:`Network` protocol, :class:`Batch` and :class:`Outputs`.

A *batch* is ``B`` stretches of text of ``T`` tokens, with what the target knows of them. **Column ``t``
always stands for the context that ends with token ``t``**: ``hidden[:, t]`` is the target's final hidden
state after reading ``tokens[:, : t + 1]``, ``log_p[:, t]`` the target's law of token ``t + 1``, and
``weight[:, t]`` how much the prediction made there counts. What a context doesn't have (padding, no
recorded law, prompt tokens that aren't to be learnt) has weight zero.

A *network* turns parameters and a batch into *outputs*, column by column, never looking to the right of a
column except at the tokens it is allowed to know (an EAGLE-like head reads token ``t + 1`` at column ``t``:
it then predicts token ``t + 2``, and its objective is told so by ``ahead=2``).

Arrays that a network owns but doesn't train (the target's head, say) are plain fields. Register the class
with :func:`jax.tree_util.register_dataclass`, configuration as static fields: then the trainer passes them
to compiled code as arguments, never as constants::

    @jax.tree_util.register_dataclass
    @dataclass(frozen=True, eq=False)
    class Linear:
        head: jax.Array                                                # (V', D): not trained
        hidden: int = field(metadata={"static": True})

        def init(self, key):
            return {"mix": jnp.zeros((self.hidden, self.hidden))}

        def apply(self, params, batch):
            return Outputs(logits=(batch.hidden + batch.hidden @ params["mix"].T) @ self.head.T)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

#: Parameters: any pytree of arrays.
Params = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Batch:
    """``B`` stretches of ``T`` tokens and what is known of them; see the module's text for the columns.

    Parameters
    ----------
    tokens
        int32, shape ``(B, T)``; padding is 0.
    positions
        int32, shape ``(B, T)``: place of each token in its text, from 0.
    valid
        Boolean, shape ``(B, T)``: False for padding, to which no token may attend.
    weight
        float32, shape ``(B, T)``, at least 0: how much the prediction at this column counts.
    hidden
        float32, shape ``(B, T, D)``: the target's final hidden states, after the final norm; or None.
    layers
        By number of layers run, float32 ``(B, T, D)``: the residual stream after so many layers, *before*
        any final norm. Empty if not asked for.
    log_p
        float32, shape ``(B, T, V)``: the target's law in full, where that is small enough; or None.
    log_normaliser
        float32, shape ``(B, T)``: log of the sum over the whole vocabulary of exp(logit / temperature), so
        that ``hidden @ head[ids].T / temperature - log_normaliser`` is log p of any tokens; or None.
    top_ids, top_log_p
        int32 and float32, shape ``(B, T, K)``: the target's most likely tokens, largest first; or None.
    label
        float32, shape ``(B, T)`` in [0, 1]: acceptance probabilities, judgements; or None.
    noise
        float32, shape ``(B, T, D)``: what a network adds to the hidden states that it reads while it is
        trained, see :meth:`shaken`; or None. Teachers never see it.

    Examples
    --------
    >>> batch = Batch.of([[3, 1, 2]])
    >>> batch.weight.tolist(), batch.shape
    ([[1.0, 1.0, 0.0]], (1, 3))
    """

    tokens: jax.Array
    positions: jax.Array
    valid: jax.Array
    weight: jax.Array
    hidden: jax.Array | None = None
    layers: Mapping[int, jax.Array] = field(default_factory=dict)
    log_p: jax.Array | None = None
    log_normaliser: jax.Array | None = None
    top_ids: jax.Array | None = None
    top_log_p: jax.Array | None = None
    label: jax.Array | None = None
    noise: jax.Array | None = None

    @classmethod
    def of(cls, tokens: ArrayLike, **more: Any) -> Batch:
        """A batch of texts of one length, each from its beginning; every column but the last counts."""
        ids = np.asarray(tokens, dtype=np.int32)
        if ids.ndim != 2 or ids.size == 0:
            raise ValueError(f"a batch is an array of tokens of shape (B, T), got shape {ids.shape}")
        weight = np.ones(ids.shape, dtype=np.float32)
        weight[:, -1] = 0
        defaults: dict[str, Any] = {
            "positions": jnp.broadcast_to(jnp.arange(ids.shape[1], dtype=jnp.int32), ids.shape),
            "valid": jnp.ones(ids.shape, dtype=bool),
            "weight": jnp.asarray(weight),
        }
        return cls(tokens=jnp.asarray(ids), **(defaults | more))

    @property
    def shape(self) -> tuple[int, int]:
        """``(B, T)``."""
        return self.tokens.shape[0], self.tokens.shape[1]

    def require(self, name: str) -> jax.Array:
        """The field of that name, or ``ValueError`` if the batch was drawn without it.

        Examples
        --------
        >>> Batch.of([[3, 1, 2]]).require("hidden")
        Traceback (most recent call last):
        ...
        ValueError: the batch has no 'hidden': its source was made without it (see docs/training.md)
        """
        value = getattr(self, name)
        if value is None:
            raise ValueError(
                f"the batch has no {name!r}: its source was made without it (see docs/training.md)"
            )
        return value  # type: ignore[no-any-return]

    def shaken(self) -> jax.Array:
        """The hidden states with the noise, if there is any: what a feature drafter reads."""
        hidden = self.require("hidden")
        return hidden if self.noise is None else hidden + self.noise

    def as_rows(self) -> dict[str, np.ndarray]:
        """All that is there as numpy arrays of B rows, by name; streams are ``layer_4`` and so on."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "layers"}
        fields |= {f"layer_{number}": values for number, values in self.layers.items()}
        return {name: np.asarray(values) for name, values in fields.items() if values is not None}

    @classmethod
    def of_rows(cls, rows: Mapping[str, ArrayLike]) -> Batch:
        """The batch of :meth:`as_rows`.

        Examples
        --------
        >>> Batch.of_rows(Batch.of([[3, 1, 2]], layers={4: jnp.ones((1, 3, 2))}).as_rows()).layer(4).shape
        (1, 3, 2)
        """
        arrays = {name: jnp.asarray(values) for name, values in rows.items()}
        layers = {int(name[6:]): arrays.pop(name) for name in list(arrays) if name.startswith("layer_")}
        return cls(layers=layers, **arrays)

    def layer(self, number: int) -> jax.Array:
        """The stream after ``number`` layers, or ``ValueError`` if it isn't there."""
        if number not in self.layers:
            known = ", ".join(map(str, sorted(self.layers))) or "none"
            raise ValueError(f"the batch has no stream after {number} layers; it has {known}")
        return self.layers[number]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Outputs:
    """What a network says at every column.

    Parameters
    ----------
    logits
        Shape ``(B, T, V')``; with several heads or exits ``(B, T, K, V')``. ``V'`` is the network's
        vocabulary: all tokens, or those of a :class:`~specsim.training.vocabulary.SubVocabulary`.
    features
        Shape ``(B, T, D)``: a predicted hidden state.
    score
        Shape ``(B, T)``: the logit of a probability (of acceptance, of being right).
    penalty
        A number to add to the loss (say, a squared norm), which the objective scales.
    """

    logits: jax.Array | None = None
    features: jax.Array | None = None
    score: jax.Array | None = None
    penalty: jax.Array | None = None

    def require(self, name: str) -> jax.Array:
        """The field of that name, or ``ValueError`` if the network doesn't give it."""
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"this objective needs {name!r}, which the network doesn't give")
        return value  # type: ignore[no-any-return]


@runtime_checkable
class Network(Protocol):
    """Something that can be trained.

    Both methods are pure. ``apply`` runs under ``jax.jit`` and ``jax.grad``. A network that is a registered
    dataclass is an argument of compiled code; any other is closed over and must hold no large array.
    """

    def init(self, key: jax.Array) -> Params:
        """Fresh parameters, a function of the key alone (``jax.random.key(seed)``)."""

    def apply(self, params: Params, batch: Batch) -> Outputs:
        """Outputs at every column of a batch."""


def is_argument(network: Any) -> bool:
    """Whether a network (or loss) is a registered pytree, so that its arrays can be arguments."""
    leaves = jax.tree_util.tree_leaves(network)
    return not (len(leaves) == 1 and leaves[0] is network)


@jax.jit
def _compiled(network: Network, params: Params, batch: Batch) -> Outputs:
    return network.apply(params, batch)


def apply(network: Network, params: Params, batch: Batch) -> Outputs:
    """A network's outputs, by compiled code if the network can be an argument of it."""
    if is_argument(network):
        outputs: Outputs = _compiled(network, params, batch)
        return outputs
    return network.apply(params, batch)


def ahead(values: jax.Array, count: int) -> jax.Array:
    """Shift columns to the left: column ``t`` of the result is column ``t + count``; zeros come in.

    Parameters
    ----------
    values
        Shape ``(B, T, ...)``.
    count
        At least 0.

    Examples
    --------
    >>> ahead(jnp.array([[1, 2, 3]]), 1).tolist()
    [[2, 3, 0]]
    """
    if count == 0:
        return values
    kept = values[:, count:]
    return jnp.concatenate([kept, jnp.zeros_like(values[:, : values.shape[1] - kept.shape[1]])], axis=1)


def causal_mask(batch: Batch) -> jax.Array:
    """Boolean ``(B, T, T)``: columns may attend to valid columns up to themselves (and always to themselves).

    Examples
    --------
    >>> causal_mask(Batch.of([[3, 1]])).tolist()
    [[[True, False], [True, True]]]
    """
    width = batch.shape[1]
    return (jnp.tri(width, dtype=bool) & batch.valid[:, None, :]) | jnp.eye(width, dtype=bool)


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that is a function of a seed and names alone, whatever was drawn before.

    Examples
    --------
    >>> generator(0, "step", 3).random() == generator(0, "step", 3).random()
    True
    """
    words = [seed, *(int.from_bytes(str(name).encode(), "big") for name in names)]
    return np.random.default_rng(np.random.SeedSequence(words))
