"""Drafts from heads: laws by prefix, losslessness on an exact world, plain decoding's text on a model."""

from fractions import Fraction as F

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from specsim.decoding import System, World, decode, is_lossless
from specsim.decoding.loaded import Loaded
from specsim.heads import Backbone, Eagle, HeadDrafter, HeadRows, Hydra, Medusa, Shape, rows
from specsim.models import toy_model
from specsim.training.vocabulary import SubVocabulary
from theory.chance import Sampled
from theory.couplings import Maximal, Recursive
from theory.laws import Iid
from theory.shapes.dynamic import Eagle2, WithBudget
from theory.simplex import Warp
from theory.walks import Levels, TopDown

from .test_networks import shaken

SHAPE = Shape(width=16, feed_forward=16, heads=2, kv_heads=1)
RNG = np.random.default_rng(0)
TABLE = RNG.integers(1, 7, size=(3, 3, 3))
POINTS = RNG.standard_normal((3, 3, 8))
SMALL = Backbone(
    embedding=jnp.asarray(RNG.standard_normal((3, 8)), dtype=jnp.float32),
    head=jnp.asarray(RNG.standard_normal((3, 8)), dtype=jnp.float32),
    norm=jnp.ones(8),
    vocabulary=SubVocabulary.all(3),
)


def _last(context):
    return tuple((0, 0, *context)[-2:])


def _row(context):
    counts = TABLE[_last(context)]
    return np.array([F(int(n), int(counts.sum())) for n in counts])


WORLD = World(_row, features=lambda context: POINTS[_last(context)])


class Coarse:
    """Laws in fractions: logits to counts."""

    def probabilities(self, logits):
        counts = np.maximum(1, np.round(16 * np.asarray(Warp().probabilities(logits)))).astype(int)
        return np.array([[F(int(n), int(row.sum())) for n in row] for row in np.atleast_2d(counts)])


HYDRA = Hydra(SMALL, heads=3)
PARAMS = shaken(HYDRA)
TOY = toy_model(seed=0)


def drafted(grow, walk):
    drafter = HeadDrafter(HYDRA, PARAMS, grow, Coarse())  # type: ignore[arg-type]
    return System(target=WORLD, drafter=drafter, walk=walk)


def test_a_tree_of_a_heads_likeliest_tokens_is_lossless():
    system = drafted(WithBudget(Eagle2(top_k=2, steps=1), 4), TopDown(Recursive()))
    assert is_lossless(system, (0, 1), rounds=2, length=3)


def test_tokens_drawn_from_a_heads_law_are_lossless():
    chain = Levels((lambda q: Iid(q, 1),) * 2)
    assert is_lossless(drafted(chain, TopDown(Maximal())), (0, 1), rounds=2, length=3)


def test_a_law_that_is_not_the_heads_is_found_out():
    def grow(*, draft, chance):
        tree = Levels((lambda q: Iid(q, 1),))(draft=draft, chance=chance)
        flat = Iid(np.array([F(1, 3)] * 3), 1)
        return type(tree)(tree.tokens, tree.parents, (flat, None))

    assert not is_lossless(drafted(grow, TopDown(Maximal())), (0, 1), rounds=1, length=2)


def test_after_one_token_nothing_is_known_and_nothing_drafted():
    drafter = drafted(WithBudget(Eagle2(), 4), TopDown(Recursive())).drafter
    memory = drafter.open(WORLD.open((0,)))
    assert drafter.propose(memory, chance=Sampled(np.random.default_rng(0))).tree.size == 0


def test_memories_of_one_text_are_equal_whatever_way_it_was_read():
    drafter = drafted(WithBudget(Eagle2(top_k=1, steps=1), 2), TopDown(Recursive())).drafter
    assert drafter.open(WORLD.open((0, 1, 2))) == drafter.open(WORLD.open((0, 1, 2)))
    assert drafter.open(WORLD.open((0, 1, 2))) != drafter.open(WORLD.open((0, 1)))


@pytest.mark.slow
def test_on_a_model_the_text_is_that_of_plain_decoding():
    network = Eagle(Backbone.of(TOY, tokens=range(0, 256, 2)), shape=SHAPE)
    drafter = HeadDrafter(
        network, shaken(network), WithBudget(Eagle2(top_k=2, steps=1), 4), Warp(temperature=1.0)
    )
    prompt = (5, 7, 11)
    system = System(target=Loaded(TOY, Warp(temperature=0.0)), drafter=drafter, walk=TopDown(Recursive()))
    trace = decode(system, prompt, max_new_tokens=8, chance=Sampled(np.random.default_rng(0)))
    assert list(trace.tokens) == TOY.generate(list(prompt), max_new_tokens=8, temperature=0.0)


def test_an_untrained_head_drafts_by_the_targets_own_law():
    network = Medusa(SMALL, heads=1)
    draft = HeadRows(network, network.init(jax.random.key(0)), jnp.ones(8), last=0, warp=Warp())
    wanted = Warp().probabilities(np.asarray(SMALL.head @ jnp.ones(8)))
    np.testing.assert_allclose(draft(()), wanted, atol=1e-6)


def test_a_level_is_one_call():
    params = shaken(HYDRA)
    tip = HYDRA.read(params, HYDRA.begin(params), hidden=jnp.ones((2, 8)), tokens=jnp.array([0, 1]))
    draft = HeadRows(HYDRA, params, tip, last=2, warp=Warp())
    draft.ahead([(0,), (1,), (2,)])
    alone = draft(())
    assert draft.calls == (3, 1)
    fresh = HeadRows(HYDRA, params, tip, last=2, warp=Warp())
    np.testing.assert_allclose(fresh((1,)), draft((1,)), atol=1e-6)
    assert alone.shape == (3,)


@pytest.mark.parametrize("depth", [0, 4])
def test_a_path_beyond_the_heads_is_refused(depth):
    with pytest.raises(ValueError, match=f"paths of 1 to 3 tokens.*got {depth}"):
        rows(HYDRA, shaken(HYDRA), None, np.zeros((1, depth), dtype=int))


def test_tokens_outside_the_sub_vocabulary_are_never_drafted():
    network = Medusa(Backbone.of(TOY, tokens=[3, 8]), heads=1)
    draft = HeadRows(network, shaken(network), jnp.ones(32), last=0, warp=Warp())
    assert np.flatnonzero(draft(())).tolist() == [3, 8]
