"""Superposed Decoding: k drafts from one forward pass a step, here verified as a tree of chosen tokens."""

import numpy as np

from specsim.decoding import System
from specsim.decoding.loaded import Loaded
from specsim.drafters.mixed import MixedModel
from specsim.drafters.superposed import MixedTable, SuperposedDrafts
from specsim.models import LayerMask
from specsim.stores.datastore import Datastore
from specsim.stores.ngram_mix import NGramMix
from specsim.stores.suffix import Suffixes
from specsim.stores.superposed import Superposed
from specsim.systems.base import Bench, Published, Worlds
from theory.couplings import Recursive
from theory.laws import Tokens
from theory.simplex import Array
from theory.walks import TopDown

#: Drafts and their length; the paper has 3 of 10. Middle layers that the draft leaves out.
DRAFTS, LENGTH, SKIPPED = 3, 6, 3


def world(worlds: Worlds) -> System:
    """On table worlds: the superposed law is the mixture of rows, exactly."""
    draft = worlds.draft

    def row(context: Tokens) -> Array:
        return np.asarray(draft.rows(context))

    def model(context: Tokens) -> MixedTable:
        return MixedTable(row, 2, context)

    drafter = SuperposedDrafts(model, Superposed(drafts=2, length=2), vocabulary=draft.vocabulary)
    return System(worlds.target, drafter, TopDown(Recursive()), name="superposed")


def real(bench: Bench) -> System:
    """On a real model: the target without some middle layers drafts, joined with n-grams of the corpus."""
    layers = bench.model.config.layers
    view = LayerMask.middle(min(SKIPPED, layers - 1), of=layers)
    draft = Loaded(bench.model, bench.warp, view)
    store = Suffixes(datastore=Datastore.of([list(bench.corpus)], vocabulary=draft.vocabulary))
    ngrams = NGramMix(store) if bench.corpus else None
    search = Superposed(drafts=DRAFTS, length=LENGTH, ngrams=ngrams)
    drafter = SuperposedDrafts(
        lambda context: MixedModel.of(draft, context), search, vocabulary=draft.vocabulary, learn=True
    )
    return System(bench.target, drafter, TopDown(Recursive()), name="superposed")


SYSTEM = Published(
    name="superposed",
    title="Superposed Decoding",
    source="Shen et al. 2024 (arXiv 2405.18400)",
    claim="One forward pass a step drafts any number of texts; the superposed state stays near the mean.",
    lossless=True,
    world=world,
    real=real,
)
