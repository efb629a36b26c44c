"""The model calls of a run, and what the prompt of each held: its context manifest. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from guildbus.launch.run_log import Line, RunLog
from guildbus.launch.ui.views_swimlane import lane_of
from guildbus.protocols.messages.draft import DraftProposed, ModelCall
from guildbus.protocols.messages.oracle import ReferenceProposed


def calls_of(line: Line) -> Iterator[dict[str, Any]]:
    """The calls that one message tells of."""
    match line.message:
        case DraftProposed() as proposed:
            file, number = proposed.request.task.path, proposed.request.round
        case ReferenceProposed() as proposed:
            file, number = f"{proposed.request.language} reference", 0
        case _:
            return
    for candidate, call in enumerate(proposed.calls):
        yield {
            "seq": line.seq,
            "agent": lane_of(line.envelope.source),
            "file": file,
            "round": number,
            "candidate": candidate,
        } | _cost(call)


def _cost(call: ModelCall) -> dict[str, Any]:
    speed = call.completion_tokens / call.wall_s if call.wall_s > 0 and not call.cached else None
    return {
        "model": call.model,
        "seed": call.seed,
        "temperature": call.temperature,
        "prompt_tokens": call.prompt_tokens,
        "tokens": call.completion_tokens,
        "began": call.started_at,
        "wall_s": call.wall_s,
        "tokens_s": None if speed is None else round(speed, 1),
        "finish": call.finish_reason,
        "cached": call.cached,
        "manifest": [part.model_dump() for part in call.manifest],
    }


def calls_view(log: RunLog) -> dict[str, Any]:
    """`{calls, held}`: all calls in order, and for each author which kinds of part its prompts ever held."""
    calls = [call for line in log.lines for call in calls_of(line)]
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for call in calls:
        held[call["agent"]].update({part["kind"] for part in call["manifest"]})
    return {"calls": calls, "held": {agent: dict(kinds) for agent, kinds in held.items()}}
