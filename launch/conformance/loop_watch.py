"""How long the event loop was held at a time, and by which line.

A task beats in the loop; a thread sees when a beat is late, and looks what the loop's thread is doing. What
the machine does to both looks the same as a handler that blocks, so whoever judges measures again: noise does
not come back at the same place, a blocking call does.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from types import FrameType
from typing import Final

BEAT_S: Final = 0.005


class LoopWatch:
    """`longest_s` is the longest hold so far."""

    def __init__(self, limit_s: float, file: str) -> None:
        self.longest_s = 0.0
        self._places: Counter[str] = Counter()
        self._limit_s = limit_s
        self._file = file
        self._beat = time.monotonic()
        self._over = threading.Event()
        self._watched = threading.get_ident()

    @property
    def place(self) -> str:
        """The line of `file` that holds were seen at; '' for none.

        Of several the most frequent: the lines before and after a blocking call are seen now and then, too.
        """
        return max(self._places, key=self._places.__getitem__, default="")

    async def beat(self) -> None:
        """In the loop, for ever."""
        while True:
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - self._beat - BEAT_S)
            self._beat = now
            await asyncio.sleep(BEAT_S)

    def look(self) -> None:
        """In the thread, until `end`."""
        while not self._over.wait(BEAT_S):
            if time.monotonic() - self._beat > self._limit_s:
                place = self._line(sys._current_frames().get(self._watched))
                if place:
                    self._places[place] += 1

    def end(self) -> None:
        """Stop looking."""
        self._over.set()

    def _line(self, frame: FrameType | None) -> str:
        while frame is not None:
            if frame.f_code.co_filename == self._file:
                return f"{self._file}:{frame.f_lineno}"
            frame = frame.f_back
        return ""


@contextlib.asynccontextmanager
async def watching(limit_s: float, file: str) -> AsyncIterator[LoopWatch]:
    """Watch the running loop."""
    watch = LoopWatch(limit_s, file)
    beating = asyncio.create_task(watch.beat())
    looking = threading.Thread(target=watch.look, daemon=True)
    looking.start()
    try:
        await asyncio.sleep(0)
        yield watch
        await asyncio.sleep(BEAT_S)  # a hold that lasts until here is measured by the next beat
    finally:
        watch.end()
        looking.join()
        beating.cancel()
