"""Split execution: the target continues from where its early-exit draft stopped.

A draft of the target's first ``l`` layers has computed, for each drafted token, those layers' keys and
values and the stream at the exit. The verifier needs exactly these: it runs layers ``l, l + 1, ...`` on the
streams at hand. What it returns equals a pass of the whole target, and a round costs the shallow layers
once.

Source: Liu et al., 2024, *Kangaroo*, arXiv 2404.18911, section 3; Elhoushi et al., 2024, *LayerSkip*,
arXiv 2404.16710, section 3.3 (cache reuse).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from specsim.models.config import Array, LlamaConfig, Params
from specsim.models.growing import GrowingTree
from specsim.models.stages import Stage, adapter_of, finish, in_order
from specsim.models.steps import prefill
from specsim.models.views import EarlyExit


@dataclass(frozen=True, eq=False)
class SplitTree:
    """A growing tree that drafts with a target's first layers and verifies with its last ones.

    Parameters
    ----------
    view
        Where the draft exits, and its adapter.
    trunk
        The shallow layers; it holds all drafted nodes.
    deep
        The layers behind the exit; it holds the nodes that were verified.
    adapter
        The adapter's attention with keys and values of its own, or None.
    streams
        What the trunk yields at each drafted node, shape ``(nodes, D)``.

    Examples
    --------
    >>> from specsim.models import toy_model
    >>> model = toy_model(seed=0)
    >>> tree = SplitTree.open(model.params, model.config, [1, 2, 3], view=EarlyExit(2))
    >>> drafted, tree = tree.draft([7, 8], [-1, 0])
    >>> verified, tree = tree.verify()
    >>> drafted.shape, verified.shape, tree.commit([0]).length
    ((2, 32), (2, 32), 4)
    """

    view: EarlyExit
    trunk: GrowingTree
    deep: GrowingTree
    adapter: GrowingTree | None
    streams: Array

    @classmethod
    def open(
        cls,
        params: Params,
        config: LlamaConfig,
        tokens: Sequence[int] | Array,
        *,
        view: EarlyExit,
        slots: int | None = None,
    ) -> SplitTree:
        """Read a context, each layer once."""
        shallow = view.layers(config)
        if len(shallow) == config.layers:
            raise ValueError(f"an exit after all {config.layers} layers leaves none to verify with")
        if view.adapter is not None:
            adapter_of(params, view.adapter)
        stream, cache = prefill(params, config, tokens=tokens, slots=slots, layers=shallow, normed=False)

        def behind(stages: tuple[Stage, ...]) -> GrowingTree:
            _, filled = prefill(params, config, tokens=tokens, slots=slots, stages=stages, inputs=stream[0])
            return GrowingTree.on(params, config, filled)

        return cls(
            view=view,
            trunk=GrowingTree.on(params, config, cache),
            deep=behind(in_order(range(len(shallow), config.layers))),
            adapter=None if view.adapter is None else behind((Stage((view.adapter,), ()),)),
            streams=np.zeros((0, config.hidden), np.float32),
        )

    @property
    def length(self) -> int:
        """How many committed tokens the caches hold."""
        return self.trunk.length

    @property
    def nodes(self) -> int:
        """How many drafted nodes there are."""
        return self.trunk.nodes

    def draft(self, tokens: Sequence[int] | Array, parents: Sequence[int]) -> tuple[jax.Array, SplitTree]:
        """Score new nodes with the draft: arguments and result as :meth:`GrowingTree.extend`."""
        stream, trunk = self.trunk.extend(tokens, parents, normed=False)
        if self.adapter is None:
            hidden, adapter = finish(trunk.params, trunk.config, (), stream), None
        else:
            hidden, adapter = self.adapter.extend(tokens, parents, inputs=stream)
        streams = np.concatenate([self.streams, np.asarray(stream)])
        return hidden, replace(self, trunk=trunk, adapter=adapter, streams=streams)

    def verify(self) -> tuple[jax.Array, SplitTree]:
        """The target's hidden states ``(T, D)`` of the nodes drafted since the last call; deep layers run."""
        done = self.deep.nodes
        if done == self.nodes:
            raise ValueError("there is nothing to verify: draft() some nodes first")
        tokens, parents = self.trunk.tokens[done:], self.trunk.parents[done:]
        hidden, deep = self.deep.extend(tokens, parents, inputs=jnp.asarray(self.streams[done:]))
        return hidden, replace(self, deep=deep)

    def commit(self, path: Sequence[int]) -> SplitTree:
        """Make a path of verified nodes part of the context, and drop all other nodes."""
        if any(int(node) >= self.deep.nodes for node in path):
            raise ValueError(f"{list(path)} has nodes that weren't verified: call verify() before commit()")
        return self._with(self.trunk.commit(path), self.deep.commit(path), path)

    def rollback(self) -> SplitTree:
        """Drop all drafted nodes."""
        return self._with(self.trunk.rollback(), self.deep.rollback(), [])

    def _with(self, trunk: GrowingTree, deep: GrowingTree, path: Sequence[int]) -> SplitTree:
        adapter = None if self.adapter is None else self.adapter.commit(path)
        return replace(self, trunk=trunk, deep=deep, adapter=adapter, streams=self.streams[:0])
