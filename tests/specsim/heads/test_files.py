"""Heads in files: what is read is what was written, in float16; a wrong file is named."""

import jax
import numpy as np
import pytest

from specsim.heads import AcceptHead, Backbone, HeadFileError, JudgeProbe, Sorted, load, save
from specsim.models import toy_model
from specsim.training import artefacts

from .test_networks import HIDDEN, MODEL, TIPS, shaken


def written(tmp_path, network, params=None):
    path = tmp_path / "head.safetensors"
    save(path, network, shaken(network) if params is None else params, note={"command": "made by hand"})
    return path


@pytest.mark.parametrize("name", ["hydra", "dovetail"])
def test_a_head_comes_back_in_float16(tmp_path, name):
    path = written(tmp_path, TIPS[name])
    network, params = load(path, MODEL)
    for got, kept in zip(jax.tree.leaves(params), jax.tree.leaves(shaken(TIPS[name])), strict=True):
        np.testing.assert_array_equal(got, np.asarray(kept).astype(np.float16).astype(np.float32))
    assert type(network) is type(TIPS[name])
    assert jax.tree.structure(network) == jax.tree.structure(TIPS[name])
    assert artefacts.read(path).about["command"] == "made by hand"


def test_probes_come_back_without_a_target(tmp_path):
    probe, params = load(written(tmp_path, JudgeProbe.standardised(HIDDEN)))
    assert probe.mean.shape == (32,)
    assert params["weight"].shape == (32,)
    head, _ = load(written(tmp_path, AcceptHead(width=32, rank=4)))
    assert (head.width, head.blocks, head.shared, head.rank) == (32, 3, False, 4)


def test_a_head_needs_its_target(tmp_path):
    path = written(tmp_path, Sorted(Backbone.of(MODEL), exits=(1, 2), feed_forward=4))
    with pytest.raises(HeadFileError, match=r"Sorted needs its target: load\(source, model\)"):
        load(path)
    assert load(path, MODEL)[0].exits == (1, 2)


def test_the_head_of_another_target_is_refused(tmp_path):
    path = tmp_path / "head.safetensors"
    save(path, TIPS["medusa"], shaken(TIPS["medusa"]), note={"target": "0" * 64})
    with pytest.raises(HeadFileError, match="trained for another target than toy"):
        load(path, toy_model(seed=0))


def test_what_is_no_head_is_named(tmp_path, monkeypatch):
    path = tmp_path / "other.safetensors"
    artefacts.save(path, {"a": np.ones(2)}, own={}, about={"seed": 0})
    with pytest.raises(HeadFileError, match="holds no head: its network is None"):
        load(path)
    artefacts.save(path, {"a": np.ones(2)}, own={}, about={"network": "AcceptHead", "settings": {"width": 4}})
    with pytest.raises(HeadFileError, match="has no array bias, which AcceptHead needs"):
        load(path)
    artefacts.update_sums(tmp_path)
    monkeypatch.setenv("SPECSIM_ARTEFACTS", str(tmp_path))
    with pytest.raises(artefacts.ArtefactError, match="there is no artefact 'nothing'"):
        load("nothing")
