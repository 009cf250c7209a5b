# %% [markdown]
# # How far from optimal?
# Given a target p, a draft q and the number of drafts k, no lossless rule can accept more often than an optimal transport does.
# The toolkit computes that bound at any vocabulary. Here: what the known rules leave on the table, as the number of drafts grows.

# %%
import matplotlib.pyplot as plt
import numpy as np

from specsim.sources import family
from theory.bounds import optimal_iid, optimal_without_replacement
from theory.couplings import KSeq, Recursive
from theory.laws import Iid

rng = np.random.default_rng(0)
pairs = [family("zipf").pair(vocabulary=1000, rng=rng) for _ in range(8)]
drafts = [1, 2, 3, 4, 6, 8]

# %% [markdown]
# ## Drafts with replacement
# The bound is certified: a lower and an upper end. Recursive rejection and K-SEQ have exact acceptance probabilities.

# %%
bound = np.array(
    [[(one.lower + one.upper) / 2 for one in optimal_iid(pair.p, pair.q, drafts)] for pair in pairs]
)
rules = {"recursive rejection": Recursive(), "K-SEQ": KSeq()}
reached = {
    name: np.array([[rule.acceptance(p=pair.p, law=Iid(pair.q, k)) for k in drafts] for pair in pairs])
    for name, rule in rules.items()
}
for name, values in reached.items():
    assert (values <= bound + 1e-9).all()
    print(f"{name}: gap to the bound", (bound - values).mean(axis=0).round(4))

# %% [markdown]
# ## What would drafting without replacement add?

# %%
race = np.array(
    [
        [(one.lower + one.upper) / 2 for one in optimal_without_replacement(pair.p, pair.q, [1, 2, 3])]
        for pair in pairs
    ]
)
print("bound without replacement, k = 1, 2, 3:", race.mean(axis=0).round(4))
print("bound with replacement,    k = 1, 2, 3:", bound[:, :3].mean(axis=0).round(4))

# %%
figure, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
axes.plot(drafts, bound.mean(axis=0), "k-", label="best possible, with replacement")
axes.plot([1, 2, 3], race.mean(axis=0), "k--", label="best possible, without replacement")
for (name, values), mark in zip(reached.items(), ("o", "s"), strict=True):
    axes.plot(drafts, values.mean(axis=0), mark, label=name)
axes.set(xlabel="drafts", ylabel="acceptance probability")
axes.legend(frameon=False)
plt.show()
