"""From a spec to a plan: which files, by whom, in which order, under which contracts. Pure.

Who: `go.mod` is the planner's own text, `*_test.go` is go-test's, all else go-dev's.

When: the spec's order is the dependency order. Implementation files are taken as the spec
lists them, one a stage; neighbours of one folder share a stage if the folder's signatures are
stated, because then neither needs to see the other. A folder's tests are drafted beside its
last implementation file if its signatures are stated, else in a stage of their own right after
it. Tests of a folder that has no implementation come last.

    file                        a/ stated, b/ stated     a/ unstated, b/ stated
    a/x.go                      0                        0
    a/y.go                      0                        1
    a/x_test.go                 0                        2
    b/z.go                      1                        3
    b/z_test.go                 1                        3
    tests/whole_test.go         2                        4

`overview` is the prose that one specialist gets. go-test is told what the code under test shall
do, in the spec's words, and never how it was done.

The reading of the prose is in `stated.py`, `stated_values.py` and `stated_names.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from guildbus.agents.laws import called_in, read_law
from guildbus.agents.oracle.stated_types import read_api
from guildbus.agents.stated import Stated, flat, parse_signature, signatures_in
from guildbus.agents.stated_names import (
    asked_tests,
    go_version,
    package_from_path,
    package_of,
    package_of_all,
)
from guildbus.agents.stated_values import examples_in, fits, parse_example
from guildbus.protocols.errors import SpecError
from guildbus.protocols.messages.build import FileTask, Plan
from guildbus.protocols.spec import Example, Law, Signature, Spec, SpecFile

GO_MOD = "go.mod"


@dataclass
class _Folder:
    """The files of one directory, in the spec's order, and what their prose states."""

    path: str
    package: str = ""
    code: list[SpecFile] = field(default_factory=list)
    tests: list[SpecFile] = field(default_factory=list)
    stated: Stated = field(default_factory=Stated)


def plan(spec: Spec) -> Plan:
    """The plan of a spec. SpecError if an entry of a list of it cannot be placed or read."""
    folders = _folders(spec)
    _place_api(spec, folders)
    stages = _stages(folders, spec.files)
    tests = {
        path: names
        for folder in folders.values()
        for path, names in asked_tests({file.path: file.purpose for file in folder.tests}).items()
    }
    tasks = [
        FileTask(
            path=file.path,
            purpose=flat(file.purpose),
            owner="go-test" if is_test(file.path) else "go-dev",
            package=_package(file, folders[folder_of(file.path)]),
            folder=folder_of(file.path),
            stage=stages[file.path],
            tests=tests.get(file.path, ()),
        )
        for file in spec.files
        if file.path != GO_MOD
    ]
    return Plan(
        module=spec.go_module,
        go_mod=_go_mod(spec),
        tasks=tuple(tasks),
        api={path: folder.stated.signatures for path, folder in folders.items() if folder.stated.signatures},
        api_complete=tuple(path for path, folder in folders.items() if folder.stated.complete),
        examples=_examples(spec, folders),
        laws=tuple(_laws(spec, folders)),
        allow_imports=spec.allow_imports,
    )


def overview(spec: Spec, task: FileTask) -> str:
    """What a specialist has to know of the spec to write one file: a few paragraphs of prose."""
    parts = [flat(spec.description), task.purpose]
    if task.owner == "go-test":
        contracts = [
            flat(file.purpose)
            for file in spec.files
            if file.path != GO_MOD and not is_test(file.path) and folder_of(file.path) == task.folder
        ]
        parts += [f"The code under test shall do this: {text}" for text in contracts]
    parts += [flat(text) for text in spec.properties]
    return "\n\n".join(part for part in parts if part)


def contract(spec: Spec, folder: str) -> str:
    """What a package shall do, in the spec's words: for whoever writes it again from the spec alone."""
    parts = (
        [flat(spec.description)]
        if len({folder_of(f.path) for f in spec.files if f.path != GO_MOD}) == 1
        else []
    )
    parts += [
        flat(file.purpose)
        for file in spec.files
        if file.path != GO_MOD and not is_test(file.path) and folder_of(file.path) == folder
    ]
    parts += [flat(text) for text in spec.properties]
    return "\n\n".join(parts)


def is_test(path: str) -> bool:
    """Whether a path is a Go test file."""
    return path.endswith("_test.go")


def folder_of(path: str) -> str:
    """The directory of a path, '' for the root."""
    return path.rpartition("/")[0]


def package_conflict(spec: Spec) -> SpecFile | None:
    """The first file whose purpose states another package than its folder's files before it."""
    first: dict[str, str] = {}
    for file in spec.files:
        stated = package_of(file.purpose) if file.path != GO_MOD else ""
        if is_test(file.path):
            stated = stated.removesuffix("_test")
        if stated and first.setdefault(folder_of(file.path), stated) != stated:
            return file
    return None


def _folders(spec: Spec) -> dict[str, _Folder]:
    folders: dict[str, _Folder] = {}
    for file in spec.files:
        if file.path != GO_MOD:
            folder = folders.setdefault(folder_of(file.path), _Folder(folder_of(file.path)))
            (folder.tests if is_test(file.path) else folder.code).append(file)
    shared = spec.description if len(folders) == 1 else ""
    for path, folder in folders.items():
        named = [package_of(file.purpose) for file in [*folder.code, *folder.tests]]
        named = [name.removesuffix("_test") for name in named if name]
        everywhere = package_of_all(spec.description) if len(folders) == 1 else ""
        folder.package = next(iter(named), "") or everywhere or package_from_path(path, spec.go_module)
        prose = "\n".join([shared, *(file.purpose for file in folder.code)])
        tests = "\n".join(file.purpose for file in folder.tests)
        if folder.code:
            folder.stated = signatures_in(prose, tests, package=folder.package)
    return folders


def _package(file: SpecFile, folder: _Folder) -> str:
    """The file's package: its folder's, or the external test package where the prose asks for it."""
    external = f"{folder.package}_test"
    return external if is_test(file.path) and package_of(file.purpose) == external else folder.package


def _place_api(spec: Spec, folders: Mapping[str, _Folder]) -> None:
    """Lay the signatures of `api:` over those of the prose; what the user lists is complete."""
    listed: dict[str, list[Signature]] = {}
    for entry in spec.api:
        path, text = placed(entry, folders)
        try:
            signature = parse_signature(text)
        except ValueError as error:
            raise SpecError(str(error), where="api") from error
        home = path if path is not None else _home(signature.name, folders, entry, "api")
        listed.setdefault(home, []).append(signature)
    for home, signatures in listed.items():
        by_name = {signature.name: signature for signature in signatures}
        prose = {signature.name: signature for signature in folders[home].stated.signatures}
        folders[home].stated = Stated(tuple({**prose, **by_name}.values()), complete=True)


def placed(entry: str, folders: Iterable[str]) -> tuple[str | None, str]:
    """An entry of a list of the spec without its `folder: ` prefix, and the folder if it has one."""
    prefix, colon, rest = entry.partition(": ")
    if colon and prefix.strip().strip("/") in folders:
        return prefix.strip().strip("/"), rest
    return None, entry


def _home(name: str, folders: Mapping[str, _Folder], entry: str, where: str) -> str:
    """The folder that an entry without a prefix is about: the only one, or the only one that speaks of it."""
    owners = [path for path, folder in folders.items() if folder.code]
    if len(owners) > 1:
        stating = [path for path in owners if any(s.name == name for s in folders[path].stated.signatures)]
        word = name.partition(".")[0]
        speaking = [path for path in owners if any(word in file.purpose for file in folders[path].code)]
        owners = stating or speaking
    if len(owners) != 1:
        raise SpecError(
            f"{entry!r} could be about several packages, or about none",
            where=where,
            remedy="write the package's folder before it, such as 'internal/store: func New() *Store'",
        )
    return owners[0]


def _examples(spec: Spec, folders: Mapping[str, _Folder]) -> tuple[Example, ...]:
    """The listed values first, then those of the prose that they do not already settle."""
    found: dict[tuple[str, str], Example] = {}
    for entry in spec.examples:
        path, text = placed(entry, folders)
        try:
            example = parse_example(text)
        except ValueError as error:
            raise SpecError(str(error), where="examples") from error
        home = path if path is not None else _home(example.function, folders, entry, "examples")
        example = example.model_copy(update={"folder": home})
        about = [s for s in folders[home].stated.signatures if s.name == example.function]
        problem = fits(example, about[0]) if about else ""
        if found.get((home, example.call), example).want != example.want:
            problem = f"{example.call} is given two values"
        if problem:
            raise SpecError(f"{entry!r}: {problem}", where="examples")
        found[home, example.call] = example
    for path, folder in folders.items():
        parts = [file.purpose for file in [*folder.code, *folder.tests]]
        prose = "\n".join([spec.description, *parts] if len(folders) == 1 else parts)
        for example in examples_in(prose, folder.stated.signatures, folder=path):
            found.setdefault((path, example.call), example)
    return tuple(found.values())


def _laws(spec: Spec, folders: Mapping[str, _Folder]) -> Iterator[Law]:
    """The properties that are Go, each in the folder of the first function that it calls."""
    for entry in spec.properties:
        path, text = placed(entry, folders)
        names = called_in(text)
        if not names:
            continue
        home = path if path is not None else _home(names[0], folders, entry, "properties")
        try:
            law = read_law(text, read_api(folders[home].stated.signatures))
        except ValueError as error:
            raise SpecError(f"{entry!r}: {error}", where="properties") from error
        if law is not None:
            yield Law(text=law.text, folder=home)


def _stages(folders: Mapping[str, _Folder], files: Sequence[SpecFile]) -> dict[str, int]:
    """Path -> stage, by the rule of the module's docstring."""
    stages: dict[str, int] = {}
    now = -1
    previous = None
    for file in files:
        if file.path == GO_MOD or is_test(file.path):
            continue
        folder = folders[folder_of(file.path)]
        if previous is not folder or not folder.stated.complete:
            now += 1
        stages[file.path] = now
        previous = folder
        if file is folder.code[-1] and folder.tests:
            now += 0 if folder.stated.complete else 1
            stages.update({test.path: now for test in folder.tests})
    orphans = [test.path for folder in folders.values() if not folder.code for test in folder.tests]
    stages.update(dict.fromkeys(orphans, now + 1))
    return stages


def _go_mod(spec: Spec) -> str:
    prose = [file.purpose for file in spec.files if file.path == GO_MOD]
    return f"module {spec.go_module}\n\ngo {go_version(*prose, spec.description)}\n"
