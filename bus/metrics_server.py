"""The broker's metrics over HTTP, for Prometheus: `GET /metrics` on an address of its own.

The broker's loop stays as it is: threads speak HTTP, and ask the loop for a health report by a queue and a
byte that wakes it. A scrape costs the loop one report; without one it costs nothing. `metrics_text.py` makes
the text.
"""

import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import zmq

from guildbus.bus.metrics_text import CONTENT_TYPE, metrics_text
from guildbus.protocols.errors import BusError

ANSWER_TIMEOUT_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 5.0
MOST_WAITING: Final = 16

Report = dict[str, Any]


class MetricsServer:
    """Listens when it is made. BusError if it cannot."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._started = time.monotonic()
        self._asked: queue.Queue[queue.SimpleQueue[Report]] = queue.Queue(MOST_WAITING)
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._woken = self._wake_out.fileno()
        try:
            self._server = _Server((host.strip("[]") or "127.0.0.1", int(port)), _Handler, self.text)
        except (OSError, OverflowError) as error:
            raise BusError(
                f"cannot serve metrics: {error}",
                where=address,
                remedy="name another address in [broker] metrics, or port 0 for any free one",
            ) from error
        self.url = "http://{}:{}/metrics".format(*self._server.server_address[:2])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def register(self, poller: zmq.Poller) -> None:
        """Wake the broker's loop up when somebody asks."""
        poller.register(self._wake_out, zmq.POLLIN)

    def asks(self, ready: Sequence[tuple[Any, int]]) -> bool:
        """Whether somebody does, by what the broker's poller gave."""
        return any(one == self._woken for one, _ in ready)

    def answer(self, report: Report) -> None:
        """In the broker's loop: hand this report to all who wait for one."""
        self._wake_out.recv(4096)
        while True:
            try:
                self._asked.get_nowait().put(report)
            except queue.Empty:
                return

    def text(self) -> str:
        """In a thread of the server: the metrics now. TimeoutError if the loop does not answer."""
        mine: queue.SimpleQueue[Report] = queue.SimpleQueue()
        try:
            self._asked.put_nowait(mine)
            self._wake_in.send(b"\0")
            report = mine.get(timeout=ANSWER_TIMEOUT_S)
        except (queue.Full, queue.Empty, BlockingIOError):
            raise TimeoutError("the broker is busy") from None
        return metrics_text(report, time.monotonic() - self._started)

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)
        self._wake_in.close()
        self._wake_out.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], text: Callable[[], str]
    ) -> None:
        self.text = text
        super().__init__(address, handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        """The metrics, and nothing else."""
        if self.path.partition("?")[0] != "/metrics":
            self._send(404, "text/plain", "only /metrics is here\n")
            return
        try:
            self._send(200, CONTENT_TYPE, self.server.text())
        except TimeoutError as error:
            self._send(503, "text/plain", f"{error}\n")

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """A scrape is not worth a line."""
