"""What the page asks for: GET routes. Each reads the journal in a thread and hands it to a pure view."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from guildbus.launch.requeueing import read_letters
from guildbus.launch.run_log import RunLog
from guildbus.launch.swarm import replica_names
from guildbus.launch.ui.desk import Desk, desk_of
from guildbus.launch.ui.feed import pulse_feed, run_feed
from guildbus.launch.ui.reading import log_of, message_of
from guildbus.launch.ui.views_calls import calls_view
from guildbus.launch.ui.views_dead import dead_view
from guildbus.launch.ui.views_files import files_view
from guildbus.launch.ui.views_oracle import oracle_view
from guildbus.launch.ui.views_swimlane import lanes_of
from guildbus.protocols.errors import UsageError
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.draft import DraftAccepted, DraftProposed, DraftRejected
from guildbus.protocols.messages.oracle import (
    OracleAnswered,
    OracleRequested,
    ReferenceProposed,
    WitnessesEstablished,
)
from guildbus.protocols.messages.verification import VerificationFinished

VIEWS: Final[dict[str, tuple[Callable[[RunLog], dict[str, Any]], Sequence[type[Message]]]]] = {
    "files": (files_view, (DraftAccepted, DraftRejected, VerificationFinished)),
    "calls": (calls_view, (DraftProposed, ReferenceProposed)),
    "oracle": (
        oracle_view,
        (ReferenceProposed, WitnessesEstablished, OracleRequested, OracleAnswered, VerificationFinished),
    ),
}


async def pulse(request: Request) -> Response:
    """The list of runs and the swarm, as they change."""
    desk = desk_of(request)
    return _stream(pulse_feed(desk.pulse, desk.stopping))


async def run(request: Request) -> Response:
    """One run, as it grows."""
    desk = desk_of(request)
    lanes = lanes_of(name for agent in desk.config.agents for name in replica_names(agent))
    return _stream(run_feed(desk.pulse, request.path_params["run"], desk.registry, lanes, desk.stopping))


async def message(request: Request) -> Response:
    """One message, opened."""
    desk, path = desk_of(request), request.path_params
    return await _read(desk, message_of, desk.pulse.journal, path["run"], path["seq"], desk.registry)


async def view(request: Request) -> Response:
    """One of `VIEWS` of a run."""
    desk, path = desk_of(request), request.path_params
    if path["view"] not in VIEWS:
        raise UsageError("no such view", where=f"view {path['view']!r}")
    shape, bodies = VIEWS[path["view"]]

    def read() -> dict[str, Any]:
        return shape(log_of(desk.pulse.journal, path["run"], desk.registry, bodies))

    return await _read(desk, read)


async def dead(request: Request) -> Response:
    """All dead letters."""
    desk = desk_of(request)

    def read() -> dict[str, Any]:
        letters, damaged = read_letters(desk.pulse.journal, desk.registry)
        return {"letters": dead_view(letters), "damaged": [str(one) for one in damaged]}

    return await _read(desk, read)


async def builds(request: Request) -> Response:
    """The builds that were started here."""
    desk = desk_of(request)
    await desk.pulse.runs()
    return JSONResponse(desk.launches.shown(desk.pulse))


async def specs(request: Request) -> Response:
    """What a build can be started from, and the settings that it has unless told otherwise."""
    desk = desk_of(request)
    defaults = desk.config.build
    found = await asyncio.to_thread(desk.launches.specs)
    options = {"candidates": defaults.candidates, "max_rounds": defaults.max_rounds, "seed": 1}
    return JSONResponse({"specs": found, "options": options})


async def _read(desk: Desk, function: Callable[..., Any], *values: Any) -> Response:
    return JSONResponse(await asyncio.to_thread(function, *values))


def _stream(events: Any) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
