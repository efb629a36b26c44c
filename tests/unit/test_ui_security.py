"""Who the web view answers: the right name of this machine, the token, its own page; nobody else."""

import asyncio
from typing import Any

import pytest

from guildbus.launch.ui.security import POLICY, Guard, hosts_of, refusal

TOKEN = "s3cret"
HOSTS = hosts_of(8321)
OWN = {"host": "127.0.0.1:8321"}
POSTED = OWN | {"origin": "http://127.0.0.1:8321", "content-type": "application/json; charset=utf-8"}


def refused(method: str, path: str, headers: dict[str, str]) -> int | None:
    found = refusal(method, path, headers, token=TOKEN, hosts=HOSTS)
    return found[0] if found is not None else None


@pytest.mark.parametrize(
    "path", [f"/{TOKEN}", f"/{TOKEN}/", f"/{TOKEN}/api/dead", f"/{TOKEN}/static/js/main.js"]
)
@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost:8321"])
def test_the_token_opens_every_path(path: str, host: str) -> None:
    assert refused("GET", path, {"host": host}) is None


@pytest.mark.parametrize(
    "path",
    ["/", "", "/s3cre", "/s3crett", "/S3CRET/", "/x/s3cret/", "//s3cret/", "/%73", "/s3cret\x00/", "/é/"],
)
def test_no_other_path_is_answered(path: str) -> None:
    assert refused("GET", path, OWN) == 403


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "evil.example:8321", "127.0.0.1:80", "127.0.0.1:8321.evil.example", "[::1]:8321"],
)
def test_another_host_is_refused_even_with_the_token(host: str) -> None:
    assert refused("GET", f"/{TOKEN}/", {"host": host}) == 421


def test_only_its_own_page_may_act() -> None:
    assert refused("POST", f"/{TOKEN}/api/builds", POSTED) is None
    for origin in ("", "null", "http://evil.example", "https://127.0.0.1:8321", "http://127.0.0.1:9"):
        assert refused("POST", f"/{TOKEN}/api/builds", POSTED | {"origin": origin}) == 403
    for kind in ("", "text/plain", "application/x-www-form-urlencoded"):
        assert refused("POST", f"/{TOKEN}/api/builds", POSTED | {"content-type": kind}) == 415


def test_the_policy_loads_from_nowhere_else_and_makes_no_markup_of_text() -> None:
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "require-trusted-types-for 'script'" in POLICY


def answer(path: str, kind: str = "http", **headers: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What the guard sends for a GET, and the paths that reached the app behind it."""
    sent: list[dict[str, Any]] = []
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
        await send({"type": "http.response.body", "body": b"the page"})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [
        (name.encode(), value.encode()) for name, value in ({"host": "127.0.0.1:8321"} | headers).items()
    ]
    scope: Any = {"type": kind, "method": "GET", "path": path, "headers": pairs}
    asyncio.run(Guard(app, token=TOKEN, hosts=HOSTS)(scope, receive, send))
    return sent, reached


def test_the_app_behind_never_sees_the_token() -> None:
    sent, reached = answer(f"/{TOKEN}/api/dead")
    assert reached == ["/api/dead"]
    headers = dict(sent[0]["headers"])
    assert headers[b"content-security-policy"] == POLICY.encode()
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert len(headers) == len(sent[0]["headers"]), "none twice"


def test_what_is_refused_reaches_nothing_and_is_no_less_guarded() -> None:
    sent, reached = answer("/wrong/api/dead")
    assert (sent[0]["status"], reached) == (403, [])
    assert b"guildbus ui" in sent[1]["body"]
    assert TOKEN.encode() not in sent[1]["body"]
    assert dict(sent[0]["headers"])[b"content-security-policy"] == POLICY.encode()
    assert answer(f"/{TOKEN}/", kind="websocket") == ([], [])


def test_without_the_last_slash_the_browser_is_sent_on() -> None:
    sent, reached = answer(f"/{TOKEN}")
    assert (sent[0]["status"], reached) == (307, [])
    assert dict(sent[0]["headers"])[b"location"] == f"/{TOKEN}/".encode()
