"""The judge on the real model: its distortion on real rows, and how well it tells right from wrong."""

import numpy as np

from papers.shared import estimate, mean_of
from papers.texts import asked_of_the_model, bench
from specsim import metrics
from specsim.heads.checkable import answers
from specsim.heads.probes import area, area_error, judged
from specsim.systems import judge
from theory.simplex import overlap

DOMAINS, PROMPTS, PLACES = ("code", "math", "chat"), 2, 16
TOP = 12  # the draft's likeliest tokens, of which the judge is asked
THRESHOLDS = (0.5, 0.2, 0.05)
ANSWERS, SEED = 72, 1  # checkable answers that the probe was not trained on


def on_real_rows():
    """Bounds of the distance to the target: the mass that the judge lets through and the test would not."""
    here = bench()
    approve = judge.real(here).walk.approval
    prompts = [one for domain in DOMAINS for one in asked_of_the_model(domain, PROMPTS)]
    rows = np.array([of_prompt(here, approve, prompt) for prompt in prompts])
    yield mean_of("model, rows", "acceptance, lossless", rows[:, 0])
    for place, threshold in enumerate(THRESHOLDS):
        case = f"model, rows: judge above {threshold:g}"
        low, high = rows[:, 1 + place], rows[:, 1 + place] + rows[:, -1]
        yield mean_of(case, "distance to the target, lower bound", low)
        yield mean_of(case, "distance to the target, upper bound", high)


def of_prompt(here, approve, prompt):
    """Means over places of the target's own text."""
    target, draft, found = here.target.open(prompt), here.draft.open(prompt), []
    rng = np.random.default_rng(len(prompt))
    for _ in range(PLACES):
        draft = draft.read([()])
        p, q = None, draft(())
        tokens = np.argsort(-q, kind="stable")[:TOP]
        target = target.read([(int(token),) for token in tokens])
        p = target(())
        over = np.maximum(q - p, 0)
        score = np.array([approve(target, (int(token),)) for token in tokens])
        passed = [(over[tokens] * (score > threshold)).sum() for threshold in THRESHOLDS]
        found.append([overlap(p, q), *passed, over.sum() - over[tokens].sum()])
        chosen = (int(rng.choice(p.size, p=p)),)
        target, draft = target.commit(chosen), draft.commit(chosen)
    return np.mean(found, axis=0)


def on_the_probe():
    """Areas under the curve on answers with one wrong token: the probe, and p of the token."""
    here = bench()
    probe, params = here.head("judge")
    states = judged(here.model, answers(here.model, count=ANSWERS, seed=SEED))
    scores = {"probe": np.asarray(probe.score(params, states.hidden)), "p of the token": states.scores["p"]}
    for name, score in scores.items():
        error = area_error(score, states.label, states.group)
        found = metrics.Estimate(area(score, states.label), error, ANSWERS)
        yield estimate("model, checkable answers", f"area under the curve, {name}", found)
