"""The spec as data: what the user asks for, and what it states that can be checked.

This is the pure side; `guildbus.launch.specfile` reads YAML into it and names the line of
every mistake. The form is that of guildlm/builder (`name, language, go_module, description,
files: [{path, purpose}]`), with four optional keys of our own. What a path, a module or a
name may be is said once, in `spec_rules`, so that a spec that comes over the bus is held to
the same rules as one that comes from a file.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from guildbus.protocols import spec_rules


class SpecPart(BaseModel):
    """Frozen, and closed: an unknown key is a mistake, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Signature(SpecPart):
    """One exported declaration that the spec states.

    `name` is `GCD`, or `Stack.Push` for a method; `text` the declaration without a body,
    such as `func GCD(a, b int) int`.
    """

    name: str
    text: str


class Example(SpecPart):
    """A value that the spec states: the Go expression `call` gives the Go expression `want`.

    `function` is the API function that the call is about; `folder` the package's directory.
    """

    function: str
    call: str
    want: str
    folder: str = ""


class Law(SpecPart):
    """A property that is a Go expression: true for all values of its free names, which are its parameters."""

    text: str
    folder: str = ""


class SpecFile(SpecPart):
    """One file that the spec asks for."""

    path: Annotated[str, Field(min_length=1, max_length=512), AfterValidator(spec_rules.path)]
    purpose: Annotated[str, Field(min_length=1), AfterValidator(spec_rules.prose)]


class Spec(SpecPart):
    """A whole spec. `api` are Go signatures, `examples` lines of the form `F(args) = value`.

    `properties` are sentences, or Go expressions that are true for all values of their free names.
    """

    name: Annotated[str, Field(min_length=1, max_length=128), AfterValidator(spec_rules.name)]
    language: Annotated[str, AfterValidator(spec_rules.language)]
    go_module: Annotated[str, Field(min_length=1), AfterValidator(spec_rules.module)]
    description: Annotated[str, AfterValidator(spec_rules.prose)] = ""
    files: tuple[SpecFile, ...] = Field(min_length=1)
    api: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    allow_imports: tuple[Annotated[str, AfterValidator(spec_rules.std_import)], ...] = ()

    @model_validator(mode="after")
    def _no_path_twice(self) -> "Spec":
        seen: set[str] = set()
        for file in self.files:
            if file.path.casefold() in seen:
                raise ValueError(f"the path {file.path!r} is listed twice")
            seen.add(file.path.casefold())
        return self
