"""FSPAD (Gui et al. 2024): worth of knowing the drafted token and of letting it select; partial alignment.

Run it with

    python papers/fspad/reproduce.py            # writes table.csv, model.csv and features.png
    python papers/fspad/reproduce.py --quick    # without the real model, writes nothing
"""

import sys
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from papers.heads import CHAIN, headed, on_held_out
from papers.shared import COLOURS, asked, axes, finish, mean_of, save, softmax
from specsim.systems import fspad
from theory.shapes.dynamic import Eagle2, by_target
from theory.simplex import overlap

HERE = Path(__file__).parent
VOCABULARY, WORLDS, STEPS, SHARPNESS = 5, 8, 3, 2.0
CONTEXTS, NODES, TREE = 12, 12, Eagle2(top_k=3, steps=3)
WAYS = ("feature alone", "token alone", "feature plus token", "token selects")
# partial alignment: contexts, width of the feature and of what the layer says, and the paper's losses
PLACES, WIDE, NARROW, SCALE = 40, 8, 3, 1.5
LOSSES = {"regression": 1.0, "law": 0.1}
ALIGNED = ("fully", "partly")


def main():
    options = asked(__doc__)
    accepted = np.array([fused(seed) for seed in range(WORLDS)])  # (worlds, ways, steps)
    lengths = np.array([tokens(seed) for seed in range(WORLDS)])  # (worlds, ways)
    figures = []
    for number, way in enumerate(WAYS):
        for step in range(STEPS):
            figures.append(mean_of(way, f"acceptance, step {step + 1}", accepted[:, number, step]))
        figures.append(mean_of(way, f"expected tokens, {NODES} nodes", lengths[:, number]))
    feature, _, plus, selects = accepted.transpose(1, 0, 2)
    figures.append(mean_of("knowing the token", "acceptance gained, step 1", selects[:, 0] - feature[:, 0]))
    growth = (selects - feature)[:, -1] - (selects - feature)[:, 0]
    figures.append(mean_of("knowing the token", "growth of the gain from step 1 to 3", growth))
    figures.append(mean_of("knowing the token", "expected tokens gained", lengths[:, 3] - lengths[:, 0]))
    figures.append(mean_of("selecting over adding", "acceptance gained", selects[:, 0] - plus[:, 0]))
    figures.append(mean_of("selecting over adding", "expected tokens gained", lengths[:, 3] - lengths[:, 2]))
    trained = np.array([[fitted(seed, way) for way in ALIGNED] for seed in range(WORLDS)])
    for column, quantity in enumerate(("acceptance", "cross-entropy, nats over the least", "feature error")):
        for number, way in enumerate(ALIGNED):
            figures.append(mean_of(f"{way} aligned", quantity, trained[:, number, column]))
        gap = trained[:, 1, column] - trained[:, 0, column]
        figures.append(mean_of("partly less fully aligned", quantity, gap))
    return finish(HERE, figures, options=options, draw=lambda _: draw(accepted, trained), model=on_model)


@cache
def world(seed):
    """Order 3, and its stationary law: ``p[c, a, b, x]`` and ``share[c, a, b]``.

    The feature at token a knows a, and the token after it is b. What came before a, the draft has forgotten.
    """
    logits = SHARPNESS * np.random.default_rng(seed).standard_normal((VOCABULARY,) * 4)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    share = np.full(p.shape[:3], 1 / VOCABULARY**3)
    for _ in range(400):
        share = np.einsum("cab,cabx->abx", share, p)
    return p, share


@cache
def drafts(seed):
    """The best laws ``q[a, b, x]`` of the ways to see the feature (a) and the token (b)."""
    p, share = world(seed)
    joint = np.einsum("cab,cabx->abx", share, p)
    whole = np.ones_like(joint)
    best = (joint.sum(axis=1, keepdims=True) * whole, joint.sum(axis=0) * whole, added(joint), joint)
    return [one / one.sum(axis=-1, keepdims=True) for one in best]


def added(joint):
    """The law of logits ``u[a, x] + v[b, x]`` nearest to a joint law: iterated fitting of its margins."""
    found = np.ones_like(joint)
    for _ in range(2000):
        before = found
        for axis in (0, 1, 2):
            found = found * joint.sum(axis=axis, keepdims=True) / found.sum(axis=axis, keepdims=True)
        if np.abs(found - before).max() < 1e-14:
            break
    return found


def fused(seed):
    """Mean of sum min(p, q) at each step along the target's text; without tokens a step knows the first a."""
    p, share = world(seed)
    found = [[(share * overlap(p, q[None])).sum()] * STEPS for q in drafts(seed)]
    started = share[None] * np.eye(VOCABULARY)[:, None, :, None]  # (first a; c, a, b)
    for step in range(STEPS):
        law = np.einsum("scab,cabx->sx", started, p)
        q = law / law.sum(axis=1, keepdims=True)
        found[0][step] = (started * overlap(p[None], q[:, None, None, None])).sum()
        started = np.einsum("scab,cabx->sabx", started, p)
    return found


def blind(seed, first):
    """Laws of the steps after feature ``first``, whatever tokens are drafted."""
    p, share = world(seed)
    started, found = share * np.eye(VOCABULARY)[first][None, :, None], []
    for _ in range(TREE.steps + 1):
        found.append(np.einsum("cab,cabx->x", started, p) / started.sum())
        started = np.einsum("cab,cabx->abx", started, p)
    return found


def tokens(seed):
    """Expected tokens of a round with EAGLE-2's tree, exact for each context."""
    p, share = world(seed)
    contexts = list(product(range(VOCABULARY), repeat=3))
    chosen = np.random.default_rng(seed).choice(len(contexts), size=CONTEXTS, p=share.reshape(-1))
    values = []
    for context in (contexts[number] for number in chosen):
        known = [lambda text, q=q: q[text[-2], text[-1]] for q in drafts(seed)]
        steps = blind(seed, context[1])
        known[0] = lambda text, steps=steps: steps[len(text) - 3]
        values.append([tree_tokens(p, context, draft) for draft in known])
    return np.mean(values, axis=0)


def tree_tokens(p, context, draft):
    tree = TREE.grow(draft=lambda prefix: draft((*context, *prefix)), budget=NODES, chance=None)
    return by_target(tree, target=lambda prefix: p[(*context, *prefix)[-3:]])


def fitted(seed, way):
    """A layer too narrow for the feature, trained on both losses: acceptance, excess entropy, feature error.

    Features f are given and say the law, ``softmax(L f)``. The layer says u for each context; regressed is
    ``u A`` and the law is read from ``u A`` (fully aligned) or from ``u B`` (partly).
    """
    rng = np.random.default_rng(seed)
    feature = rng.standard_normal((PLACES, WIDE))
    head = SCALE * rng.standard_normal((WIDE, 2 * WIDE)) / np.sqrt(WIDE) * 2
    p = np.array([softmax(row) for row in feature @ head])
    shapes = [(PLACES, NARROW), (NARROW, WIDE), (NARROW, WIDE)]
    ends = np.cumsum([a * b for a, b in shapes])

    def parts(flat):
        u, regress, law = (x.reshape(s) for x, s in zip(np.split(flat, ends[:-1]), shapes, strict=True))
        return u, regress, (regress if way == "fully" else law)

    def loss(flat):
        u, regress, law = parts(flat)
        error = u @ regress - feature
        q = np.array([softmax(row) for row in u @ law @ head])
        smooth = np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5).mean()
        value = LOSSES["regression"] * smooth - LOSSES["law"] * (p * np.log(q)).sum() / PLACES
        to_feature = LOSSES["regression"] * np.clip(error, -1, 1) / error.size
        to_law = LOSSES["law"] * (q - p) @ head.T / PLACES
        slopes = [to_feature @ regress.T + to_law @ law.T, u.T @ to_feature, u.T @ to_law]
        if way == "fully":
            slopes[1:] = [slopes[1] + slopes[2], np.zeros(shapes[2])]
        return value, np.concatenate([slope.reshape(-1) for slope in slopes])

    start = np.random.default_rng([seed, 1]).standard_normal(ends[-1]) / 2
    done = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 4000, "maxfun": 8000})
    u, regress, law = parts(done.x)
    q = np.array([softmax(row) for row in u @ law @ head])
    error = u @ regress - feature
    smooth = np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5).mean()
    return overlap(p, q).mean(), (p * np.log(p / q)).sum(axis=1).mean(), smooth


GROW = (Eagle2(top_k=fspad.TOP, steps=fspad.STEPS), fspad.NODES)
SYSTEMS = {
    "FSPAD, 24 nodes": fspad.real,
    "gated fusion (Dovetail's), 24 nodes": headed("dovetail", *GROW),
}


def on_model():
    names = list(SYSTEMS)
    return list(on_held_out(SYSTEMS, gains=[(names[0], names[1]), (names[0], CHAIN)]))


def draw(accepted, trained):
    figure, panels = axes(width=8.4, count=2)
    for number, (colour, way) in enumerate(zip(COLOURS, WAYS, strict=False)):
        values = accepted[:, number]
        error = values.std(axis=0, ddof=1) / np.sqrt(WORLDS)
        panels[0].errorbar(range(1, STEPS + 1), values.mean(axis=0), error, fmt="o-", ms=3, capsize=2,
                           color=colour, label=way)  # fmt: skip
    panels[0].set(xlabel="draft step", ylabel="acceptance (best law of each)", ylim=(0, 1),
                  xticks=range(1, STEPS + 1))  # fmt: skip
    panels[0].legend(frameon=False, fontsize=8)
    for number, (colour, way) in enumerate(zip(COLOURS, ALIGNED, strict=False)):
        panels[1].scatter(
            trained[:, number, 2], trained[:, number, 1], s=14, color=colour, label=way + " aligned"
        )
    panels[1].set(xlabel="feature error (smooth L1)", ylabel="excess cross-entropy, nats")
    panels[1].legend(frameon=False, fontsize=8)
    save(figure, HERE / "features.png")


if __name__ == "__main__":
    sys.exit(main())
