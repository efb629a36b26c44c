"""Which model server suits this machine, and the running one that builds share.

What to start is pure: `plan_llama` and `plan_mlx` (who needs which is in `serving.py`). The edge is
`ManagedServer`: start or join, readiness, a log, stop. Two builds at once use one server (a
second one beside it makes both many times slower): `<state>/<name>.json` says what runs,
`<name>.lock` is held while one of them looks or starts, and each user holds `<name>.holders`
until it stops or dies (`guildbus.launch.model_guard`).
"""

import fcntl
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import psutil

from guildbus.bus.lifeline import LIFELINE_VARIABLE
from guildbus.launch.llama_server import LlamaOptions
from guildbus.launch.warden import TOKEN_VARIABLE
from guildbus.protocols.errors import ModelError

PORT = "{port}"
READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 10.0
PATIENCE_S = 20.0
HEALTH_TIMEOUT_S = 2.0
LOG_LINES = 8


@dataclass(frozen=True)
class ServerPlan:
    """A server to start. A `{port}` in `argv` is replaced by `port`, or by a free one if that is 0.

    `name` is unique to a state folder; `health` is the path that answers 200 once it serves.
    """

    name: str
    kind: Literal["llama", "mlx"]
    argv: tuple[str, ...]
    health: str
    model: str
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def fingerprint(self) -> str:
        """Two plans of one fingerprint are served by the same process."""
        text = json.dumps([self.kind, self.argv, self.port, sorted(self.env.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ServerRecord:
    """What `<state>/<name>.json` says of a running server; `created_s` guards against a reused pid."""

    name: str
    pid: int
    created_s: float
    url: str
    fingerprint: str
    model: str
    log: str
    keep_alive: bool


def plan_llama(options: LlamaOptions, *, name: str = "model-server") -> ServerPlan:
    """llama.cpp through xllamacpp: one process for every role, adapters chosen a request."""
    words = [PORT if word == "-1" else word for word in replace(options, port=-1).argv()]
    argv = (sys.executable, "-P", "-m", "guildbus.launch.llama_server", *words)
    return ServerPlan(name, "llama", argv, "/health", options.alias, port=options.port)


def plan_mlx(
    model: str, adapter: Path | None = None, *, port: int = 0, name: str = "model-server"
) -> ServerPlan:
    """`mlx_lm.server` for one adapter: it would reload the model if adapters changed a request."""
    argv = [sys.executable, "-P", "-m", "mlx_lm.server", "--model", model]
    argv += ["--adapter-path", str(adapter)] if adapter else []
    argv += ["--host", "127.0.0.1", "--port", PORT]
    return ServerPlan(name, "mlx", tuple(argv), "/health", model, port=port)


class ManagedServer:
    """One use of a model server: started by us or joined. `start` and `stop` block."""

    def __init__(self, plan: ServerPlan, state_dir: Path, secrets: Collection[str] = ()) -> None:
        """`secrets` are variables of the environment that are not handed on, such as endpoints' API keys."""
        self.plan = plan
        self._hidden = {TOKEN_VARIABLE, LIFELINE_VARIABLE, *secrets}
        self._folder = state_dir
        self._holding: int | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def start(
        self,
        *,
        keep_alive: bool = False,
        timeout_s: float = READY_TIMEOUT_S,
        on_url: Callable[[str], None] = lambda url: None,
    ) -> ServerRecord:
        """Return a server that answers: the one that runs, or a new one.

        `keep_alive` leaves it running after the last user. `on_url` hears where it will answer as
        soon as that is known, seconds before it does. Raises ModelError if it ends early or
        is not ready in time (with the last lines of its log), or if one with other settings runs.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Before the look: from here on, a server that is found alive stays alive.
        self._hold()
        try:
            with _locked(self._folder / f"{self.plan.name}.lock"):
                record = running(self._folder, self.plan.name)
                if record is None or not _answers(record, self.plan.health):
                    if record is not None:
                        _end(record)
                    record = self._launch(keep_alive, timeout_s, on_url)
                else:
                    record = self._join(record, keep_alive)
                    on_url(record.url)
        except BaseException:
            self._let_go()
            raise
        return record

    def _join(self, record: ServerRecord, keep_alive: bool) -> ServerRecord:
        if record.fingerprint != self.plan.fingerprint:
            raise ModelError(
                f"a model server with other settings is running ({record.model}, pid {record.pid})",
                where=record.url,
                remedy="wait for the build that uses it, or stop that process",
            )
        if keep_alive and not record.keep_alive:
            return self._write(replace(record, keep_alive=True))
        return record

    def stop(self) -> None:
        """Let go of it; the last user ends it and waits, unless it is to be kept alive."""
        if self._holding is None:
            return
        with _locked(self._folder / f"{self.plan.name}.lock"):
            record = running(self._folder, self.plan.name)
            self._let_go()
            if record is not None and not record.keep_alive and _unused(self._holders()):
                _end(record)
                _record_path(self._folder, self.plan.name).unlink(missing_ok=True)
                if self._guard is not None:
                    self._guard.wait(STOP_TIMEOUT_S)

    def _launch(self, keep_alive: bool, timeout_s: float, on_url: Callable[[str], None]) -> ServerRecord:
        port = self.plan.port or _free_port()
        log = self._folder / f"{self.plan.name}.log"
        argv = [word.replace(PORT, str(port)) for word in self.plan.argv]
        holders, record_path = self._holders(), _record_path(self._folder, self.plan.name)
        guard = [sys.executable, "-P", "-m", "guildbus.launch.model_guard", str(holders), str(record_path)]
        # A server that several builds share must not carry one swarm's token or lifeline.
        env = {k: v for k, v in os.environ.items() if k not in self._hidden}
        with log.open("wb") as output:
            self._guard = subprocess.Popen(
                [*guard, "--", *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**env, **self.plan.env},
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        pid = self._guard.pid
        created_s = psutil.Process(pid).create_time()
        record = ServerRecord(
            self.plan.name, pid, created_s, url, self.plan.fingerprint, self.plan.model, str(log), keep_alive
        )
        on_url(url)
        try:
            self._await_ready(record, self._guard, timeout_s)
        except BaseException:
            _end(record)
            self._guard.wait(STOP_TIMEOUT_S)
            raise
        # It may outlive this use of it, and whoever ends it, this process is the one to reap it.
        threading.Thread(target=self._guard.wait, name="model-guard", daemon=True).start()
        return self._write(record)

    def _await_ready(self, record: ServerRecord, guard: subprocess.Popen[bytes], timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while not _healthy(record.url, self.plan.health):
            if guard.poll() is not None:
                raise self._failure(f"the model server ended (exit code {guard.returncode})")
            if time.monotonic() > until:
                raise self._failure(f"the model server was not ready within {timeout_s:g} s")
            time.sleep(0.1)

    def _failure(self, what: str) -> ModelError:
        log = self._folder / f"{self.plan.name}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        said = "\n  ".join(["; its last words:", *lines]) if lines else " without a word"
        return ModelError(what + said, where=str(log), remedy="`guildbus doctor` checks what it needs")

    def _write(self, record: ServerRecord) -> ServerRecord:
        path = _record_path(self._folder, self.plan.name)
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
        return record

    def _holders(self) -> Path:
        return self._folder / f"{self.plan.name}.holders"

    def _hold(self) -> None:
        if self._holding is None:
            self._holding = os.open(self._holders(), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._holding, fcntl.LOCK_SH)

    def _let_go(self) -> None:
        if self._holding is not None:
            os.close(self._holding)
            self._holding = None


def running(state_dir: Path, name: str = "model-server") -> ServerRecord | None:
    """What the state folder says, if that very process is alive (for `status` and `doctor` too)."""
    try:
        record = ServerRecord(**json.loads(_record_path(state_dir, name).read_text(encoding="utf-8")))
        process = psutil.Process(record.pid)
        alive = process.create_time() == record.created_s and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, TypeError, psutil.Error):
        return None
    return record if alive else None


def stop_server(state_dir: Path, name: str = "model-server") -> bool:
    """End a running server whoever uses it; False if none runs."""
    record = running(state_dir, name)
    if record is None:
        return False
    _end(record)
    _record_path(state_dir, name).unlink(missing_ok=True)
    return True


def _record_path(state_dir: Path, name: str) -> Path:
    return state_dir / f"{name}.json"


def _end(record: ServerRecord) -> None:
    """SIGTERM to the guard, which ends its server; SIGKILL to both when that takes too long."""
    try:
        guard = psutil.Process(record.pid)
        family = [guard, *guard.children(recursive=True)]
        guard.terminate()
    except psutil.NoSuchProcess:
        return
    _, left = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=STOP_TIMEOUT_S)


def _unused(holders: Path) -> bool:
    """Whether nobody holds the server; asked under the lock, so nobody new can come."""
    with holders.open("r+") as file:
        for kind, answer in ((fcntl.LOCK_EX, True), (fcntl.LOCK_SH, False)):
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return answer
    return True  # not even a shared lock: the guard has the exclusive one, and is ending


def _answers(record: ServerRecord, path: str) -> bool:
    """Whether a running server serves; patient, for it may be another build's, on a busy machine."""
    until = time.monotonic() + PATIENCE_S
    while not _healthy(record.url, path):
        if time.monotonic() > until or not psutil.pid_exists(record.pid):
            return False
        time.sleep(0.2)
    return True


def _healthy(url: str, path: str) -> bool:
    # No proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url + path, timeout=HEALTH_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
