# %% [markdown]
# # Which tree?
# A profile says how often the first, second, ... guess at a position is the one that is accepted. Best-first growth builds the
# tree that is worth most for it, and proves it. How much is a good tree worth beside a chain, and beside a wide star?

# %%
import matplotlib.pyplot as plt
import numpy as np

from theory.shapes import Profile, best_first

profile = Profile.positional([0.62, 0.14, 0.06, 0.04, 0.02])
run = best_first(profile, nodes=64)
run.certificate(64).verify()
print("expected tokens a call with 4, 16, 64 nodes:", [round(float(run.values[n]), 3) for n in (4, 16, 64)])

# %% [markdown]
# ## Beside a chain and a star
# A chain emits 1 + a + a^2 + ...; a star of the five best guesses 1 plus the sum of the profile.

# %%
sizes = np.arange(1, 65)
chain = [sum(0.62**depth for depth in range(size + 1)) for size in sizes]
star = [1 + sum([0.62, 0.14, 0.06, 0.04, 0.02][:size]) for size in sizes]
figure, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
axes.plot(sizes, [float(run.values[size]) for size in sizes], label="optimal tree")
axes.plot(sizes, chain, label="chain")
axes.plot(sizes, star, label="star of five")
axes.set(xlabel="drafted nodes", ylabel="tokens a target call", xscale="log")
axes.set_xticks([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
axes.minorticks_off()
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What it looks like
# The tree of 16 nodes: how many nodes at each depth, and the children of the root.

# %%
shape = run.shape(16)
depth = [0]
for parent in shape.parents[1:]:
    depth.append(depth[parent] + 1)
print("nodes by depth:", np.bincount(depth)[1:].tolist())
print("children of the root:", shape.parents[1:].count(0))
