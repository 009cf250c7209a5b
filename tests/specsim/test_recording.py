"""Recording: what is stored is what the models say; stopping and resuming leaves no trace in the bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax", reason="needs the extra 'models'")

from specsim.drafters.ngram import NGram
from specsim.models import (
    EarlyExit,
    Full,
    LayerMask,
    Model,
    ModelUnavailable,
    hidden_states,
    load,
    toy_model,
)
from specsim.recording import RecordingPlan, record
from specsim.recording.recorder import CUTOFFS, passage_seed
from specsim.sources.prompt_files import PromptsUnavailable
from specsim.sources.traces import Trace, TraceError
from theory.simplex import Warp, total_variation

REPOSITORY = Path(__file__).parents[2]
TEXTS = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "2 + 2 is 4, and 4 + 4 is 8",
    "def f(x): return x",
]


@pytest.fixture(scope="module")
def toy() -> Model:
    return toy_model(seed=0)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("texts")
    prompts = [
        {"domain": f"d{i % 2}", "name": f"p{i}", "text": f"{t} ({i})"} for i, t in enumerate(TEXTS * 3)
    ]
    training = [{"domain": "t", "name": f"t{i}", "text": text} for i, text in enumerate(TEXTS)]
    found = {}
    for name, lines in {"prompt_file": prompts, "training_file": training}.items():
        found[name] = folder / f"{name}.jsonl"
        found[name].write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def plan(files) -> RecordingPlan:
    drafts = ("skip", "skip:2", "exit:1", "ngram")
    return RecordingPlan(model="toy", tokens=5, drafts=drafts, seed=3, shard_rows=8, **files)


@pytest.fixture(scope="module")
def recorded(plan, toy, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "trace"
    record(plan, path, model=toy)
    return path


def _contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_the_trace_is_whole_and_says_what_it_is(recorded, plan):
    trace = Trace.open(recorded, verify=True)
    assert trace.complete
    assert trace.drafts == ("skip", "skip-2", "exit-1", "ngram")
    assert trace.domains == ("d0", "d1")
    assert len(trace) == 12 * 5
    assert trace.header.command == plan.command()
    assert trace.header.models["name"] == "toy"
    assert trace.header.target.description == "the whole model"
    assert trace.header.drafts["exit-1"].description == "without layers 1, 2, 3"
    text = (recorded / "manifest.jsonl").read_text()
    assert str(recorded) not in text
    assert str(plan.prompt_file.parent) not in text


def test_contexts_are_the_target_s_own_text(recorded, toy, plan):
    """What follows each prompt is what the target samples by itself, with a seed of that prompt's own."""
    trace = Trace.open(recorded)
    for number in range(12):
        tokens = trace.tokens(number).tolist()
        prompt, written = tokens[:-5], tokens[-5:]
        assert toy.tokenizer.decode(prompt) == f"{(TEXTS * 3)[number]} ({number})"
        seed = passage_seed(plan.seed, f"p{number}")
        assert written == toy.generate(prompt, max_new_tokens=5, temperature=0.6, seed=seed)
    assert len({passage_seed(s, name) for s in range(5) for name in "abc"}) == 15


def test_stored_laws_are_the_models_laws(recorded, toy):
    """Every row: exactly the float16 hidden states times the head, and within 1e-3 of the float32 law."""
    trace, warp, head = Trace.open(recorded), Warp(), toy.head().astype(np.float64)
    layers = toy.config.layers
    views = {
        "target": Full(),
        "skip": LayerMask.middle(1, of=layers),
        "skip-2": LayerMask.middle(2, of=layers),
        "exit-1": EarlyExit(1),
    }
    for block in trace.blocks(size=4):
        for k in range(len(block)):
            context = trace.tokens(block.passage[k])[: block.position[k]]
            states = hidden_states(toy, context, views)
            for name in views:
                stored = (block.draft_logits | {"target": block.target_logits})[name][k]
                half = states[name][-1].astype(np.float16).astype(np.float64) @ head.T
                np.testing.assert_allclose(stored, half, atol=2e-2)
                full = states[name][-1].astype(np.float64) @ head.T
                assert total_variation(warp.probabilities(stored), warp.probabilities(full)) < 1e-3


def test_ngram_rows(recorded, toy, files):
    trace = Trace.open(recorded)
    texts = [json.loads(line)["text"] for line in files["training_file"].read_text().splitlines()]
    documents = [toy.tokenizer.encode(f"{text}\n") for text in texts]
    model = NGram.fit(documents, vocabulary=256, cutoffs=CUTOFFS)
    for block in trace.blocks():
        for k in range(len(block)):
            context = trace.tokens(block.passage[k])[: block.position[k]]
            np.testing.assert_allclose(
                np.exp(block.draft_logits["ngram"][k]), model.probabilities(context), atol=1e-7
            )


def test_same_plan_same_bytes(recorded, plan, toy, tmp_path):
    record(plan, tmp_path / "again", model=toy)
    assert _contents(tmp_path / "again") == _contents(recorded)


class _StopError(Exception):
    pass


def _stop_after(passages: int):
    def progress(done: int, total: int) -> None:
        if done >= passages:
            raise _StopError

    return progress


@pytest.mark.parametrize("after", [0, 1, 4, 11])
def test_stopped_and_resumed_same_bytes(recorded, plan, toy, tmp_path, after):
    path = tmp_path / "trace"
    with pytest.raises(_StopError):
        record(plan, path, model=toy, progress=_stop_after(after))
    seen = []
    record(plan, path, model=toy, resume=True, progress=lambda done, total: seen.append((done, total)))
    assert _contents(path) == _contents(recorded)
    assert seen[-1] == (12, 12)
    assert 0 <= seen[0][0] <= after


RECORDER = """
    import sys
    from pathlib import Path
    from specsim.models import toy_model
    from specsim.recording import RecordingPlan, record
    prompts, training, out = map(Path, sys.argv[1:])
    plan = RecordingPlan(model="toy", tokens=5, drafts=("skip", "skip:2", "exit:1", "ngram"), seed=3,
                         shard_rows=8, prompt_file=prompts, training_file=training)
    record(plan, out, model=toy_model(seed=0), progress=lambda done, total: print(done, flush=True))
"""


def test_killed_and_resumed_same_bytes(recorded, plan, toy, files, tmp_path):
    """Another process records, is killed with SIGKILL in the middle, and this one resumes."""
    path = tmp_path / "trace"
    command = [sys.executable, "-c", textwrap.dedent(RECORDER), *map(str, files.values()), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 6:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    prefix = Trace.open(path, verify=True)
    assert not prefix.complete
    assert 0 < len(prefix) < 60
    record(plan, path, model=toy, resume=True)
    assert _contents(path) == _contents(recorded)


def test_resuming_a_finished_trace_does_nothing(recorded, plan, toy):
    before = _contents(recorded)
    assert len(record(plan, recorded, model=toy, resume=True)) == 60
    assert _contents(recorded) == before


def test_never_overwritten_and_refused_before_any_work(recorded, plan):
    """The model 'toy' is in no catalogue: the refusal comes before it is looked up."""
    with pytest.raises(TraceError, match=r"already holds a trace and is not overwritten"):
        record(plan, recorded)


def test_resume_refuses_another_plan(recorded, files, toy):
    other = RecordingPlan(
        model="toy", tokens=5, drafts=("skip", "skip:2", "exit:1", "ngram"), shard_rows=8, seed=4, **files
    )
    with pytest.raises(TraceError, match=r"can't resume: command: .*seed: 3 in the trace, 4 now"):
        record(other, recorded, model=toy, resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": 0}, r"tokens must be at least 1, got 0"),
        ({"prompts_per_domain": 0}, r"prompts_per_domain must be at least 1"),
        ({"shard_rows": 0}, r"shard_rows must be at least 1"),
        ({"temperature": -0.1}, r"temperature must be finite and at least 0, got -0.1"),
        ({"temperature": float("nan")}, r"temperature must be finite"),
        (
            {"domains": ("code", "poems")},
            r"domains must be .* of code, math, chat, summarisation, got code, poems",
        ),
        ({"domains": ()}, r"domains must be .* got none"),
        ({"domains": ("code", "code")}, r"different names"),
        ({"drafts": ("medusa",)}, r"unknown draft 'medusa'; use skip, skip:N, exit, exit:N"),
        ({"drafts": ("skip:0",)}, r"unknown draft 'skip:0'"),
        ({"drafts": ()}, r"drafts must be one or more different ones, got none"),
        ({"drafts": ("ngram", "ngram")}, r"drafts must be one or more different ones"),
    ],
)
def test_plans_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        RecordingPlan(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drafts": ("skip:4",)}, r"can't skip 4 of 4 layers"),
        ({"drafts": ("exit:5",)}, r"can't exit after 5 layers: the model has 4"),
        ({"tokens": 600}, r"prompt 'p0' has 26 tokens and 600 more are to follow; the model takes 1 to 512"),
    ],
)
def test_what_does_not_fit_the_model_leaves_nothing(options, message, files, toy, tmp_path):
    with pytest.raises(ValueError, match=message):
        record(RecordingPlan(model="toy", **{**files, **options}), tmp_path / "trace", model=toy)
    assert not (tmp_path / "trace").exists()


def test_a_command_holds_no_path(tmp_path):
    folder = str(tmp_path)
    plan = RecordingPlan(model=f"{folder}/my.gguf", prompt_file=tmp_path / "a b.jsonl", drafts=("skip:3",))
    assert folder not in plan.command()
    assert "--model my.gguf --prompt-file 'a b.jsonl' --tokens 16" in plan.command()


def test_an_unknown_model_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"nonsense"):
        record(RecordingPlan(model="nonsense"), tmp_path / "trace")
    assert not (tmp_path / "trace").exists()


@pytest.fixture(scope="module")
def glass() -> Model:
    try:
        return load("glassllm-en")
    except ModelUnavailable as error:
        pytest.skip(f"the model's package can't be had here: {error}")


def _record_or_skip(plan: RecordingPlan, path: Path, model: Model) -> Trace:
    try:
        return record(plan, path, model=model)
    except PromptsUnavailable as error:
        pytest.skip(f"the prompt packages can't be had here: {error}")


def test_a_real_model_from_built_in_prompts(glass, tmp_path):
    plan = RecordingPlan(model="glassllm-en", prompts_per_domain=2, tokens=4)
    trace = _record_or_skip(plan, tmp_path / "trace", glass)
    assert trace.domains == ("code", "math", "chat", "summarisation")
    assert (trace.vocabulary, len(trace)) == (1024, 32)
    overlaps = _overlaps(trace)
    assert overlaps["exit"] > overlaps["ngram"] > 0.05
    assert overlaps["skip"] > 0.4


def test_a_real_model_stopped_and_resumed(glass, tmp_path):
    plan = RecordingPlan(model="glassllm-en", prompts_per_domain=2, tokens=4, drafts=("exit",), shard_rows=4)
    _record_or_skip(plan, tmp_path / "whole", glass)
    with pytest.raises(_StopError):
        record(plan, tmp_path / "parts", model=glass, progress=_stop_after(3))
    record(plan, tmp_path / "parts", model=glass, resume=True)
    assert _contents(tmp_path / "parts") == _contents(tmp_path / "whole")


@pytest.mark.slow
def test_the_shipped_small_trace_can_be_made_again(glass, tmp_path):
    """Recorded here with its own plan: the same prompts and, up to float rounding, the same laws."""
    shipped = Trace.open(REPOSITORY / "traces" / "glassllm-en")
    plan = RecordingPlan(model="glassllm-en", prompts_per_domain=4, tokens=16)
    again = _record_or_skip(plan, tmp_path / "again", glass)
    if again.header != shipped.header:
        pytest.skip("other package versions than those that made the shipped trace may round differently")
    for old, new in zip(shipped.blocks(size=64), again.blocks(size=64), strict=True):
        np.testing.assert_array_equal(old.token, new.token)
        np.testing.assert_allclose(old.target_logits, new.target_logits, atol=0.05)


def _overlaps(trace: Trace) -> dict[str, float]:
    warp, sums = Warp(), dict.fromkeys(trace.drafts, 0.0)
    for block in trace.blocks():
        p = warp.probabilities(block.target_logits)
        for name, logits in block.draft_logits.items():
            sums[name] += float((1 - total_variation(p, warp.probabilities(logits))).sum())
    return {name: total / len(trace) for name, total in sums.items()}
