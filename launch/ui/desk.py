"""What every route needs, in one value, and how it gets at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guildbus.launch.config import GuildConfig
from guildbus.launch.ui.pulse import Pulse
from guildbus.launch.ui.starting import Launches
from guildbus.protocols.registry import Registry

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Desk:
    """`stopping` says that the server is to end, so that feeds end too."""

    config: GuildConfig
    registry: Registry
    pulse: Pulse
    launches: Launches
    stopping: Callable[[], bool]


def desk_of(request: "Request") -> Desk:
    """The desk of the app that answers this request."""
    desk: Desk = request.app.state.desk
    return desk
