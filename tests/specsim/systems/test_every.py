"""Every system, whatever it is: enumerated on table worlds, run on a toy model through the same engine."""

from __future__ import annotations

import ast
from pathlib import Path

import jax
import numpy as np
import pytest

import specsim.decoding
from specsim.decoding import decode, distortion_of, is_lossless
from specsim.heads import Backbone, Chimera, Eagle, Hydra, JudgeProbe, Kangaroo, Medusa, Sorted
from specsim.models import toy_model
from specsim.systems import Bench, UnknownSystem, Worlds, by_name, every
from specsim.training.students import LlamaStudent
from specsim.training.vocabulary import SubVocabulary
from tests.specsim.decoding.worlds import sharp, world
from theory.chance import Sampled
from theory.simplex import Warp

WORLDS = Worlds(world(1), world(2), world(7), corpus=(0, 1, 2, 0, 1, 1, 2, 0, 2, 1, 0, 1, 2, 2, 0, 0))
SHARP = Worlds(sharp(3), sharp(4), sharp(9), corpus=WORLDS.corpus)
BENCH = Bench(
    toy_model(seed=0),
    Warp(temperature=0.8),
    corpus=tuple(range(1, 200)) * 3,
    load=lambda name: untrained(name),
)
NAMES = sorted(every())
#: These run on the toy model in the default tests; the others, which compile more, in the slow ones.
LIGHT = {"plain", "speculative", "rsd", "pearl", "prompt-lookup"}
RUNS = [name if name in LIGHT else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


def untrained(name: str) -> tuple[object, object]:
    """A part that systems load by name, for the toy model and never trained."""
    model = BENCH.model
    backbone = Backbone.of(model)
    networks = {
        "medusa": lambda: Medusa(backbone, heads=3),
        "hydra": lambda: Hydra(backbone, heads=3),
        "chimera": lambda: Chimera(backbone, heads=3),
        "fspad": lambda: Eagle(backbone, fusion="sampled", aligned="partly"),
        "dovetail": lambda: Eagle(backbone, fusion="gated"),
        "kangaroo": lambda: Kangaroo(backbone, config=model.config, layers=2),
        "sorted": lambda: Sorted(backbone, exits=(1, 2, 3), feed_forward=8),
        "judge": lambda: JudgeProbe.plain(model.config.hidden),
    }
    if name == "fastdraft":
        network = LlamaStudent.of(model, SubVocabulary.of(range(200), whole=256), hidden=16)
    else:
        network = networks[name]()
    return network, network.init(jax.random.key(0))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_lossless_or_not_as_it_says(name: str) -> None:
    """One round from a world with context-dependent rows: the joint law of two tokens."""
    published = every()[name]
    system = published.world(WORLDS)
    assert system.lossless == published.lossless
    if published.lossless:
        assert is_lossless(system, (0, 1), rounds=1, length=2)
    else:
        assert distortion_of(system, (0, 1), rounds=1, length=2) > 0


@pytest.mark.slow
@pytest.mark.parametrize("worlds", [WORLDS, SHARP], ids=["full", "sharp"])
@pytest.mark.parametrize("name", [name for name in NAMES if every()[name].lossless])
def test_memories_of_two_rounds_keep_the_law(name: str, worlds: Worlds) -> None:
    """Two rounds, three tokens: what drafter and policy remember of the first must not bend the second."""
    assert is_lossless(every()[name].world(worlds), (0, 1, 2), rounds=2, length=3)


@pytest.mark.parametrize("name", RUNS)
def test_it_runs_on_a_model(name: str) -> None:
    system = every()[name].real(BENCH)
    assert system.lossless == every()[name].lossless
    trace = decode(system, tuple(range(3, 15)), max_new_tokens=6, chance=Sampled(np.random.default_rng(0)))
    assert len(trace.tokens) == 6
    assert all(done.accepted <= done.depth for done in trace.rounds)


@pytest.mark.parametrize("name", RUNS)
def test_greedy_it_speaks_as_the_model_does(name: str) -> None:
    """Rollback of every cache, by equality with a run that has none."""
    if not every()[name].lossless:
        return
    cold = Bench(BENCH.model, Warp(temperature=0), corpus=BENCH.corpus, load=BENCH.load)
    prompt = tuple(range(3, 15))
    trace = decode(
        every()[name].real(cold), prompt, max_new_tokens=10, chance=Sampled(np.random.default_rng(0))
    )
    assert list(trace.tokens) == BENCH.model.generate(prompt, max_new_tokens=10, temperature=0)


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(UnknownSystem, match=r"there is no system 'medussa'; there are: .*plain"):
        by_name("medussa")


def test_the_engine_knows_no_system() -> None:
    """Nothing in the engine imports a system or compares a name with one."""
    for path in Path(specsim.decoding.__path__[0]).glob("*.py"):
        tree = ast.parse(path.read_text())
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not any((node.module or "").startswith("specsim.systems") for node in imports), path
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not texts & set(every()), path


@pytest.mark.parametrize("name", NAMES)
def test_a_system_is_a_short_file(name: str) -> None:
    module = every()[name].world.__module__.replace(".", "/")
    path = Path(specsim.decoding.__path__[0]).parents[1] / f"{module}.py"
    assert len(path.read_text().splitlines()) <= 120
