"""Recorded requests: each form, and every way to be damaged."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from specsim.serving import BadArrivals, Workload, read_arrivals

AZURE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"
    "2023-11-16 18:15:50.9951690,396,109\n"
)
BURST = (
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,0,1087,API log\n"
)
MOONCAKE = [
    {"timestamp": 27000, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]},
    {"timestamp": 30500, "input_length": 500, "output_length": 26, "hash_ids": []},
]
OWN = '{"arrival": 2.0, "prompt": 7, "output": 3, "acceptance": 0.5}'


def write(tmp_path, content, name="requests"):
    path = tmp_path / name
    text = content if isinstance(content, str) else "".join(json.dumps(line) + "\n" for line in content)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("content", "arrival", "prompt", "output"),
    [
        (AZURE, [0, 4.314579], [374, 396], [44, 109]),
        (
            AZURE.replace("900,", "900+00:00,").replace("690,", "690+00:00,"),
            [0, 4.314579],
            [374, 396],
            [44, 109],
        ),
        (AZURE.replace("\n", "\r\n"), [0, 4.314579], [374, 396], [44, 109]),
        (BURST, [0, 40], [472, 1087], [18, 0]),
        (MOONCAKE, [0, 3.5], [6955, 500], [52, 26]),
        ("timestamp,prompt_tokens,output_tokens\n7.5,10,1\n9,20,2\n", [0, 1.5], [10, 20], [1, 2]),
        ("arrival,prompt,output\n7.5,10,1\n\n9,20,2\n", [7.5, 9], [10, 20], [1, 2]),
    ],
)
def test_forms(tmp_path, content, arrival, prompt, output):
    load = read_arrivals(write(tmp_path, content), acceptance=0.7)
    assert load.arrival == pytest.approx(arrival, abs=1e-6)
    assert (load.prompt.tolist(), load.output.tolist()) == (prompt, output)
    assert load.acceptance.tolist() == [0.7] * len(arrival)


def test_our_own_form_has_acceptances_and_any_order(tmp_path):
    path = write(tmp_path, OWN + '\n\n{"arrival": 1.0, "prompt": 5, "output": 2, "acceptance": 0.8}')
    load = read_arrivals(path)
    assert load.arrival.tolist() == [1.0, 2.0]
    assert load.prompt.tolist() == [5, 7]
    assert load.acceptance.tolist() == [0.8, 0.5]
    with pytest.raises(BadArrivals, match="has acceptances of its own"):
        read_arrivals(path, acceptance=0.5)


def test_dates_keep_their_digits_and_offsets(tmp_path):
    lines = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    for time in (
        "2024-05-10 00:00:00.009930+00:00",
        "2024-05-10T02:00:01.0099305+02:00",
        "2024-05-10 00:00:02Z",
    ):
        lines += f"{time},1,1\n"
    load = read_arrivals(write(tmp_path, lines), acceptance=0.5)
    assert np.diff(load.arrival) == pytest.approx([1.0000005, 0.9900695], abs=2.5e-7)


def test_packed_files_and_limits(tmp_path):
    path = tmp_path / "azure.csv.gz"
    path.write_bytes(gzip.compress(AZURE.encode()))
    assert read_arrivals(path, acceptance=0.5).size == 2
    assert read_arrivals(path, acceptance=0.5, limit=1).size == 1
    whole = path.read_bytes()
    for damaged in (whole[:-9], b"no gzip", whole[:25] + b"\0\0\0" + whole[28:]):
        path.write_bytes(damaged)
        with pytest.raises(BadArrivals, match="is cut or no gzip file"):
            read_arrivals(path, acceptance=0.5)


def test_a_beta_law_needs_a_generator(tmp_path):
    path = write(tmp_path, AZURE)
    draws = [read_arrivals(path, acceptance=(3.0, 1.5), rng=np.random.default_rng(7)) for _ in range(2)]
    assert draws[0].acceptance.tolist() == draws[1].acceptance.tolist()
    with pytest.raises(BadArrivals, match="give rng"):
        read_arrivals(path, acceptance=(3.0, 1.5))
    with pytest.raises(BadArrivals, match="how well drafts do; give an acceptance"):
        read_arrivals(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no request"),
        ("\n\n", "holds no request"),
        ("arrival,prompt,output\n", "holds no request"),
        ("arrival,prompt,output\n0,1,2\n1,1,2", "last line has no end, so the file may be cut"),
        ("arrival,prompt,output\n0,1,2\n1,1\n", "line 3: 3 columns are named, got 2; the file may be cut"),
        (
            "arrival,prompt,output,speed\n0,1,2,3\n",
            "form own has no column 'speed'; known are acceptance, arrival",
        ),
        ("arrival,prompt,prompt,output\n0,1,1,2\n", "a column comes twice"),
        ("time,in,out\n0,1,2\n", "one of these sets of columns"),
        (
            AZURE.replace("374", "-374"),
            "ContextTokens must be a whole number of tokens of at least 1, got -374",
        ),
        (
            AZURE.replace(",44", ",-1"),
            "GeneratedTokens must be a whole number of tokens of at least 0, got -1",
        ),
        (AZURE.replace("374", "0"), "at least 1, got 0"),
        (AZURE.replace("374", "3.5"), "got 3.5"),
        (AZURE.replace("374", "many"), "line 2: ContextTokens must be a number, got 'many'"),
        (AZURE.replace("2023-11-16 18:15:46.6805900", "soon"), "TIMESTAMP must be a number, got 'soon'"),
        (AZURE.replace("18:15:46.6805900", "18:75:46"), "no number of seconds and no date"),
        (AZURE.replace("46.6805900", "46."), "no number of seconds and no date"),
        (BURST.replace("\n5,", "\n-5,"), "Timestamp must be 0 or later, got -5"),
        (BURST.replace("\n5,", "\ninf,"), "Timestamp must be a number"),
        ("{", "line 1: not JSON .* the file may be cut"),
        ('{"arrival": 0}\n', "one of these sets of columns"),
        (OWN + "\n[1]\n", "line 2: a request is an object"),
        (OWN + '\n{"arrival": 3}\n', "line 2: a request of form own has output, prompt, too"),
        (OWN + "\n" + OWN.replace("prompt", "propmt"), "has prompt, too"),
        (OWN.replace("0.5", "1.5"), "acceptance must be a probability"),
        (OWN.replace("7", "true"), "prompt must be a number, got True"),
        (OWN + '\n{"arrival": 3, "prompt": 1, "output": 1}\n', "an acceptance for 1 of 2 requests"),
        ([{**MOONCAKE[0], "color": 1}], "form Mooncake has no column 'color'"),
    ],
)
def test_damage(tmp_path, content, message):
    with pytest.raises(BadArrivals, match=message):
        read_arrivals(write(tmp_path, content), acceptance=None if "acceptance" in str(content) else 0.5)


def test_not_text(tmp_path):
    path = tmp_path / "requests"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadArrivals, match="not UTF-8"):
        read_arrivals(path)


def test_a_rate_stretches_arrivals():
    load = Workload([0.0, 1.0, 1.0, 5.0], [1] * 4, [1] * 4, [0.5] * 4)
    fast = load.at_rate(8.0)
    assert fast.arrival.tolist() == pytest.approx([0, 0.1, 0.1, 0.5])
    assert fast.size / fast.arrival[-1] == pytest.approx(8.0)
    with pytest.raises(ValueError, match="spread over time"):
        Workload([0.0], [1], [1], [0.5]).at_rate(1)
    assert load.only([1, 3]).arrival.tolist() == [1.0, 5.0]
