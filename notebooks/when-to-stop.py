# %% [markdown]
# # When to stop?
# Every drafted token costs draft time and may be thrown away. With a constant acceptance there is one best length; if the draft
# knows when it is unsure, stopping there is better, and how much better is a solved decision process.

# %%
import matplotlib.pyplot as plt

from theory.speedup import speedup
from theory.stopping import Confidence, Times, best_length, ladder, optimal_policy

times = Times(draft_time=0.1, target_time=1.0)
for acceptance in (0.6, 0.8, 0.9):
    best = best_length(acceptance=acceptance, times=times)
    print(
        f"acceptance {acceptance}: draft {best.length} tokens, {best.speedup:.3f} times as fast as plain decoding"
    )

# %%
lengths = range(1, 21)
figure, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
for acceptance in (0.6, 0.8, 0.9):
    values = [speedup(acceptance=acceptance, length=n, draft_time=0.1, target_time=1.0) for n in lengths]
    axes.plot(lengths, values, label=f"acceptance {acceptance}")
axes.set(
    xlabel="drafted tokens a round",
    ylabel="speed-up over plain decoding",
    xticks=range(0, 21, 5),
    ylim=(0, None),
)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## A draft that knows when it is unsure
# Half of the positions are easy, a fifth are hard, and they come in runs. The ladder shows what each kind of policy reaches; the
# optimum is certified.

# %%
problem = Confidence.mixed(
    acceptance=[0.97, 0.8, 0.35], shares=[0.5, 0.3, 0.2], persistence=0.5, times=times, limit=20
)
optimum = optimal_policy(problem)
assert optimum.upper - optimum.rate < 1e-9
for rung in ladder(problem):
    print(f"{rung.name:24} {rung.figures.speedup:.3f}  {rung.setting}")
