import jax
import jax.numpy as jnp
import numpy as np
import pytest

from specsim.training import (
    Batch,
    Dense,
    Exits,
    Features,
    FromHidden,
    FromTop,
    Hard,
    Heads,
    Judged,
    Mixed,
    Next,
    Outputs,
    Soft,
    SubVocabulary,
    acceptance_label,
    ahead,
    causal_mask,
)
from specsim.training import objectives as o
from specsim.training.losses import average
from specsim.training.network import apply, generator, is_argument

RNG = np.random.default_rng(0)
TOKENS = np.array([[2, 0, 1, 3], [1, 1, 0, 2]])
LAW = np.log(RNG.dirichlet(np.ones(4), size=(2, 4))).astype(np.float32)
LOGITS = RNG.normal(size=(2, 4, 3, 4)).astype(np.float32)
ALL = SubVocabulary.all(4)


@jax.jit
def run(loss, outputs, made):
    """One compilation a test in place of one an operation."""
    return loss(outputs, made)


def softmax(logits):
    return np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))


def batch(**more):
    return Batch.of(TOKENS, log_p=LAW, **more)


def test_ahead_shifts_and_ends_in_zeros():
    assert ahead(jnp.asarray(TOKENS), 3).tolist() == [[3, 0, 0, 0], [2, 0, 0, 0]]
    assert ahead(jnp.asarray(TOKENS), 9).tolist() == [[0] * 4] * 2


def test_next_hard_is_the_mean_over_tokens_that_come():
    loss, metrics = run(Next(Hard(ALL)), Outputs(logits=LOGITS[:, :, 0]), batch())
    log_q = softmax(LOGITS[:, :, 0])
    wanted = [-log_q[row, t, TOKENS[row, t + 1]] for row in range(2) for t in range(3)]
    assert float(loss) == pytest.approx(float(np.mean(wanted)), rel=1e-6)
    hits = [int(LOGITS[row, t, 0].argmax()) == TOKENS[row, t + 1] for row in range(2) for t in range(3)]
    assert float(metrics["accuracy"]) == pytest.approx(np.mean(hits))


def test_next_soft_is_the_divergence_from_the_law_of_that_column():
    loss, metrics = run(Next(Soft(Dense(), "total_variation")), Outputs(logits=LOGITS[:, :, 0]), batch())
    p, q = np.exp(LAW[:, :3]), np.exp(softmax(LOGITS[:, :3, 0]))
    assert float(loss) == pytest.approx(0.5 * np.abs(p - q).sum(-1).mean(), rel=1e-5)
    assert float(metrics["acceptance"]) == pytest.approx(1 - float(loss), rel=1e-6)


def test_a_column_two_ahead_is_held_against_the_next_columns_law():
    outputs = Outputs(logits=np.roll(LAW, -1, axis=1))  # says at t what the target says at t + 1
    loss, metrics = run(Next(Soft(Dense()), ahead=2), outputs, batch())
    assert abs(float(loss)) < 1e-6
    assert float(metrics["acceptance"]) == pytest.approx(1)


def test_heads_are_for_further_and_further_tokens():
    loss, metrics = run(Heads(Hard(ALL), decay=0.5, first=2), Outputs(logits=LOGITS[:, :, :2]), batch())
    log_q = softmax(LOGITS)
    first = np.mean([-log_q[row, t, 0, TOKENS[row, t + 2]] for row in range(2) for t in range(2)])
    second = np.mean([-log_q[row, 0, 1, TOKENS[row, 3]] for row in range(2)])
    assert float(loss) == pytest.approx(0.5 * first + 0.25 * second, rel=1e-5)
    assert sorted(metrics) == ["accuracy_0", "accuracy_1"]


def test_exits_all_learn_the_same_token():
    loss, _ = run(Exits(Hard(ALL)), Outputs(logits=LOGITS), batch())
    parts = [run(Next(Hard(ALL)), Outputs(logits=LOGITS[:, :, place]), batch())[0] for place in range(3)]
    assert float(loss) == pytest.approx(float(np.mean(parts)), rel=1e-6)


def test_mixed_is_the_sum_of_its_parts():
    outputs = Outputs(logits=LOGITS[:, :, 0])
    hard, soft = Hard(ALL), Soft(Dense(), "jensen_shannon", beta=0.9)
    both, metrics = run(Next(Mixed((hard, soft), (0.25, 0.75))), outputs, batch())
    parts = [run(Next(part), outputs, batch())[0] for part in (hard, soft)]
    assert float(both) == pytest.approx(0.25 * float(parts[0]) + 0.75 * float(parts[1]), rel=1e-5)
    assert set(metrics) == {"accuracy", "acceptance"}


def test_features_are_held_against_the_next_hidden_state():
    hidden = RNG.normal(size=(2, 4, 5)).astype(np.float32)
    perfect = Outputs(features=np.roll(hidden, -1, axis=1), logits=LOGITS[:, :, 0])
    loss, metrics = run(Features(Soft(Dense()), share=0.1), perfect, batch(hidden=hidden))
    rest, _ = run(Next(Soft(Dense()), ahead=2), perfect, batch())
    assert float(metrics["regression"]) == 0.0
    assert float(loss) == pytest.approx(0.1 * float(rest), rel=1e-6)
    alone, _ = run(Features(Soft(Dense()), share=0.0), Outputs(features=hidden), batch(hidden=hidden))
    wanted = o.smooth_l1(predicted=hidden[:, :2], features=hidden[:, 1:3])
    assert float(alone) == pytest.approx(float(wanted.mean()), rel=1e-6)


def test_judged_and_its_penalty():
    label = jnp.asarray([[1.0, 0.0, 1.0, 0.0]] * 2)
    outputs = Outputs(score=jnp.asarray([[3.0, 3.0, -3.0, 0.0]] * 2), penalty=jnp.array(2.0))
    plain, metrics = run(Judged(), outputs, batch(label=label))
    ridge, _ = run(Judged(strength=0.5), outputs, batch(label=label))
    assert float(ridge - plain) == pytest.approx(1.0)
    assert float(metrics["accuracy"]) == pytest.approx(1 / 3)


def test_columns_without_weight_do_not_count():
    weight = np.array([[0, 2, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    loss, _ = run(Next(Hard(ALL)), Outputs(logits=LOGITS[:, :, 0]), batch(weight=weight))
    assert float(loss) == pytest.approx(float(-softmax(LOGITS)[0, 1, 0, 1]), rel=1e-6)
    assert float(average(jnp.ones((1, 2)), jnp.zeros((1, 2)))) == 0.0


def test_tokens_outside_a_sub_vocabulary_have_no_weight():
    few = SubVocabulary.of([0, 1, 3], whole=4)
    loss, _ = run(Next(Hard(few)), Outputs(logits=LOGITS[:, :, 0, :3]), batch())
    log_q = softmax(LOGITS[:, :, 0, :3])
    places = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 1), (1, 1, 0)]  # (1, 2) is token 2: unknown
    assert float(loss) == pytest.approx(float(np.mean([-log_q[place] for place in places])), rel=1e-6)


def test_teachers_agree():
    rng = np.random.default_rng(1)
    hidden, head = rng.normal(size=(1, 2, 3)).astype(np.float32), rng.normal(size=(6, 3)).astype(np.float32)
    logits = hidden @ head.T / 0.7
    law, few = softmax(logits), SubVocabulary.of([4, 1], whole=6)
    top = np.argsort(-law, axis=-1)
    known = {
        "hidden": hidden,
        "log_normaliser": np.log(np.exp(logits).sum(axis=-1)),
        "top_ids": top,
        "top_log_p": np.take_along_axis(law, top, axis=-1),
    }
    made, wanted = Batch.of([[0, 1]], **known), law[..., [1, 4]]
    ask = jax.jit(lambda teacher, made: teacher.log_p(made))
    np.testing.assert_allclose(ask(FromHidden(few.rows(head), 0.7), made), wanted, atol=1e-5)
    np.testing.assert_allclose(ask(FromTop(few), made), wanted, atol=1e-5)


def test_acceptance_label():
    assert acceptance_label(p=[0.1, 0.6], q=[0.4, 0.3]).tolist() == [pytest.approx(0.25), 1.0]
    with pytest.raises(ValueError, match="positive probability q"):
        acceptance_label(p=[0.1], q=[0.0])


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="no 'log_p'"):
        Next(Soft(Dense()))(Outputs(logits=LOGITS[:, :, 0]), Batch.of(TOKENS))
    with pytest.raises(ValueError, match="needs 'score'"):
        Judged()(Outputs(), batch())
    with pytest.raises(ValueError, match="after 3 layers; it has 4"):
        Batch.of(TOKENS, layers={4: LAW}).layer(3)
    with pytest.raises(ValueError, match="divergence must be one of"):
        Soft(Dense(), "kl")
    with pytest.raises(ValueError, match="one share a part"):
        Mixed((Hard(ALL),), (0.5, 0.5))
    with pytest.raises(ValueError, match=r"shape \(B, T\)"):
        Batch.of([1, 2])


def test_sub_vocabularies():
    few = SubVocabulary.frequent([1, 5, 5, 0], size=2)
    assert few.ids.tolist() == [1, 2]
    assert few.spread(np.array([[0.25, 0.75]])).tolist() == [[0.0, 0.25, 0.75, 0.0]]
    with pytest.raises(ValueError, match=r"ids in \[0, 4\)"):
        SubVocabulary.of([4], whole=4)
    with pytest.raises(ValueError, match=r"size must be in 1 \.\. 4"):
        SubVocabulary.frequent([1, 5, 5, 0], size=5)


def test_masks_let_no_token_see_padding_or_the_future():
    made = Batch.of([[1, 2, 3]], valid=jnp.array([[True, True, False]]))
    assert causal_mask(made)[0].astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_batches_survive_their_rows():
    made = batch(layers={4: LAW}, noise=LAW, hidden=LAW)
    again = Batch.of_rows(made.as_rows())
    assert all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(made), jax.tree.leaves(again), strict=True)
    )
    assert np.array_equal(again.shaken(), 2 * LAW)
    assert batch(hidden=LAW).shaken() is LAW


def test_generators_depend_on_every_name():
    draws = [generator(0, *names).random() for names in (("a", 1), ("a", 2), ("b", 1), ("a", 1))]
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3


class Plain:
    """Not registered: closed over."""

    def init(self, key):
        return {"bias": jnp.zeros(4)}

    def apply(self, params, batch):
        return Outputs(logits=jnp.zeros((*batch.shape, 4)) + params["bias"])


def test_networks_of_either_kind_are_applied():
    assert not is_argument(Plain())
    assert is_argument(Next(Hard(ALL)))
    assert apply(Plain(), Plain().init(None), batch()).logits.shape == (2, 4, 4)
