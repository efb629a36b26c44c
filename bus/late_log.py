"""A process's log: one JSON object a line on standard error, which whoever started it keeps in a file.

Every line says whose it is and what it is about: `agent`, `run` and `message`, null where there is none.
After `speaking_of` all that a task logs, by whatever module, is about that run and message.

Importing structlog (and with it rich and asyncio) takes as long as all else that the broker needs, and seven
processes that start at once on two cores feel that. So it is imported when there is first something to say;
until then `log_as` only notes who speaks. A process that never called it logs as structlog does by itself.
"""

import json
import sys
import time
from collections.abc import MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import structlog

IDS: Final = ("agent", "run", "message")
_SPEAKER: Final[dict[str, str]] = {}
"""Who this process is, until structlog is there to be told: one a process, as structlog's configuration."""


def log_as(agent: str) -> None:
    """Whose lines these are: called first thing in a process's main. Uncaught errors become lines too."""
    _SPEAKER["agent"] = agent
    sys.excepthook = _crashed
    if "logging" in sys.modules:
        from guildbus.bus.log_bridge import bridge

        bridge()


def get_logger(name: str) -> "structlog.BoundLogger":
    """structlog's logger. `name` is the part of the process that speaks."""
    import structlog

    if _SPEAKER and not structlog.is_configured():
        _configure()
    logger: structlog.BoundLogger = structlog.get_logger(part=name)
    return logger


class LateLog:
    """Stands for `get_logger(name)`, and imports nothing before it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return getattr(get_logger(self._name), method)


def speaking_of(run: str, message: str) -> None:
    """From here on, in this task, everything logged is about this message."""
    import structlog

    structlog.contextvars.bind_contextvars(run=run, message=message)


def ready_line(value: object) -> str:
    """The line by which a child tells its parent that it can be used; it goes into the log as well."""
    said = {"ready": value, "time": _now(), "level": "info", "event": "ready"}
    return json.dumps(said | dict.fromkeys(IDS) | _SPEAKER) + "\n"


def worth_a_line(count: int) -> bool:
    """Whether the `count`th of its kind is logged: an attack must not fill the disk."""
    return count <= 100 or count % 1000 == 0


def _configure() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _in_order,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _in_order(_logger: Any, _method: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """When, how bad, whose and about what first; then the rest."""
    head = {"time": _now(), "level": said.get("level")} | dict.fromkeys(IDS) | _SPEAKER
    return head | {"event": said.get("event")} | dict(said)


def _now() -> str:
    now = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03d}Z"


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    get_logger("main").critical("crashed", exc_info=(kind, error, trace))
