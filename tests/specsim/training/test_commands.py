import json
import os

import numpy as np
import pytest

from specsim.cli import main
from specsim.plots.learning import learning_figure
from specsim.training import Curve


def failure(capsys, *words):
    status = main(list(words))
    return status, capsys.readouterr().err


def test_wrong_command_lines_are_one_sentence(capsys, tmp_path):
    assert failure(capsys, "dump", "out", "--layers", "4,4")[0] == 2
    status, message = failure(capsys, "dump", "out", "--prompt-file", "nowhere.jsonl")
    assert (status, "there is no file 'nowhere.jsonl'" in message) == (2, True)
    status, message = failure(capsys, "dump", "out", "--temperature", "-1")
    assert (status, "is not a number of at least 0" in message) == (2, True)
    status, message = failure(capsys, "train", "out", "--dump", str(tmp_path / "none"))
    assert (status, "make one by specsim dump" in message) == (2, True)
    status, message = failure(capsys, "train", "out", "--dump", str(tmp_path), "--divergence", "kl")
    assert (status, "is not one of hard" in message) == (2, True)
    status, message = failure(capsys, "train", "out", "--dump", str(tmp_path))
    assert (status, "is not a dump" in message) == (1, True)


@pytest.mark.slow
def test_a_draft_from_nothing(tmp_path, capsys):
    """Dump, train quickly, and again: nothing is left to do then, and the file is the same."""
    from specsim.models import ModelUnavailable, load

    try:
        load("glassllm-en")
    except ModelUnavailable as error:
        pytest.skip(f"glassllm-en can't be had: {error}")
    file = tmp_path / "mine.jsonl"
    lines = [{"domain": "tale", "text": f"Alice was beginning to get tired {n}"} for n in range(30)]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    words = ["--positions", "200", "--tokens", "8", "--prompt-file", str(file)]
    assert main(["dump", str(tmp_path / "dump"), "--model", "glassllm-en", *words]) == 0
    assert "generated tokens in" in capsys.readouterr().out
    words = ["--dump", str(tmp_path / "dump"), "--model", "glassllm-en", "--quick", "--pretraining", "0"]
    assert main(["train", str(tmp_path / "draft"), *words]) == 0
    assert "on held-out prompts sum min(p, q) is 0." in capsys.readouterr().out
    assert {"draft.safetensors", "curve.csv", "curve.png"} <= set(os.listdir(tmp_path / "draft"))
    first = (tmp_path / "draft" / "draft.safetensors").read_bytes()
    assert main(["train", str(tmp_path / "draft"), *words]) == 0
    assert (tmp_path / "draft" / "draft.safetensors").read_bytes() == first


def test_learning_figures_have_a_panel_a_column():
    curve = Curve(("pt",) * 3 + ("ft",) * 3, {"loss": np.arange(6.0), "acceptance": np.full(6, 0.5)})
    other = Curve(("train",) * 4, {"loss": np.arange(4.0)})
    figure = learning_figure({"draft": curve, "other": other}, columns=("loss", "acceptance"))
    loss, accepted = figure.axes
    assert len(loss.lines) == 4
    assert len(accepted.lines) == 2
    assert [text.get_text() for text in loss.texts] == ["pt", "ft"]
    with pytest.raises(ValueError, match="no curve has a column 'accuracy'"):
        learning_figure({"draft": curve}, columns=("accuracy",))
    with pytest.raises(ValueError, match="a curve and a column at least"):
        learning_figure({})
