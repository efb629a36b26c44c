"""Key files and the list of keys: what they hold, who can read them, what a broken line does."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zmq.auth
from hypothesis import given
from hypothesis import strategies as st

from guildbus.bus.keys import (
    AllowedKey,
    KeyPair,
    Keyring,
    check_private,
    is_public_key,
    new_pair,
    parse_allowed,
    read_pair,
    write_pair,
)
from guildbus.protocols.errors import ConfigError, UsageError

KEYS = st.text("0123456789abcXYZ.-:+=^!/*?&<>()[]{}@%$#", min_size=40, max_size=40)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@given(
    st.lists(st.tuples(NAMES, KEYS), max_size=4, unique_by=(lambda line: line[0], lambda line: line[1])),
    st.lists(NAMES, min_size=1, max_size=3),
)
def test_what_is_written_is_read(keys: list[tuple[str, str]], roles: list[str]) -> None:
    lines = [AllowedKey(name, key, tuple(roles), ("a", "b-*")) for name, key in keys]
    text = "# heading\n\n" + "".join(line.line() for line in lines)
    assert parse_allowed(text) == ({line.public: line for line in lines}, [])


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser_and_no_nonsense_lets_a_key_in(text: str) -> None:
    found, _ = parse_allowed(text)
    assert all(is_public_key(key) for key in found)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("go-dev {key} go-dev", "3 fields"),
        ("go-dev short go-dev go-dev", "40 characters"),
        ("../x {key} go-dev go-dev", "no name"),
        ("go-dev {key} go-dev, go-dev", "roles"),
        ("go-dev {key} * go-dev", "roles"),
        ("go-dev {key} go-dev a/b", "agents"),
        ("go-dev {key} go-dev [a-z]", "agents"),
        ("first {other} go-dev go-dev", "earlier line"),
        ("go-dev {first} go-dev go-dev", "earlier line"),
    ],
)
def test_a_broken_line_lets_nobody_in_and_is_named(line: str, complaint: str) -> None:
    keys = {"key": "k" * 40, "other": "o" * 40, "first": "f" * 40}
    good = AllowedKey("first", keys["first"], ("verifier",), ("v",))
    found, (mistake,) = parse_allowed(good.line() + line.format(**keys) + "\n")
    assert list(found.values()) == [good]
    assert mistake.startswith("line 2:")
    assert complaint in mistake


@pytest.mark.parametrize(
    ("agent", "role", "welcome"),
    [
        ("go-dev", "go-dev", True),
        ("go-dev-2", "go-dev", True),
        ("go-dev", "planner", False),
        ("planner", "go-dev", False),
        ("GO-DEV", "go-dev", False),
        ("go-developer", "go-dev", False),
        ("", "go-dev", False),
    ],
)
def test_a_key_opens_its_roles_under_its_names_only(agent: str, role: str, welcome: bool) -> None:
    denial = AllowedKey("go-dev", "k" * 40, ("go-dev",), ("go-dev", "go-dev-*")).denial(agent, role)
    assert (denial is None) == welcome
    assert denial is None or denial.code == "protocol.not_allowed"


def test_only_we_can_read_what_is_written(ring: Keyring) -> None:
    before = os.umask(0)
    try:
        _, path = ring.new("go-dev", ("go-dev",), ("go-dev",))
    finally:
        os.umask(before)
    assert path == ring.path_of("go-dev")
    assert mode(ring.folder) == 0o700
    for found in ring.folder.iterdir():
        assert mode(found) == 0o600


def test_a_pair_is_a_certificate_of_zeromqs(ring: Keyring) -> None:
    ring.prepare()
    public, secret = zmq.auth.load_certificate(ring.path_of("server"))
    assert secret is not None
    pair = ring.server_pair()
    assert (public.decode(), secret.decode()) == (pair.public, pair.secret)
    assert zmq.curve_public(secret) == public
    assert ring.server_key() == pair.public
    ring.prepare()
    assert ring.server_pair() == pair


def test_a_secret_is_in_no_repr_and_no_error(tmp_path: Path) -> None:
    pair = new_pair()
    assert pair.secret not in repr(pair)
    write_pair(tmp_path / "x.key", pair)
    (tmp_path / "x.key").chmod(0o640)
    with pytest.raises(ConfigError, match="others can get at this file") as caught:
        read_pair(tmp_path / "x.key")
    assert "chmod 600" in caught.value.remedy
    assert pair.secret not in str(caught.value)


@pytest.mark.parametrize("text", ["", "public-key = 'x'", f'public-key = "{"k" * 40}"', "\xff" * 90])
def test_what_is_no_pair_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.key"
    path.touch(0o600)
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError):
        read_pair(path)


def test_a_key_that_was_made_elsewhere_leaves_no_secret_here(ring: Keyring) -> None:
    elsewhere = new_pair()
    key, path = ring.new("far", ("go-dev",), ("far-*",), elsewhere.public)
    assert path is None
    assert not ring.path_of("far").exists()
    assert ring.allowed() == ({elsewhere.public: key}, [])


def test_a_name_has_one_key_and_revoking_frees_it(ring: Keyring) -> None:
    first, path = ring.new("go-dev", ("go-dev",), ("go-dev",))
    with pytest.raises(UsageError, match="already"):
        ring.new("go-dev", ("go-dev",), ("go-dev",))
    assert ring.revoke("go-dev") == first
    assert ring.allowed() == ({}, [])
    assert path is not None
    assert not path.exists()
    with pytest.raises(UsageError, match="no key 'go-dev'"):
        ring.revoke("go-dev")
    second, _ = ring.new("go-dev", ("go-dev",), ("go-dev",))
    assert second.public != first.public


@pytest.mark.parametrize("name", ["server", "", "../up", "a b", "x" * 65])
def test_a_bad_name_makes_no_key(ring: Keyring, name: str) -> None:
    with pytest.raises(UsageError):
        ring.new(name, ("go-dev",), ("go-dev",))
    assert ring.allowed() == ({}, [])
    assert sorted(path.name for path in ring.folder.iterdir()) == [".lock", "server.key", "server.pub"]


def test_a_list_that_others_may_write_lets_nobody_in(ring: Keyring) -> None:
    ring.new("go-dev", ("go-dev",), ("go-dev",))
    ring.allowed_path.chmod(0o666)
    found, (mistake,) = ring.allowed()
    assert found == {}
    assert "others can get at this file" in mistake


def test_many_at_once_lose_no_line(ring: Keyring) -> None:
    ring.prepare()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ring.new(f"k{n}", ("go-dev",), ("go-dev",)), range(24)))
    found, mistakes = ring.allowed()
    assert sorted(key.name for key in found.values()) == sorted(f"k{n}" for n in range(24))
    assert mistakes == []


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(0o700)
    check_private(folder)
    for bits in (0o701, 0o710, 0o750, 0o755, 0o777):
        folder.chmod(bits)
        with pytest.raises(ConfigError, match="not a folder of ours alone"):
            check_private(folder)
    folder.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(ConfigError):
        check_private(link)


def test_a_pair_shows_its_public_half() -> None:
    assert repr(KeyPair("p" * 40, "s" * 40)) == f"KeyPair({'p' * 40})"
