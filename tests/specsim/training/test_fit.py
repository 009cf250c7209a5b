import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from specsim.sources.tables import TableModel
from specsim.training import (
    CheckpointError,
    Curve,
    Dense,
    Next,
    Offline,
    Online,
    Outputs,
    Replay,
    Sampled,
    Soft,
    Staged,
    Stream,
    TableStudent,
    TableWorld,
    TrainingError,
    evaluate,
    fit,
)

TARGET = TableModel.random(vocabulary=3, order=1, rng=np.random.default_rng(0))
WORLD = TableWorld(TARGET, width=5)
STUDENT = TableStudent(vocabulary=3, order=1)
SOFT = Next(Soft(Dense()))
ADAM = optax.adam(0.1)


def train(steps=8, *, place=None, seed=0, **more):
    settings = {
        "source": Replay(Sampled(WORLD, batch=4, share=0.5), capacity=8, batch=4, every=2),
        "objective": SOFT,
        "schedule": Offline(steps),
        "optimiser": ADAM,
        "seed": seed,
    }
    return fit(STUDENT, **(settings | more), checkpoint=place, every=2)


def same(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    one, again, other = train(), train(), train(seed=1)
    assert same(one.params, again.params)
    assert np.array_equal(one.curve["loss"], again.curve["loss"])
    assert not same(one.params, other.params)


def test_a_student_that_can_learns_its_target():
    done = fit(
        STUDENT,
        source=Sampled(WORLD, batch=32),
        objective=SOFT,
        schedule=Offline(60),
        optimiser=ADAM,
        seed=0,
    )
    q = np.asarray(jax.nn.softmax(done.params["logits"]))
    p = np.stack([TARGET((x,)) for x in range(3)])
    assert np.minimum(p, q).sum(axis=1).min() > 0.97
    assert done.curve.stages == ("train",) * 60


class Stopping:
    """A source that fails at one step, as an interruption would."""

    def __init__(self, source, at):
        self.source, self.at = source, at

    def start(self):
        return self.source.start()

    def draw(self, state, *, step, **more):
        if step == self.at:
            raise KeyboardInterrupt
        return self.source.draw(state, step=step, **more)


@pytest.mark.parametrize("at", [1, 5])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path, at):
    source = Replay(Sampled(WORLD, batch=4, share=0.5), capacity=8, batch=4, every=2)
    with pytest.raises(KeyboardInterrupt):
        train(place=tmp_path, source=Stopping(source, at))
    whole, resumed = train(), train(place=tmp_path)
    assert same(whole.params, resumed.params)
    assert resumed.curve.stages == whole.curve.stages
    for name, values in whole.curve.columns.items():
        assert np.array_equal(values, resumed.curve[name], equal_nan=True)
    assert same(train(place=tmp_path).params, whole.params)  # a finished run is only read


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import test_fit
test_fit.train(4000, place={place!r})
"""


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_bits(tmp_path):
    """SIGKILL at no special moment; what is on the disk leads to the bits of an unbroken run."""
    script = SCRIPT.format(folder=str(Path(__file__).parent), place=str(tmp_path / "run"))
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.getcwd()})
    file, deadline = tmp_path / "run" / "checkpoint.safetensors", time.monotonic() + 120
    while not file.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    from specsim.training import checkpoints

    arrays, about = checkpoints.load(tmp_path / "run")
    steps = about["step"]
    assert 2 <= steps < 4000
    # an unbroken run of so many steps must have the same parameters as the file that survived
    unbroken = train(steps + steps % 2).params["logits"]
    assert steps % 2 == 0
    assert np.asarray(unbroken).tobytes() == arrays["leaf/00000"].tobytes()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    train(place=tmp_path)
    with pytest.raises(CheckpointError, match="its seed differs"):
        train(place=tmp_path, seed=1)
    with pytest.raises(CheckpointError, match="its schedule differs"):
        train(10, place=tmp_path)
    with pytest.raises(CheckpointError, match="its shapes differs"):
        train(place=tmp_path, optimiser=optax.sgd(0.1))


def test_a_broken_checkpoint_is_refused(tmp_path):
    train(place=tmp_path)
    file = tmp_path / "checkpoint.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="a byte was changed"):
        train(place=tmp_path)
    file.write_bytes(bytes(data[:-9]))
    with pytest.raises(CheckpointError, match="can't be read"):
        train(place=tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run():
    sure = TableModel({(): [1.0, 0.0, 0.0]})
    with pytest.raises(TrainingError, match="other than reverse_kl"):
        train(source=Sampled(TableWorld(sure, width=3), batch=2), objective=Next(Soft(Dense(), "reverse_kl")))


def test_stages_have_their_own_sources_and_losses():
    distance = Next(Soft(Dense(), "total_variation"))
    done = train(
        source={"warm": Sampled(WORLD, batch=4), "main": Sampled(WORLD, batch=4, share=1.0)},
        objective={"warm": SOFT, "main": distance},
        schedule=Staged((("warm", 2), ("main", 3))),
    )
    assert done.curve.stages == ("warm", "warm", "main", "main", "main")
    loss, accepted = done.curve["loss"], done.curve["acceptance"]
    np.testing.assert_allclose(loss[2:], 1 - accepted[2:], atol=1e-6)
    with pytest.raises(ValueError, match="stage 'main' has no source"):
        train(source={"warm": Sampled(WORLD, batch=4)}, schedule=Staged((("warm", 2), ("main", 3))))


def test_schedules_are_checked():
    with pytest.raises(ValueError, match="steps must be at least 1"):
        Offline(0)
    with pytest.raises(ValueError, match="different names"):
        Staged((("a", 1), ("a", 1)))
    with pytest.raises(ValueError, match="never reach an update"):
        Online(requests=3, every=8)
    with pytest.raises(ValueError, match="every must be at least 1"):
        fit(STUDENT, source=None, objective=SOFT, schedule=Offline(1), optimiser=ADAM, seed=0, every=0)


def test_evaluation_weighs_batches():
    short, long = WORLD.describe(np.zeros((1, 2), int)), WORLD.describe(np.zeros((1, 5), int))
    q = np.full(3, 1 / 3)
    params = {"logits": np.zeros((3, 3), np.float32)}
    figures = evaluate(STUDENT, params, SOFT, [short, long])
    assert figures["acceptance"] == pytest.approx(float(np.minimum(TARGET((0,)), q).sum()), rel=1e-6)
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(STUDENT, params, SOFT, [])


class Unregistered:
    def init(self, key):
        return {"bias": jax.random.normal(key, (3,))}

    def apply(self, params, batch):
        return Outputs(logits=jnp.zeros((*batch.shape, 3)) + params["bias"])


@pytest.mark.slow
def test_a_network_that_is_no_pytree_is_closed_over():
    done = fit(
        Unregistered(),
        source=Sampled(WORLD, batch=4),
        objective=SOFT,
        schedule=Offline(3),
        optimiser=ADAM,
        seed=0,
        params={"bias": np.zeros(3, np.float32)},
    )
    assert done.curve["loss"][2] < done.curve["loss"][0] + 0.5


@pytest.mark.slow
def test_an_online_student_climbs_falls_at_a_shift_and_recovers():
    """The claim of Online Speculative Decoding, on tables: acceptance before and after a change of topic."""
    rng = np.random.default_rng(3)
    topics = [TableModel.markov(rng.dirichlet(np.full(3, 0.2), size=3) * 0.98 + 0.02 / 3) for _ in range(2)]
    schedule = Online(requests=24 * 8, every=8, updates=2)
    phases = [(TableWorld(topic, width=6), 12 * 8) for topic in topics]
    stream = Stream(phases, schedule, batch=8, capacity=16, learn="wrong")
    done = fit(STUDENT, source=stream, objective=SOFT, schedule=schedule, optimiser=optax.adam(0.3), seed=0)
    served, phase = done.curve["served_acceptance"], done.curve["phase"]
    assert phase.tolist() == [0.0] * 24 + [1.0] * 24
    before, at, after = served[18:24].mean(), served[24:26].mean(), served[42:48].mean()
    assert before > served[0] + 0.1
    assert at < before - 0.1
    assert after > at + 0.1


def test_curves_survive_their_files(tmp_path):
    curve = Curve.empty().extended("pt", {"loss": 0.1}).extended("ft", {"loss": 1 / 3, "acceptance": 0.5})
    curve.to_csv(tmp_path / "curve.csv")
    again = Curve.from_csv(tmp_path / "curve.csv")
    assert again.stages == curve.stages
    for name in ("loss", "acceptance"):
        assert np.array_equal(again[name], curve[name], equal_nan=True)
    with pytest.raises(ValueError, match="no column 'accuracy'"):
        curve["accuracy"]
    with pytest.raises(ValueError, match="width must be at least 1"):
        curve.smooth("loss", width=0)
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match="not a learning curve"):
        Curve.from_csv(tmp_path / "other.csv")
