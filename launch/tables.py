"""What all tables of `guild.toml` share: they are frozen and closed, paths are relative to the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _from_here(path: Path, info: ValidationInfo) -> Path:
    """Paths in the file are relative to its folder, and `~` is the user's home."""
    base: Mapping[str, Path] = info.context or {}
    if path.parts[:1] == ("~",):
        return base.get("home", Path("~")).joinpath(*path.parts[1:])
    return base.get("folder", Path()) / path


FilePath = Annotated[Path, AfterValidator(_from_here)]
Temperature = Annotated[float, Field(ge=0, le=2)]


class Table(BaseModel):
    """One table of the file: frozen, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
