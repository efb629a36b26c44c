"""A fleet of models over real endpoints: one goes down and comes back; rate limits that processes share."""

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guildbus.agents.chat import ChatMessage, ChatRequest, ModelEntry, RateLimits
from guildbus.agents.drawing import Drawer, Drawn
from guildbus.agents.models import ChatModel
from guildbus.agents.prompting import Prompt, prompt_for, sources_from
from guildbus.agents.settings import AgentSettings
from guildbus.agents.throttle import Throttle
from guildbus.agents.tools import no_calls
from guildbus.launch.config import parse_config
from guildbus.launch.places import Host
from guildbus.launch.serving import check_endpoints, serving_plan
from guildbus.protocols.errors import ModelError
from guildbus.protocols.messages.build import FileTask
from guildbus.protocols.messages.draft import DraftRequested
from guildbus.protocols.spec import Signature

STUB = Path(__file__).parents[1] / "stub_endpoint.py"
CALLER = """
import asyncio, json, sys
from pathlib import Path
from guildbus.agents.chat import RateLimits
from guildbus.agents.throttle import Throttle

async def main():
    throttle = Throttle(Path(sys.argv[1]), "m", RateLimits(**json.loads(sys.argv[2])))
    async with throttle.turn(10):
        print("in", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


class Endpoint:
    """A stub that can be ended, and started again at the same place."""

    def __init__(self, folder: Path, name: str, **script: Any) -> None:
        self._argv = [sys.executable, str(STUB), "--script", str(folder / f"{name}.json")]
        self._log = folder / f"{name}.jsonl"
        (folder / f"{name}.json").write_text(json.dumps({"model": name, **script}))
        self.name, self.url, self._process = name, "", None

    def start(self) -> "Endpoint":
        port = ["--port", self.url.split(":")[2].split("/")[0]] if self.url else []
        process = subprocess.Popen(
            [*self._argv, "--log", str(self._log), *port], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        self._process, self.url = process, process.stdout.readline().strip()
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def entry(self, **more: Any) -> ModelEntry:
        fields = {"name": self.name, "model": self.name, "base_url": self.url, "max_retries": 0}
        return ModelEntry(**(fields | more))

    def asked(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [event for event in map(json.loads, lines) if "prompt" in event]


Make = Callable[..., Endpoint]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Endpoints, started; they are ended with the test."""
    made: list[Endpoint] = []

    def start(name: str, **script: Any) -> Endpoint:
        made.append(Endpoint(tmp_path, name, **script).start())
        return made[-1]

    yield start
    for endpoint in made:
        endpoint.stop()


def drawer(folder: Path, *entries: ModelEntry, **more: Any) -> Drawer:
    fields: dict[str, Any] = {
        "name": "go-dev",
        "role": "go-dev",
        "endpoint": "ipc:///nowhere",
        "journal": folder / "journal.db",
        "state_dir": folder / "state",
        "cache_dir": folder,
        "models": entries,
    }
    return Drawer(AgentSettings(**(fields | more)))


async def draw(one: Drawer, *seeds: int) -> Sequence[Drawn]:
    prompts = [Prompt("s", "write GCD", (), 0.1, seed, 100, ()) for seed in seeds]
    return await one.draw(prompts, lambda text: None, "drafting", no_calls)


async def test_a_fleet_turns_to_the_next_and_back_and_the_call_says_so(make: Make, tmp_path: Path) -> None:
    first, second = make("first", default="from the first"), make("second", default="from the second")
    fleet = drawer(tmp_path, first.entry(), second.entry())
    (drawn,) = await draw(fleet, 1)
    assert (drawn.call.model, drawn.call.role, drawn.call.passed_over) == ("first", "go-dev", ())
    first.stop()
    (drawn,) = await draw(fleet, 2)
    assert drawn.completion.text == "from the second"
    (told,) = drawn.call.passed_over
    assert told.startswith("first: the endpoint cannot be reached")
    first.start()
    (drawn,) = await draw(fleet, 3)
    assert drawn.call.passed_over == ("first: failed a short while ago",), "it rests, though it is back"
    (again,) = await draw(fleet, 1)
    assert (again.call.model, again.call.cached) == ("first", True), "what is paid for is read all the same"
    fleet._health._troubles[0].until = time.monotonic()  # its rest is over
    (drawn,) = await draw(fleet, 4)
    assert (drawn.completion.text, drawn.call.passed_over) == ("from the first", ())
    await fleet.aclose()
    assert [len(endpoint.asked()) for endpoint in (first, second)] == [2, 2]


async def test_a_prompt_that_names_a_place_begins_with_that_model_and_falls_back_to_those_before(
    make: Make, tmp_path: Path
) -> None:
    first, second = make("first", default="from the first"), make("second", default="from the second")
    fleet = drawer(tmp_path, first.entry(), second.entry())
    prompts = [
        Prompt("s", "write GCD", (), 0.1, seed, 100, (), place=place) for seed, place in ((1, 1), (2, 9))
    ]
    drawn = await fleet.draw(prompts, lambda text: None, "drafting", no_calls)
    assert [one.completion.text for one in drawn] == ["from the second"] * 2
    assert [one.call.passed_over for one in drawn] == [(), ()], "nobody failed"
    second.stop()
    (one,) = await fleet.draw([replace(prompts[0], seed=3)], lambda text: None, "drafting", no_calls)
    assert one.completion.text == "from the first"
    assert [told.partition(":")[0] for told in one.call.passed_over] == ["second"]
    await fleet.aclose()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"status": 500, "body": "oops"}, "HTTP 500: oops"),
        ({"status": 429, "body": "quota", "headers": {"retry-after": "3600"}}, "HTTP 429: quota"),
        ({"text": "late", "delay_s": 30}, "no complete answer within 0.5 s"),
        ({"text": "a\nb", "cut_after": 1}, "broke off"),
        ({"body": "<html>", "content_type": "text/html"}, "text/html where"),
    ],
)
async def test_whatever_is_wrong_with_the_first_the_second_answers(
    make: Make, tmp_path: Path, broken: dict[str, Any], words: str
) -> None:
    first, second = make("first", default=broken), make("second", default="ok")
    fleet = drawer(tmp_path, first.entry(timeout_s=0.5), second.entry())
    (drawn,) = await draw(fleet, 1)
    await fleet.aclose()
    assert drawn.completion.text == "ok"
    assert words in drawn.call.passed_over[0]


async def test_a_request_that_is_refused_does_not_make_its_model_rest(make: Make, tmp_path: Path) -> None:
    refusal = {"match": "GCD", "replies": [{"status": 400, "body": "too long"}, "ok"]}
    first, second = make("first", rules=[refusal]), make("second", default="ok")
    fleet = drawer(tmp_path, first.entry(), second.entry())
    models = [(await draw(fleet, seed))[0].call.model for seed in (1, 2)]
    await fleet.aclose()
    assert models == ["second", "first"]


async def test_stated_lengths_reach_the_endpoint_within_what_may_be_spent(make: Make, tmp_path: Path) -> None:
    endpoint = make("only", default="ok")
    for state, changes, room, longest in (
        ("a", {}, None, 100),
        ("b", {"max_tokens": 4000}, None, 4000),
        ("c", {"max_tokens": 4000}, 70, 70),
        ("d", {"max_tokens": 30}, 70, 30),
    ):
        fleet = drawer(tmp_path, endpoint.entry(**changes), state_dir=tmp_path / state, temperature=0.7)
        prompt = Prompt("s", "write GCD", (), 0.1, 1, 100, (), room=room)
        (drawn,) = await fleet.draw([prompt], lambda text: None, "drafting", no_calls)
        await fleet.aclose()
        sent = endpoint.asked()[-1]["body"]
        assert (sent["max_tokens"], sent["temperature"]) == (longest, 0.7)
        assert drawn.call.temperature == 0.7, "the record says what was sent"


ONE_FUNCTION = DraftRequested(
    task=FileTask(path="ring.go", purpose="Rings.", owner="go-dev", package="ring", stage=0),
    author="go-dev",
    round=3,
    reason="function",
    scope="Next",
    reference="def next(n):\n    return n + 1\n",
    previous="package ring\n\nfunc Next(n int) int { return n }\n",
    module="example.com/ring",
    overview="Next(n int) int returns what follows n.",
    api=(Signature(name="Next", text="func Next(n int) int"),),
)


async def test_a_reply_is_begun_for_a_model_that_goes_on_and_asked_of_another_in_one_turn(
    make: Make, tmp_path: Path
) -> None:
    goes_on = make(
        "goes-on",
        rules=[{"match": "Next", "replies": ["\t// Add 1.\n\treturn n + 1\n}\n```", {"status": 500}]}],
    )
    begins = make("begins", default="```go\npackage ring\n\nfunc Next(n int) int { return 1 + n }\n```")
    fleet = drawer(tmp_path, goes_on.entry(continues=True, begun_extra={"go_on": True}), begins.entry())
    prompt = prompt_for(ONE_FUNCTION, 0)
    drawn = [
        (await fleet.draw([each], lambda text: None, "drafting", no_calls))[0]
        for each in (prompt, replace(prompt, seed=2), prompt)
    ]
    await fleet.aclose()
    assert [one.call.model for one in drawn] == ["goes-on", "begins", "goes-on"]
    first, second, again = sources_from(ONE_FUNCTION, [one.completion.text for one in drawn])
    assert "// Next returns what follows n.\nfunc Next(n int) int {\n\t// Add 1.\n\treturn n + 1\n}" in first
    assert "return 1 + n" in second
    assert again == first
    assert drawn[2].call.cached, "the store holds what followed the beginning"

    sent, asked = goes_on.asked()[0]["body"], begins.asked()[0]["body"]
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant"]
    assert sent["messages"][-1]["content"] == prompt.begun
    assert sent["go_on"] is True
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["messages"][1]["content"] == f"{prompt.user}\n\nComplete this:\n{prompt.begun}"
    for one, body in ((drawn[0], sent), (drawn[1], asked)):
        read = "".join(message["content"] for message in body["messages"])
        for part in one.call.manifest:
            text, read = read[: part.size_chars], read[part.size_chars :]
            assert hashlib.sha256(text.encode()).hexdigest() == part.sha256
        assert read == "", "the record of the call covers all that its model read"


async def test_calls_at_once_are_bounded_over_processes_and_a_dead_one_holds_nobody_up(
    tmp_path: Path,
) -> None:
    limits = {"parallel": 1}
    argv = [sys.executable, "-P", "-c", CALLER, str(tmp_path), json.dumps(limits)]
    other = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"in\n"
    throttle = Throttle(tmp_path, "m", RateLimits(**limits))

    async def turn() -> float:
        async with throttle.turn(10):
            return time.monotonic()

    waiting = asyncio.create_task(turn())
    await asyncio.sleep(0.5)
    assert not waiting.done()
    killed = time.monotonic()
    other.kill()
    await other.wait()
    assert 0 <= await waiting - killed < 2


async def test_requests_and_tokens_a_minute_are_counted_over_all_processes(
    make: Make, tmp_path: Path
) -> None:
    endpoint = make("only", default="one two three")
    request = ChatRequest(messages=(ChatMessage(role="user", content="write GCD"),), max_tokens=50)
    entry = endpoint.entry(limits=RateLimits(requests_per_minute=3, tokens_per_minute=120))
    one, two = ChatModel(entry, limits_dir=tmp_path / "l"), ChatModel(entry, limits_dir=tmp_path / "l")
    for model in (one, two, one):
        await asyncio.wait_for(model.complete(request), 10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(two.complete(request), 1.0)
    await one.aclose()
    await two.aclose()
    assert len(endpoint.asked()) == 3, "a call that waits for its turn is not made"
    (window,) = (tmp_path / "l").glob("*.window")
    costs = [tokens for _, tokens in json.loads(window.read_text())["calls"].values()]
    assert costs == [5, 5, 5], "what it cost, not what it might have"


async def test_a_build_starts_with_what_is_left_of_a_fleet(make: Make, tmp_path: Path) -> None:
    alive = make("alive", default="ok")
    text = f"""
[models.default]
base_url = "http://127.0.0.1:9/v1"
model = "down"
[models.alive]
base_url = "{alive.url}"
model = "alive"
[[agents]]
role = "go-dev"
fallback = ["alive"]
[[agents]]
role = "go-test"
"""
    host = Host({"GUILDBUS_STATE_DIR": str(tmp_path)}, tmp_path, tmp_path, "linux", "x86_64")

    def plan(more: str) -> Any:
        return serving_plan(parse_config(text + more, "guild.toml", host, tmp_path))

    (note,) = await check_endpoints(plan('fallback = ["alive"]\n'), lambda text: None)
    assert note.startswith("model default does not answer (the endpoint cannot be reached")
    assert note.endswith("alive is used until it does")
    with pytest.raises(ModelError, match="cannot be reached"):
        await check_endpoints(plan(""), lambda text: None)
