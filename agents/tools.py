"""What a handler may use beside the bus: the agent's models and the sandbox. Each is made when first used.

`Context` hands these on, so that an agent of twenty lines needs no settings. Our own specialists, which draw
many candidates side by side and prove the toolchain before their first message, stand on `drawing.py` and
`sandbox` themselves.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from guildbus.protocols.errors import InfrastructureError

if TYPE_CHECKING:
    from guildbus.agents.drawing import Drawer
    from guildbus.agents.sandbox import Completed, Sandbox
    from guildbus.agents.settings import AgentSettings
    from guildbus.protocols.messages.draft import ModelCall

DEFAULT_TEMPERATURE: Final = 0.2
DEFAULT_MAX_TOKENS: Final = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. `call` is the record of it, for a field `calls` of the message that came of it."""

    text: str
    call: "ModelCall"


async def no_calls() -> "Sequence[ModelCall]":
    """Of a question that belongs to no run."""
    return ()


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt. `temperature` is 0 to 2; `max_tokens` bounds the answer; another `seed` asks anew.

    What is None is as `guild.toml` states it of the model, or else 0.2 and 1024. `so_far` reads the calls of
    the run up to now, for the budgets.
    """

    text: str
    system: str = ""
    temperature: float | None = None
    seed: int = 0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    so_far: "Callable[[], Awaitable[Sequence[ModelCall]]]" = no_calls


class Tools(Protocol):
    """What `Context` asks for."""

    async def complete(self, question: Question, say: Callable[[str], None]) -> Answer:
        """One completion. Raises ModelError when no model of the agent answers."""

    async def run(
        self, argv: tuple[str, ...], files: Mapping[str, str], cwd: str, wall_s: float
    ) -> "Completed":
        """One command in the sandbox. Raises SandboxError where there is none."""


class NoTools:
    """For an agent on a bus without settings, such as in a test."""

    async def complete(self, question: Question, say: Callable[[str], None]) -> Answer:
        """Raises InfrastructureError."""
        raise _none("model")

    async def run(
        self, argv: tuple[str, ...], files: Mapping[str, str], cwd: str, wall_s: float
    ) -> "Completed":
        """Raises InfrastructureError."""
        raise _none("sandbox")


def _none(what: str) -> InfrastructureError:
    return InfrastructureError(
        f"this agent has no {what}: it was made without settings",
        where="ctx",
        remedy="give the runtime `tools=OwnTools(settings)`",
    )


class OwnTools:
    """The tools that an agent's settings describe."""

    def __init__(self, settings: "AgentSettings") -> None:
        self._settings = settings
        self._drawer: Drawer | None = None
        self._sandbox: Sandbox | None = None
        self._proving = asyncio.Lock()

    async def complete(self, question: Question, say: Callable[[str], None]) -> Answer:
        """See `Tools.complete`. A completed call is stored at once, and never paid twice."""
        from guildbus.agents.drawing import Drawer
        from guildbus.agents.prompting import Prompt
        from guildbus.protocols.messages.draft import ManifestPart

        if self._drawer is None:
            self._drawer = Drawer(self._settings)
        shown: tuple[tuple[Literal["system", "instruction"], str], ...] = (
            ("system", question.system),
            ("instruction", question.text),
        )
        parts = [
            ManifestPart(
                kind=kind,
                name="prompt",
                sha256=hashlib.sha256(text.encode()).hexdigest(),
                size_chars=len(text),
            )
            for kind, text in shown
            if text
        ]
        prompt = Prompt(
            system=question.system,
            user=question.text,
            manifest=tuple(parts),
            temperature=DEFAULT_TEMPERATURE if question.temperature is None else question.temperature,
            seed=question.seed,
            max_tokens=question.max_tokens or DEFAULT_MAX_TOKENS,
            stop=question.stop,
            room=question.max_tokens,
            fixed=question.temperature is not None,
        )
        (drawn,) = await self._drawer.draw([prompt], say, "asking", question.so_far)
        return Answer(drawn.completion.text, drawn.call)

    async def run(
        self, argv: tuple[str, ...], files: Mapping[str, str], cwd: str, wall_s: float
    ) -> "Completed":
        """See `Tools.run`. The process sees these files alone, and cannot write them."""
        from guildbus.agents.sandbox import Command

        sandbox = await self._proved()
        with tempfile.TemporaryDirectory(prefix="guildbus-job-") as folder:
            job = Path(folder)
            await asyncio.to_thread(_lay_out, job, files)
            return await sandbox.run(Command(argv, job, cwd=cwd, wall_s=wall_s))

    async def aclose(self) -> None:
        """Close the connections to the models."""
        if self._drawer is not None:
            await self._drawer.aclose()

    async def _proved(self) -> "Sandbox":
        from guildbus.agents.golang.toolchain import Toolchain
        from guildbus.agents.sandbox.runners import open_sandbox

        async with self._proving:
            if self._sandbox is None:
                policy = Toolchain.find(self._settings.cache_dir).policy()
                self._sandbox = await open_sandbox(policy, unsafe=self._settings.unsafe_no_sandbox)
            return self._sandbox


def _lay_out(job: Path, files: Mapping[str, str]) -> None:
    from guildbus.protocols.errors import UsageError

    for name, text in files.items():
        path = (job / name).resolve()
        if not path.is_relative_to(job.resolve()) or path == job.resolve():
            raise UsageError("leaves the job's folder", where=f"file {name!r}", remedy="use a relative path")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
