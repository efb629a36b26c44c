"""An OpenAI-compatible endpoint with scripted answers: the test double at the network's edge.

A process of its own, so that every layer above it is the real one:

    python tests/stub_endpoint.py --script script.json --log requests.jsonl [--port N]

It prints its base URL (`http://127.0.0.1:PORT/v1`) as one line when it is ready, and ends with
its parent. The script is JSON:

    {"model": "stub",                     the id that /v1/models lists
     "models_reply": {...},               a reply (below) for /v1/models instead of the list
     "rules": [
       {"match": ["all", "of these"],     substrings of the prompt (one string is fine too)
        "unless": ["none of these"],
        "replies": ["text", {...}]}       one a request, in order; the last one is repeated
     ],
     "default": "text"}                   when no rule matches; without it: HTTP 500

A reply is a text, or an object with any of:
    text            the answer                       finish_reason   "stop"
    delay_s         wait before the headers          token_delay_s   wait before each chunk
    status          HTTP status, with `body`         body            raw bytes instead of an answer
    content_type    of a raw body                    headers         {"retry-after": "0"}
    choices         false: chunks without choices    usage           false: count no tokens
    cut_after       drop the connection after N chunks (0: before the headers)
    stall_after     send nothing more after N chunks, and keep the connection

The log has one line for each request ({"event": "request", "path", "authorization", "headers", "body",
"prompt", "rule", "reply", "at"}), one when a stream was sent whole ({"event": "answered", "at", "body"}), and
one when a client hung up in the middle ({"event": "aborted", "at", "sent"}).
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STALL_S = 300.0


class Script:
    """The scripted answers, and how far each rule has come."""

    def __init__(self, content: dict[str, Any], log: Path) -> None:
        self.model = content.get("model", "stub")
        self.models_reply = content.get("models_reply")
        self._rules: list[dict[str, Any]] = content.get("rules", [])
        self._default = content.get("default")
        self._used: Counter[int] = Counter()
        self._log = log
        self._lock = threading.Lock()

    def pick(self, prompt: str) -> tuple[dict[str, Any], int | None, int]:
        """The reply to a prompt, with the rule's number (None: the default) and the reply's."""
        for number, rule in enumerate(self._rules):
            if not all(text in prompt for text in _texts(rule.get("match"))):
                continue
            if any(text in prompt for text in _texts(rule.get("unless"))):
                continue
            with self._lock:
                turn = min(self._used[number], len(rule["replies"]) - 1)
                self._used[number] += 1
            return _reply(rule["replies"][turn]), number, turn
        if self._default is None:
            return {"status": 500, "body": "no rule of the stub's script matches the prompt"}, None, 0
        return _reply(self._default), None, 0

    def write(self, **event: Any) -> None:
        """Append one line to the log."""
        with self._lock, self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": time.time(), **event}) + "\n")


class Handler(BaseHTTPRequestHandler):
    """One request a connection: HTTP/1.0, so a body ends where the connection does."""

    server: "StubServer"

    def do_GET(self) -> None:
        script = self.server.script
        script.write(event="request", path=self.path, authorization=self.headers.get("authorization"))
        if script.models_reply is not None:
            self._raw(_reply(script.models_reply))
        elif self.path in ("/v1/models", "/health"):
            listing = {"object": "list", "data": [{"id": script.model, "object": "model"}]}
            self._raw({"body": json.dumps(listing), "content_type": "application/json"})
        else:
            self._raw({"status": 404, "body": "not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        prompt = "\n".join(message["content"] for message in body.get("messages", ()))
        reply, rule, turn = self.server.script.pick(prompt)
        self.server.script.write(
            event="request",
            path=self.path,
            authorization=self.headers.get("authorization"),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            prompt=prompt,
            rule=rule,
            reply=turn,
        )
        time.sleep(reply.get("delay_s", 0))
        if reply.get("cut_after") == 0:
            return
        if "body" in reply or "status" in reply:
            self._raw(reply)
        elif body.get("stream"):
            self._stream(reply, body)
        else:
            self._raw({"body": json.dumps(_whole(reply, body)), "content_type": "application/json"})

    def _raw(self, reply: dict[str, Any]) -> None:
        self.send_response(reply.get("status", 200))
        self.send_header("content-type", reply.get("content_type", "text/plain"))
        for name, value in reply.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.get("body", "").encode())

    def _stream(self, reply: dict[str, Any], body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        sent = 0
        try:
            for chunk in _chunks(reply, body):
                if sent == reply.get("cut_after"):
                    return
                if sent == reply.get("stall_after"):
                    threading.Event().wait(STALL_S)
                time.sleep(reply.get("token_delay_s", 0))
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                sent += 1
            self.wfile.write(b"data: [DONE]\n\n")
            self.server.script.write(event="answered", body=body)
        except (BrokenPipeError, ConnectionResetError):
            self.server.script.write(event="aborted", sent=sent)

    def log_message(self, *_: Any) -> None:
        """The JSONL log says it all."""


class StubServer(ThreadingHTTPServer):
    """Threaded, so that drafts asked for at once are answered at once."""

    daemon_threads = True

    def __init__(self, port: int, script: Script) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.script = script


def _texts(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def _reply(value: str | dict[str, Any]) -> dict[str, Any]:
    return {"text": value} if isinstance(value, str) else value


def _pieces(reply: dict[str, Any]) -> list[str]:
    return reply.get("text", "").splitlines(keepends=True)


def _usage(reply: dict[str, Any], body: dict[str, Any]) -> dict[str, int]:
    prompt = sum(len(message["content"].split()) for message in body["messages"])
    completion = len(reply.get("text", "").split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _chunks(reply: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    base = {"id": "stub", "object": "chat.completion.chunk", "created": 0, "model": body.get("model")}
    if reply.get("choices") is False:
        return [{**base, "choices": []}]
    deltas = [{**base, "choices": [{"index": 0, "delta": {"content": text}}]} for text in _pieces(reply)]
    reason = reply.get("finish_reason", "stop")
    chunks = [*deltas, {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}]
    if reply.get("usage") is not False:
        chunks.append({**base, "choices": [], "usage": _usage(reply, body)})
    return chunks


def _whole(reply: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.get("text", "")}
    choice = {"index": 0, "message": message, "finish_reason": reply.get("finish_reason", "stop")}
    choices = [] if reply.get("choices") is False else [choice]
    return {"id": "stub", "object": "chat.completion", "choices": choices, "usage": _usage(reply, body)}


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    script = Script(json.loads(options.script.read_text(encoding="utf-8")), options.log)
    server = StubServer(options.port, script)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}/v1\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
