"""A log for processes that seldom write to one.

Importing structlog (and with it rich and asyncio) takes as long as all else that the broker needs, and seven
processes that start at once on two cores feel that. So it is imported when there is first something to say.
"""

from typing import Any


class LateLog:
    """Stands for `structlog.get_logger(name)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        import structlog

        return getattr(structlog.get_logger(self._name), method)


def worth_a_line(count: int) -> bool:
    """Whether the `count`th of its kind is logged: an attack must not fill the disk."""
    return count <= 100 or count % 1000 == 0
