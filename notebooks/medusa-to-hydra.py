# %% [markdown]
# # Medusa to Hydra on a real model
# Medusa's heads guess the next tokens from one hidden state of the target, each without knowing what the others guess.
# Hydra's heads see the tokens drafted before. Here both, as shipped for SmolLM2-135M, trained on the same text for as many steps:
# how often are they right, which tree suits them, and what do they emit a target call? The two
# numbers are small so that this runs in half a minute: raise them for smaller errors.

# %%
import matplotlib.pyplot as plt
import numpy as np

from specsim.heads import load as load_head
from specsim.heads.accuracy import measure
from specsim.heads.recipes import held_out, says
from specsim.models import load
from specsim.sources.prompts import prompts
from specsim.training.corpus import Corpus

TEXTS, TOKENS = 1, 16  # held-out prompts a domain, tokens of each answer
model = load("smollm2-135m")
asked = [prompts(domain, count=5 + TEXTS, seed=0)[5:] for domain in ("code", "math", "chat")]
ids = [tuple(model.tokenizer.chat([("user", one.text)]))[-40:] for domain in asked for one in domain]
texts = [[*prompt, *model.generate(prompt, max_new_tokens=TOKENS, seed=1)] for prompt in ids]
print(
    len(texts), "texts that no head knows; the first one ends:", repr(model.tokenizer.decode(texts[0][-16:]))
)

# %% [markdown]
# ## How often is each head right?
# Top-1: the head's likeliest token is the one that came, given that the path so far is the text's own.
# Errors are standard errors over texts.

# %%
corpus = Corpus.of_texts(texts).described(model)
heads, found = {name: load_head(name, model) for name in ("medusa", "hydra")}, {}
for name, (network, params) in heads.items():
    few, head = network.backbone.vocabulary, network.backbone.head
    found[name] = measure(says(network), params, held_out(corpus), vocabulary=few, head=head, first=2, top=6)
    print(name, "top-1 by head:", found[name].hits[:, 0].round(3), "in", found[name].positions, "positions")

# %%
colours = {"medusa": "#0072b2", "hydra": "#d55e00"}
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
for offset, (name, one) in zip((-0.04, 0.04), found.items(), strict=True):
    places = np.arange(1, len(one.hits) + 1)
    style = {"color": colours[name], "marker": "o", "capsize": 2, "label": name}
    axes[0].errorbar(places + offset, one.hits[:, 0], one.hits_error[:, 0], **style)
    axes[1].plot(np.arange(1, one.hits.shape[1] + 1), one.hits[1], "o-", color=colours[name])
axes[0].set(xlabel="head", ylabel="its first guess is right", xticks=[1, 2, 3], ylim=(0, None))
axes[1].set(xlabel="guesses counted", ylabel="one guess of head 2 is right", ylim=(0, None))
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# ## Which tree?
# From how often the i-th guess of each head is right, the best tree of every size, with its proof. It takes the heads' hits for
# independent along a path, and is judged on the texts that it is made from, so its worth is a little too high.
# (`isotonic` makes measured shares fall with the rank, which best-first growth needs.)

# %%
from theory.shapes import Profile, best_first, isotonic

SIZES = (1, 2, 4, 8, 16, 32)
NODES = 15  # with the token that the last round emitted, a target call reads 16
profiles = {name: isotonic(Profile.by_depth(one.by_rank())) for name, one in found.items()}
figure, axes = plt.subplots(figsize=(5.2, 3), layout="constrained")
for name, profile in profiles.items():
    run = best_first(profile, nodes=max(SIZES))
    run.certificate(max(SIZES)).verify()
    axes.plot(SIZES, [float(run.values[size]) for size in SIZES], "o-", color=colours[name], label=name)
    by_depth = np.bincount(run.shape(NODES).depths)[1:].tolist()
    print(f"{name}: nodes by depth of the best tree of {NODES}: {by_depth}")
axes.set(xlabel="drafted nodes", ylabel="expected tokens a target call", xscale="log", xticks=SIZES)
axes.set_xticks(SIZES, SIZES)
axes.minorticks_off()
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## The same engine, the same prompts: what do they buy, and is it exact?
# Only the drafter's network differs: both fill the tree of 15 nodes that suits them, and the same walk verifies it. The target is
# at temperature zero, so both must say what the model says by itself, token for token; the heads draft at temperature one, so that
# there is a tree to fill. Errors are standard errors over the three prompts: on so few tokens they are large.

# %%
from specsim import metrics
from specsim.comparing.running import whole_rounds
from specsim.decoding import System
from specsim.heads import HeadDrafter
from specsim.systems import Bench
from theory.chance import Sampled
from theory.couplings import Recursive
from theory.shapes.dynamic import Medusa, WithBudget
from theory.simplex import Warp
from theory.walks import TopDown

ANSWER = 6  # tokens of an answer, at least: the last round is kept whole
bench = Bench(model, Warp(temperature=0))
plain = [model.generate(prompt, max_new_tokens=ANSWER, temperature=0) for prompt in ids]
for name in heads:
    drafter = HeadDrafter(*heads[name], WithBudget(Medusa(profiles[name]), NODES), Warp(temperature=1))
    system = System(bench.target, drafter, TopDown(Recursive()), name=name)
    chances = [Sampled(np.random.default_rng(number)) for number in range(len(ids))]
    traces = [whole_rounds(system, ids[n], tokens=ANSWER, chance=chances[n])[0] for n in range(len(ids))]
    for trace, said in zip(traces, plain, strict=True):
        assert list(trace.tokens[:ANSWER]) == said
    efficiency = metrics.block_efficiency(traces)
    print(f"{name}: {efficiency.value:.2f} ± {efficiency.error:.2f} tokens a target call")
print("and both say what plain greedy decoding says")
