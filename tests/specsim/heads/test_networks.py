"""Every head: what it says untrained, what it may see, and that drafting is what was trained."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from specsim.heads import (
    AcceptHead,
    Backbone,
    Chimera,
    Eagle,
    Hydra,
    JudgeProbe,
    Kangaroo,
    Medusa,
    Shape,
    Sorted,
)
from specsim.heads.tip import SLOTS
from specsim.models import EarlyExit, hidden_states, toy_model
from specsim.models.toy import toy_config
from specsim.training.network import Batch

MODEL = toy_model(seed=0, config=toy_config(layers=3))
TOKENS = [5, 3, 200, 200, 17, 90, 3]
FEW = [3, 5, 17, 90, 200, 255]
BACKBONE = Backbone.of(MODEL, tokens=FEW)
SHAPE = Shape(width=16, feed_forward=16, heads=2, kv_heads=1)
HEADS = {
    "medusa": Medusa(BACKBONE, heads=2, blocks=2, rank=4),
    "hydra": Hydra(BACKBONE, heads=2),
    "hydra++": Hydra(BACKBONE, heads=2, depth=1, rank=4, prefix=SHAPE),
    "chimera": Chimera(BACKBONE, heads=2, shape=SHAPE, rank=4),
    "chimera-no-context": Chimera(BACKBONE, heads=2, shape=SHAPE, grams=1, context=False, rank=None),
}
EAGLES = {
    "eagle": Eagle(BACKBONE, shape=SHAPE, steps=2),
    "fspad": Eagle(BACKBONE, shape=SHAPE, fusion="sampled", aligned="partly", steps=2),
    "dovetail": Eagle(BACKBONE, shape=Shape(16, 16, 2, 1, layers=2), fusion="gated", steps=2),
}
TIPS = HEADS | EAGLES
VARIANTS = {"hydra++", "chimera-no-context", "fspad", "dovetail"}


def some(names):
    """All of them; those that compile much that another one compiles too only among the slow tests."""
    return [pytest.param(name, marks=pytest.mark.slow if name in VARIANTS else ()) for name in names]


def states() -> jax.Array:
    return jnp.asarray(hidden_states(MODEL, TOKENS, {"target": EarlyExit(3)})["target"])


HIDDEN = states()


def batch(tokens=TOKENS, hidden=HIDDEN) -> Batch:
    return Batch.of([tokens], hidden=hidden[None])


def fresh(network, seed: int):
    return jax.jit(network.init)(jax.random.key(seed))


def shaken(network, seed: int = 1):
    """Parameters as if trained: nothing at zero."""
    like = jax.eval_shape(network.init, jax.random.key(0))
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: jnp.asarray(0.3 * rng.standard_normal(leaf.shape), dtype=jnp.float32), like
    )


RUN = {name: jax.jit(network.apply) for name, network in TIPS.items()}


def said(name: str, tokens=TOKENS, hidden=HIDDEN) -> np.ndarray:
    return np.asarray(RUN[name](shaken(TIPS[name]), batch(tokens, hidden)).logits[0])


@pytest.mark.parametrize("name", some(HEADS))
def test_an_untrained_head_says_what_the_target_says_of_the_next_token(name):
    logits = RUN[name](fresh(HEADS[name], 0), batch()).logits[0]
    wanted = np.asarray(HIDDEN @ np.asarray(MODEL.head())[FEW].T)
    for head in range(2):
        np.testing.assert_allclose(logits[:, head], wanted, atol=1e-5)


@pytest.mark.parametrize("name", some(TIPS))
@pytest.mark.parametrize("changed", [2, 4])
def test_a_head_sees_no_token_beyond_its_place(name, changed):
    tokens = list(TOKENS)
    tokens[changed] = 99
    before, after = said(name), said(name, tokens)
    differs = np.abs(before - after).max(axis=-1) > 1e-6
    for column in range(len(TOKENS)):
        for head in range(2):
            if changed > column + head + 1:
                assert not differs[column, head]
    # and what it may see makes a difference: the token drafted last
    drafted = any(differs[changed - head - 1, head] for head in range(2) if changed - head - 1 >= 0)
    assert drafted != name.startswith("medusa")


@pytest.mark.parametrize("name", some(["hydra", "hydra++", "medusa"]))
def test_given_the_hidden_state_earlier_tokens_tell_nothing(name):
    tokens = [99, 98, 97, *TOKENS[3:]]
    np.testing.assert_array_equal(said(name)[2:], said(name, tokens)[2:])


@pytest.mark.parametrize("name", some(TIPS))
def test_a_head_sees_no_later_hidden_state(name):
    changed = HIDDEN.at[4:].add(1.0)
    before, after = said(name), said(name, hidden=changed)
    np.testing.assert_array_equal(before[:4], after[:4])
    assert np.abs(before[4] - after[4]).max() > 1e-3


@pytest.mark.parametrize("name", some(TIPS))
def test_drafting_along_the_text_is_what_training_computes(name):
    network, params, wanted = TIPS[name], shaken(TIPS[name]), said(name)
    tip, ids = network.begin(params), jnp.asarray(TOKENS)
    for first, last in ((0, 1), (1, 4)):  # read in two stretches
        tip = network.read(params, tip, hidden=HIDDEN[first:last], tokens=ids[first:last])
    paths = jnp.stack([ids[4:6], jnp.array([int(ids[4]), 9])])
    logits = BACKBONE.logits(jax.jit(network.path_features)(params, tip, paths))
    np.testing.assert_allclose(logits[0], wanted[3, 1], atol=2e-4)


def test_slots_grow_with_the_text():
    network = EAGLES["eagle"]
    params, rows = shaken(network), jnp.ones((SLOTS, 32))
    tip = network.begin(params)
    for _ in range(2):
        tip = network.read(params, tip, hidden=rows, tokens=jnp.zeros(SLOTS, dtype=jnp.int32))
    assert int(tip.pasts[0].length) == 2 * SLOTS - 1
    assert tip.pasts[0].slots >= 2 * SLOTS


def test_one_step_of_eagle_is_the_first_of_many():
    many = EAGLES["eagle"]
    outputs = jax.jit(Eagle(BACKBONE, shape=SHAPE).apply)(shaken(many), batch())
    np.testing.assert_allclose(outputs.logits[0], said("eagle")[:, 0], atol=1e-5)
    assert outputs.features.shape == (1, 7, 32)


def test_fully_aligned_features_are_what_the_head_reads_and_partly_aligned_ones_are_not():
    for aligned in ("fully", "partly"):
        network = Eagle(BACKBONE, shape=SHAPE, aligned=aligned)
        spoken, regressed = network.unrolled(shaken(network), batch(), steps=1)
        assert bool(jnp.allclose(spoken[:, :, 0], regressed)) is (aligned == "fully")


def test_a_padded_column_changes_nothing_before_it():
    whole = batch()
    cut = Batch.of([[*TOKENS[:5], 0, 0]], hidden=HIDDEN[None], valid=jnp.arange(7)[None] < 5)
    for name in ("chimera", "eagle"):
        params = shaken(TIPS[name])
        left, right = RUN[name](params, whole).logits, RUN[name](params, cut).logits
        np.testing.assert_array_equal(left[0, :2], right[0, :2])


# what looks at the target's shallow layers


def layered() -> Batch:
    from specsim.training.dump import _streams

    found = _streams(MODEL, np.array(TOKENS), {1, 2})
    return Batch.of([TOKENS], layers={k: jnp.asarray(v)[None] for k, v in found.items() if k != "hidden"})


LAYERED = layered()
KANGAROO = Kangaroo(BACKBONE, config=MODEL.config, layers=2)
SORTED = Sorted(BACKBONE, exits=(1, 2), feed_forward=8)
RUN |= {"kangaroo": jax.jit(KANGAROO.apply), "sorted": jax.jit(SORTED.apply)}


def lens(number: int) -> np.ndarray:
    return hidden_states(MODEL, TOKENS, {"exit": EarlyExit(number)})["exit"] @ np.asarray(MODEL.head())[FEW].T


def test_an_untrained_adapter_is_the_logit_lens():
    logits = RUN["kangaroo"](fresh(KANGAROO, 0), LAYERED).logits[0]
    np.testing.assert_allclose(logits, lens(2), atol=1e-4)


def test_untrained_exits_are_logit_lenses():
    logits = RUN["sorted"](fresh(SORTED, 0), LAYERED).logits[0]
    np.testing.assert_allclose(logits[:, 0], lens(1), atol=1e-4)
    np.testing.assert_allclose(logits[:, 1], lens(2), atol=1e-4)


def test_the_adapted_draft_as_a_model_says_what_the_network_says():
    params = shaken(KANGAROO)
    draft = KANGAROO.as_model(params, MODEL)
    assert draft.config.layers == 3
    wanted = RUN["kangaroo"](params, LAYERED).logits[0, -1]
    np.testing.assert_allclose(draft.next_token_logits(TOKENS)[FEW], wanted, atol=1e-4)


def test_exits_as_models_say_what_the_network_says():
    params = shaken(SORTED)
    wanted = RUN["sorted"](params, LAYERED).logits[0, -1]
    for exit_, draft in enumerate(SORTED.as_models(params, MODEL)):
        np.testing.assert_allclose(draft.next_token_logits(TOKENS)[FEW], wanted[exit_], atol=1e-4)


def test_an_adapter_sees_no_later_token():
    params = shaken(KANGAROO)
    later = Batch.of([TOKENS], layers={2: LAYERED.layers[2].at[:, 4:].add(1.0)})
    before, after = (RUN["kangaroo"](params, one).logits[0] for one in (LAYERED, later))
    np.testing.assert_array_equal(before[:4], after[:4])
    assert float(jnp.abs(before[4:] - after[4:]).max()) > 1e-3


# probes


def test_probes_score_every_column():
    probe = JudgeProbe.standardised(HIDDEN)
    params = {"weight": jnp.ones(32), "bias": jnp.float32(0.5)}
    outputs = probe.apply(params, batch())
    wanted = ((HIDDEN - HIDDEN.mean(0)) / HIDDEN.std(0)).sum(-1) + 0.5
    np.testing.assert_allclose(outputs.score[0], wanted, atol=1e-4)
    assert float(outputs.penalty) == 32


def test_a_coordinate_that_never_varies_is_only_centred():
    probe = JudgeProbe.standardised(jnp.ones((4, 3)))
    assert probe.score({"weight": jnp.ones(3), "bias": jnp.zeros(())}, jnp.ones(3)).item() == 0


@pytest.mark.parametrize("shared", [True, False])
def test_acceptance_heads_with_own_and_with_shared_blocks(shared):
    head = AcceptHead(width=32, shared=shared, rank=4)
    params = shaken(head)
    assert len(params["blocks"]) == (1 if shared else 3)
    assert head.apply(params, batch()).score.shape == (1, 7)


# what is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shape(layers=0), "layers must be at least 1, got 0"),
        (lambda: Chimera(BACKBONE, shape=Shape(layers=2)), "one decoder layer, the shape has 2"),
        (lambda: Chimera(BACKBONE, grams=0), "grams and heads must be at least 1"),
        (lambda: Kangaroo(BACKBONE, config=MODEL.config, layers=4), r"layers must be in 1\.\.3, got 4"),
        (lambda: Sorted(BACKBONE, exits=(2, 1)), "exits must be increasing"),
        (lambda: Eagle(BACKBONE, fusion="sum").init(jax.random.key(0)), "fusion must be 'concat'"),  # type: ignore[arg-type]
        (lambda: Backbone.of(MODEL, tokens=[]), "a sub-vocabulary needs ids"),
    ],
)
def test_impossible_shapes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
