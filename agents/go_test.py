"""go-test: writes test files from the spec and the exported API; it never sees an implementation body."""

from typing import ClassVar

from guildbus.agents.specialist import Specialist


class GoTest(Specialist):
    """The test specialist."""

    role: ClassVar[str] = "go-test"
