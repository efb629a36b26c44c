"""What looking on costs a build: the same build with and without observers, in turn, by the real model.

Observed means: the web view is up and a client listens to the run's feed as a page does, `guildbus trace -f`
follows the run, and every process sends spans and metrics to an OTLP endpoint (which takes them and drops
them). A pair is one seed built both ways, the order changing from pair to pair; no answer of the model comes
from the store.

Both must hear the same from the model, or they are two builds and not one. So the embedded model is served by
one slot that keeps nothing of earlier prompts: then a request that is repeated gets the same answer. A pair
whose builds spoke another number of tokens all the same, as they may with a model of the user's own, is told
and not compared.
"""

import asyncio
import contextlib
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from guildbus.bus.tail import JournalReader
from guildbus.launch.bench.plain_build import COMMAND, build, environment
from guildbus.launch.config import GuildConfig
from guildbus.launch.llama_server import LlamaOptions
from guildbus.launch.model_servers import ManagedServer, plan_llama
from guildbus.launch.model_table import DEFAULT_MODEL, LLAMA_MODEL
from guildbus.launch.serving import check_files, gguf_path, served
from guildbus.launch.swarm import SwarmPaths
from guildbus.protocols.errors import BusError, InfrastructureError, UsageError

TARGET: Final = 1.03
LOOK_S: Final = 0.1
MARKS: Final = ("<!-- guildbus bench observers: from here -->", "<!-- guildbus bench observers: to here -->")


@dataclass(frozen=True, slots=True)
class Pair:
    """One seed, built both ways: wall time in seconds, and tokens."""

    seed: int
    plain_s: float
    observed_s: float
    plain_tokens: int
    observed_tokens: int

    @property
    def comparable(self) -> bool:
        """Whether the model said as much both times."""
        return self.plain_tokens == self.observed_tokens

    @property
    def ratio(self) -> float:
        """Observed to plain."""
        return self.observed_s / self.plain_s


def median_ratio(pairs: list[Pair]) -> float | None:
    """Of the pairs that can be compared; None if there is none."""
    ratios = [pair.ratio for pair in pairs if pair.comparable]
    return statistics.median(ratios) if ratios else None


def lines(pairs: list[Pair]) -> Iterator[str]:
    """The table, and the verdict."""
    yield "| seed | plain, s | observed, s | observed / plain |"
    yield "| ---: | ---: | ---: | ---: |"
    for pair in pairs:
        shown = f"{pair.ratio:.3f}" if pair.comparable else "another number of tokens"
        yield f"| {pair.seed} | {pair.plain_s:.1f} | {pair.observed_s:.1f} | {shown} |"
    median = median_ratio(pairs)
    ratios = sorted(pair.ratio for pair in pairs if pair.comparable)
    yield ""
    if median is None:
        yield "no pair can be compared"
    else:
        spread = f"{ratios[0]:.3f} to {ratios[-1]:.3f} in {len(ratios)} pairs"
        yield f"observed / plain: median {median:.3f}, {spread}; at most {TARGET} is wanted"


async def measure(
    config: GuildConfig,
    spec: Path,
    seeds: list[int],
    asked: Path | None,
    say: Callable[[str], None],
    keep: Callable[[list[Pair]], object] = lambda pairs: None,
) -> list[Pair]:
    """A pair a seed. `keep` is given those that are there after each, since all of them take long.

    Raises UsageError without the extra `otel`, InfrastructureError for a broken build.
    """
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise UsageError(
            "telemetry cannot be sent", where="bench observers", remedy="pip install 'guildbus[otel]'"
        )
    pairs: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="guildbus-observers-") as name:
        config = config.model_copy(update={"state_dir": Path(name, "s")})
        async with _served(config, asked, Path(name, "guild.toml"), say) as asked:
            for number, seed in enumerate(seeds):
                found: dict[bool, dict[str, Any]] = {}
                for observed in (False, True) if number % 2 == 0 else (True, False):
                    found[observed] = await _built(config, spec, seed, asked, observed=observed)
                pairs.append(_pair(seed, found[False], found[True]))
                keep(pairs)
                say(f"seed {seed}: plain {pairs[-1].plain_s:.1f} s, observed {pairs[-1].observed_s:.1f} s")
    return pairs


@contextlib.asynccontextmanager
async def _served(
    config: GuildConfig, asked: Path | None, own: Path, say: Callable[[str], None]
) -> AsyncIterator[Path | None]:
    """The models, up; yields the configuration file that the builds read.

    That is the user's, if there is one. Else the embedded model repeats itself, behind the file `own`.
    """
    if asked is not None or config.models[DEFAULT_MODEL].managed != "llama":
        async with served(config, say) as models:
            await models.ready()
            yield asked
        return
    check_files(config)
    options = LlamaOptions(gguf_path(config, LLAMA_MODEL), LLAMA_MODEL, slots=1, reuse=False)
    server = ManagedServer(plan_llama(options), config.state_dir)
    say(f"starting the model server ({LLAMA_MODEL}, one slot)")
    url = (await asyncio.to_thread(server.start)).url
    try:
        text = f'[models.{DEFAULT_MODEL}]\nmodel = "{LLAMA_MODEL}"\nbase_url = "{url}/v1"\ncontinues = true\n'
        await asyncio.to_thread(own.write_text, text, encoding="utf-8")
        yield own
    finally:
        await asyncio.to_thread(server.stop)


def _pair(seed: int, plain: dict[str, Any], observed: dict[str, Any]) -> Pair:
    return Pair(seed, plain["wall_s"], observed["wall_s"], _tokens(plain), _tokens(observed))


def _tokens(report: dict[str, Any]) -> int:
    return int(report["model"]["prompt_tokens"] + report["model"]["completion_tokens"])


async def _built(
    config: GuildConfig, spec: Path, seed: int, asked: Path | None, *, observed: bool
) -> dict[str, Any]:
    shutil.rmtree(config.state_dir / "completions", ignore_errors=True)
    environ = environment(config, asked)
    out = config.state_dir.with_name("package")
    looking: contextlib.AbstractAsyncContextManager[dict[str, str]] = contextlib.nullcontext({})
    if observed:
        looking = _observers(config, environ)
    async with looking as more:
        report = await build(spec, seed, out, {**environ, **more})
    shutil.rmtree(out, ignore_errors=True)
    if report["status"].startswith("red:infra"):
        raise InfrastructureError(f"the build broke: {report['diagnosis']}", where=str(spec))
    return report


@contextlib.asynccontextmanager
async def _observers(config: GuildConfig, environ: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
    """Everyone who looks on, and what the build must be told for it."""
    view = await asyncio.create_subprocess_exec(
        *COMMAND, "ui", "--port", "0", "--json", env=dict(environ), stdout=asyncio.subprocess.PIPE
    )
    watching = threading.Event()
    try:
        with _collector() as collector:
            url = await _address(view)
            following = asyncio.create_task(
                asyncio.to_thread(_follow, SwarmPaths(config.state_dir).journal, url, environ, watching)
            )
            yield {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
            watching.set()
            await following
    finally:
        watching.set()
        with contextlib.suppress(ProcessLookupError):
            view.terminate()
        await view.wait()


async def _address(view: asyncio.subprocess.Process) -> str:
    """What `guildbus ui --json` prints; the object may take several lines."""
    text = ""
    assert view.stdout is not None
    while line := await view.stdout.readline():
        text += line.decode()
        with contextlib.suppress(ValueError):
            return str(json.loads(text)["url"])
    raise InfrastructureError("the web view did not start", where="guildbus ui")


def _follow(journal: Path, url: str, environ: Mapping[str, str], stopping: threading.Event) -> None:
    """Wait for the run that begins now; then read its feed and its trace until the build has ended."""
    known = set(_runs(journal))
    while not stopping.wait(LOOK_S):
        fresh = [run for run in _runs(journal) if run not in known]
        if fresh:
            break
    else:
        return
    words = (*COMMAND, "trace", fresh[0], "-f")
    trace = subprocess.Popen(words, env=dict(environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/runs/{fresh[0]}/feed", timeout=20) as feed:
            while not stopping.is_set() and feed.readline():
                pass
    finally:
        trace.terminate()
        trace.wait()


def _runs(journal: Path) -> list[str]:
    try:
        reader = JournalReader(journal)
    except BusError:
        return []
    try:
        return reader.runs()
    finally:
        reader.close()


@contextlib.contextmanager
def _collector() -> Iterator[str]:
    """The URL of an OTLP endpoint that takes everything."""

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
