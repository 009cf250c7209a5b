r"""Drafts from heads: a head network as a draft model, and as a drafter of the engine.

:class:`HeadRows` is a :data:`theory.walks.base.Model`: a law for every prefix of drafted tokens. So every
grower of :mod:`theory` takes heads for a draft: Medusa's static tree of top tokens
(:class:`theory.shapes.dynamic.Medusa`), EAGLE-2's beam (:class:`theory.shapes.dynamic.Eagle2`), both of
which are point masses, or any grower that *draws* from the heads' law, which is then recorded with the
draft. All are lossless with a walk for recorded laws.

:class:`HeadDrafter` carries the tip of a session's text: at the start it reads the target's features over
the prompt, after each round those of the accepted tokens, which the verification has computed anyhow. It
makes no forward pass of a model of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from specsim.clocks import Call
from specsim.decoding.drafting import Outcome, Proposal
from specsim.decoding.reading import Reading
from specsim.heads.blocks import Params
from specsim.heads.tip import HeadNetwork
from specsim.models.config import Array
from theory.chance import Chance
from theory.laws import Tokens
from theory.simplex import Warp
from theory.tree import DraftTree
from theory.walks.rounds import Grower


@jax.jit
def _logits(network: Any, params: Params, tip: Any, paths: jax.Array) -> jax.Array:
    rows: jax.Array = network.backbone.logits(network.path_features(params, tip, paths))
    return rows


def rows(network: HeadNetwork, params: Params, tip: Any, paths: Array) -> Array:
    """Logits of the token after each path, over the whole vocabulary.

    Parameters
    ----------
    network, params
        A head and its parameters.
    tip
        Where the text stands (see :mod:`specsim.heads.tip`).
    paths
        Integers ``(n, d)``; each path begins with the last committed token, so d is at least 1.

    Returns
    -------
    ndarray
        Float32 ``(n, V)``; minus infinity outside the head's sub-vocabulary.

    Raises
    ------
    ValueError
        If paths are longer than the network's reach.

    Notes
    -----
    One compilation for each depth and each power of two of rows.

    Examples
    --------
    >>> from specsim.heads import Backbone, Hydra
    >>> from specsim.models import toy_model
    >>> network = Hydra(Backbone.of(toy_model(seed=0)), heads=2)
    >>> params = network.init(jax.random.key(0))
    >>> tip = network.read(params, network.begin(params), hidden=jnp.ones((1, 32)), tokens=jnp.array([7]))
    >>> rows(network, params, tip, np.array([[3, 1], [3, 2]])).shape
    (2, 256)
    """
    paths = np.asarray(paths, dtype=np.int32)
    count, depth = paths.shape
    if depth < 1 or (network.reach is not None and depth > network.reach):
        raise ValueError(
            f"this head looks at paths of 1 to {network.reach or 'any number of'} tokens, the last committed "
            f"one included; got {depth}"
        )
    padded = np.repeat(paths[:1], 1 << (count - 1).bit_length(), axis=0)
    padded[:count] = paths
    return network.backbone.spread(_logits(network, params, tip, jnp.asarray(padded))[:count])


class HeadRows:
    """A head as a draft model: laws by prefix of drafted tokens; each is computed once.

    Parameters
    ----------
    network, params, tip
        As for :func:`rows`.
    last
        The last committed token.
    warp
        Applied to the rows; the same object as the target's.

    Attributes
    ----------
    calls
        Passes so far: how many paths each one had.
    """

    def __init__(self, network: HeadNetwork, params: Params, tip: Any, *, last: int, warp: Warp) -> None:
        self._network, self._params, self._tip = network, params, tip
        self._last, self._warp = int(last), warp
        self._laws: dict[Tokens, Array] = {}
        self.calls: tuple[int, ...] = ()

    def __call__(self, prefix: Tokens) -> Array:
        """The draft's law after a prefix of drafted tokens, ``(V,)``."""
        self.ahead((prefix,))
        return self._laws[prefix]

    def ahead(self, prefixes: Iterable[Tokens]) -> None:
        """Compute those of the prefixes that are new, one pass for each length."""
        missing = sorted(dict.fromkeys(p for p in prefixes if p not in self._laws), key=len)
        for _, level in groupby(missing, key=len):
            same = list(level)
            paths = np.array([(self._last, *prefix) for prefix in same])
            laws = self._warp.probabilities(rows(self._network, self._params, self._tip, paths))
            self._laws.update(zip(same, laws, strict=True))
            self.calls += (len(same),)


@dataclass(frozen=True)
class HeadMemory:
    """Where a session's text stands for a head: the text, and the tip of all of it but its last token.

    Memories of one text are equal: the tip is a function of the text.
    """

    context: Tokens
    tip: Any = field(compare=False)

    @property
    def last(self) -> int:
        """The token that was not read yet."""
        return self.context[-1]


@dataclass(frozen=True)
class HeadDrafter:
    """A trained head and a grower, as a drafter of :mod:`specsim.decoding`.

    Parameters
    ----------
    network, params
        The head.
    grow
        Draws the tree from the head's laws.
    warp
        Of the heads' laws; the target's, unless a temperature of its own is wanted (which is recorded, and
        so lossless).

    Notes
    -----
    The target must have features (its reading's ``hidden`` and ``history``). Right after a
    prompt of one token nothing is known yet, and nothing is drafted.
    """

    network: HeadNetwork
    params: Params
    grow: Grower
    warp: Warp = field(default_factory=Warp)

    def open(self, target: Reading) -> HeadMemory:
        """Read the prompt's features, which the target has at every token but the last."""
        first = HeadMemory(target.context[:1], self.network.begin(self.params))
        return self._read(first, target.history(), target.context[1:])

    def _read(self, memory: HeadMemory, hidden: Array, tokens: Tokens) -> HeadMemory:
        """The memory of some tokens more; ``hidden`` are the states before each of them."""
        if not tokens:
            return memory
        tip = self.network.read(
            self.params,
            memory.tip,
            hidden=jnp.asarray(hidden, dtype=jnp.float32),
            tokens=jnp.asarray((memory.last, *tokens[:-1]), dtype=jnp.int32),
        )
        return HeadMemory((*memory.context, *tokens), tip)

    def propose(self, memory: HeadMemory, *, chance: Chance) -> Proposal:
        """Grow a tree from the heads' laws."""
        if len(memory.context) == 1:
            return Proposal(DraftTree.empty(), memory)
        draft = HeadRows(self.network, self.params, memory.tip, last=memory.last, warp=self.warp)
        tree = self.grow(draft=draft, chance=chance)
        return Proposal(tree, memory, tuple(Call(tokens=count) for count in draft.calls))

    def observe(self, memory: HeadMemory, outcome: Outcome) -> HeadMemory:
        """Read what the verification has computed at the accepted tokens."""
        hidden = [outcome.target.hidden(outcome.tokens[:count]) for count in range(len(outcome.tokens))]
        return self._read(memory, np.array(hidden), outcome.tokens)
