"""The web view in a real browser: Chromium without a screen, on journals that guildbus itself has written.

One browser and one server serve nearly all tests; the last starts a swarm, for what needs a broker.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from guildbus.agents.runtime import wrap
from guildbus.bus.events import Record, RecordDelivery, RecordOutcome, Store
from guildbus.bus.journal import Journal
from guildbus.bus.tail import JournalReader
from guildbus.protocols.messages.base import Message
from guildbus.protocols.messages.build import BuildRequested
from guildbus.protocols.messages.draft import ManifestPart
from guildhall import ROOT, Guild, numkit, rule, until
from told import IMPLEMENTATION, NUMKIT, SUITE, Told, call, failure, finished, proposed, sha

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Page

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 60_000
MANY = 10_000
FRAMES = 40
SOURCES = {"draft.proposed": "go-dev/1", "verification.finished": "verifier/1"}
MARKUP = "<img src=x onerror=document.title='taken'>"
WATCH = """() => {
    window.shifts = 0;
    window.moved = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            window.shifts += entry.value;
            for (const {node} of entry.sources) window.moved.push(`${node?.nodeName} ${node?.className}`);
        }
    }).observe({type: "layout-shift", buffered: true});
}"""
SCROLL = """async (frames) => {
    const list = document.querySelector(".list"), lanes = document.querySelector(".lane-scroll");
    const times = [];
    for (let n = 0; n < frames; n++) {
        const began = performance.now();
        list.scrollTop = (list.scrollHeight * n) / frames;
        lanes.scrollLeft = (lanes.scrollWidth * n) / frames;
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b);
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: `make browser` installs it"),
]


class Writer:
    """A journal that is written as a broker writes it: messages, deliveries, outcomes."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)
        self._seq = JournalReader(path).last_seq()
        self.now = time.time() - 600

    def tell(self, run: str, *messages: Message, step_s: float = 1.0) -> None:
        """The messages of a run, each the answer to the one before, all settled; a commit every 50."""
        cause = None
        records: list[Record] = []
        for number, message in enumerate(messages, 1):
            self._seq += 1
            self.now += step_s
            source = SOURCES.get(message.type, "planner/1")
            packet = wrap(message, source=source, subject=run, now=self.now, cause=cause)
            cause = packet.envelope
            records.append(Store(self._seq, packet, message.recipient))
            if message.recipient is not None:
                agent = f"{message.recipient}/1"
                records.append(RecordDelivery(self._seq, 1, agent))
                records.append(RecordOutcome(self._seq, 1, agent, "settled"))
            if number % 50 == 0 or number == len(messages):
                self._journal.commit(records, self.now)
                records = []

    def bury(self, run: str, message: Message) -> None:
        """A message that its only attempt could not handle."""
        self._seq += 1
        packet = wrap(message, source="planner/1", subject=run, now=self.now)
        told = [Store(self._seq, packet, message.recipient), RecordDelivery(self._seq, 1, "go-dev/1")]
        end = RecordOutcome(
            self._seq, 1, "go-dev/1", "dead", "agent.crashed", "ZeroDivisionError: out of order"
        )
        self._journal.commit([*told, end], self.now)

    def leave_open(self, run: str, message: Message) -> None:
        """A message that nobody has taken yet."""
        self._seq += 1
        packet = wrap(message, source="cli-1/1", subject=run, now=self.now)
        self._journal.commit([Store(self._seq, packet, message.recipient)], self.now)

    def close(self) -> None:
        self._journal.close()


def story() -> list[Message]:
    """A run whose texts are hostile: red, mended, green."""
    told = Told.of(NUMKIT)
    part = ManifestPart(kind="spec", name=MARKUP, sha256=sha("spec"), size_chars=1234)
    told.add(proposed(told.state.requests[0], call(manifest=(part,)), content=MARKUP))
    told.accept("numkit.go", IMPLEMENTATION).accept("numkit_test.go", SUITE)
    told.verify(failures=(failure(line=3, output=MARKUP, call="", got="", want=""),))
    told.ask("numkit.go").accept("numkit.go", IMPLEMENTATION.replace("a + b", "a - b"))
    told.verify(score="build vet test", green=True)
    return [*told.messages, finished(diagnosis=MARKUP)]


@pytest.fixture(scope="module")
def hall(make_guild: Callable[[], Guild]) -> Iterator[Guild]:
    """A guild with one journal: a short run, and one of ten thousand messages."""
    guild = make_guild()
    guild.serve([rule(numkit())])
    writer = Writer(guild.state / "journal.db")
    messages = story()
    opening, asked = messages[:2], messages[2:-1]
    writer.tell(
        "numkit-long0000",
        *opening,
        *(asked[n % len(asked)] for n in range(MANY - 3)),
        messages[-1],
        step_s=0.05,
    )
    writer.tell("numkit-short000", *messages)
    writer.close()
    yield guild
    guild.close()


@pytest.fixture(scope="module")
def url(hall: Guild) -> str:
    """The address that `guildbus ui` prints."""
    return address(hall.start("ui", "--port", 0, "--json"))


def address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    text = ""
    while not text.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr is not None else ""
        text += line
    found: str = json.loads(text)["url"]
    return found


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_MS)
        yield started
        started.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page that ends red if anything was complained of in its console."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
    yield page
    context.close()
    assert complaints == []


def is_complaint(said: "ConsoleMessage") -> bool:
    """A refusal that the page shows to its reader, or the end of a server, is none."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


def opened(page: "Page", url: str, run: str) -> None:
    page.goto(f"{url}#/runs/{run}")
    page.wait_for_selector(".run[data-caught-up] .row")


def holds(page: "Page", condition: str) -> None:
    """Wait for a condition. Playwright's own wait evaluates strings, which the page's policy forbids."""
    until(lambda: page.evaluate(condition), PATIENCE_MS / 1000, condition)


def spent(session: "CDPSession") -> float:
    """Seconds that the page's main thread has worked."""
    found = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))


def background(page: "Page") -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_nothing_is_shown_without_the_token_and_all_is_served_from_here(browser: "Browser", url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    answer = page.goto(re.sub(r"/[^/]+/$", "/", url))
    assert answer is not None
    assert answer.status == 403
    assert "guildbus ui" in page.inner_text("body")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.wait_for_selector(".runs .name")
    assert page.locator(".runs .name").all_inner_texts() == ["numkit-short000", "numkit-long0000"]
    assert asked
    assert all(one.startswith(url) for one in asked)
    context.close()


def test_a_message_is_opened_by_mouse_and_by_keyboard(page: "Page", url: str) -> None:
    opened(page, url, "numkit-short000")
    page.locator(".row", has_text="draft.proposed").click()
    page.wait_for_selector(".inspector .tree")
    said = page.inner_text(".inspector")
    assert MARKUP in said, "what a run says is text"
    assert page.title() != "taken"
    assert "caused by #" in said
    assert "1,234" in page.inner_text(".inspector .manifest")
    page.keyboard.press("Escape")
    page.wait_for_selector(".inspector", state="hidden")
    page.keyboard.press("Home")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".inspector .tree")
    chosen = page.locator('.row[aria-selected="true"]')
    assert chosen.get_attribute("aria-posinset") == "3"
    assert page.get_attribute(".list", "aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("c")
    holds(page, "document.querySelector('.inspector header').textContent.includes('build.planned')")
    page.keyboard.press("2")
    page.wait_for_selector(".code-line.add")
    page.get_by_role("button", name="round 1").click()
    assert MARKUP in page.inner_text(".code-note.test")
    page.keyboard.press("3")
    page.wait_for_selector(".held")
    assert "go-dev" in page.inner_text(".held")


def test_light_dark_and_the_width_of_a_telephone(browser: "Browser", page: "Page", url: str) -> None:
    page.goto(url)
    page.wait_for_selector(".runs .name")
    light = background(page)
    page.keyboard.press("t")
    assert background(page) != light
    page.reload()
    page.wait_for_selector(".runs .name")
    assert background(page) != light, "it is remembered"
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark", has_touch=True)
    phone = context.new_page()
    phone.set_default_timeout(PATIENCE_MS)
    for place in (
        "",
        "#/runs/numkit-short000",
        "#/runs/numkit-short000/files",
        "#/runs/numkit-short000/calls",
        "#/swarm",
        "#/dead",
        "#/new",
    ):
        phone.goto(f"{url}{place}")
        phone.wait_for_selector(".page, .row")
        phone.wait_for_timeout(150)
        wide = phone.evaluate(
            "Math.max(document.documentElement.scrollWidth, document.querySelector('main').scrollWidth)"
        )
        assert wide <= 360, place
        assert background(phone) != light, place
    phone.goto(f"{url}#/runs/numkit-short000")
    phone.locator(".row").first.tap()
    phone.wait_for_selector(".inspector .tree")
    assert phone.evaluate("document.querySelector('.inspector').getBoundingClientRect().width") == 360
    context.close()


def test_ten_thousand_messages_are_few_elements_and_scroll_smoothly(page: "Page", url: str) -> None:
    opened(page, url, "numkit-long0000")
    holds(page, "document.querySelector('.tools .count').textContent === '10,000 messages'")
    assert page.locator(".row").count() < 80
    page.evaluate(SCROLL, 5)
    told = page.context.new_cdp_session(page)
    told.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = spent(told)
    times = page.evaluate(SCROLL, FRAMES)
    # The processor's time of a frame, which a busy machine does not change, and the clock's, which it does.
    assert (spent(told) - before) / FRAMES < 0.030
    assert times[len(times) // 2] < 1000, times
    page.fill(".tools input", "verification.finished #9")
    holds(page, "document.querySelector('.tools .count').textContent.includes(' of 10,000')")
    page.locator(".list").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_selector(".inspector .tree")
    assert "verification.finished" in page.inner_text(".inspector h2")


def test_a_run_fills_live_without_a_jump(page: "Page", url: str, hall: Guild) -> None:
    run, messages = "numkit-live0000", story()
    writer = Writer(hall.state / "journal.db")
    try:
        writer.tell(run, *messages[:2])
        opened(page, url, run)
        page.evaluate(WATCH)
        top = page.locator(".list").bounding_box()
        for number in range(2, len(messages)):
            writer.tell(run, messages[number])
            holds(page, f"document.querySelectorAll('.row[role=option]').length > {number}")
        page.wait_for_selector(".run-head .chip.good")
        assert page.inner_text(".tools .count") == f"{len(messages)} messages"
        assert page.locator(".list").bounding_box() == top
        assert page.evaluate("window.shifts") < 0.01, page.evaluate("window.moved")
    finally:
        writer.close()


def test_an_interrupted_run_is_resumed(page: "Page", url: str, hall: Guild) -> None:
    run = "numkit-halted00"
    requested = story()[0]
    assert isinstance(requested, BuildRequested)
    writer = Writer(hall.state / "journal.db")
    writer.leave_open(run, requested.model_copy(update={"out": str(hall.folder / "resumed")}))
    writer.close()
    opened(page, url, run)
    assert "interrupted" in page.inner_text(".run-head")
    page.get_by_role("button", name="Resume").click()
    page.wait_for_selector(".run-head .chip.good")
    assert "draft.proposed" in page.inner_text(".list")
    until(lambda: (hall.folder / "resumed" / "numkit.go").exists(), 30)


def test_a_build_is_started_and_cancelled_and_dead_letters_are_sent_once_more_or_dropped(
    page: "Page", guild: Guild
) -> None:
    writer = Writer(guild.state / "journal.db")
    for run in ("numkit-ruined00", "numkit-ruined01"):
        writer.tell(run, story()[0])
        writer.bury(run, Told.of(NUMKIT).state.requests[0])
    writer.close()
    guild.serve([rule(numkit(), delay_s=60)])
    (guild.folder / "numkit.yaml").write_text((ROOT / "specs" / "numkit.yaml").read_text("utf-8"), "utf-8")
    assert guild.run("up").returncode == 0
    url = address(guild.start("ui", "--port", 0, "--json"))
    page.goto(f"{url}#/dead")
    page.locator(".letter", has_text="numkit-ruined01").get_by_role("button", name="Drop").click()
    page.get_by_role("button", name="Drop it").click()
    page.locator(".letter", has_text="numkit-ruined01").locator(".chip", has_text="dropped").wait_for()
    page.locator(".letter", has_text="out of order").get_by_role("button", name="Requeue").click()
    page.wait_for_selector(".letter .chip.good")
    metrics = page.request.get(f"{url}metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert re.search(r'^guildbus_queue_leased\{queue="go-dev"\} \d+$', metrics.text(), re.MULTILINE)
    page.goto(f"{url}#/swarm")
    page.wait_for_selector(".agents .dot.busy")
    assert "go-dev" in page.inner_text(".agents")

    page.goto(f"{url}#/new")
    holds(page, "document.querySelector('textarea').value.includes('GCD')")
    page.fill("textarea", "name: [")
    page.get_by_role("button", name="Start the build").click()
    assert "spec:1" in page.inner_text(".problem")
    page.select_option("select", index=0)
    page.locator("select").dispatch_event("change")
    page.get_by_role("button", name="Start the build").click()
    page.wait_for_selector(".run-head .chip.live")
    run = page.inner_text("h1")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()
    page.wait_for_selector(".run-head .chip.bad")
    assert "red:cancelled" in page.inner_text(".run-head")
    ended = [one for one in guild.json("runs", "--json") if one["run_id"] == run]
    assert [one["status"] for one in ended] == ["red:cancelled"]
    fates = {one["run"]: one["state"] for one in guild.json("dead", "list", "--all", "--json")}
    assert fates["numkit-ruined00"] == "requeued"
    assert fates["numkit-ruined01"] == "dropped"
