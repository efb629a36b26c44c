"""An agent on the in-memory bus, for its author's own tests: messages of one run in, its answers out."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from guildbus.agents.agent import Agent
from guildbus.launch.conformance.bench import Bench
from guildbus.launch.conformance.histories import History
from guildbus.launch.conformance.memory_stage import on_memory_bus
from guildbus.launch.conformance.outcomes import Lost
from guildbus.launch.conformance.stage import run_to_the_end
from guildbus.launch.conformance.subject import Subject, scripted
from guildbus.protocols.errors import GuildbusError
from guildbus.protocols.messages.base import Message


class NotAnswered(GuildbusError):
    """The agent gave a message back, or came to no end with it."""

    code = "agent.not_answered"


def play(
    agent_class: type[Agent], *messages: Message, replies: Callable[[str], str] = scripted
) -> list[Message]:
    """Publish messages of one run, each when the one before is settled; what the agent emitted, in order.

    `replies` plays the model. Raises NotAnswered, with the reason, for a message that the agent takes and
    does not settle. Not for a running event loop.
    """
    subject = Subject(agent_class, (History("play-1", messages),), replies=replies)
    with tempfile.TemporaryDirectory(prefix="guildbus-") as folder:
        return run_to_the_end(_played(Bench(subject, Path(folder), fresh=list)))


async def _played(bench: Bench) -> list[Message]:
    [story] = bench.stories
    async with on_memory_bus(bench) as stage:
        for place in range(len(story.packets)):
            await stage.publish(story, place)
            if place in story.handled:
                end = await stage.end_of(story, place)
                if isinstance(end, Lost) or end.outcome != "settled":
                    what = str(end) if isinstance(end, Lost) else f"given back as {end.code}: {end.reason}"
                    raise NotAnswered(what, where=bench.where(story, place))
        return stage.emitted()
