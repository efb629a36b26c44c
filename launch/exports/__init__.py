"""A run in other forms: what `guildbus trace RUN --format FORM` writes. Each is a pure function of its log.

    timeline.py   who worked on what from when to when, which message went where: what the others draw from
    mermaid.py    a sequence diagram
    perfetto.py   the Trace Event Format of ui.perfetto.dev and chrome://tracing
    otlp.py       OpenTelemetry's spans, as OTLP JSON
    page.py       one HTML file that needs nothing else; of markup.py, style.py, swimlane.py, rounds.py

`text` and `json` are in `guildbus.launch.tracing`.
"""

import json
from importlib import import_module
from typing import Final

from guildbus.launch.run_log import RunLog
from guildbus.launch.tracing import as_json, render_tree

FORMATS: Final = {
    "text": "",
    "json": "",
    "mermaid": "mermaid",
    "perfetto": "perfetto",
    "otlp": "otlp",
    "html": "page",
}


def rendered(log: RunLog, form: str) -> str:
    """A run in one of `FORMATS`. KeyError for another."""
    module = FORMATS[form]
    if form == "json":
        return json.dumps(as_json(log), indent=2, ensure_ascii=False) + "\n"
    if form == "text":
        return "".join(f"{line}\n" for line in render_tree(log))
    text: str = import_module(f"guildbus.launch.exports.{module}").render(log)
    return text
