"""Ctrl-C, once: what runs is cancelled and tidies up; pressing it again in the meantime does no harm."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, but the first SIGINT cancels `work` and the later ones are ignored.

    Raises KeyboardInterrupt when it has tidied up. The process is meant to end then: SIGINT stays ignored.
    """
    interrupted = False

    async def guarded() -> T:
        task = asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            nonlocal interrupted
            if not interrupted:
                interrupted = True
                task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        return await work

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        if interrupted:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
