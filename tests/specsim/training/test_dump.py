import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from specsim.models import LlamaConfig, hidden_states, toy_model
from specsim.models.views import Full
from specsim.training import Corpus, Dump, DumpError, DumpPlan, Windows, make_dump, split
from specsim.training.batched import generate_batch
from specsim.training.dump_plan import asks, training_prompts

SHAPE = LlamaConfig(256, 16, 32, layers=2, heads=2, kv_heads=1, context=512)
MODEL = toy_model(seed=0, config=SHAPE)
QUESTIONS = ["Why is the sky blue?", "What is rain?", "Who?", "Where do rivers begin, and where do they end?"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    file = tmp_path_factory.mktemp("prompts") / "mine.jsonl"
    lines = [json.dumps({"domain": f"d{i % 2}", "text": text}) for i, text in enumerate(QUESTIONS)]
    file.write_text("\n".join(lines))
    return DumpPlan(
        model="toy", positions=28, tokens=4, layers=(0, 1, 2), top=5, batch=3, prompt_file=file, seed=3
    )


@pytest.fixture(scope="module")
def dump(plan, tmp_path_factory):
    return make_dump(plan, tmp_path_factory.mktemp("dump") / "whole", model=MODEL)


def files(directory):
    return {file.name: file.read_bytes() for file in sorted(Path(directory).iterdir())}


def test_the_plan_is_met(plan, dump):
    assert dump.generated == 36  # chunks of 12, the first sum that is at least 28
    assert [text.domain for text in dump.texts] == ["d0"] * 3 + ["d1"] * 3 + ["d0"] * 3
    assert [text.name for text in dump.texts][:3] == ["mine.jsonl/1#0", "mine.jsonl/3#0", "mine.jsonl/1#1"]
    assert len({(text.name, text.temperature) for text in dump.texts}) == 9
    assert dump.temperatures == (0.7, 1.0)
    assert dump.header["command"].startswith("specsim dump OUT --model toy --positions 28 --tokens 4")


def test_what_is_stored_is_what_the_model_says(dump):
    tokens, hidden = dump.read("tokens"), dump.read("hidden").astype(np.float64)
    text = dump.texts[4]
    alone = hidden_states(MODEL, tokens[text.first : text.last], {"all": Full()})["all"]
    assert np.abs(hidden[text.first : text.last] - alone).max() < 2e-3 * np.abs(alone).max()
    logits = hidden @ MODEL.head().T.astype(np.float64)
    norms = np.log(np.exp(logits[..., None] / np.array([0.7, 1.0])).sum(axis=1))
    np.testing.assert_allclose(dump.read("log_normaliser"), norms, atol=2e-5)
    order = np.argsort(-logits, axis=1, kind="stable")[:, :5]
    assert np.array_equal(dump.read("top_ids"), order)
    law = np.take_along_axis(logits, order, axis=1) - norms[:, 1:]
    np.testing.assert_allclose(dump.read("top_log_p"), law, atol=2e-5)


def test_streams_begin_at_the_embedding(dump):
    embedding = np.asarray(MODEL.params["embedding"])[dump.read("tokens")].astype(np.float16)
    assert np.array_equal(dump.read("layer_0"), embedding)


@pytest.mark.slow
def test_texts_are_the_models_own(plan, dump):
    ask, text = next(asks(plan))[1], dump.texts[1]
    tokens = dump.read("tokens")[text.first : text.last].tolist()
    context, new = tokens[: text.start], tokens[text.start :]
    assert text.start == len(MODEL.tokenizer.encode(QUESTIONS[2]))
    assert MODEL.generate(context, max_new_tokens=4, temperature=ask.temperature, seed=ask.seed) == new


@pytest.mark.slow
def test_a_batch_is_its_texts():
    contexts = [[7, 8, 9], [200], list(range(70))]
    settings = [(1.0, 5), (0.0, 6), (0.7, 7)]
    warm, seeds = zip(*settings, strict=True)
    together = generate_batch(MODEL, contexts, max_new_tokens=5, temperatures=warm, seeds=seeds)
    for context, (temperature, seed), new in zip(contexts, settings, together, strict=True):
        assert MODEL.generate(context, max_new_tokens=5, temperature=temperature, seed=seed) == new


@pytest.mark.parametrize("cut", ["torn", "chunk", "end"])
def test_a_dump_that_was_cut_off_is_resumed_to_the_same_bytes(plan, dump, tmp_path, cut):
    for name, data in files(dump.directory).items():
        (tmp_path / name).write_bytes(data)
    manifest = tmp_path / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    kept = {"torn": [*lines[:3], lines[3][:20]], "chunk": lines[:3], "end": lines[:-1]}[cut]
    manifest.write_bytes(b"".join(kept))
    if cut != "end":
        (tmp_path / "chunk-00002.safetensors").write_bytes(b"half of a fi")
    make_dump(plan, tmp_path, model=MODEL, resume=True)
    assert files(tmp_path) == files(dump.directory)


SCRIPT = """
from specsim.models import LlamaConfig, toy_model
from specsim.training import DumpPlan, make_dump
shape = dict(tokens=4, batch=3, layers=(0, 1, 2), top=5, seed=3)
plan = DumpPlan(model="toy", positions=20000, prompt_file={file!r}, **shape)
model = toy_model(seed=0, config=LlamaConfig(256, 16, 32, layers=2, heads=2, kv_heads=1, context=512))
make_dump(plan, {out!r}, model=model)
"""


@pytest.mark.slow
def test_a_killed_dump_is_whole_as_far_as_it_got(plan, dump, tmp_path):
    """The first chunks after SIGKILL are those of an unbroken dump, and nothing listed is broken."""
    out = tmp_path / "out"
    script = SCRIPT.format(file=str(plan.prompt_file), out=str(out))
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.getcwd()})
    deadline = time.monotonic() + 120
    while len(list(out.glob("chunk-*.safetensors"))) < 4 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    broken = Dump.open(out)
    broken.verify()
    for number in range(3):
        name = f"chunk-{number:05}.safetensors"
        assert (out / name).read_bytes() == (dump.directory / name).read_bytes()


def test_nothing_is_overwritten_and_no_other_plan_resumed(plan, dump):
    before = files(dump.directory)
    with pytest.raises(DumpError, match="holds a dump already"):
        make_dump(plan, dump.directory, model=MODEL)
    other = DumpPlan(**{**vars(plan), "seed": 4})
    with pytest.raises(DumpError, match="what differs is command"):
        make_dump(other, dump.directory, model=MODEL, resume=True)
    assert files(dump.directory) == before


def test_broken_files_are_named(dump, tmp_path):
    for name, data in files(dump.directory).items():
        (tmp_path / name).write_bytes(data)
    chunk = tmp_path / "chunk-00001.safetensors"
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(DumpError, match=r"chunk-00001.safetensors does not match its SHA-256"):
        Dump.open(tmp_path).verify()
    chunk.unlink()
    with pytest.raises(DumpError, match="is missing"):
        Dump.open(tmp_path).read("hidden")
    with pytest.raises(DumpError, match="no array 'layer_3'; it has"):
        dump.read("layer_3")
    with pytest.raises(DumpError, match="is not a dump"):
        Dump.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": 0}, "positions must be at least 1"),
        ({"temperatures": ()}, "temperatures must be one or more different"),
        ({"temperatures": (1.0, 1.0)}, "temperatures must be one or more different"),
        ({"layers": (4, 2)}, "layers must be increasing"),
        ({"domains": ("poems",)}, "domains must be"),
    ],
)
def test_plans_are_checked_first(change, message):
    with pytest.raises(ValueError, match=message):
        DumpPlan(**change)


def test_a_layer_that_is_not_there(plan):
    with pytest.raises(ValueError, match="no stream after 3 layers: toy has 2"):
        make_dump(DumpPlan(**{**vars(plan), "layers": (3,)}), "nowhere", model=MODEL)


def test_held_out_prompts_are_in_no_dump():
    from specsim.sources import prompts as source

    try:
        chosen = training_prompts(DumpPlan(domains=("chat",), held_out=5))[0]
    except (OSError, RuntimeError) as error:
        pytest.skip(f"the prompt package can't be had: {error}")
    held = source.prompts("chat", count=5, seed=0)
    assert not {prompt.name for prompt in held} & {prompt.name for prompt in chosen}
    assert not any(out.body in prompt.text for out in held for prompt in chosen)
    assert len(chosen) > 50


def test_windows_predict_every_generated_token_once(dump):
    corpus = Corpus.of_dump(dump, names=("hidden", "layer_1", "top_ids", "top_log_p"), temperature=0.7)
    source = Windows(corpus, batch=2, width=6, before=3)
    seen = []
    for first, end, learn in source.windows:
        seen += range(first + learn, end)
    wanted = [row for text in dump.texts for row in range(text.first + text.start, text.last)]
    assert sorted(seen) == wanted
    batches = [source.draw({}, step=step, seed=1)[0] for step in range(source.steps_per_epoch)]
    total = sum(float(batch.weight.sum()) for batch in batches)
    assert total >= len(wanted)  # the last batch lends from the next epoch
    batch = batches[0]
    assert batch.hidden.shape == (2, 6, 16)
    assert list(batch.layers) == [1]
    assert batch.log_normaliser.shape == (2, 6)
    assert batch.top_ids.shape == (2, 6, 5)
    assert not np.asarray(batch.hidden)[~np.asarray(batch.valid)].any()
    whole = sum(float(batch.weight.sum()) for batch in source.everything())
    assert whole == len(wanted)
    again = source.draw({}, step=1, seed=1)[0]
    assert np.array_equal(again.tokens, batches[1].tokens)


def test_windows_can_learn_prompts_too(dump):
    source = Windows(Corpus.of_dump(dump), batch=2, width=16, learn_prompts=True)
    seen = [row for first, end, learn in source.windows for row in range(first + learn, end)]
    wanted = [row for text in dump.texts for row in range(text.first + 1, text.last)]
    assert sorted(seen) == wanted


def test_a_corpus_is_split_by_prompt_and_counted(dump):
    corpus = Corpus.of_dump(dump, keep=lambda text: text.domain == "d0")
    train, held = split(corpus, every=2)
    assert {text.name.split("#")[0] for text in held.texts} == {"mine.jsonl/3"}
    assert {text.name.split("#")[0] for text in train.texts} == {"mine.jsonl/1"}
    assert corpus.counts(256).sum() == 24
    with pytest.raises(ValueError, match="no text of the dump is kept"):
        Corpus.of_dump(dump, keep=lambda text: False)
    with pytest.raises(ValueError, match=r"at temperatures 0.7, 1, not at 0.5"):
        Corpus.of_dump(dump, temperature=0.5)
    with pytest.raises(ValueError, match="every must be at least 2"):
        split(corpus, every=1)
    with pytest.raises(ValueError, match="no empty one"):
        Corpus.of_texts([[]])


def test_a_described_corpus_is_a_dump_of_it(dump):
    text = dump.texts[0]
    plain = Corpus.of_texts([dump.read("tokens")[text.first : text.last]])
    known = plain.described(MODEL, layers=(1,), top=5, temperature=0.7)
    assert np.array_equal(known.rows["hidden"], dump.read("hidden")[text.first : text.last])
    assert np.array_equal(
        known.rows["log_normaliser"], dump.read("log_normaliser")[text.first : text.last, 0]
    )


def test_windows_are_checked():
    corpus = Corpus.of_texts([[1]])
    with pytest.raises(ValueError, match="no stretch of the corpus"):
        Windows(corpus, batch=1, width=4)
    with pytest.raises(ValueError, match="width at least 2"):
        Windows(corpus, batch=1, width=1)
