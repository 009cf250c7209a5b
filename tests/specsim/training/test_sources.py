import math
from itertools import product

import numpy as np
import pytest

from specsim.models import toy_model
from specsim.sources.tables import TableModel
from specsim.training import (
    Batch,
    Labelled,
    ModelWorld,
    Noisy,
    Outputs,
    Replay,
    Sampled,
    SubVocabulary,
    TableWorld,
    serve,
)
from specsim.training.online import Online, Stream
from specsim.training.sources import push

TARGET = TableModel.random(vocabulary=3, order=1, rng=np.random.default_rng(0))
WORLD = TableWorld(TARGET, width=5)


class Always:
    """A student that says one token, or has one law everywhere."""

    def __init__(self, law):
        self.law = np.log(np.asarray(law, dtype=np.float32) + 1e-30)

    def init(self, key):
        return {}

    def apply(self, params, batch):
        return Outputs(logits=np.broadcast_to(self.law, (*batch.shape, len(self.law))))


ZEROS = Always([1.0, 0.0, 0.0])


def draw(source, step=0, seed=0, network=ZEROS, state=None):
    return source.draw(
        source.start() if state is None else state, step=step, seed=seed, network=network, params={}
    )


def test_target_samples_do_not_depend_on_the_student():
    one, other = (draw(Sampled(WORLD, batch=6), network=net)[0] for net in (ZEROS, Always([0.0, 0.0, 1.0])))
    assert np.array_equal(one.tokens, other.tokens)
    law = np.exp(np.asarray(one.log_p))
    for row, t in product(range(6), range(5)):
        np.testing.assert_allclose(law[row, t], TARGET((int(one.tokens[row, t]),)), rtol=1e-5)


def test_on_policy_text_is_the_students():
    tokens = np.asarray(draw(Sampled(WORLD, batch=20, share=1.0))[0].tokens)
    assert (tokens[:, 1:] == 0).all()
    assert len(set(tokens[:, 0])) > 1  # the first token is the prompt: the target's


@pytest.mark.parametrize("by", ["request", "token"])
def test_mixes_are_by_request_or_by_token(by):
    """A target that never says 0 shows who wrote each token."""
    target = TableModel({(): [0.0, 0.5, 0.5]})
    source = Sampled(TableWorld(target, width=9), batch=200, share=0.25, by=by)
    mine = np.asarray(draw(source)[0].tokens)[:, 1:] == 0
    texts = mine.any(axis=1)
    # Hoeffding at 1e-9: 200 requests, 1600 tokens
    if by == "request":
        assert (mine.all(axis=1) == texts).all()
        assert abs(texts.mean() - 0.25) < math.sqrt(math.log(2e9) / 400)
    else:
        assert abs(mine.mean() - 0.25) < math.sqrt(math.log(2e9) / 3200)
        assert texts.mean() > 0.6


def test_sampling_is_a_function_of_seed_and_step():
    source = Sampled(WORLD, batch=8)
    texts = [
        np.asarray(draw(source, step, seed)[0].tokens) for step, seed in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]
    assert np.array_equal(texts[0], texts[1])
    assert not np.array_equal(texts[0], texts[2])
    assert not np.array_equal(texts[0], texts[3])


def test_replay_keeps_the_latest_rows_and_asks_only_at_refills():
    class Counting:
        def start(self):
            return {}

        def draw(self, state, *, step, seed, network, params):
            return Batch.of(np.full((2, 3), step)), state

    source = Replay(Counting(), capacity=4, batch=16, every=2)
    state, seen = source.start(), []
    for step in range(10):
        batch, state = draw(source, step, state=state)
        seen.append(set(np.asarray(batch.tokens).ravel().tolist()))
    assert seen[0] == {0}
    assert seen[1] == {0}
    assert seen[9] <= {3, 4}
    assert set(state["rows"]["tokens"].ravel().tolist()) == {3, 4}


def test_a_ring_is_not_changed_in_place():
    first = push({"filled": np.zeros((), int), "rows": {}}, {"x": np.array([1, 2])}, 2)
    push(first, {"x": np.array([3])}, 2)
    assert first["rows"]["x"].tolist() == [1, 2]
    with pytest.raises(ValueError, match="3 rows doesn't fit in a buffer of 2"):
        push(first, {"x": np.arange(3)}, 2)


def test_labels_are_served_once_an_epoch():
    source = Labelled(np.arange(6.0)[:, None], np.arange(6) / 5, batch=2)
    batches = [draw(source, step)[0] for step in range(3)]
    assert sorted(float(x) for batch in batches for x in np.ravel(batch.hidden)) == list(range(6))
    for batch in batches:
        np.testing.assert_allclose(np.ravel(batch.label), np.ravel(batch.hidden) / 5, rtol=1e-6)
        assert np.ravel(batch.weight).tolist() == [1, 1]


def test_noise_is_beside_the_hidden_states():
    labelled = Labelled(np.zeros((3, 4)), np.zeros(3), batch=3)
    batch = draw(Noisy(labelled, 0.5))[0]
    assert not np.asarray(batch.hidden).any()
    assert 0 < np.abs(batch.shaken()).max() <= 0.5


Q = [0.8, 0.1, 0.1]


@pytest.fixture(scope="module")
def served():
    world, rng = TableWorld(TARGET, width=4), np.random.default_rng(2)
    return serve(world, Always(Q), {}, requests=20_000, gamma=2, rng=rng)


def test_serving_keeps_the_targets_joint_law(served):
    """All 81 texts of 4 tokens within the band of Hoeffding and a union bound at 1e-9; the draft is far."""
    law = TARGET.joint(4)
    band = math.sqrt(math.log(2 * 81 / 1e-9) / 40_000)
    texts, counts = np.unique(np.asarray(served.batch.tokens), axis=0, return_counts=True)
    found = {tuple(text.tolist()): count / 20_000 for text, count in zip(texts, counts, strict=True)}
    assert max(abs(found.get(text, 0) - share) for text, share in law.items()) < band
    wrong = {text: float(TARGET(())[text[0]]) * math.prod(Q[token] for token in text[1:]) for text in law}
    assert max(abs(found.get(text, 0) - share) for text, share in wrong.items()) > 2 * band  # control
    assert not (served.wrong & ~served.judged).any()


def test_serving_judges_as_chains_do(served):
    """A draft is judged unless gamma before it were accepted; rejections begin a new chain."""
    judged, wrong = served.judged[:, :3], served.wrong[:, :3]
    assert judged[:, :2].all()
    assert np.array_equal(judged[:, 2], wrong[:, :2].any(axis=1))
    rows = np.stack([TARGET((x,)) for x in range(3)])
    beta = np.minimum(rows, Q).sum(axis=1)
    wanted = 1 - beta[np.asarray(served.batch.tokens)[:, 0]].mean()
    assert abs(wrong[:, 0].mean() - wanted) < math.sqrt(math.log(2e9) / 40_000)


def test_a_perfect_draft_is_never_wrong():
    flat = TableModel({(): [0.5, 0.25, 0.25]})
    served = serve(
        TableWorld(flat, width=4),
        Always([0.5, 0.25, 0.25]),
        {},
        requests=50,
        gamma=3,
        rng=np.random.default_rng(0),
    )
    assert not served.wrong.any()
    assert served.acceptance == pytest.approx(1)


def test_streams_keep_what_they_are_told():
    schedule = Online(requests=8, every=4)
    weights = {}
    for learn in ("wrong", "judged", "all"):
        stream = Stream([(WORLD, 8)], schedule, batch=4, capacity=8, gamma=1, learn=learn)
        state = draw(stream, network=Always([0.4, 0.3, 0.3]))[1]
        weights[learn] = float(state["rows"]["weight"].sum())
    assert weights["wrong"] < weights["judged"] < weights["all"] == 4 * 4


@pytest.mark.slow
def test_a_model_is_a_world_too():
    model, few = toy_model(seed=0), SubVocabulary.of(range(10, 20), whole=256)
    prompts = [[1, 2, 3], [4, 5, 6, 7]]
    world = ModelWorld(model, prompts, new_tokens=3, temperature=0.8, vocabulary=few, layers=(2,), top=2)
    law = np.full(10, 0.1)
    batch = draw(Sampled(world, batch=3, share=1.0), network=Always(law))[0]
    assert batch.shape == (3, 64)
    assert batch.layer(2).shape == (3, 64, 32)
    tokens, weight = np.asarray(batch.tokens), np.asarray(batch.weight)
    for row in range(3):
        start = next(len(prompt) for prompt in prompts if tokens[row, : len(prompt)].tolist() == prompt)
        assert np.flatnonzero(weight[row]).tolist() == list(range(start - 1, start + 2))
        assert ((tokens[row, start : start + 3] >= 10) & (tokens[row, start : start + 3] < 20)).all()
        logits = np.asarray(model.next_token_logits(tokens[row, : start + 1])) / 0.8
        norm = np.log(np.exp(logits.astype(np.float64)).sum())
        assert float(batch.log_normaliser[row, start]) == pytest.approx(norm, abs=5e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sampled(WORLD, batch=1, share=1.5), r"share in \[0, 1\]"),
        (lambda: Sampled(WORLD, batch=1, by="word"), "'request' or 'token'"),
        (lambda: Replay(None, capacity=0, batch=1), "must be at least 1"),
        (lambda: Labelled([[0.0]], [2.0], batch=1), r"labels must be in \[0, 1\]"),
        (lambda: Labelled([0.0], [1.0], batch=1), r"hidden must be \(N, D\)"),
        (lambda: Labelled([[0.0]], [1.0], batch=2), r"batch must be in 1 \.\. 1"),
        (lambda: Noisy(None, -1.0), "size must be at least 0"),
        (lambda: TableWorld(TARGET, width=1), "width must be at least 2"),
        (lambda: ModelWorld(None, [], new_tokens=1), "at least one prompt"),
        (lambda: Stream([], Online(8), batch=1), "at least one phase"),
        (lambda: Stream([(WORLD, 8)], Online(8), batch=1, learn="some"), "learn must be"),
        (lambda: Stream([(WORLD, 8)], Online(8), batch=1, capacity=4), "can't hold 8 requests"),
        (lambda: serve(WORLD, ZEROS, {}, requests=0, gamma=1, rng=None), "at least 1"),
    ],
)
def test_settings_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()
