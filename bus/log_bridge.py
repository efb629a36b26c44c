"""What libraries say through Python's own logging and warnings, as lines of our log.

Apart from `late_log.py`, because a process that has not imported `logging` yet is not to do so for this.
"""

import logging

from guildbus.bus.late_log import get_logger


class Bridge(logging.Handler):
    """Hands each record on. Its own failures are reported where logging reports them."""

    def emit(self, record: logging.LogRecord) -> None:
        """One record, from any thread."""
        try:
            get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 - a log must not end what it tells of
            self.handleError(record)


def bridge() -> None:
    """Take over from the root logger's other handlers; warnings come along."""
    root = logging.getLogger()
    root.handlers[:] = [Bridge()]
    logging.captureWarnings(True)
