"""Keys for a bus that listens on TCP: key files, and the list of client keys that may come in.

One folder holds both ends: `server.key` (the broker's pair), `server.pub` (what clients must know of it),
`NAME.key` (a client's pair), and `allowed`, a line a client key:

    # name  public key  roles  agents
    go-dev  rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7  go-dev  go-dev,go-dev-*

A key opens the door for these roles under these names and for nothing else, so that a stolen key of go-dev
is no planner. Files are 0600 in a folder 0700, written whole or not at all. `curve.py` puts them on sockets.
"""

import contextlib
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import zmq

from guildbus.protocols.errors import ConfigError, NotAllowed, UsageError

SERVER: Final = "server"
ALLOWED: Final = "allowed"
HEADING: Final = "# name  public key  roles  agents\n"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PATTERN: Final = re.compile(r"[A-Za-z0-9*?._-]{1,64}")
_KEY: Final = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A Curve25519 pair in Z85: 40 characters each."""

    public: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair({self.public})"


@dataclass(frozen=True, slots=True)
class AllowedKey:
    """One line of the list. `agents` are names, or patterns of names with `*` and `?`."""

    name: str
    public: str
    roles: tuple[str, ...]
    agents: tuple[str, ...]

    def denial(self, agent: str, role: str) -> NotAllowed | None:
        """Why the owner of this key may not say HELLO under this name and role; None if it may."""
        if role in self.roles and any(fnmatchcase(agent, pattern) for pattern in self.agents):
            return None
        return NotAllowed(
            f"the key {self.name!r} does not allow the agent {agent[:64]!r} in the role {role[:64]!r}",
            where="HELLO",
            remedy="`guildbus keys list` shows what each key allows",
        )

    def line(self) -> str:
        """Its line in the file."""
        return f"{self.name}  {self.public}  {','.join(self.roles)}  {','.join(self.agents)}\n"


def is_public_key(text: str) -> bool:
    """Whether this is a key in Z85."""
    return _KEY.fullmatch(text) is not None


def parse_allowed(text: str) -> tuple[dict[str, AllowedKey], list[str]]:
    """The lines by public key, and what is wrong with the others: a broken line lets nobody in."""
    found: dict[str, AllowedKey] = {}
    mistakes: list[str] = []
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or line.lstrip().startswith("#"):
            continue
        if len(fields) != 4:
            mistakes.append(f"line {number}: {len(fields)} fields instead of 4")
            continue
        name, public, roles, agents = fields[0], fields[1], fields[2].split(","), fields[3].split(",")
        if not _NAME.fullmatch(name) or not is_public_key(public):
            mistakes.append(f"line {number}: no name, or no key of 40 characters")
        elif not all(_NAME.fullmatch(role) for role in roles):
            mistakes.append(f"line {number}: not a list of roles: {fields[2][:64]}")
        elif not all(_PATTERN.fullmatch(pattern) for pattern in agents):
            mistakes.append(f"line {number}: not a list of agents: {fields[3][:64]}")
        elif name in names or public in found:
            mistakes.append(f"line {number}: the name or key of an earlier line")
        else:
            names.add(name)
            found[public] = AllowedKey(name, public, tuple(roles), tuple(agents))
    return found, mistakes


class Keyring:
    """The folder. Every method that changes it takes its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.allowed_path = folder / ALLOWED

    def path_of(self, name: str) -> Path:
        """Where the pair of a client, or of `server`, is."""
        return self.folder / f"{name}.key"

    def server_pair(self) -> KeyPair:
        """The broker's own pair. ConfigError if there is none."""
        return read_pair(self.path_of(SERVER))

    def server_key(self) -> str:
        """The public half. ConfigError if there is none."""
        try:
            found = (self.folder / f"{SERVER}.pub").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if not is_public_key(found):
            raise ConfigError(
                "the broker has no key, or it cannot be read",
                where=str(self.folder / f"{SERVER}.pub"),
                remedy="`guildbus keys new --roster` makes the broker's key and one for each agent",
            )
        return found

    def allowed(self) -> tuple[dict[str, AllowedKey], list[str]]:
        """The list as it is now; nobody if there is no file."""
        try:
            check_secret(self.allowed_path, 0o022)
            return parse_allowed(self.allowed_path.read_text("utf-8"))
        except FileNotFoundError:
            return {}, []
        except (OSError, UnicodeDecodeError) as error:
            return {}, [f"the list cannot be read: {error}"]
        except ConfigError as error:
            return {}, [str(error)]

    def prepare(self) -> None:
        """Make the folder, and the broker's pair, unless they are there."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(self.folder)
        with self._locked():
            if not self.path_of(SERVER).exists():
                pair = new_pair()
                write_pair(self.path_of(SERVER), pair)
                _write(self.folder / f"{SERVER}.pub", pair.public + "\n")

    def new(
        self, name: str, roles: tuple[str, ...], agents: tuple[str, ...], public: str = ""
    ) -> tuple[AllowedKey, Path | None]:
        """Let a key in: a new pair, whose file is returned, or the `public` half of one made elsewhere.

        UsageError if the name has a key already, or something in the line is not well-formed.
        """
        self.prepare()
        with self._locked():
            found, _ = self.allowed()
            if any(key.name == name for key in found.values()):
                raise UsageError(
                    f"there is a key {name!r} already",
                    where=str(self.allowed_path),
                    remedy=f"`guildbus keys revoke {name}` first",
                )
            pair = KeyPair(public, "") if public else new_pair()
            added = AllowedKey(name, pair.public, roles, agents)
            _, mistakes = parse_allowed("".join(key.line() for key in (*found.values(), added)))
            if mistakes or name == SERVER or not roles or not agents:
                what = (
                    mistakes[0].partition(": ")[2] if mistakes else f"{name!r} is no name for a client's key"
                )
                raise UsageError(what, where=f"key {name!r}")
            path = None
            if pair.secret:
                path = self.path_of(name)
                write_pair(path, pair)
            self._replace_list([*found.values(), added])
        return added, path

    def revoke(self, name: str) -> AllowedKey:
        """Take a key off the list, and remove its file if it is here. UsageError if there is none."""
        with self._locked():
            found, _ = self.allowed()
            revoked = next((key for key in found.values() if key.name == name), None)
            if revoked is None:
                raise UsageError(
                    f"there is no key {name!r}", where=str(self.allowed_path), remedy="`guildbus keys list`"
                )
            self._replace_list([key for key in found.values() if key is not revoked])
            self.path_of(name).unlink(missing_ok=True)
        return revoked

    def _replace_list(self, keys: list[AllowedKey]) -> None:
        _write(self.allowed_path, HEADING + "".join(key.line() for key in keys))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"the folder of keys cannot be used: {error.strerror}",
                where=str(self.folder),
                remedy="`guildbus keys new NAME` makes it",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def new_pair() -> KeyPair:
    """A pair that nobody has seen yet."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


def write_pair(path: Path, pair: KeyPair) -> None:
    """In ZeroMQ's certificate format, so that `zmq.auth.load_certificate` reads it too."""
    text = f'metadata\ncurve\n    public-key = "{pair.public}"\n    secret-key = "{pair.secret}"\n'
    _write(path, text)


def read_pair(path: Path) -> KeyPair:
    """ConfigError if the file is not there, is not a pair, or others can read it."""
    try:
        check_secret(path, 0o077)
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the key cannot be read: {error}",
            where=str(path),
            remedy="`guildbus keys new NAME` makes one; `--roster` one for each agent, and the broker's",
        ) from error
    halves = dict(re.findall(r'^\s*(public-key|secret-key)\s*=\s*"(\S{40})"\s*$', text, re.MULTILINE))
    if len(halves) != 2 or not all(is_public_key(half) for half in halves.values()):
        raise ConfigError("not a key pair", where=str(path), remedy="a file that `guildbus keys new` made")
    return KeyPair(halves["public-key"], halves["secret-key"])


def check_secret(path: Path, forbidden: int) -> None:
    """ConfigError if the file's owner is another, or its mode has one of these bits. Raises OSError."""
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & forbidden:
        raise ConfigError(
            f"others can get at this file (mode {stat.S_IMODE(found.st_mode):04o})",
            where=str(path),
            remedy=f"chmod 600 {path}; if somebody may have read it, make a new key",
        )


def check_private(folder: Path) -> None:
    """ConfigError unless the folder is ours, no link, and closed to everybody else."""
    try:
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(f"the folder cannot be used: {error.strerror}", where=str(folder)) from error
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or mode & 0o077:
        raise ConfigError(
            f"not a folder of ours alone (mode {mode:04o}, owner {found.st_uid})",
            where=str(folder),
            remedy=f"chmod 700 {folder}, or use a folder of your own",
        )


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
