"""The walls as data: what the argument vectors and the macOS profile say."""

from pathlib import Path

import pytest

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


def test_the_macos_command_sets_limits_before_it_runs() -> None:
    argv = seatbelt_argv("(version 1)", ("go", "test"), POLICY.limits)
    assert argv[:3] == ("/usr/bin/sandbox-exec", "-p", "(version 1)")
    assert "-u 40" in argv[5]
    assert argv[-2:] == ("go", "test")
