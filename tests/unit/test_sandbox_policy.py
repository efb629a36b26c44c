"""The walls as data: what the argument vectors and the macOS profile say."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.sandbox.census import Bounds, Usage
from guildbus.agents.sandbox.policy import Limits, Policy, SystemLayout, bubblewrap_argv, explain, limited
from guildbus.agents.sandbox.seatbelt import profile, seatbelt_argv

POLICY = Policy(
    readable=(Path("/opt/go"),),
    go_cache=Path("/home/me/.cache/go"),
    environment={"GOROOT": "/opt/go", "PATH": "/opt/go/bin:/usr/bin"},
    limits=Limits(memory_bytes=1000, file_bytes=2000, tmp_bytes=3000, processes=40, cpu_s=5),
)
LAYOUT = SystemLayout({"bin": "usr/bin", "lib64": None})


def built(cwd: str = ".", env: dict[str, str] | None = None) -> list[str]:
    return list(
        bubblewrap_argv(
            Path("/x/bwrap"), POLICY, LAYOUT, argv=("go", "test"), job=Path("/var/job"), cwd=cwd, env=env
        )
    )


BOUNDS = Bounds(
    processes=10, threads=20, memory_bytes=1000, storage_bytes=500, storage_files=5, storage=("/tmp",)
)


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (Usage(10, 20, 500, 500, 5), ""),
        (Usage(processes=11), "processes"),
        (Usage(threads=21), "processes"),
        (Usage(memory_bytes=1001), "memory"),
        (Usage(memory_bytes=600, storage_bytes=401), "memory"),
        (Usage(storage_bytes=501), "disk space"),
        (Usage(storage_files=6), "disk space"),
    ],
)
def test_what_all_processes_use_together_is_held_to_bounds(usage: Usage, found: str) -> None:
    assert usage.exceeded(BOUNDS) == found


def test_a_filter_is_named_by_its_open_file() -> None:
    argv = bubblewrap_argv(Path("/x/bwrap"), POLICY, LAYOUT, argv=("go",), job=Path("/var/job"), filter_fd=9)
    assert argv[argv.index("--seccomp") + 1] == "9"
    assert argv.index("--seccomp") < argv.index("--")
    assert "--seccomp" not in built()


def after(argv: list[str], *flags: str) -> list[list[str]]:
    """What follows each occurrence of a flag, as lists of two words."""
    return [argv[place + 1 : place + 3] for place, word in enumerate(argv) if word in flags]


def test_every_namespace_is_fresh_and_no_capability_is_left() -> None:
    argv = built()
    for flag in ("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--clearenv"):
        assert flag in argv
    assert after(argv, "--cap-drop") == [["ALL", "--ro-bind"]]
    assert "--share-net" not in argv


def test_nothing_of_the_host_is_bound_writable() -> None:
    argv = built()
    assert not {"--bind", "--dev-bind", "--bind-try", "--overlay"} & set(argv)
    assert ["/var/job", "/src"] in after(argv, "--ro-bind")
    assert ["/opt/go", "/opt/go"] in after(argv, "--ro-bind")
    assert {word for pair in after(argv, "--ro-bind") for word in pair}.isdisjoint({"/", "/home", "/etc"})


def test_the_cache_is_only_a_lower_layer() -> None:
    argv = built()
    assert after(argv, "--overlay-src") == [["/home/me/.cache/go", "--tmp-overlay"]]
    assert after(argv, "--tmp-overlay")[0][0] == "/cache"


def test_private_mounts_come_before_what_is_shown_below_them() -> None:
    argv = built()
    assert argv.index("--tmpfs") < argv.index("/opt/go")
    assert after(argv, "--size") == [["3000", "--tmpfs"]]
    assert after(argv, "--remount-ro") == [["/dev", "--remount-ro"], ["/", "--chdir"]]


def test_links_of_a_merged_usr_stay_links_and_folders_are_bound() -> None:
    argv = built()
    assert after(argv, "--symlink") == [["usr/bin", "/bin"]]
    assert ["/lib64", "/lib64"] in after(argv, "--ro-bind")


def test_the_environment_is_stated_whole_and_has_no_home() -> None:
    argv = built(env={"EXTRA": "1"})
    environment = dict(after(argv, "--setenv"))
    assert environment["GOCACHE"] == "/cache"
    assert environment["HOME"] == "/tmp/none"
    assert environment["PATH"] == "/opt/go/bin:/usr/bin"
    assert environment["EXTRA"] == "1"


def test_the_command_runs_behind_its_limits_in_its_folder() -> None:
    argv = built(cwd="tree")
    assert argv[argv.index("--chdir") + 1] == "/src/tree"
    command = argv[argv.index("--") + 1 :]
    assert tuple(command) == limited(("go", "test"), POLICY.limits)
    assert command[:6] == ["prlimit", "--nproc=40", "--fsize=2000", "--cpu=5", "--as=1000", "--core=0"]


@pytest.mark.parametrize(
    ("stderr", "hint"),
    [
        ("bwrap: No permissions to create new namespace, likely because ...", "userns"),
        ("bwrap: setting up uid map: Permission denied", "userns"),
        ("bwrap: Can't make overlay mount on /newroot/cache: Invalid argument", "5.11"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "container"),
        ("bwrap: execvp prlimit: No such file or directory", "util-linux"),
        ("", "doctor"),
    ],
)
def test_a_refusal_is_explained_with_a_remedy(stderr: str, hint: str) -> None:
    what, remedy = explain(stderr)
    assert hint in remedy
    assert "--unsafe-no-sandbox" in remedy
    assert what.startswith("the bubblewrap sandbox does not work here")


def test_the_macos_profile_denies_first_and_writes_in_one_place() -> None:
    text = profile(readable=(Path("/opt/go"), Path("/job")), scratch=Path('/private/tmp/a"b'))
    lines = text.splitlines()
    assert lines[:3] == ["(version 1)", "(deny default)", "(deny network*)"]
    assert [line for line in lines if "file-write*" in line] == [
        '(allow file-write* (subpath "/private/tmp/a\\"b"))'
    ]
    assert '(allow file-read* process-exec (subpath "/opt/go"))' in lines
    assert not any("/Users" in line or "(allow network" in line for line in lines)


def test_the_macos_profile_reads_the_system_the_toolchain_and_the_job_only() -> None:
    text = profile(readable=(Path("/opt/go"), Path("/job")), scratch=Path("/private/tmp/run"))
    allowed = [rule for rule in rules(text) if rule[0] == "allow"]
    read = {filters[1] for rule in allowed if "file-read*" in rule for filters in rule if len(filters) == 2}
    assert read == {
        *("/", "/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/private/var/db/dyld"),
        *("/private/etc/localtime", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
        *("/opt/go", "/job", "/private/tmp/run"),
    }
    assert next(rule for rule in allowed if ["literal", "/"] in rule) == [
        *("allow", "file-read*"),
        ["literal", "/"],
    ], "the root's own listing, not what is below it"
    operations = {word for rule in allowed for word in rule[1:] if isinstance(word, str)}
    assert operations == {
        *("file-read*", "file-read-metadata", "file-write*", "file-write-data"),
        *("process-exec", "process-fork", "process-info*", "signal", "sysctl-read"),
    }, "no network, no mach service, no keychain"


@settings(deadline=None)  # the machine may be busy
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(lambda text: f"/kept/{text}"))
def test_no_path_breaks_out_of_its_string_in_the_macos_profile(name: str) -> None:
    """Quotes, brackets, backslashes and spaces stay inside: the rules are those of a plain path."""
    plain = rules(profile(readable=(Path("/plain"),), scratch=Path("/s")))
    odd = rules(profile(readable=(Path(name),), scratch=Path("/s")))
    renamed = [
        [["subpath", "/plain"] if part == ["subpath", str(Path(name))] else part for part in rule]
        for rule in odd
    ]
    assert renamed == plain


def rules(text: str) -> list[list[Any]]:
    """The profile, read as the S-expressions that it is."""
    stack: list[list[Any]] = [[]]
    place = 0
    while place < len(text):
        char = text[place]
        place += 1
        if char == "(":
            stack.append([])
        elif char == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif char == '"':
            word = ""
            while text[place] != '"':
                place += text[place] == "\\"
                word += text[place]
                place += 1
            place += 1
            stack[-1].append(word)
        elif not char.isspace():
            start = place - 1
            while text[place] not in "() \n":
                place += 1
            stack[-1].append(text[start:place])
    assert len(stack) == 1, "brackets do not balance"
    return stack[0]


def test_the_macos_command_sets_limits_before_it_runs() -> None:
    argv = seatbelt_argv("(version 1)", ("go", "test"), POLICY.limits)
    assert argv[:3] == ("/usr/bin/sandbox-exec", "-p", "(version 1)")
    assert "-u 40" in argv[5]
    assert argv[-2:] == ("go", "test")
