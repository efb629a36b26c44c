"""What a handler is given beside its message: the run so far, models, a sandbox, a clock, a voice, a log.

`history` is the whole memory of an agent: the run's messages up to and with the one in hand, in
journal order. What comes later is not in it, so the same message always gives the same answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar

from guildbus.agents.tools import Answer, NoTools, Question, Tools
from guildbus.protocols.envelope import Envelope, parse_time
from guildbus.protocols.messages.base import Message

if TYPE_CHECKING:
    from guildbus.agents.sandbox import Completed
    from guildbus.protocols.messages.draft import ModelCall

MessageT = TypeVar("MessageT", bound=Message)
NO_FILES: Mapping[str, str] = MappingProxyType({})


class Log(Protocol):
    """The part of structlog's interface that handlers use."""

    def info(self, event: str, **fields: object) -> object:
        """Something worth knowing."""

    def warning(self, event: str, **fields: object) -> object:
        """Something worth a look."""


@dataclass(frozen=True, slots=True)
class Context:
    """One handling of one message. `clock` gives seconds since the epoch.

    `envelope` is that of the delivery. Of a message that the role only subscribes to, that is the broker's
    notice of it, and `original` is the message's own envelope; otherwise `original` is None. `made` are the
    model calls of this handling.
    """

    envelope: Envelope
    max_attempts: int
    log: Log
    clock: Callable[[], float]
    say: Callable[[str], None]
    read_history: Callable[[Sequence[str]], Awaitable[list[Message]]]
    original: Envelope | None = None
    tools: Tools = field(default_factory=NoTools)
    made: "list[ModelCall]" = field(default_factory=list)

    @property
    def run(self) -> str:
        """The run that the message belongs to."""
        return self.envelope.subject

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now sends the message to the dead letters."""
        return self.envelope.attempt >= self.max_attempts

    @property
    def deadline(self) -> float | None:
        """When the message expires, in seconds since the epoch; None: never. What comes later is in vain."""
        return None if self.envelope.deadline is None else parse_time(self.envelope.deadline)

    @property
    def left_s(self) -> float | None:
        """Seconds until the deadline, never below 0; None if there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock())

    async def complete(
        self,
        prompt: str,
        *,
        system: str = "",
        temperature: float | None = None,
        seed: int = 0,
        max_tokens: int | None = None,
        stop: tuple[str, ...] = (),
    ) -> Answer:
        """What the agent's model says to a prompt. Put `answer.call` into your message, in a field `calls`.

        The same question is answered from the store, also after a crash: another `seed` asks anew. What you
        leave out is as `guild.toml` states it of the model, or else temperature 0.2 and 1024 tokens.
        Raises ModelError when no model of the agent's fleet answers, BudgetSpent when nothing may be asked
        any more in this run.
        """
        from guildbus.agents.spending import room_in_run

        room = await room_in_run(self, f"{system}{prompt}")
        if room is not None:
            max_tokens = room if max_tokens is None else min(room, max_tokens)
        question = Question(prompt, system, temperature, seed, max_tokens, stop, self.calls)
        answer = await self.tools.complete(question, self.say)
        self.made.append(answer.call)
        return answer

    async def calls(self) -> "list[ModelCall]":
        """The model calls of the run so far: those that its messages tell of, and those of this handling."""
        from guildbus.protocols.messages.draft import calls_of

        return [call for message in await self.history() for call in calls_of(message)] + self.made

    async def artifacts(self) -> dict[str, str]:
        """The package so far, path -> text: the newest verified tree, and for files that are not in it the
        newest text that passed the gates. Empty before there is a plan.
        """
        from guildbus.agents.run_state import FOLDED, fold
        from guildbus.protocols.messages.build import BuildPlanned

        history = await self.history(*FOLDED)
        if not any(isinstance(message, BuildPlanned) for message in history):
            return {}
        state = fold(history)
        pools = {task.path: state.pool(task.path) for task in state.plan.tasks}
        accepted = {path: pool[-1][1].content for path, pool in pools.items() if pool}
        tree = {path: file.content for path, file in state.tree().items()}
        return {"go.mod": state.plan.go_mod} | accepted | tree

    async def sandbox(
        self,
        *argv: str,
        files: Mapping[str, str] = NO_FILES,
        cwd: str = ".",
        wall_s: float = 60.0,
    ) -> "Completed":
        """Run a command where the verifier runs generated code: no network, no host files, Go on the PATH.

        It sees `files` (path -> text) read-only, and a TMPDIR. Raises SandboxError where there is no sandbox.
        """
        left = self.left_s
        return await self.tools.run(argv, files, cwd, wall_s if left is None else min(wall_s, left))

    async def history(self, *bodies: type[Message]) -> list[Message]:
        """The run's messages of these types (of all types if none is named), with the one in hand."""
        return await self.read_history([body.wire_type() for body in bodies])

    async def latest(self, body: type[MessageT]) -> MessageT | None:
        """The newest message of one type in the run so far; None if there is none."""
        found = [message for message in await self.history(body) if isinstance(message, body)]
        return found[-1] if found else None
