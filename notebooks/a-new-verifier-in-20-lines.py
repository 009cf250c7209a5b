# %% [markdown]
# # A new verifier in 20 lines
# A rule for two drafts, as a coupling of the engine: try the draft that the target likes more first. Is it lossless? Is it good? What
# does it do in a whole system?

# %%
from dataclasses import dataclass
from fractions import Fraction as F

import numpy as np

from specsim.decoding import Drawn, System, World, distortion_of, expected_round, is_lossless
from theory.couplings import Recursive, Resolution
from theory.walks import TopDown, named


@dataclass(frozen=True)
class LikedFirst:
    """Take the drafted token that p likes most with probability min(1, p/q); else sample what is left."""

    lossless = True  # a claim

    def resolve(self, *, p, drafts, law, chance, level=0):
        slot = max(range(len(drafts)), key=lambda s: p[drafts[s]])
        q, token = law.conditional(()), drafts[slot]
        if chance.flip(min(1, p[token] / q[token]), stream=f"accept/{level}"):
            return Resolution(token, slot)
        left = np.maximum(p - q, 0)
        return Resolution(chance.draw(left if left.sum() else p, stream=f"residual/{level}"), None)


# %% [markdown]
# ## The verdict
# On a table world everything that the system does is enumerated in fractions. The winner of two draws does not have the law q, so the
# test is against the wrong law, and the distance to the target says how much that costs.

# %%
p = World(lambda context: np.array([F(1, 2), F(1, 3), F(1, 6)]))
q = World(lambda context: np.array([F(1, 4), F(1, 4), F(1, 2)]))
drafter = Drawn(q, named.specinfer((2,)).grow)
ours = System(p, drafter, TopDown(LikedFirst()), name="liked first")
print("lossless:", is_lossless(ours, (0,), rounds=1, length=2))
print("total variation to the target:", distortion_of(ours, (0,), rounds=1, length=1))
assert not is_lossless(ours, (0,), rounds=1, length=2)


# %% [markdown]
# ## Mended
# The law of the winner is known exactly: use it in the test and in the residual. Any selection whose law is known is lossless this way.

# %%
@dataclass(frozen=True)
class LikedFirstMended(LikedFirst):
    def resolve(self, *, p, drafts, law, chance, level=0):
        q = law.conditional(())
        slot = max(range(len(drafts)), key=lambda s: (p[drafts[s]], -drafts[s]))
        order = sorted(range(len(p)), key=lambda x: (p[x], -x))
        below = np.cumsum([0 * q[0], *q[order]])
        winner = np.array(q)
        for place, x in enumerate(order):
            winner[x] = below[place + 1] ** len(drafts) - below[place] ** len(drafts)
        token = drafts[slot]
        if chance.flip(min(1, p[token] / winner[token]), stream=f"accept/{level}"):
            return Resolution(token, slot)
        return Resolution(chance.draw(np.maximum(p - winner, 0), stream=f"residual/{level}"), None)


mended = System(p, drafter, TopDown(LikedFirstMended()), name="liked first, mended")
assert is_lossless(mended, (0,), rounds=2, length=3)
classic = System(p, drafter, TopDown(Recursive()), name="recursive rejection")
for system in (mended, classic):
    print(f"{system.name}: {expected_round(system, (0,))} tokens a target call")
