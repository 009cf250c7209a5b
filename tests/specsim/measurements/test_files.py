"""Files of serving engines: pages of metrics and answers, whole and damaged."""

from __future__ import annotations

import json

import pytest

from specsim.measurements import (
    BadMeasurement,
    DraftCounts,
    MeanTokens,
    counts_of_metrics,
    parse_answers,
    parse_metrics,
    read_measured,
)

PAGE = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m/a"} 3.0
# TYPE vllm:spec_decode_num_drafts counter
vllm:spec_decode_num_drafts_total{engine="0",model_name="m/a"} 100.0
vllm:spec_decode_num_drafts_created{engine="0",model_name="m/a"} 1.7e+09
vllm:spec_decode_num_drafts_total{engine="1",model_name="m/a"} 50.0
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m/a"} 200.0
vllm:spec_decode_num_draft_tokens_total{engine="1",model_name="m/a"} 100.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m/a"} 130.0
vllm:spec_decode_num_accepted_tokens_total{engine="1",model_name="m/a"} 70.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m/a",position="0"} 80.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m/a",position="1"} 5e+01
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="1",model_name="m/a",position="0"} 40.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="1",model_name="m/a",position="1"} 30.0
"""


def test_a_page_of_vllm():
    found = counts_of_metrics(PAGE)
    assert found == DraftCounts(150, 300, 200, (120, 80))
    assert [entry.value for entry in found.by_position()] == pytest.approx([0.8, 2 / 3])
    # the names that older versions had, without _total
    assert counts_of_metrics(PAGE.replace("_total", "")) == found
    assert counts_of_metrics(PAGE.replace("vllm:", "llamacpp:")) == found


def test_several_models_need_a_name():
    page = PAGE + PAGE.replace("m/a", "m/b").replace("100.0", "120.0")
    with pytest.raises(BadMeasurement, match="several models; name one of m/a, m/b"):
        counts_of_metrics(page)
    assert counts_of_metrics(page, model="m/a") == counts_of_metrics(PAGE)
    with pytest.raises(BadMeasurement, match="no model 'm/c'; there is m/a"):
        counts_of_metrics(PAGE, model="m/c")


def test_a_gauge_of_sglang():
    page = 'sglang:spec_accept_length{model_name="m"} 3.25\nsglang:spec_accept_rate{model_name="m"} 0.5\n'
    assert counts_of_metrics(page) == MeanTokens(3.25)
    two = page + page.replace('"m"', '"m",tp_rank="1"').replace("3.25", "3.5")
    with pytest.raises(BadMeasurement, match="means cannot be summed"):
        counts_of_metrics(two)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda page: page[:-1], "last line has no end, so the file is cut"),
        (lambda page: page[: page.rindex("vllm")], "positions must|sum to"),
        (lambda page: page[: page.index("vllm:spec_decode_num_accepted")], "lacks spec_decode_num_accepted"),
        (lambda page: page.replace(" 100.0\n", " -100.0\n", 1), "whole number of at least 0, got -100"),
        (lambda page: page.replace(" 100.0\n", " 100.5\n", 1), "whole number of at least 0, got 100.5"),
        (lambda page: page.replace(" 100.0\n", " NaN\n", 1), "whole number of at least 0, got nan"),
        (lambda page: page.replace(" 100.0\n", " many\n", 1), "line 5: 'many' is not a number"),
        (lambda page: page.replace('position="1"', 'position="3"'), "without a gap"),
        (lambda page: page.replace('position="1"', 'place="1"'), "needs a label position"),
        (lambda page: page + PAGE, "line 18: the series .* comes twice"),
        (lambda page: page + "vllm:no number here\n", "is not 'name"),
        (lambda page: page.replace("spec_decode", "other"), "no counter of drafts"),
        (lambda page: page.replace(" 80.0\n", " 20.0\n"), "must not rise along positions|sum to"),
    ],
)
def test_damaged_pages(change, message):
    with pytest.raises(BadMeasurement, match=message):
        counts_of_metrics(change(PAGE))


def test_labels_may_hold_anything():
    (sample,) = parse_metrics('a{x="1,\\"}{ \\\\ \\n",y=""} +Inf 1700000000\n')
    assert sample.label("x") == '1,"}{ \\ \n'
    assert (sample.label("y"), sample.label("z"), sample.value) == ("", None, float("inf"))


def vllm(**fields):
    data = {
        "mean_acceptance_length": 1.75,
        "acceptance_histogram": [1, 1, 2],
        "num_spec_steps": 4,
        "num_accepted_draft_tokens": 5,
        "num_draft_tokens": 7,
        "num_spec_tokens": 2,
        "per_step_accepted": [2, 0, 2, 1],
        "per_step_drafted": [2, 2, 2, 1],
    }
    data.update(fields)
    kept = {key: value for key, value in data.items() if value is not None}
    return {"id": "a", "choices": [], "metrics": {"speculative_decoding": kept}}


def test_answers_of_vllm(tmp_path):
    (answer,) = parse_answers(json.dumps(vllm()))
    assert answer.rounds == ((2, 2), (0, 2), (2, 2), (1, 1))
    assert answer.counts == DraftCounts(4, 7, 5, (3, 2), (4, 2))
    summary = vllm(per_step_accepted=None, per_step_drafted=None)
    (answer,) = parse_answers(json.dumps(summary))
    assert (answer.rounds, answer.counts) == (None, DraftCounts(4, 7, 5, (3, 2)))
    table = {"2": [1, 0, 2], "1": [0, 1]}
    (answer,) = parse_answers(json.dumps(vllm(acceptance_histogram_by_draft_length=table, **NO_STEPS)))
    assert answer.counts == DraftCounts(4, 7, 5, (3, 2), (4, 2))
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps({**vllm(), "id": name}) + "\n" for name in "ab"))
    found = read_measured(path)
    assert found.counts == DraftCounts(8, 14, 10, (6, 4), (8, 4))
    assert [text.name for text in found.texts] == ["a", "b"]
    assert found.texts[0].accepted == (True, True, None, False, True, True, None, True, None)


NO_STEPS = {"per_step_accepted": None, "per_step_drafted": None}


def test_answers_of_sglang(tmp_path):
    meta = {"completion_tokens": 106, "spec_verify_ct": 43, "spec_num_proposed_drafts": 215}
    with_histogram = {
        "text": "",
        "meta_info": {**meta, "spec_correct_drafts_histogram": [11, 14, 11, 4, 0, 3]},
    }
    (answer,) = parse_answers(json.dumps(with_histogram))
    assert answer.counts == DraftCounts(43, 215, 63, (32, 18, 7, 3, 3))
    (mean,) = parse_answers(json.dumps({"meta_info": meta}))
    assert mean.counts == MeanTokens(106 / 43)
    info = {"speculative_num_steps": 4, "internal_states": [{"avg_spec_accept_length": 3.0}]}
    path = tmp_path / "info.json"
    path.write_text(json.dumps(info))
    assert read_measured(path).counts == MeanTokens(3.0, 4)
    path.write_text(json.dumps([{"meta_info": meta}, {"meta_info": meta}]))
    with pytest.raises(BadMeasurement, match="2 of 2 answers have only a mean"):
        read_measured(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (vllm(acceptance_histogram=[1, 2, 1]), "is not that of per_step_accepted"),
        (vllm(num_spec_steps=5), "num_spec_steps is 5, but the rounds sum to 4"),
        (vllm(per_step_drafted=[2, 2, 2]), "one entry for each round"),
        (vllm(per_step_accepted=[2, 0, 2, 2]), "round 3: 2 of 1 drafts"),
        (vllm(per_step_accepted=[2, 0, 2, -1]), "list of whole numbers"),
        (vllm(acceptance_histogram=None, **NO_STEPS), "neither acceptance_histogram nor"),
        (vllm(acceptance_histogram_by_draft_length={"2": [1, 2]}, **NO_STEPS), r"needs 2 \+ 1 counts"),
        (vllm(num_draft_tokens=-1, **NO_STEPS), "num_draft_tokens must be a whole number"),
        ({"choices": []}, "no metrics of drafts"),
        ({"metrics": {"speculative_decoding": None}}, "no metrics of drafts"),
        ([1], "an answer is an object, got int"),
        ({"meta_info": {"completion_tokens": 3}}, "no spec_verify_ct"),
        ({"meta_info": {"completion_tokens": 3, "spec_verify_ct": 0}}, "nothing was verified"),
        ({"internal_states": [{}]}, "nothing was drafted yet"),
        ({"internal_states": [{"avg_spec_accept_length": 2.5}], "speculative_eagle_topk": 4}, "drafts trees"),
    ],
)
def test_damaged_answers(value, message):
    with pytest.raises(BadMeasurement, match=message):
        parse_answers(json.dumps(value))


def test_files_that_are_none(tmp_path):
    path = tmp_path / "metrics"
    for content, message in (
        (b"", "is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (json.dumps(vllm()).encode()[:-5], "line 1: not JSON .* the file may be cut"),
        ((json.dumps(vllm()) + "\n{").encode(), "line 2: not JSON"),
        (b"[]", "holds no answer"),
    ):
        path.write_bytes(content)
        with pytest.raises(BadMeasurement, match=message):
            read_measured(path)
