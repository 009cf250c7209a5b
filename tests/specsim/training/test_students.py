import jax
import numpy as np
import optax
import pytest

from specsim.models import LlamaConfig, toy_model
from specsim.models.llama import forward, logits
from specsim.training import (
    Batch,
    Corpus,
    DumpPlan,
    FromHidden,
    Next,
    Offline,
    Soft,
    SubVocabulary,
    TableStudent,
    Windows,
    apply,
    artefacts,
    fastdraft,
    fit,
    make_dump,
)
from specsim.training.artefacts import ArtefactError

MODEL = toy_model(seed=0, config=LlamaConfig(256, 16, 32, layers=2, heads=2, kv_heads=1, context=512))
TOKENS = SubVocabulary.of(range(40, 104), whole=256)
RECIPE = fastdraft.DraftRecipe(
    hidden=16, layers=1, feed_forward=32, tokens=64, pretraining=2, finetuning=3, batch=2, width=32, every=2
)
STUDENT = fastdraft.student_of(MODEL, RECIPE, TOKENS)
PARAMS = jax.jit(STUDENT.init)(jax.random.key(0))
IDS = np.random.default_rng(0).integers(256, size=(2, 12))


def test_a_table_student_knows_its_context_only():
    student = TableStudent(vocabulary=3, order=2)
    params = {"logits": np.arange(27.0, dtype=np.float32).reshape(9, 3)}
    rows = np.asarray(student.apply(params, Batch.of([[2, 1, 0, 2]])).logits)[0, :, 0] / 3
    assert rows.tolist() == [2, 7, 3, 2]  # number 3 before + last; before the beginning stands 0


@pytest.mark.slow
def test_a_low_rank_student_has_low_rank():
    student = TableStudent(vocabulary=5, order=1, rank=2)
    table = student.apply(student.init(jax.random.key(0)), Batch.of([[0, 1, 2, 3, 4]])).logits[0]
    assert np.linalg.matrix_rank(np.asarray(table)) == 2
    with pytest.raises(ValueError, match="low rank needs a positive scale"):
        TableStudent(vocabulary=5, rank=2, scale=0.0)


def test_a_small_draft_does_not_see_the_future():
    changed = IDS.copy()
    changed[:, 7:] = (changed[:, 7:] + 1) % 256
    one, other = (np.asarray(apply(STUDENT, PARAMS, Batch.of(ids)).logits) for ids in (IDS, changed))
    assert np.array_equal(one[:, :7], other[:, :7])
    assert not np.array_equal(one[:, 7:], other[:, 7:])


@pytest.mark.slow
def test_a_small_draft_is_an_ordinary_model():
    """The forward pass of :mod:`specsim.models` on the folded parameters says the same."""
    config, params = STUDENT.as_llama(PARAMS)
    place, mask = np.arange(12)[None], np.tri(12, dtype=bool)[None]
    hidden, _ = forward(params, config, tokens=IDS.astype(np.int32), positions=place, mask=mask)
    wanted = np.asarray(apply(STUDENT, PARAMS, Batch.of(IDS)).logits)
    np.testing.assert_allclose(logits(params, hidden), wanted, atol=1e-4)


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    place = tmp_path_factory.mktemp("dump")
    lines = [f'{{"domain": "d", "text": "question number {number}?"}}' for number in range(4)]
    (place / "mine.jsonl").write_text("\n".join(lines))
    plan = DumpPlan(
        model="toy",
        positions=16,
        tokens=8,
        temperatures=(1.0,),
        top=8,
        batch=4,
        prompt_file=place / "mine.jsonl",
    )
    return make_dump(plan, place / "dump", model=MODEL)


@pytest.mark.slow
def test_likely_tokens_are_those_of_largest_summed_probability(dump):
    corpus = Corpus.of_dump(dump, names=("top_ids", "top_log_p"))
    total = np.zeros(256)
    np.add.at(total, dump.read("top_ids").ravel(), np.exp(dump.read("top_log_p")).ravel())
    assert set(fastdraft.likely_tokens(corpus, 256, 8).ids.tolist()) == set(np.argsort(-total)[:8].tolist())


@pytest.mark.slow
def test_distillation_raises_acceptance(dump):
    corpus = Corpus.of_dump(dump, names=("hidden",), temperature=1.0)
    done = fit(
        STUDENT,
        source=Windows(corpus, batch=4, width=32, learn_prompts=True),
        objective=Next(Soft(FromHidden(STUDENT.head, 1.0))),
        schedule=Offline(25),
        optimiser=optax.adam(1e-2),
        seed=0,
    )
    accepted = done.curve["acceptance"]
    assert accepted[-3:].mean() > accepted[0] + 0.05


@pytest.mark.slow
def test_a_draft_is_trained_in_two_stages(dump):
    text = Corpus.of_texts([np.arange(40, 100)])
    student, done, figures = fastdraft.train(RECIPE, model=MODEL, dump=dump, seed=0, text=text)
    assert student.vocabulary.size == 64
    assert 0 < figures["acceptance"] < 1
    assert done.curve.stages == ("pt",) * 2 + ("ft",) * 3


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    place = tmp_path_factory.mktemp("artefacts")
    own, about = fastdraft.contents(STUDENT, MODEL)
    artefacts.save(place / "draft.safetensors", PARAMS, own=own, about=about | {"seed": 0})
    artefacts.update_sums(place)
    return place, STUDENT, PARAMS


def test_a_draft_survives_its_file(shipped):
    place, student, params = shipped
    assert artefacts.names(place) == ["draft"]
    again, kept = fastdraft.of_artefact(artefacts.load("draft", place), MODEL)
    assert again.vocabulary.ids.tolist() == student.vocabulary.ids.tolist()
    assert again.config == student.config
    for old, new in zip(jax.tree.leaves(params), jax.tree.leaves(kept), strict=True):
        assert np.array_equal(np.asarray(old).astype(np.float16), np.asarray(new).astype(np.float16))
    assert jax.tree.structure(params) == jax.tree.structure(kept)


def test_what_is_missing_or_broken_is_said(shipped, tmp_path):
    place, *_ = shipped
    with pytest.raises(ArtefactError, match=r"no artefact 'other' in .*; there are draft"):
        artefacts.load("other", place)
    with pytest.raises(ArtefactError, match="no file SHA256SUMS"):
        artefacts.load("draft", tmp_path)
    for name in ("SHA256SUMS", "draft.safetensors"):
        (tmp_path / name).write_bytes((place / name).read_bytes())
    data = bytearray((tmp_path / "draft.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "draft.safetensors").write_bytes(bytes(data))
    with pytest.raises(ArtefactError, match="is corrupt: its SHA-256 is"):
        artefacts.load("draft", tmp_path)
    (tmp_path / "draft.safetensors").unlink()
    with pytest.raises(ArtefactError, match="is missing, which SHA256SUMS lists"):
        artefacts.load("draft", tmp_path)
    with pytest.raises(ArtefactError, match="can't be read"):
        artefacts.read(tmp_path / "nothing.safetensors")


def test_a_draft_of_another_target_is_refused(shipped):
    artefact = artefacts.load("draft", shipped[0])
    artefact.about["target"] = "0" * 64
    with pytest.raises(ArtefactError, match="trained for another target than toy"):
        fastdraft.of_artefact(artefact, MODEL)
    artefact.about["network"] = "Medusa"
    with pytest.raises(ArtefactError, match="no small draft but 'Medusa'"):
        fastdraft.of_artefact(artefact, MODEL)


def test_a_number_too_large_for_float16_is_refused(tmp_path):
    with pytest.raises(ArtefactError, match="a/0 has a number that float16 can't hold"):
        artefacts.save(tmp_path / "x.safetensors", {"a": [np.array([1e6])]}, own={}, about={})


def test_the_shipped_artefacts_are_as_listed():
    """Every file has its checksum, and a row of README.md with its name and checksum."""
    readme = (artefacts.folder() / "README.md").read_text(encoding="utf-8")
    for name in artefacts.names():
        artefacts.path(name)
        assert f"`{name}`" in readme, name
    sums = (artefacts.folder() / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    assert all(line.split()[0] in readme for line in sums)
    assert {file.name for file in artefacts.folder().glob("*.safetensors")} == {
        line.split()[1] for line in sums
    }


def test_recipes_are_checked():
    with pytest.raises(ValueError, match="finetuning at least 1 step"):
        fastdraft.DraftRecipe(finetuning=0)
