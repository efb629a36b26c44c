"""The Python API, which the command line stands on: build, resume, cancel, trace. See docs/python-api.md.

    async with guildbus.Swarm() as swarm:
        report = await swarm.build("specs/numkit.yaml")

A `Swarm` that is entered keeps one swarm for all that is asked of it. One that is not does what a command
does: each run is served by the swarm that is up, or brings one of its own, which ends with it. `ground.py`
knows the difference; from there on it is the same code (building.py, cancelling.py, attending.py).
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from guildbus.launch import building, cancelling
from guildbus.launch.asked import config_from, options_from, spec_from
from guildbus.launch.attending import named_run, read_log
from guildbus.launch.config import GuildConfig, with_finishers
from guildbus.launch.following import follow_run
from guildbus.launch.ground import Stand, lasting_ground
from guildbus.launch.live import Overheard, SilentView, View
from guildbus.launch.membership import swarm_registry
from guildbus.launch.results import BuildReport, RunSummary, TracedMessage
from guildbus.launch.run_list import read_runs
from guildbus.launch.swarm import SwarmPaths
from guildbus.protocols.errors import OutputError
from guildbus.protocols.messages.build import BuildFinished
from guildbus.protocols.registry import Registry
from guildbus.protocols.spec import Spec

Heard = Callable[[TracedMessage], object]


class Swarm:
    """Builds, on one configuration. A red build is a result and raises nothing.

    UsageError (ConfigError, SpecError, OutputError) says that it cannot be done as asked, InfrastructureError
    (BusError, ModelError, SandboxError, ToolchainError) that something which the work stands on is missing.
    """

    def __init__(
        self,
        config: GuildConfig | Path | str | None = None,
        *,
        finishers: Sequence[str] | None = None,
        unsafe_no_sandbox: bool = False,
        view: View | None = None,
    ) -> None:
        """`config` is a `guild.toml`, or what was read from one; None finds it as the command does.

        `finishers` are the roles that improve a green package, instead of those that it names. `view` is
        shown what goes on: `guildbus.PlainView(print)` gives a line for each thing. ConfigError.
        """
        found = config_from(config)
        self.config = found if finishers is None else with_finishers(found, finishers)
        self._unsafe = unsafe_no_sandbox
        self._view = view or SilentView()
        self._lasting: contextlib.AbstractAsyncContextManager[Stand] | None = None
        self._stand: Stand | None = None
        self._folders: set[Path] = set()

    @cached_property
    def registry(self) -> Registry:
        """The message types of this configuration, those of installed packages too. ConfigError."""
        return swarm_registry(self.config)

    async def __aenter__(self) -> Self:
        """Join the swarm that is up on the state folder, or start one: broker, agents and models are ready.

        Like `guildbus up`, it goes on with every run that is open in the journal.
        """
        if self._lasting is not None:
            raise RuntimeError("this swarm was entered already")
        lasting = lasting_ground(self.config, self._view, unsafe=self._unsafe)
        self._stand = await lasting.__aenter__()
        self._lasting = lasting
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the swarm, if it is our own, and wait until nothing is left of it."""
        lasting, self._lasting, self._stand = self._lasting, None, None
        if lasting is not None:
            await lasting.__aexit__(kind, error, traceback)

    async def build(
        self,
        spec: Spec | Mapping[str, object] | Path | str,
        *,
        out: Path | str | None = None,
        candidates: int | None = None,
        max_rounds: int | None = None,
        seed: int | None = None,
        max_seconds: float | None = None,
        max_tokens: int | None = None,
        teeth: float | None = None,
        on_published: Callable[[str], object] = lambda run: None,
        on_message: Heard | None = None,
        started_at: float | None = None,
    ) -> BuildReport:
        """Turn a spec (a YAML file, or a mapping with its keys) into a Go package, or say why not.

        The files go to the folder `out`, `out/<name>` by default. The options are those of `guildbus build`;
        what is left out is as `[build]` has it. `on_published` hears the run's name when its request is
        durable: from then on it can be traced, cancelled and resumed. `on_message` hears each message as it
        comes. `wall_s` and `max_seconds` count from `started_at` (seconds since the epoch), which is now by
        default.

        Builds that go on at once share the agents. To cancel the task that awaits one only stops the waiting:
        `cancel` ends a run, `resume` sees it to its end.
        """
        asked = spec_from(spec)
        options = options_from(
            self.config,
            candidates=candidates,
            max_rounds=max_rounds,
            seed=seed,
            max_seconds=max_seconds,
            max_tokens=max_tokens,
            teeth=teeth,
        )
        folder = Path("out") / asked.name if out is None else Path(out)
        with self._reserved(folder):
            return await building.build(
                self.config,
                asked,
                options,
                folder,
                self._viewed(on_message),
                self.registry,
                unsafe=self._unsafe,
                started_at=started_at,
                on_published=on_published,
                stand=self._stand,
            )

    async def resume(
        self,
        run: str = "last",
        *,
        out: Path | str | None = None,
        on_message: Heard | None = None,
        started_at: float | None = None,
    ) -> BuildReport:
        """See a run to its end, whatever died; its files go where its build was asked to, or to `out`.

        `run` is a name, a part of one, or `last`; so it is everywhere. No completed model call is paid again.
        """
        return await building.resume(
            self.config,
            self.named(run),
            self._viewed(on_message),
            self.registry,
            folder=None if out is None else Path(out),
            unsafe=self._unsafe,
            started_at=started_at,
            stand=self._stand,
        )

    async def cancel(self, run: str, *, reason: str = "") -> BuildFinished:
        """Stop a run now; how it ended: `red:cancelled`, unless it had ended before."""
        name = self.named(run)
        return await cancelling.cancel(
            self.config, name, reason, self._view, self.registry, stand=self._stand
        )

    async def trace(self, run: str = "last", *, follow: bool = False) -> AsyncIterator[TracedMessage]:
        """Every message of a run, in journal order; with `follow`, each new one too, until the run has ended.

        A run that nobody works for does not end. No swarm is needed to read along.
        """
        name = self.named(run)
        if not follow:
            for line in read_log(self.config, name, self.registry).lines:
                yield TracedMessage.of(line)
            return
        journal = SwarmPaths(self.config.state_dir).journal
        async with contextlib.aclosing(follow_run(journal, name, self.registry, to_end=True)) as lines:
            async for line in lines:
                yield TracedMessage.of(line)

    def runs(self, limit: int | None = None) -> list[RunSummary]:
        """How the runs stand, the newest first, `limit` at most."""
        return [RunSummary.model_validate(one) for one in read_runs(self.config, limit)]

    def named(self, run: str) -> str:
        """A run's whole name, from a part of it or `last`. UsageError for none, or more than one."""
        return named_run(self.config, run)

    def _viewed(self, on_message: Heard | None) -> View:
        if on_message is None:
            return self._view
        return Overheard(self._view, lambda line: on_message(TracedMessage.of(line)))

    @contextlib.contextmanager
    def _reserved(self, folder: Path) -> Iterator[None]:
        """While a build goes on, no other one of this swarm may write where it will."""
        place = folder.absolute()
        if place in self._folders:
            raise OutputError(
                "another build that is going on writes there",
                where=str(folder),
                remedy="give each a folder of its own: `out`",
            )
        self._folders.add(place)
        try:
            yield
        finally:
            self._folders.discard(place)
