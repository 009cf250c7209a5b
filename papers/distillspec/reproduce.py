"""DistillSpec (Zhou et al. 2024): divergences and data for distilling a draft, held to exact acceptance.

Run it with

    python papers/distillspec/reproduce.py            # writes table.csv, model.csv and divergences.png
    python papers/distillspec/reproduce.py --quick    # without the real model, no files
"""

import sys
from pathlib import Path

import jax
import numpy as np
import optax

from papers.shared import COLOURS, DOMAINS, Figure, asked, axes, finish, mean_of, save, smollm
from papers.texts import asked_of_the_model, others_asked_of_the_model, training_texts
from specsim.sources.tables import TableModel
from specsim.training import (
    Dense,
    Hard,
    Next,
    Offline,
    Sampled,
    Soft,
    TableStudent,
    TableWorld,
    fit,
    objectives,
)
from specsim.training.batched import generate_batch
from specsim.training.corpus import Corpus, Windows
from specsim.training.network import Batch, apply
from specsim.training.signals import FromHidden
from specsim.training.sources import Replay
from specsim.training.students import LlamaStudent
from specsim.training.vocabulary import SubVocabulary
from specsim.training.worlds import ModelWorld
from theory.laws import Iid
from theory.lossy import Lenient, distortion
from theory.simplex import overlap

HERE = Path(__file__).parent
VOCABULARY, RANK, SEEDS = 24, 3, 4
STEPS, RATE, BATCH, WIDTH = 200, 0.1, 16, 16
DIVERGENCES = {
    "hard labels": Hard(SubVocabulary.of(range(VOCABULARY), whole=VOCABULARY)),
    "forward KL": Soft(Dense(), "forward_kl"),
    "reverse KL": Soft(Dense(), "reverse_kl"),
    "JSD": Soft(Dense(), "jensen_shannon"),
    "TV": Soft(Dense(), "total_variation"),
}
LENIENCES = (1.0, 0.7, 0.5, 0.3, 0.1)
# on the real model, temperature 1: a student of one layer, pre-trained, then as many steps of every kind
REAL_SEEDS, TOKENS, HIDDEN, REAL_RATE = 2, 2048, 128, 2e-3
PRETRAINING, TUNING = 200, 90  # steps
ANSWERS, EVERY, NEW, WHOLE = 8, 30, 24, 64  # texts a refill, steps between refills, tokens: new, and whole
PROMPTS = 4  # held out, of each domain
ON_POLICY = ("forward KL",)


def main():
    options = asked(__doc__)
    found = {
        name: np.array([trained(seed, loss, 0.0) for seed in range(SEEDS)])
        for name, loss in DIVERGENCES.items()
    }
    on_policy = np.array([trained(seed, DIVERGENCES["forward KL"], 1.0) for seed in range(SEEDS)])
    figures = [mean_of(name, "acceptance", values) for name, values in found.items()]
    least = np.min([values for name, values in found.items() if name != "hard labels"], axis=0)
    figures.append(mean_of("forward KL, student's samples", "acceptance", on_policy))
    figures.append(mean_of("any divergence", "worst less hard labels", least - found["hard labels"]))
    figures.append(mean_of("student's samples less target's", "acceptance", on_policy - found["forward KL"]))
    winners = {
        max((n for n in found if n != "hard labels"), key=lambda n, s=s: found[n][s]) for s in range(SEEDS)
    }
    figures.append(Figure("divergences", "number that win somewhere", float(len(winners))))
    figures += list(lenience())
    return finish(
        HERE, figures, options=options, draw=lambda _: draw(found), model=lambda: list(on_the_model())
    )


def trained(seed, loss, share):
    """Mean of sum min(p, q) over the target's own contexts (its stationary law), after training."""
    target = TableModel.random(vocabulary=VOCABULARY, order=1, rng=np.random.default_rng(seed))
    student = TableStudent(vocabulary=VOCABULARY, order=1, rank=RANK)
    source = Sampled(TableWorld(target, width=WIDTH), batch=BATCH, share=share)
    done = fit(
        student,
        source=source,
        objective=Next(loss),
        schedule=Offline(STEPS),
        optimiser=optax.adam(RATE),
        seed=seed,
    )
    logits = np.asarray(done.params["contexts"] @ done.params["tokens"].T, dtype=float)
    p = np.array([target((token,)) for token in range(VOCABULARY)])
    q = np.asarray(jax.nn.softmax(logits, axis=1), dtype=float)
    q = q / q.sum(axis=1, keepdims=True)
    return float(stationary(p) @ overlap(p, q))


def stationary(matrix):
    law = np.full(len(matrix), 1 / len(matrix))
    for _ in range(200):
        law = law @ matrix
    return law


def lenience():
    """Lossy acceptance with a lenience: tokens for distance to the target, on random pairs."""
    for epsilon in LENIENCES:
        pairs = [np.random.default_rng(seed).dirichlet(np.full(8, 0.5), size=2) for seed in range(40)]
        rows = [distortion(Lenient(epsilon), p=p, law=Iid(q, 1)) for p, q in pairs]
        yield mean_of(f"lenience {epsilon}", "acceptance", [row.acceptance for row in rows])
        yield mean_of(f"lenience {epsilon}", "distance to the target", [row.tv for row in rows])


def on_the_model():
    """Students of SmolLM2-135M, held to it along its own answers to held-out prompts; errors over prompts."""
    texts = Corpus.of_texts([text[:256] for domain in DOMAINS for text in training_texts(domain)])
    counts = texts.counts(smollm().config.vocabulary)
    student = LlamaStudent.of(smollm(), SubVocabulary.frequent(counts, size=TOKENS), hidden=HIDDEN, layers=1)
    asked_for = [one for domain in DOMAINS for one in asked_of_the_model(domain, PROMPTS)]
    judge = answered(cut(asked_for), first=10**6)
    prompts = [one for domain in DOMAINS for one in cut(others_asked_of_the_model(domain))]
    world = ModelWorld(smollm(), prompts, NEW, vocabulary=student.vocabulary)
    own, given = OfOneWidth(Sampled(world, batch=ANSWERS, share=1.0)), Refills(prompts)
    found = {}
    for seed in range(REAL_SEEDS):
        for name, params in students(student, texts, buffered(own), buffered(given), seed):
            found.setdefault(name, []).append(shared_mass(student, params, judge))
            print(f"seed {seed}, {name}: {found[name][-1].mean():.3f}", flush=True)
    found = {name: np.mean(values, axis=0) for name, values in found.items()}  # over seeds; one a prompt
    for name, values in found.items():
        yield mean_of(f"model: {name}", "acceptance", values)
    yield from differences(found)


def differences(found):
    """Paired by prompt: of divergences from hard labels, of the student's samples from the target's."""
    for name in DIVERGENCES:
        if name != "hard labels":
            yield mean_of(f"model: {name}", "less hard labels", found[name] - found["hard labels"])
    for name in ON_POLICY:
        own = found[f"{name}, student's samples"]
        yield mean_of(f"model: {name}", "student's samples less target's", own - found[name])
        yield mean_of(f"model: {name}, student's samples", "less hard labels", own - found["hard labels"])
    best = max((name for name in DIVERGENCES if name != "hard labels"), key=lambda name: found[name].mean())
    for name in DIVERGENCES:
        if name not in (best, "hard labels"):
            yield mean_of(f"model: {best}, the best", f"less {name}", found[best] - found[name])


def students(student, texts, own, given, seed):
    """The pre-trained student, and what each kind of tuning makes of it: pairs of a name and parameters."""
    hard = Hard(student.vocabulary)
    begun = tuned(student, hard, Windows(texts, batch=16, width=64), seed, PRETRAINING, None)
    yield "pre-trained only", begun
    for name, loss in DIVERGENCES.items():
        real = hard if name == "hard labels" else Soft(FromHidden(student.head, 1.0), loss.divergence)
        yield name, tuned(student, real, given, seed, TUNING, begun)
        if name in ON_POLICY:
            yield f"{name}, student's samples", tuned(student, real, own, seed, TUNING, begun)


def buffered(source):
    """All that a source has given, with a refill every so many steps."""
    return Replay(source, capacity=ANSWERS * (TUNING // EVERY), batch=8, every=EVERY)


def tuned(student, loss, source, seed, steps, params):
    rate = optax.cosine_decay_schedule(REAL_RATE, steps, 0.1)
    return fit(
        student,
        source=source,
        objective=Next(loss),
        schedule=Offline(steps),
        optimiser=optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate)),
        seed=seed,
        params=params,
    ).params


class OfOneWidth:
    """Another source, its batches filled up to one width."""

    def __init__(self, source):
        self.source = source

    def start(self):
        return self.source.start()

    def draw(self, state, **more):
        batch, state = self.source.draw(state, **more)
        rows = batch.as_rows()
        room = WHOLE - rows["tokens"].shape[1]
        return Batch.of_rows({name: filled(values, room) for name, values in rows.items()}), state


def filled(values, room):
    return np.pad(values, [(0, 0), (0, room), *[(0, 0)] * (values.ndim - 2)])


class Refills:
    """A source: the target's answers, refill by refill; the same ones for whoever asks."""

    def __init__(self, prompts):
        rng = np.random.default_rng(0)
        chosen = rng.integers(len(prompts), size=(TUNING // EVERY, ANSWERS))
        self.batches = [
            answered([prompts[i] for i in row], first=100 * number) for number, row in enumerate(chosen)
        ]

    def start(self):
        return {}

    def draw(self, state, *, step, **_):
        return self.batches[step], state


def cut(prompts):
    """The ends of prompts that are too long."""
    return [one[-(WHOLE - NEW) :] for one in prompts]


def answered(prompts, *, first):
    """The target's answers with what it knows at each of their tokens."""
    seeds = range(first, first + len(prompts))
    warm = [1.0] * len(prompts)
    answers = generate_batch(smollm(), prompts, max_new_tokens=NEW, temperatures=warm, seeds=seeds)
    whole = [(*prompt, *answer) for prompt, answer in zip(prompts, answers, strict=True)]
    corpus = Corpus.of_texts(whole).described(smollm(), temperature=1.0)
    pairs = zip(corpus.texts, prompts, strict=True)
    stretches = [(place.first, place.last, len(prompt)) for place, prompt in pairs]
    return Windows(corpus, batch=len(whole), width=WHOLE).gather(stretches)


def shared_mass(student, params, batch):
    """Mean of sum min(p, q) along each answer."""
    log_q = jax.nn.log_softmax(apply(student, params, batch).logits)
    log_p = FromHidden(student.head, 1.0).log_p(batch)
    shares, weight = np.asarray(objectives.acceptance(log_p=log_p, log_q=log_q)), np.asarray(batch.weight)
    return (shares * weight).sum(axis=1) / weight.sum(axis=1)


def draw(found):
    figure, (panel,) = axes()
    for place, (colour, values) in enumerate(zip(COLOURS, found.values(), strict=False)):
        panel.bar(place, values.mean(), yerr=values.std(ddof=1) / np.sqrt(SEEDS), color=colour, capsize=3)
    panel.set(xticks=range(len(found)), xticklabels=list(found), ylabel="acceptance (1 - TV)", ylim=(0, 1))
    save(figure, HERE / "divergences.png")


if __name__ == "__main__":
    sys.exit(main())
