# %% [markdown]
# # What will it buy me?
# Systems on one model, the same prompts and seeds: what they emit a target call, and what that is worth where a call's time depends
# on its size. The model is a small random one, so that this runs in seconds; `specsim compare --target smollm2-135m` does the same
# for a real one.

# %%
import matplotlib.pyplot as plt

from specsim import metrics
from specsim.clocks import Affine, Scaled
from specsim.comparing.running import run
from specsim.models import toy_model
from specsim.systems import Bench, by_name
from theory.simplex import Warp

bench = Bench(toy_model(seed=0), Warp(temperature=0.5), corpus=tuple(range(1, 200)) * 3)
systems = [by_name(name) for name in ("plain", "speculative", "pearl", "prompt-lookup")]
prompts = [tuple(range(start, start + 12)) for start in (3, 40, 90)]
results = run(systems, bench, prompts, seeds=[0], max_new_tokens=12)
for system in systems:
    found = metrics.block_efficiency(results.traces(system.name), by=metrics.prompt)
    print(f"{system.title:24} {found.value:.2f} ± {found.error:.2f} tokens a target call")

# %% [markdown]
# ## The same rounds on many machines
# The forward passes are recorded, so time is a matter of arithmetic. From left to right verification of one more token gets dearer
# (as a share of a call); the draft costs a tenth of the target. What is free on one machine does not pay on another.

# %%
shares = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4]
figure, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
for system in systems[1:]:
    values = []
    for share in shares:
        target = Affine(1.0, per_token=share)
        found = metrics.speedup(results.traces(system.name), draft=Scaled(target, 0.1), target=target)
        values.append(found.value)
    axes.plot(shares, values, "o-", label=system.title)
axes.axhline(1, color="grey", lw=0.8)
axes.set(xlabel="cost of one more token, in calls", ylabel="modelled speed-up")
axes.legend(frameon=False)
plt.show()
