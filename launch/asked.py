"""What a caller of `guildbus.Swarm` hands over, made into what the rest of `launch` works with.

A configuration is found as the command finds it, a spec is held to the same rules as one that comes from a
file, and options that are left out are those of `[build]` in `guild.toml`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from guildbus.launch.config import GuildConfig, load_config
from guildbus.launch.mistakes import did_you_mean
from guildbus.launch.places import Host
from guildbus.launch.spec_meaning import faults
from guildbus.launch.specfile import load_spec
from guildbus.protocols.errors import SpecError, UsageError
from guildbus.protocols.messages.build import BuildOptions
from guildbus.protocols.spec import Spec, SpecFile


def config_from(given: GuildConfig | Path | str | None) -> GuildConfig:
    """The configuration itself, that of a file, or the one that the command would read. ConfigError."""
    if isinstance(given, GuildConfig):
        return given
    host = Host.here()
    named = given or host.environ.get("GUILDBUS_CONFIG")
    return load_config(host, Path(named) if named else None)


def spec_from(given: Spec | Mapping[str, object] | Path | str) -> Spec:
    """The spec of a YAML file, or of a mapping with its keys. SpecError names file and line, or the entry."""
    if isinstance(given, Path | str):
        return load_spec(Path(given))
    try:
        spec = Spec.model_validate(given)
    except ValidationError as error:
        raise _spec_error(_mistakes(error)) from error
    if found := faults(spec):
        raise _spec_error((f"{fault.key}[{fault.number}]", fault.what) for fault in found)
    return spec


def options_from(config: GuildConfig, **asked: float | None) -> BuildOptions:
    """The options of a build; what is None is as `[build]` has it. UsageError for one out of its bounds."""
    usual = config.build.model_dump(include=set(BuildOptions.model_fields))
    usual["further_models"] = config.further_models
    stated = {name: value for name, value in asked.items() if value is not None}
    try:
        return BuildOptions.model_validate(usual | stated)
    except ValidationError as error:
        (where, what), *_ = _mistakes(error)
        raise UsageError(what, where=where) from error


def _mistakes(error: ValidationError) -> list[tuple[str, str]]:
    """(place, sentence) of each; a place is of the form `files[2].path`."""
    found = []
    for mistake in error.errors(include_url=False, include_input=False, include_context=False):
        parts = mistake["loc"]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
        what = str(mistake["msg"]).removeprefix("Value error, ")
        if mistake["type"] == "missing":
            what = "the key is missing"
        elif mistake["type"] == "extra_forbidden":
            part_of: type[BaseModel] = SpecFile if len(parts) > 1 else Spec
            what = f"unknown key {str(parts[-1])!r}{did_you_mean(str(parts[-1]), part_of.model_fields)}"
        found.append((place, what))
    return found


def _spec_error(mistakes: Iterable[tuple[str, str]]) -> SpecError:
    """One error for all mistakes: the first as `what` and `where`, the others on lines of their own."""
    (first, what), *others = [(f"spec: {place}" if place else "spec", text) for place, text in mistakes]
    return SpecError(what + "".join(f"\n{place}: {text}" for place, text in others), where=first)
