"""Makes the pictures of the web view in docs/pictures, of one run: `make pictures`, or

    python bench/pictures.py [--run RUN | --build SPEC] [--out DIR] [--all]

It starts `guildbus ui` on the state folder of the configuration, and drives Chromium through it: the messages
in light and dark with one opened, the files, a telephone's width. `--build` builds a spec and takes one more
while the agents are at work. `--all` takes every page.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GUILDBUS = [sys.executable, "-P", "-c", "from guildbus.launch.cli import main; main()"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LARGEST_BYTES = 200_000
SHOTS = {
    "ui-run": ("", WIDE, "light"),
    "ui-run-dark": ("", WIDE, "dark"),
    "ui-files": ("/files", WIDE, "light"),
    "ui-phone": ("", PHONE, "light"),
}
MORE = {
    "ui-calls": ("/calls", WIDE, "light"),
    "ui-oracle": ("/oracle", WIDE, "dark"),
    "ui-files-phone": ("/files", PHONE, "dark"),
    "ui-oracle-phone": ("/oracle", PHONE, "light"),
}
LIVE = ".row:has-text('draft.accepted')"
"""When a build is in full swing: one draft has passed the gates, and the agents go on."""
OPENED = ("ui-run", "ui-run-dark")
"""Where the last message but two is opened."""
PAGES = {"ui-runs": "#/", "ui-swarm": "#/swarm", "ui-dead": "#/dead", "ui-new": "#/new"}


@contextmanager
def served() -> Iterator[str]:
    """The address of a `guildbus ui` of our own."""
    process = subprocess.Popen([*GUILDBUS, "ui", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            if not line:
                raise SystemExit("guildbus ui did not start")
            text += line
        yield json.loads(text)["url"]
    finally:
        process.terminate()
        process.wait(20)


def runs() -> list[dict[str, Any]]:
    """What `guildbus runs` lists, the newest first."""
    done = subprocess.run([*GUILDBUS, "runs", "--json"], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def newest() -> str:
    """The newest run."""
    found = runs()
    if not found:
        raise SystemExit("no run to take pictures of: guildbus build specs/numkit.yaml")
    return str(found[0]["run_id"])


@contextmanager
def building(spec: Path) -> Iterator[str]:
    """The run of a build that has just begun; left when it has ended."""
    known = {run["run_id"] for run in runs()}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "package"
        words = ["build", str(spec), "--out", str(out)]
        process = subprocess.Popen([*GUILDBUS, *words], stdout=subprocess.DEVNULL)
        try:
            while not (fresh := [run["run_id"] for run in runs() if run["run_id"] not in known]):
                if process.poll() is not None:
                    raise SystemExit(f"the build did not begin: exit code {process.returncode}")
                time.sleep(0.5)
            yield fresh[0]
            process.wait()
        finally:
            process.terminate()
            process.wait(30)


def take(browser: Any, url: str, name: str, size: dict[str, int], scheme: str, out: Path, ready: str) -> None:
    """One picture, when `ready` is there."""
    context = browser.new_context(viewport=size, color_scheme=scheme, device_scale_factor=1)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector(ready)
    if name in OPENED:
        page.keyboard.press("End")
        page.keyboard.press("k")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_selector(".inspector .tree")
        page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    path = out / f"{name}.png"
    page.screenshot(path=path)
    print(f"{path}  {path.stat().st_size // 1000} kB")
    if path.stat().st_size > LARGEST_BYTES:
        raise SystemExit(f"{path} is larger than {LARGEST_BYTES} bytes")
    context.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", help="the run; the newest by default")
    which.add_argument("--build", type=Path, metavar="SPEC", help="build this, and take ui-live meanwhile")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--all", action="store_true", help="every page")
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is missing: make browser")
    asked.out.mkdir(parents=True, exist_ok=True)
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, timeout=120_000)
        if asked.build is not None:
            with building(asked.build) as run:
                take(browser, f"{url}#/runs/{run}", "ui-live", WIDE, "light", asked.out, LIVE)
        run = asked.run or newest()
        for name, (tab, size, scheme) in (SHOTS | (MORE if asked.all else {})).items():
            ready = ".page" if tab else ".run[data-caught-up] .row"
            take(browser, f"{url}#/runs/{run}{tab}", name, size, scheme, asked.out, ready)
        for name, page in PAGES.items() if asked.all else ():
            take(browser, f"{url}{page}", name, WIDE, "light", asked.out, ".page")
        browser.close()


if __name__ == "__main__":
    main()
