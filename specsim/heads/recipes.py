r"""How the shipped heads were trained: one recipe a network, all on one dump of the target's own text.

Every recipe minimises its paper's loss with AdamW (gradients clipped to norm 1, a tenth of the steps to
warm up, then a cosine) over all tokens of the training texts, prompts included. Every eighth prompt is kept
for validation. The head is restricted to the :data:`TOKENS` tokens that the target finds likeliest over the
training texts (its probabilities, summed), together with those that occur in them; the rest have
probability zero in the draft's law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from jax.tree_util import Partial

from specsim.heads.backbone import Backbone
from specsim.heads.chimera import Chimera
from specsim.heads.eagle import Eagle
from specsim.heads.hydra import Hydra
from specsim.heads.kangaroo import Kangaroo
from specsim.heads.medusa import Medusa
from specsim.heads.narrow import Shape
from specsim.heads.sorted import Sorted
from specsim.models import Model
from specsim.models.config import Array
from specsim.training.corpus import Corpus, Windows, split
from specsim.training.dump_files import Dump
from specsim.training.losses import Exits, Features, Hard, Heads, Loss, Next, Soft
from specsim.training.network import Batch
from specsim.training.signals import FromHidden

#: Size of the heads' sub-vocabulary at most.
TOKENS = 4096
#: Every so many-th prompt is for validation.
EVERY = 8
#: Heads or steps.
DEPTH = 3


@dataclass(frozen=True)
class Recipe:
    """How one network is made and trained.

    Attributes
    ----------
    build
        The network on a target.
    loss
        What it minimises, given the backbone.
    layers
        Streams of the target that it reads.
    epochs, rate
        Passes over the training texts, and the largest learning rate.
    first, step
        Row k of its logits is about the token ``first + step k`` columns on.
    """

    build: Callable[[Backbone, Model], Any]
    loss: Callable[[Backbone], Loss]
    layers: tuple[int, ...] = ()
    epochs: int = 3
    rate: float = 1e-3
    first: int = 2
    step: int = 1

    def names(self) -> tuple[str, ...]:
        """The arrays of a dump that it needs."""
        return ("hidden", *(f"layer_{number}" for number in self.layers))


def _tokens(backbone: Backbone) -> Loss:
    return Heads(Hard(backbone.vocabulary))


def _teacher(backbone: Backbone) -> Soft:
    return Soft(FromHidden(backbone.head, 1.0), "soft_cross_entropy")


def _eagle(backbone: Backbone) -> Loss:
    return Features(_teacher(backbone), share=0.1)


def _head(build: Callable[[Backbone], Any], **more: Any) -> Recipe:
    return Recipe(build=lambda backbone, model: build(backbone), **({"loss": _tokens} | more))


_EAGLE: dict[str, Any] = {"loss": _eagle, "epochs": 3}

#: Recipes by the name of what they make.
RECIPES = {
    "medusa": _head(lambda b: Medusa(b, heads=DEPTH)),
    "hydra": _head(lambda b: Hydra(b, heads=DEPTH, rank=192)),
    "hydra-teacher": _head(lambda b: Hydra(b, heads=DEPTH, rank=192), loss=lambda b: Heads(_teacher(b))),
    "chimera": _head(lambda b: Chimera(b, heads=DEPTH), epochs=2),
    "chimera-unigram": _head(lambda b: Chimera(b, heads=DEPTH, grams=1), epochs=2),
    "chimera-no-context": _head(lambda b: Chimera(b, heads=DEPTH, context=False), epochs=2),
    "eagle": _head(Eagle, **_EAGLE),
    "fspad": _head(lambda b: Eagle(b, fusion="sampled", aligned="partly"), **_EAGLE),
    "dovetail": _head(lambda b: Eagle(b, fusion="gated"), **_EAGLE),
    "dovetail-deep": _head(lambda b: Eagle(b, fusion="gated", shape=Shape(layers=2)), **_EAGLE),
    "kangaroo": Recipe(
        build=lambda b, model: Kangaroo(b, config=model.config, layers=12),
        loss=lambda b: Next(_teacher(b)),
        layers=(12,),
        epochs=2,
        first=1,
    ),
    "sorted": Recipe(
        build=lambda b, model: Sorted(b, exits=(4, 8, 12), feed_forward=192),
        loss=lambda b: Exits(Hard(b.vocabulary)),
        layers=(4, 8, 12),
        epochs=2,
        first=1,
        step=0,
    ),
}


def likely_tokens(corpus: Corpus, *, vocabulary: int, size: int) -> Array:
    """Tokens of the largest expected plus actual counts in a corpus with ``top_ids`` and ``top_log_p``."""
    mass = np.zeros(vocabulary)
    for text in corpus.texts:
        rows = slice(text.first, text.last)
        np.add.at(mass, corpus.rows["top_ids"][rows], np.exp(corpus.rows["top_log_p"][rows]))
        np.add.at(mass, corpus.of(text), 1.0)
    return np.sort(np.argsort(-mass, kind="stable")[:size])


def texts(dump: Dump, *, names: tuple[str, ...] = ()) -> tuple[Corpus, Corpus]:
    """A dump's texts to train on and to measure on, with some arrays and the normaliser."""
    return split(Corpus.of_dump(dump, names=names, temperature=1.0), every=EVERY)


def backbone_of(model: Model, dump: Dump, *, size: int = TOKENS) -> Backbone:
    """The target's frozen part, restricted to the tokens that are likely in a dump."""
    corpus, _ = texts(dump, names=("top_ids", "top_log_p"))
    return Backbone.of(model, tokens=likely_tokens(corpus, vocabulary=dump.vocabulary, size=size))


def source_of(corpus: Corpus) -> Windows:
    """Stretches to train on: all tokens count."""
    return Windows(corpus, batch=8, width=128, learn_prompts=True)


def held_out(corpus: Corpus) -> list[Batch]:
    """Stretches to measure on: one a text, its continuation's tokens count."""
    return Windows(corpus, batch=8, width=128, before=63).everything()


def optimiser_of(recipe: Recipe, steps: int) -> optax.GradientTransformation:
    """AdamW on the recipe's schedule."""
    rates = optax.warmup_cosine_decay_schedule(0.0, recipe.rate, max(steps // 10, 1), steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rates, weight_decay=0.01))


def says(network: Any, *, depth: int = DEPTH) -> Callable[[Any, Batch], jax.Array]:
    """The network's logits ``(B, T, K, V')``; of feature drafters along ``depth`` steps of their own.

    The network is an argument of what is compiled, not a constant in it.
    """
    if isinstance(network, Eagle):
        return _with_network(partial(_unrolled_logits, depth=depth), network)
    return _with_network(_logits, network)


def _with_network(function: Callable[..., jax.Array], network: Any) -> Callable[[Any, Batch], jax.Array]:
    whole: Callable[[Any, Batch], jax.Array] = Partial(function, network)  # type: ignore[no-untyped-call]
    return whole


def _unrolled_logits(network: Eagle, params: Any, batch: Batch, *, depth: int) -> jax.Array:
    return network.backbone.logits(network.unrolled(params, batch, steps=depth)[0])


def _logits(network: Any, params: Any, batch: Batch) -> jax.Array:
    found: jax.Array = network.apply(params, batch).require("logits")
    return found if found.ndim == 4 else found[:, :, None]
