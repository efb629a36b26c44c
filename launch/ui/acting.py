"""What the page does: POST routes. Start and resume a build, cancel a run, requeue and drop dead letters.

Each is what the command of the same name does, by the same functions.
"""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from guildbus.launch.cancelling import cancel as cancel_run
from guildbus.launch.dead_letters import DeadLetter, find_letter
from guildbus.launch.live import SilentView
from guildbus.launch.requeueing import drop as drop_letters
from guildbus.launch.requeueing import read_letters
from guildbus.launch.requeueing import requeue as requeue_letters
from guildbus.launch.ui.desk import Desk, desk_of
from guildbus.launch.ui.starting import OPTIONS
from guildbus.protocols.errors import UsageError

REASON = "cancelled in the web view"
MAX_BYTES = 512 * 1024


async def build(request: Request) -> Response:
    """`{spec, out, candidates, max_rounds, seed}`: YAML text, and options that may be missing."""
    desk, asked = desk_of(request), await _asked(request)
    options = {name: _number(name, asked[name]) for name in OPTIONS if asked.get(name) is not None}
    started = desk.launches.build(str(asked.get("spec", "")), str(asked.get("out", "")), options)
    return JSONResponse(started.shown(desk.pulse), status_code=202)


async def resume(request: Request) -> Response:
    """Go on with an interrupted run."""
    desk = desk_of(request)
    return JSONResponse(desk.launches.resume(await _known_run(request)).shown(desk.pulse), status_code=202)


async def cancel(request: Request) -> Response:
    """End a run now; answered when it has ended."""
    desk = desk_of(request)
    run = await _known_run(request)
    ended = await cancel_run(desk.config, run, REASON, SilentView(), desk.registry)
    return JSONResponse({"run": run, "status": ended.status})


async def requeue(request: Request) -> Response:
    """Send a dead letter once more."""
    desk = desk_of(request)
    (copy,) = await requeue_letters(desk.config, [await _letter(desk, request)])
    return JSONResponse({"copy": copy.id, "run": copy.subject})


async def drop(request: Request) -> Response:
    """`{reason}`: let a dead letter rest."""
    desk, asked = desk_of(request), await _asked(request)
    letter = await _letter(desk, request)
    await drop_letters(desk.config, [letter], str(asked.get("reason", "")))
    return JSONResponse({"dropped": letter.id})


async def _asked(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise UsageError(f"more than {MAX_BYTES} bytes", where="request")
    try:
        asked = json.loads(body or b"{}")
    except ValueError as error:
        raise UsageError(f"not JSON: {error}", where="request") from None
    if not isinstance(asked, dict):
        raise UsageError("must be an object", where="request")
    return asked


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise UsageError(f"must be a whole number, not {value!r}", where=name) from None


async def _known_run(request: Request) -> str:
    run: str = request.path_params["run"]
    if run not in {one["run"] for one in await desk_of(request).pulse.runs()}:
        raise UsageError("no such run", where=f"run {run!r}", remedy="the list of runs has them all")
    return run


async def _letter(desk: Desk, request: Request) -> DeadLetter:
    letters, _ = await asyncio.to_thread(read_letters, desk.pulse.journal, desk.registry)
    return find_letter(letters, request.path_params["letter"])
