"""The routes of the web view, put together. Every path below is behind `/TOKEN`, which `Guard` takes off.

    /                                   the page (static/index.html); /static its modules and style sheets
    /api/pulse                          server-sent events: runs, swarm
    /api/runs/RUN/feed                  server-sent events: one run
    /api/runs/RUN/messages/SEQ          one message
    /api/runs/RUN/files|calls|oracle    the views of `asking.VIEWS`
    /api/dead /api/builds /api/specs
    POST /api/builds, /api/runs/RUN/cancel|resume, /api/dead/ID/requeue|drop
    /metrics                            if a function that makes the text is given

An error is answered with the same object as `--json` prints: code, what, where, remedy.
"""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from guildbus.launch.ui import acting, asking
from guildbus.launch.ui.desk import Desk
from guildbus.launch.ui.security import Guard
from guildbus.protocols.errors import GuildbusError, UsageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

STATIC: Final = Path(__file__).parent / "static"
Metrics = Callable[[], Awaitable[str]]
"""The text of the Prometheus exposition format, made anew at each call."""


def make_app(desk: Desk, *, token: str, hosts: Collection[str], metrics: Metrics | None = None) -> "ASGIApp":
    """The whole app behind its guard."""
    routes: list[Route | Mount] = [
        Route("/", _page),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/api/pulse", asking.pulse),
        Route("/api/runs/{run}/feed", asking.run),
        Route("/api/runs/{run}/messages/{seq:int}", asking.message),
        Route("/api/runs/{run}/cancel", acting.cancel, methods=["POST"]),
        Route("/api/runs/{run}/resume", acting.resume, methods=["POST"]),
        Route("/api/runs/{run}/{view}", asking.view),
        Route("/api/dead", asking.dead),
        Route("/api/dead/{letter}/requeue", acting.requeue, methods=["POST"]),
        Route("/api/dead/{letter}/drop", acting.drop, methods=["POST"]),
        Route("/api/builds", asking.builds),
        Route("/api/builds", acting.build, methods=["POST"]),
        Route("/api/specs", asking.specs),
    ]
    if metrics is not None:
        routes.append(Route("/metrics", _metrics_route(metrics)))
    app = Starlette(routes=routes, exception_handlers={GuildbusError: _failed})
    app.state.desk = desk
    return Guard(app, token=token, hosts=hosts)


def _page(request: Request) -> Response:
    return FileResponse(STATIC / "index.html", media_type="text/html")


def _metrics_route(metrics: Metrics) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return PlainTextResponse(await metrics(), media_type="text/plain; version=0.0.4")

    return answer


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, GuildbusError)
    told = {"code": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}
    return JSONResponse({"error": told}, status_code=400 if isinstance(error, UsageError) else 503)
