"""The texts of the prompts: files in `prompts/`, read once."""

from functools import cache
from importlib import resources


@cache
def template(name: str) -> str:
    """The text of `prompts/NAME`, without blank lines around it."""
    return (
        resources.files("guildbus.agents").joinpath("prompts", name).read_text(encoding="utf-8").strip("\n")
    )
