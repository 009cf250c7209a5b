"""FastDraft (Zafrir et al., ACL 2025): stages of training a small stand-alone draft, and its best size.

Run it with

    python papers/fastdraft/reproduce.py            # writes table.csv, model.csv and stages.png
    python papers/fastdraft/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from pathlib import Path

import jax
import numpy as np
import optax

from papers.heads import EACH, held_out_prompts, on_held_out, traces_of
from papers.shared import COLOURS, DOMAINS, Figure, asked, axes, estimate, finish, mean_of, save, softmax
from papers.texts import bench
from specsim import metrics
from specsim.comparing.clocks import draft_share
from specsim.sources.tables import TableModel
from specsim.systems import fastdraft, speculative
from specsim.training import Dense, Hard, Next, Sampled, Soft, Staged, TableStudent, TableWorld, fit
from specsim.training.vocabulary import SubVocabulary
from theory.simplex import overlap
from theory.speedup import memory_bound_speedup, speedup
from theory.stopping import Times, best_length

HERE = Path(__file__).parent
VOCABULARY, SEEDS, RATE, BATCH, WIDTH = 24, 3, 0.05, 16, 24
SHARPNESS, OWN, STAY = 2.0, 1.0, 0.98  # of rows; of the target's deviation from people; to stay in a domain
RANK, RANKS = 3, (1, 3, 8, 24)
FIXED, PER_RANK = 0.02, 0.02  # the time of a draft step, in target calls: a part, and so much a rank
PT, CP, FT = 100, 100, 100
RECIPES = {
    "PT": {"pt": PT},
    "PT, twice the steps": {"pt": 2 * PT},
    "PT, four times the steps": {"pt": 4 * PT},
    "PT, CP": {"pt": PT, "cp": CP},
    "PT, FT": {"pt": PT, "ft": FT},
    "PT, FT by KL": {"pt": PT, "kl": FT},
}
HARD = Hard(SubVocabulary.of(range(VOCABULARY), whole=VOCABULARY))
LENGTH = fastdraft.LENGTH


def main():
    options = asked(__doc__)
    figures = [*stages(), *sizes()]
    return finish(HERE, figures, options=options, draw=draw, model=lambda: list(on_model()))


@cache
def laws(seed):
    """What people write, and the target: two domains of twelve tokens each, rarely left."""
    rng = np.random.default_rng(seed)
    logits = SHARPNESS * rng.standard_normal((VOCABULARY, VOCABULARY))
    own = logits + OWN * rng.standard_normal(logits.shape)
    domain = np.arange(VOCABULARY) // (VOCABULARY // 2)
    same = domain[:, None] == domain
    return tuple(np.array([row(r, inside) for r, inside in zip(x, same, strict=True)]) for x in (logits, own))


def row(logits, inside):
    near, far = (np.where(mask, softmax(logits), 0) for mask in (inside, ~inside))
    return STAY * near / near.sum() + (1 - STAY) * far / far.sum()


def text(matrix, domains):
    """Sampled texts that begin in some domains."""
    half = VOCABULARY // 2
    start = np.isin(np.arange(VOCABULARY) // half, domains).astype(float)
    return Sampled(
        TableWorld(TableModel.markov(matrix, initial=start / start.sum()), width=WIDTH),
        batch=BATCH,
        share=0.0,
    )


@cache
def trained(seed, name, rank=RANK):
    """Acceptance on the target's own contexts of each domain."""
    people, target = laws(seed)
    # pre-training knows the first domain only; the target answers in both
    sources = {
        "pt": text(people, [0]),
        "cp": text(people, [1]),
        "ft": text(target, [0, 1]),
        "kl": text(target, [0, 1]),
    }
    losses = {"pt": Next(HARD), "cp": Next(HARD), "ft": Next(HARD), "kl": Next(Soft(Dense(), "forward_kl"))}
    stages = tuple(RECIPES[name].items())
    done = fit(
        TableStudent(vocabulary=VOCABULARY, order=1, rank=rank),
        source={stage: sources[stage] for stage, _ in stages},
        objective={stage: losses[stage] for stage, _ in stages},
        schedule=Staged(stages),
        optimiser=optax.adam(RATE),
        seed=seed,
    )
    logits = np.asarray(done.params["contexts"] @ done.params["tokens"].T, dtype=float)
    q = np.asarray(jax.nn.softmax(logits, axis=1), dtype=float)
    accepted = overlap(target, q / q.sum(axis=1, keepdims=True))
    weight = stationary(target)
    halves = [slice(0, VOCABULARY // 2), slice(VOCABULARY // 2, VOCABULARY)]
    return [float(weight[h] @ accepted[h] / weight[h].sum()) for h in halves]


def stationary(matrix):
    law = np.full(len(matrix), 1 / len(matrix))
    for _ in range(2000):
        law = law @ matrix
    return law


def stages():
    found = {name: np.array([trained(seed, name) for seed in range(SEEDS)]) for name in RECIPES}
    for name, values in found.items():
        yield mean_of(name, "acceptance, first domain", values[:, 0])
        yield mean_of(name, "acceptance, second domain", values[:, 1])
    whole = {name: values.mean(axis=1) for name, values in found.items()}
    yield mean_of(
        "fine-tuning", "gain over as many steps of PT", whole["PT, FT"] - whole["PT, twice the steps"]
    )
    yield mean_of("more PT", "gain", whole["PT, four times the steps"] - whole["PT, twice the steps"])
    yield mean_of("CP", "gain, second domain", (found["PT, CP"] - found["PT"])[:, 1])
    yield mean_of("CP", "gain, first domain", (found["PT, CP"] - found["PT"])[:, 0])
    yield mean_of("fine-tuning", "labels over KL", whole["PT, FT"] - whole["PT, FT by KL"])


def sizes():
    """The best speed-up of each size, at its best length, and whether an inner size wins."""
    speeds = []
    for rank in RANKS:
        values = [np.mean(trained(seed, "PT, FT", rank)) for seed in range(SEEDS)]
        speeds.append([best_speed(a, FIXED + PER_RANK * rank) for a in values])
        yield mean_of(f"rank {rank}", "acceptance", values)
        yield mean_of(f"rank {rank}", "speed-up at the best length", speeds[-1])
    speeds = np.array(speeds)
    yield mean_of("size", "best inner rank over the smallest", speeds[1:-1].max(axis=0) - speeds[0])
    yield mean_of("size", "best inner rank over the largest", speeds[1:-1].max(axis=0) - speeds[-1])


def best_speed(acceptance, draft_time):
    times = {"draft_time": draft_time, "target_time": 1.0}
    length = best_length(acceptance=acceptance, times=Times(**times)).length
    return speedup(acceptance=acceptance, length=length, **times)


def skipping(here):
    return speculative.system(here.target, here.draft, length=LENGTH)


SYSTEMS = {"FastDraft, chain of 3": fastdraft.real, "three layers left out, chain of 3": skipping}


def on_model():
    yield from on_held_out(SYSTEMS, plain=False)
    for name, make in SYSTEMS.items():
        share, traces = draft_share(make(bench()), bench()), traces_of(make)
        yield Figure(f"model: {name}", "draft step, in target calls by weights", share)
        tokens = metrics.block_efficiency(traces, by=metrics.prompt)
        times = {"length": LENGTH, "draft_time": share, "target_time": 1.0}
        found = memory_bound_speedup(block_efficiency=tokens.value, **times)
        error = found * tokens.error / tokens.value
        yield Figure(f"model: {name}", "memory-bound speed-up (MBSU)", found, error)
        for domain, prompts in by_domain().items():
            some = [trace for trace in traces if trace.prompt in prompts]
            yield estimate(f"model: {name}, {domain}", "utilisation", metrics.utilisation(some))


def by_domain():
    prompts = held_out_prompts()
    return {name: prompts[EACH * n : EACH * (n + 1)] for n, name in enumerate(DOMAINS)}


def draw(figures):
    figure, panels = axes(width=9.4, count=2)
    for place, name in enumerate(RECIPES):
        for side, quantity in enumerate(("acceptance, first domain", "acceptance, second domain")):
            (one,) = (f for f in figures if (f.case, f.quantity) == (name, quantity))
            label = quantity.removeprefix("acceptance, ") if place == 0 else None
            panels[0].barh(
                place + 0.36 * side,
                one.value,
                0.34,
                xerr=one.standard_error,
                color=COLOURS[side],
                label=label,
            )
    panels[0].set(
        yticks=np.arange(len(RECIPES)) + 0.18, yticklabels=list(RECIPES), xlabel="acceptance", xlim=(0, 1)
    )
    panels[0].invert_yaxis()
    panels[0].grid(visible=False)
    panels[0].legend(frameon=False, fontsize=8, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1))
    found = [f for f in figures if f.quantity == "speed-up at the best length"]
    panels[1].errorbar(
        RANKS, [f.value for f in found], [f.standard_error for f in found], fmt="o-", ms=4, color=COLOURS[0]
    )
    panels[1].set_xscale("log", base=2)
    panels[1].set(xlabel="rank of the draft (its time grows with it)", ylabel="speed-up at the best length")
    save(figure, HERE / "stages.png")


if __name__ == "__main__":
    sys.exit(main())
