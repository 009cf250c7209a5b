"""Time of the optimal rule for i.i.d. drafts, as multiples of named references of the same run.

Run with ``python benchmarks/clipped.py``. References: one ``numpy.sort`` of p, and, where torch and
transformers can be imported, the single-draft sampler of transformers (``_speculative_sampling`` on float32
logits, one thread). Each ratio is the median over rounds in which both were timed one right after the other,
in CPU time of the thread, validation of p and q included; the ratio is what to quote, not the seconds.

``exact`` and ``bucketed`` are plans from p and q. A decision adds all else: drafts in, one token out, a
residual drawn from the whole vocabulary if the pick is rejected; ratios of means over many decisions. ``from
logits`` adds the float64 softmax of both models; the transformers sampler does that in float32, always.
Drafting is not timed.
"""

import statistics
import time

import numpy as np

from specsim.sources.synthetic import family
from theory.bounds import certify_iid, optimal_acceptance
from theory.chance import Sampled
from theory.clip import ClipPlan
from theory.couplings import Clipped
from theory.laws import Iid

VOCABULARIES = (32_000, 128_000)
DRAFTS = (2, 4, 8, 16)
FAMILIES = ("zipf", "dirichlet", "sharpened")
ROUNDS, DECISIONS = 15, 100


def seconds(function):
    start = time.thread_time()
    function()
    return time.thread_time() - start


def best(function, repeats=3):
    return min(seconds(function) for _ in range(repeats))


def ratio(function, reference):
    function()
    return statistics.median(best(function) / best(reference) for _ in range(ROUNDS))


def mean_ratio(functions, references):
    """For work that depends on chance: the mean over many decisions, in multiples of the references' mean."""
    functions[0](), references[0]()
    spent = [(seconds(one), seconds(other)) for one, other in zip(functions, references, strict=True)]
    return sum(one for one, _ in spent) / sum(other for _, other in spent)


def softmax(logits):
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / weights.sum()


def plans():
    print("plans, in multiples of numpy.sort(p); acceptance lost to the optimum")
    header = f"{'family':>10} {'V':>7} {'k':>3} {'bound':>6} {'exact':>6} {'bucketed':>8} {'certificate':>11}"
    print(header + f" {'lost, exact':>12} {'bucketed':>9} {'width':>8}")
    for name in FAMILIES:
        for vocabulary in VOCABULARIES:
            pair = family(name).pair(vocabulary=vocabulary, rng=np.random.default_rng(0))
            for k in DRAFTS:
                print(f"{name:>10} {vocabulary:>7} {k:>3} {plan_row(pair.p, pair.q, k)}")


def plan_row(p, q, k):
    def sort():
        np.sort(p)

    times = [
        ratio(lambda: optimal_acceptance(p=p, law=Iid(q, k)), sort),
        ratio(lambda: ClipPlan.exact(p=p, q=q, k=k), sort),
        ratio(lambda: ClipPlan.bucketed(p=p, q=q, k=k), sort),
        ratio(lambda: certify_iid(p=p, q=q, k=k), sort),
    ]
    ends = certify_iid(p=p, q=q, k=k)
    lost = [
        ends.upper - plan.acceptance
        for plan in (ClipPlan.exact(p=p, q=q, k=k), ClipPlan.bucketed(p=p, q=q, k=k))
    ]
    bound, exact, bucketed, certificate = times
    row = f"{bound:6.2f} {exact:6.2f} {bucketed:8.2f} {certificate:11.1f}"
    return row + f" {lost[0]:12.1e} {lost[1]:9.1e} {ends.upper - ends.lower:8.1e}"


def single_draft_sampler(p_logits, q_logits):
    """Decisions of the transformers sampler, or None where it is not installed."""
    try:
        import torch
        from transformers.generation.utils import _speculative_sampling
    except ImportError:
        return None
    torch.set_num_threads(1)
    draft = torch.from_numpy(q_logits)[None, None]
    target = torch.from_numpy(np.stack([p_logits, p_logits]))[None]

    tokens = torch.multinomial(draft[0, 0].softmax(-1), DECISIONS, replacement=True)
    return [
        lambda token=token: _speculative_sampling(token[None, None], draft, 1, target) for token in tokens
    ]


def decisions():
    print("\none decision, in multiples of the transformers single-draft sampler")
    print(f"{'V':>7} {'k':>3} {'exact':>6} {'bucketed':>8} {'bucketed from logits':>21}")
    rng = np.random.default_rng(0)
    for vocabulary in VOCABULARIES:
        pair = family("zipf").pair(vocabulary=vocabulary, rng=rng)
        p_logits, q_logits = (np.log(side).astype(np.float32) for side in (pair.p, pair.q))
        reference = single_draft_sampler(p_logits, q_logits)
        if reference is None:
            print("not measured: torch and transformers are not installed here")
            return
        for k in DRAFTS:
            chance = Sampled(rng)
            drafts = [Iid(pair.q, k).sample(chance) for _ in range(DECISIONS)]
            row = [
                mean_ratio(decide(rule, drafts, pair.p, pair.q, chance), reference)
                for rule in (Clipped(), Clipped(bits=8))
            ]
            row.append(mean_ratio(from_logits(drafts, p_logits, q_logits, chance), reference))
            print(f"{vocabulary:>7} {k:>3} {row[0]:6.2f} {row[1]:8.2f} {row[2]:21.2f}")


def decide(rule, drafts, p, q, chance):
    k = len(drafts[0])
    return [lambda one=one: rule.resolve(p=p, drafts=one, law=Iid(q, k), chance=chance) for one in drafts]


def from_logits(drafts, p_logits, q_logits, chance):
    rule = Clipped(bits=8)

    def decision(one):
        p, q = softmax(p_logits), softmax(q_logits)
        rule.resolve(p=p, drafts=one, law=Iid(q, len(one)), chance=chance)

    return [lambda one=one: decision(one) for one in drafts]


if __name__ == "__main__":
    plans()
    decisions()
