"""Rate limits of a model, kept by all processes of a state folder together.

    async with throttle.turn(tokens) as turn:   # waits until the endpoint may be asked
        ...
        turn.spent(prompt_tokens + answer_tokens)

`parallel` is that many files, each locked by the caller that has a turn: the kernel takes a lock back however
its holder dies. What was asked within the last minute is in one small file, read and written under a lock. A
call is entered with what it may cost at most, before it is made, and with what it did cost afterwards: so a
limit is never passed, whoever asks at the same time. An endpoint that said when it wants to be asked again is
left alone by everyone until then.

Which of this suits the clock is `Window`, which is pure.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from guildbus.agents.chat import RateLimits

MINUTE_S: Final = 60.0
POLL_S: Final = 0.05
LONGEST_SLEEP_S: Final = 1.0
"""So that a turn which cost less than it might is noticed soon."""


@dataclass(slots=True)
class Window:
    """The calls of the last minute: id -> (when, tokens), in seconds since the epoch."""

    calls: dict[str, tuple[float, int]] = field(default_factory=dict)
    closed_until: float = 0.0

    def tidy(self, now: float) -> None:
        """Forget what is over a minute old, and what a clock that was set back left in the future."""
        self.calls = {
            name: (at, tokens) for name, (at, tokens) in self.calls.items() if now - MINUTE_S < at <= now + 1
        }

    def wait_s(self, limits: RateLimits, tokens: int, now: float) -> float:
        """Seconds until a call of so many tokens fits, 0 if it does; a larger one waits until it is alone."""
        self.tidy(now)
        left = sorted(self.calls.values())
        wait = max(0.0, self.closed_until - now)
        while left and not _fits(limits, tokens, left):
            at, _ = left.pop(0)
            wait = max(wait, at + MINUTE_S - now)
        return wait


def _fits(limits: RateLimits, tokens: int, calls: list[tuple[float, int]]) -> bool:
    requests, bound = limits.requests_per_minute, limits.tokens_per_minute
    if requests is not None and len(calls) >= requests:
        return False
    return bound is None or sum(cost for _, cost in calls) + tokens <= bound


class Turn:
    """One call that may be made now."""

    def __init__(self, throttle: "Throttle", name: str) -> None:
        self._throttle = throttle
        self._name = name

    def spent(self, tokens: int) -> None:
        """What it came to, instead of what it might have."""
        with self._throttle.window() as window:
            if self._name in window.calls:
                window.calls[self._name] = (window.calls[self._name][0], tokens)

    def closed_for(self, seconds: float) -> None:
        """The endpoint wants to be left alone for so long."""
        with self._throttle.window() as window:
            window.closed_until = max(window.closed_until, time.time() + seconds)


class Throttle:
    """The limits of the model `name`, kept in `folder`."""

    def __init__(self, folder: Path, name: str, limits: RateLimits) -> None:
        self._folder = folder
        self._name = name
        self._limits = limits

    @contextlib.asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator[Turn]:
        """Wait for a turn. `tokens` is what the call may cost at most."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        slot = await self._slot()
        try:
            yield await self._entered(tokens)
        finally:
            if slot is not None:
                os.close(slot)

    async def _slot(self) -> int | None:
        if self._limits.parallel is None:
            return None
        while True:
            for number in range(self._limits.parallel):
                handle = os.open(self._path(f"slot-{number}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(handle)
                else:
                    return handle
            await asyncio.sleep(POLL_S)

    async def _entered(self, tokens: int) -> Turn:
        name = uuid.uuid4().hex
        while True:
            with self.window() as window:
                wait = window.wait_s(self._limits, tokens, time.time())
                if wait <= 0:
                    window.calls[name] = (time.time(), tokens)
                    return Turn(self, name)
            await asyncio.sleep(min(LONGEST_SLEEP_S, wait))

    @contextlib.contextmanager
    def window(self) -> Iterator[Window]:
        """The calls of the last minute, to look at and to change. Held for an instant, by one process."""
        with self._path("window").open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            window = _read(file.read())
            yield window
            file.seek(0)
            file.truncate()
            json.dump({"calls": window.calls, "closed_until": window.closed_until}, file)

    def _path(self, what: str) -> Path:
        return self._folder / f"{self._name}.{what}"


def _read(text: str) -> Window:
    """What the file says; a damaged one is as good as none."""
    try:
        stored: dict[str, Any] = json.loads(text)
        calls = {str(name): (float(at), int(tokens)) for name, (at, tokens) in stored["calls"].items()}
        return Window(calls, float(stored["closed_until"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Window()
