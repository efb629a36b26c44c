"""go-dev: writes implementation files; on a cross-route also a test file, and then sees no body either."""

from typing import ClassVar

from guildbus.agents.specialist import Specialist


class GoDev(Specialist):
    """The implementation specialist."""

    role: ClassVar[str] = "go-dev"
