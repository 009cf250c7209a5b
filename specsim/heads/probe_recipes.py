r"""How the shipped probes were trained: the judge on checkable answers, the acceptance head on drafts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import optax

from specsim.heads.accept_head import AcceptHead
from specsim.heads.blocks import Params
from specsim.heads.checkable import answers
from specsim.heads.judge import JudgeProbe
from specsim.heads.probes import States, area, area_error, best_accuracy, drafted, judged
from specsim.heads.recipes import texts
from specsim.models import LayerMask, Model
from specsim.models.config import Array
from specsim.training.corpus import Corpus
from specsim.training.dump_files import Dump
from specsim.training.fit import fit
from specsim.training.losses import Judged
from specsim.training.network import Network
from specsim.training.schedules import Offline
from specsim.training.sources import Labelled

#: Answers made for the judge; every fourth is held out.
ANSWERS = 360
#: The draft whose hidden states the acceptance head reads: the target without three of its layers.
DRAFT = LayerMask(skip=(13, 14, 15))
#: Contexts for the acceptance head, to train on and to measure on; their length; tokens drafted behind each.
CONTEXTS, HELD_OUT, LENGTH, DRAFTED = 256, 96, 56, 8


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained probe and what it was measured to do."""

    network: Any
    params: Params
    report: dict[str, Any]


def train_judge(model: Model, *, seed: int) -> Trained:
    """Train the judge; the wrong tokens weigh as much as the right ones together."""
    states = judged(model, answers(model, count=ANSWERS, seed=seed))
    kept = states.group % 4 == 3
    learn, check = _where(states, ~kept), _where(states, kept)
    network = JudgeProbe.standardised(learn.hidden)
    wrong = float(learn.label.sum() / (1 - learn.label).sum())
    params = _fit(network, learn, Judged(negative_weight=wrong, strength=1e-3), seed, steps=600)
    return Trained(network, params, _report(network, params, check))


def train_accept_head(model: Model, dump: Dump, *, seed: int) -> Trained:
    """Train the acceptance head; rejections weigh six times."""
    learn, check = (
        _forks(model, corpus, count, seed + number)
        for number, (corpus, count) in enumerate(zip(texts(dump), (CONTEXTS, HELD_OUT), strict=True))
    )
    network = AcceptHead(width=model.config.hidden, rank=64)
    params = _fit(network, learn, Judged(negative_weight=6.0), seed, steps=300)
    return Trained(network, params, _report(network, params, check))


def _forks(model: Model, corpus: Corpus, count: int, seed: int) -> States:
    """The draft's own tokens behind places of the target's continuations."""
    rng, contexts, groups = np.random.default_rng(seed), list[Array](), list[int]()
    for number in range(count):
        which = number % len(corpus.texts)
        text = corpus.texts[which]
        end = text.first + int(rng.integers(text.start, text.last - text.first))
        contexts.append(corpus.tokens[max(text.first, end - LENGTH) : end])
        groups.append(which)
    return drafted(model, DRAFT, contexts, count=DRAFTED, seed=seed, groups=groups)


def _where(states: States, chosen: Array) -> States:
    scores = {name: values[chosen] for name, values in states.scores.items()}
    return States(states.hidden[chosen], states.label[chosen], states.group[chosen], scores)


def _fit(network: Network, learn: States, loss: Judged, seed: int, *, steps: int) -> Params:
    rates = optax.warmup_cosine_decay_schedule(0.0, 1e-3, steps // 10, steps)
    return fit(
        network,
        source=Labelled(learn.hidden, learn.label, batch=256),
        objective=loss,
        schedule=Offline(steps),
        optimiser=optax.adamw(rates, weight_decay=0.01),
        seed=seed,
    ).params


def _report(network: Any, params: Params, check: States) -> dict[str, Any]:
    scores = {"probe": np.asarray(network.score(params, check.hidden))} | dict(check.scores)
    found = {
        name: {
            "area": round(area(score, check.label), 4),
            "error": round(area_error(score, check.label, check.group), 4),
            "best_accuracy": round(best_accuracy(score, check.label), 4),
        }
        for name, score in scores.items()
    }
    return {"positions": len(check.label), "right": round(float(check.label.mean()), 4), "scores": found}
