"""DistillSpec (Zhou et al. 2024): divergences and data for distilling a draft, held to exact acceptance.

Run it with

    python papers/distillspec/reproduce.py            # writes table.csv and divergences.png
    python papers/distillspec/reproduce.py --quick    # the same numbers, no files
"""

import sys
from pathlib import Path

import jax
import numpy as np
import optax

from papers.shared import COLOURS, Figure, asked, axes, finish, mean_of, save
from specsim.sources.tables import TableModel
from specsim.training import Dense, Hard, Next, Offline, Sampled, Soft, TableStudent, TableWorld, fit
from specsim.training.vocabulary import SubVocabulary
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
    return finish(HERE, figures, options=options, draw=lambda _: draw(found), model=list)


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


def draw(found):
    figure, (panel,) = axes()
    for place, (colour, values) in enumerate(zip(COLOURS, found.values(), strict=False)):
        panel.bar(place, values.mean(), yerr=values.std(ddof=1) / np.sqrt(SEEDS), color=colour, capsize=3)
    panel.set(xticks=range(len(found)), xticklabels=list(found), ylabel="acceptance (1 - TV)", ylim=(0, 1))
    save(figure, HERE / "divergences.png")


if __name__ == "__main__":
    sys.exit(main())
