# %% [markdown]
# # Is it lossless?
# A verification rule decides which drafted tokens are kept. It is *lossless* if the tokens it emits have exactly the law of the
# target. This notebook takes a rule from a first idea to a theorem, and a wrong one to its smallest counterexample.

# %%
from fractions import Fraction as F

import numpy as np

from specsim.testing import assert_lossless, audit, law_of
from theory.couplings import Recursive
from theory.laws import Iid, WithoutReplacement
from theory.proof.universal import prove
from theory.rules import RULES


# %% [markdown]
# ## A rule in three lines
# Written against `chance`, which answers `flip` and `draw`; nothing else is random. `law.conditional(())` is what the draft was
# drawn from. This one accepts correctly and then corrects from the wrong place:

# %%
def first_idea(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if chance.flip(min(1, p[token] / q[token]), stream="accept"):
        return token
    return chance.draw(p, stream="correct")


p, q = np.array([F(1, 2), F(1, 3), F(1, 6)]), np.array([F(1, 6), F(1, 3), F(1, 2)])
print("target:", [str(x) for x in p])
print("output:", {token: str(x) for token, x in law_of(first_idea, p=p, law=Iid(q, 1)).items()})

# %% [markdown]
# The law of the output is computed by replaying the program over all answers of `chance`: fractions, no sampling. It is not the
# target's. The harness looks for the smallest case that shows it, and tells the story of the paths that carry too much:

# %%
verdict = audit(first_idea, drafts=1)
print(verdict.counterexample.explain())


# %% [markdown]
# ## Mended
# The correction has to come from the residual, what is left of p where q has not covered it.

# %%
def mended(p, drafts, law, chance):
    q, token = law.conditional(()), drafts[0]
    if chance.flip(min(1, p[token] / q[token]), stream="accept"):
        return token
    return chance.draw(np.maximum(p - q, 0), stream="correct")


verdict = assert_lossless(mended, drafts=1, prove=True)
print(verdict)

# %% [markdown]
# *Proved (universal)* is a theorem: the same program was run on symbols $p_1, p_2, p_3, q_1, \dots$; each comparison splits the simplex,
# and in every cell 'output law minus p' cancels to zero. It covers all positive p and q over three tokens, not just the examples.
#
# ## A theorem with its certificate
# Recursive rejection (SpecInfer, RSD) with two drafts without replacement, over three tokens:

# %%
proof = prove(coupling=Recursive(), law=lambda q: WithoutReplacement(q, 2), vocabulary=3)
print(proof)
for cell in proof.cells[:3]:
    print("  cell:", cell)
print(proof.verify())


# %% [markdown]
# ## Functions that own their randomness
# Serving engines draw their own random numbers. The harness drives a numpy `Generator` (or torch's, or JAX's) through all branches and
# recovers the law. Here one uniform number serves two purposes, a mistake that a look at the code does not show:

# %%
def one_number(p, q, token, rng):
    number = rng.random()
    if number * q[token] < p[token]:
        return token
    edges = np.cumsum(np.maximum(p - q, 0))
    return int(np.searchsorted(edges, number * edges[-1], side="right"))


found = audit(one_number)
print(found.status, "-", found.reason)

# %% [markdown]
# ## All rules of the field
# The registry holds each rule with its claim. Their joint laws of several tokens are checked as fractions in the tests; the lossy ones
# are marked so.

# %%
print(
    f"{sum(rule.lossless for rule in RULES)} lossless rules, {sum(not rule.lossless for rule in RULES)} lossy ones"
)
for rule in RULES:
    print(f"{'lossless' if rule.lossless else 'LOSSY   '}  {rule.kind:11}  {rule.name}")
