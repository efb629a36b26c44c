"""What a message is about: files, round, the model calls and the toolchain time that it tells of. Pure."""

from guildbus.protocols.messages.base import Message, Span
from guildbus.protocols.messages.build import BuildFinished, BuildStopped
from guildbus.protocols.messages.control import MessageDied, RunCancelled
from guildbus.protocols.messages.draft import (
    DraftAccepted,
    DraftProposed,
    DraftRejected,
    DraftRequested,
)
from guildbus.protocols.messages.draft import calls_of as calls_of
from guildbus.protocols.messages.finish import FinishJudged, FinishProposed, FinishRequested
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished


def files_of(message: Message) -> tuple[str, ...]:
    """The files that it speaks of; none for what concerns the whole build."""
    match message:
        case DraftRequested() | DraftAccepted() | DraftRejected():
            return (message.task.path,)
        case DraftProposed():
            return (message.request.task.path,)
        case OracleRequested() | OracleAnswered():
            return (message.path,)
        case VerificationFinished() | BuildFinished() | FinishProposed():
            return tuple(file.path for file in message.files)
        case _:
            return ()


def round_of(message: Message) -> int | None:
    """The round that it belongs to, from 0; None for what belongs to none."""
    match message:
        case DraftProposed():
            return message.request.round
        case (
            DraftRequested()
            | DraftAccepted()
            | DraftRejected()
            | VerificationFinished()
            | OracleRequested()
            | OracleAnswered()
        ):
            return message.round
        case _:
            return None


def spans_of(message: Message) -> tuple[Span, ...]:
    """The toolchain time that led to it. `build.finished` repeats what others said, and is left out."""
    match message:
        case DraftAccepted() | DraftRejected() | VerificationFinished():
            return message.spans
        case WitnessesEstablished() | OracleAnswered() | FinishProposed() | FinishJudged():
            return message.spans
        case _:
            return ()


def verdict_of(message: Message) -> str:
    """`good`, `bad`, or '' for what is neither."""
    match message:
        case VerificationFinished() | BuildFinished():
            return "good" if message.green else "bad"
        case FinishJudged():
            return "good" if message.kept else ""
        case DraftRejected() | BuildStopped() | MessageDied() | RunCancelled():
            return "bad"
        case _:
            return ""


def finish_summary(message: Message) -> str:
    """What a message of the finishers' conversation says, in one short phrase; '' for another."""
    match message:
        case FinishRequested():
            return f"asked of {message.role}, at {message.reached.score.total}/3"
        case FinishProposed():
            changed = ", ".join(file.path for file in message.files) or "no edit"
            note = f": {message.note.splitlines()[0][:120]}" if message.note else ""
            return f"{changed}{note}"
        case FinishJudged():
            return f"{message.role}: {'kept' if message.kept else f'not kept: {message.reason}'}"
        case _:
            return ""


def short_type(wire_type: str) -> str:
    """`draft.requested` of `draft.requested.v1`."""
    return wire_type.rpartition(".v")[0] or wire_type


def agent_name(instance: str) -> str:
    """`go-dev` of `go-dev/4711-ab12cd`."""
    return instance.split("/")[0]
