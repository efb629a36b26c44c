"""Eleven clerks. One keeps every promise; each of the others breaks one of them, and no other."""

import asyncio
import time
from collections.abc import Sequence
from typing import ClassVar

from guildbus.agents.agent import Agent, handles
from guildbus.agents.context import Context
from guildbus.agents.settings import AgentSettings
from guildbus.protocols.messages.base import Message


class NoteTaken(Message):
    """A note for the clerk."""

    type: ClassVar[str] = "note.taken"
    to: ClassVar[str | None] = "clerk"

    text: str
    words: tuple[str, ...] = ()


class NoteFiled(Message):
    """What the clerk made of it."""

    type: ClassVar[str] = "note.filed"

    text: str
    number: int


class Clerk(Agent):
    """Files a note under its number in the run, and keeps a copy on paper."""

    role = "clerk"
    emits = (NoteFiled,)

    def __init__(self, settings: AgentSettings) -> None:
        self.paper = settings.state_dir

    @handles(NoteTaken)
    async def on_note_taken(self, message: NoteTaken, ctx: Context) -> Sequence[Message]:
        notes = await self.read(ctx)
        return await self.answer(message, ctx, notes)

    async def read(self, ctx: Context) -> list[NoteTaken]:
        return [note for note in await ctx.history(NoteTaken) if isinstance(note, NoteTaken)]

    async def answer(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> Sequence[Message]:
        (self.paper / ctx.envelope.id.replace("/", "-")).write_text(message.text)
        return [NoteFiled(text=self.summary(message, ctx, notes), number=len(notes))]

    def summary(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> str:
        return message.text


class DoubleEffect(Clerk):
    """Adds a line to its ledger, and does not look whether it is there."""

    async def answer(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> Sequence[Message]:
        with (self.paper / "ledger").open("a") as ledger:
            ledger.write(f"{message.text}\n")
        return await super().answer(message, ctx, notes)


class LostAck(Clerk):
    """Cancels a task of its own, and lets the task's CancelledError out as if it were its own."""

    async def answer(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> Sequence[Message]:
        slow = asyncio.create_task(asyncio.sleep(60))
        slow.cancel()
        await slow
        return await super().answer(message, ctx, notes)


class HiddenState(Clerk):
    """Remembers the first note of each run that it saw, where it could read it."""

    def __init__(self, settings: AgentSettings) -> None:
        super().__init__(settings)
        self.first: dict[str, str] = {}

    def summary(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> str:
        return f"{self.first.setdefault(ctx.run, message.text)}, then {message.text}"


class LeakedContext(Clerk):
    """Mentions the run that it served before this one."""

    def __init__(self, settings: AgentSettings) -> None:
        super().__init__(settings)
        self.newest = ("", "")
        self.former = ""

    def summary(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> str:
        run, text = self.newest
        if run != ctx.run:
            self.former = text
        self.newest = (ctx.run, message.text)
        return f"{message.text} {self.former}"


class BlockingHandler(Clerk):
    """Sleeps in the event loop over long notes."""

    async def answer(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> Sequence[Message]:
        if message.text.endswith("monday 3"):
            time.sleep(0.2)  # noqa: ASYNC251 (that is the fault)
        return await super().answer(message, ctx, notes)


class WrongType(Clerk):
    """Passes the note on, which its class does not declare."""

    async def answer(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> Sequence[Message]:
        return [*await super().answer(message, ctx, notes), message]


class IgnoredDeadline(Clerk):
    """Goes on when it is cancelled."""

    async def read(self, ctx: Context) -> list[NoteTaken]:
        try:
            return await super().read(ctx)
        except asyncio.CancelledError:
            await asyncio.sleep(60)
            return []


class SwallowedError(Clerk):
    """Takes a history that cannot be read for an empty one."""

    async def read(self, ctx: Context) -> list[NoteTaken]:
        try:
            return await super().read(ctx)
        except Exception:  # noqa: BLE001 (that is the fault)
            return []


class UnorderedFold(Clerk):
    """Lists the words of all notes in the order of a set."""

    def summary(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> str:
        return " ".join({word for note in notes for word in note.words})


class NoteFiledAnew(Message):
    """`NoteFiled` with a field of another type, under the same version."""

    type: ClassVar[str] = "note.filed"

    text: str
    number: str


class ChangedSchema(Clerk):
    """Counts in words, and says so under the old version."""

    emits = (NoteFiledAnew,)

    async def answer(self, message: NoteTaken, ctx: Context, notes: list[NoteTaken]) -> Sequence[Message]:
        return [NoteFiledAnew(text=message.text, number=str(len(notes)))]


FAULTS: dict[str, type[Clerk]] = {
    "acks": LostAck,
    "idempotency": DoubleEffect,
    "rebuild": HiddenState,
    "deadlines": IgnoredDeadline,
    "isolation": LeakedContext,
    "responsiveness": BlockingHandler,
    "types": WrongType,
    "errors": SwallowedError,
    "determinism": UnorderedFold,
    "schema": ChangedSchema,
}
"""Check -> the agent that it alone catches."""
