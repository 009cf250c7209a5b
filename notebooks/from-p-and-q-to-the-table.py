# %% [markdown]
# # From p and q to the acceptance table
#
# A target distribution `p`, a draft distribution `q`: how often can a drafted token be kept? This notebook goes from two
# vectors of three numbers to the table of a recorded language model. Everything marked *exact* is a fraction or a closed form.

# %%
from fractions import Fraction as F

import matplotlib.pyplot as plt
import numpy as np

from theory.bounds import optimal_acceptance
from theory.couplings import GreedyDraft, KSeq, Maximal, NoClosedForm, OptimalPlan, Recursive, SampleAndMatch
from theory.laws import Iid, Point, TopKPlusSample, WithoutReplacement
from theory.proof import enumerated_acceptance, output_law

# %% [markdown]
# ## One draft
# Accept the draft x with probability min(1, p(x) / q(x)), else sample what is left of p. The emitted token has law p, and with
# fractions that is an equality, not a tolerance: the very program that a simulation runs is replayed over all its outcomes.

# %%
p = np.array([F(1, 2), F(1, 3), F(1, 6)])
q = np.array([F(1, 6), F(1, 3), F(1, 2)])

one = Iid(q, 1)
print("output law    ", [str(x) for x in output_law(coupling=Maximal(), p=p, law=one)])
print("acceptance    ", Maximal().acceptance(p=p, law=one))
print("best possible ", optimal_acceptance(p=p, law=one).value)

# %% [markdown]
# ## Two drafts
# Now rules differ, and so do the ways to draw the drafts. For each law there is a best possible rule; its acceptance is
# $\alpha^* = 1 + \min_H [p(H) - \Pr(\text{all drafts in } H)]$, and the minimising set H proves it.

# %%
laws = {
    "i.i.d.": Iid(q, 2),
    "without replacement": WithoutReplacement(q, 2),
    "top token + sample": TopKPlusSample(q, 2),
    "top tokens": Point.top(q, 2),
}
rules = {
    "recursive": Recursive(),
    "K-SEQ": KSeq(),
    "greedy-draft": GreedyDraft(),
    "sample and match": SampleAndMatch(),
    "solved plan": OptimalPlan(),
}
takes = {"K-SEQ": Iid, "greedy-draft": TopKPlusSample}

for name, law in laws.items():
    bound = optimal_acceptance(p=p, law=law)
    H = np.flatnonzero(bound.dual_set).tolist()
    print(f"{name}: best possible {bound.value} = {float(bound.value):.4f}, proved by H = {H}")
    for title, rule in rules.items():
        if isinstance(law, takes.get(title, object)):
            value = enumerated_acceptance(coupling=rule, p=p, law=law)
            lossless = (output_law(coupling=rule, p=p, law=law) == p).all()
            print(f"    {title:<17} {float(value):.4f}   lossless: {lossless}")

# %% [markdown]
# ## A real vocabulary
# The same calls on floats. 32,000 tokens, Zipf logits, a draft with correlated noise.

# %%
from specsim.sources import family

pair = family("zipf").pair(vocabulary=32_000, rng=np.random.default_rng(0))
ks = np.array([1, 2, 4, 8])


def acceptances(rule, law_of):
    rng = np.random.default_rng(1)
    out = []
    for k in ks.tolist():
        law = law_of(pair.q, k)
        try:
            out.append(float(rule.acceptance(p=pair.p, law=law)))
        except NoClosedForm:
            out.append(float(rule.estimate(p=pair.p, law=law, rng=rng, samples=64).value))
    return out


curves = {
    "best, i.i.d.": [float(optimal_acceptance(p=pair.p, law=Iid(pair.q, k)).value) for k in ks.tolist()],
    "best, without replacement": [
        float(optimal_acceptance(p=pair.p, law=WithoutReplacement(pair.q, k)).value) for k in ks.tolist()
    ],
    "recursive, i.i.d.": acceptances(Recursive(), Iid),
    "K-SEQ": acceptances(KSeq(), Iid),
    "recursive, without replacement": acceptances(Recursive(), WithoutReplacement),
}
figure, axis = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
for (name, curve), style in zip(curves.items(), ["k-", "k--", "o-", "s-", "^--"], strict=True):
    axis.plot(ks, curve, style, label=name, ms=4, lw=1.2)
axis.set_xscale("log", base=2)
axis.set_xticks(ks, ks)
axis.set_xlabel("drafts k")
axis.set_ylabel("acceptance probability")
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False, fontsize=8);

# %% [markdown]
# ## A recorded language model
# A trace holds real distributions of a target and its drafts. `evaluate` computes every rule and every bound at every position;
# `results` averages and says of each number whether it is exact, an interval or an estimate. (The small trace here is a model
# of 1,024 tokens; `make report` does the same for SmolLM2-135M at 49,152.)

# %%
from pathlib import Path

from specsim.report import Demand, Plan, evaluate, results
from specsim.sources.traces import Trace

root = Path.cwd() if Path("traces").exists() else Path.cwd().parent
trace = Trace.open(root / "traces" / "glassllm-en")
print(len(trace), "positions; vocabulary", trace.vocabulary, "; drafts", ", ".join(trace.drafts))

evaluation = evaluate(
    trace, Plan(demand=Demand(ks=(1, 2, 4, 8)), temperatures=(1.0,), drafts=("skip",), limit=64)
)
print(f"{'law':<20} {'rule':<18} " + " ".join(f"k = {k:<12}" for k in (1, 2, 4, 8)))
table = {}
for result in results(evaluation):
    if result.domain == "all":
        mean = result.acceptance
        error = f" ± {mean.standard_error:.4f}" if mean.kind == "estimate" else ""
        table.setdefault((result.method.law, result.method.rule), {})[result.method.k] = (
            f"{mean.value:.4f}{error}"
        )
for (law, rule), row in table.items():
    print(f"{law:<20} {rule:<18} " + " ".join(f"{row.get(k, ''):<16}" for k in (1, 2, 4, 8)))

# %% [markdown]
# Numbers with ± are estimates with their standard error; the others are exact for this trace, or intervals narrower than the digits
# shown. No rule is above the bound of its law. How far it stays below is what `specsim report` calls the gap.
