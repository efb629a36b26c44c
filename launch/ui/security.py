"""Who is answered: a browser of this machine, on the page that the printed address opened.

The token is the first part of every path, so no cookie carries it to another port of this host, and a page
of somebody else's cannot ask for anything: it does not know the path. The Host header keeps out names that
were rebound to 127.0.0.1, the Origin header what another page posts. The policy of the page lets it load
from here alone, and no text become markup or script. Pure but for `Guard`, the ASGI middleware around it.
"""

import hmac
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
ASK: Final = "use the address that `guildbus ui` printed"


def hosts_of(port: int) -> frozenset[str]:
    """The Host headers that mean this server."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))


def refusal(
    method: str, path: str, headers: Mapping[str, str], *, token: str, hosts: Collection[str]
) -> tuple[int, str] | None:
    """The status and the words that a request is refused with; None if it is answered."""
    if headers.get("host", "") not in hosts:
        return 421, f"not a name of this server: {ASK}"
    given = path.removeprefix("/").partition("/")[0]
    if not hmac.compare_digest(given.encode(), token.encode()):
        return 403, f"wrong or missing token: {ASK}"
    if method in ("GET", "HEAD"):
        return None
    if headers.get("origin", "") not in {f"http://{host}" for host in hosts}:
        return 403, "asked by another page"
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return 415, "send application/json"
    return None


class Guard:
    """Answers what is allowed through `app`, with the token taken off its path; refuses the rest."""

    def __init__(self, app: "ASGIApp", *, token: str, hosts: Collection[str]) -> None:
        self._app = app
        self._token = token
        self._hosts = hosts

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """One request (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a websocket that is not accepted is refused

        async def guarded(message: "Message") -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                own = {name.encode() for name in HEADERS}
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in own]
                message = {**message, "headers": kept + extra}
            await send(message)

        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        refused = refusal(scope["method"], scope["path"], headers, token=self._token, hosts=self._hosts)
        if refused is not None:
            await _say(guarded, *refused)
            return
        rest = scope["path"].removeprefix(f"/{self._token}")
        if not rest:
            await _say(guarded, 307, "", location=f"/{self._token}/")
            return
        await self._app({**scope, "path": rest, "raw_path": rest.encode()}, receive, guarded)


async def _say(send: "Send", status: int, text: str, **headers: str) -> None:
    told = {"content-type": "text/plain; charset=utf-8", **headers}
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": text.encode()})
