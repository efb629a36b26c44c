"""What a sandboxed process may see and use, as data, and its bubblewrap argument vector. Pure.

Every process gets fresh namespaces (no network: not even the host's loopback), an unprivileged
user, an empty environment, and a file system made of: the system's programs and the Go toolchain
read-only, the job read-only at `/src`, a small private `/tmp`, and a Go build cache whose writes go
to memory and vanish. So a test can neither read the user's files, nor reach a service, nor leave
something in the cache that a later build would trust.

bubblewrap cannot size the layer that takes the cache's writes, so its bytes and files, like the number of
processes and their memory in all, are counted from outside (census.py). Read runners.py next.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

JOB = "/src"
TMP = "/tmp"
CACHE = "/cache"

SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@dataclass(frozen=True)
class Limits:
    """Bounds on one command.

    For each process: `memory_bytes` of address space, `file_bytes` a file, `cpu_s` of processor time. For
    all together: `processes` and `threads`, a `memory_share` of the machine's memory, `tmp_bytes` and
    `files` written. An ordinary user's kernel holds `processes` to count threads too.
    """

    memory_bytes: int = 3 * 1024**3
    file_bytes: int = 256 * 1024**2
    tmp_bytes: int = 512 * 1024**2
    files: int = 100_000
    processes: int = 512
    threads: int = 4096
    memory_share: float = 0.5
    cpu_s: int = 120


@dataclass(frozen=True)
class Policy:
    """Which host paths a sandbox shows, and the limits of what runs in it.

    `readable` are shown read-only under their own path (the Go toolchain). `go_cache` is laid in at
    `/cache`. `environment` is all that a process inherits.
    """

    readable: tuple[Path, ...] = ()
    go_cache: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()


@dataclass(frozen=True)
class SystemLayout:
    """How the host lays out its programs: for each of SYSTEM_LINKS that exists, the target of the
    link (`usr/bin` on a merged-/usr system), or None where it is a real directory."""

    links: Mapping[str, str | None]


def inner_environment(
    policy: Policy, extra: Mapping[str, str], *, tmp: str, cache: str | None
) -> dict[str, str]:
    """The whole environment of a sandboxed process; a home directory is not part of it."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
    environment |= policy.environment
    environment |= {"HOME": f"{tmp}/none", "TMPDIR": tmp, "GOPATH": f"{tmp}/gopath"}
    if cache is not None:
        environment["GOCACHE"] = cache
    return environment | dict(extra)


def limited(argv: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """`argv` behind prlimit: inherited by every process that it starts."""
    return (
        "prlimit",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_bytes}",
        f"--cpu={limits.cpu_s}",
        f"--as={limits.memory_bytes}",
        "--core=0",
        "--",
        *argv,
    )


def bubblewrap_argv(
    bwrap: Path,
    policy: Policy,
    layout: SystemLayout,
    *,
    argv: tuple[str, ...],
    job: Path,
    cwd: str = ".",
    env: Mapping[str, str] | None = None,
    filter_fd: int | None = None,
) -> tuple[str, ...]:
    """The complete command line that runs `argv` inside a bubblewrap sandbox.

    `filter_fd` is an open file that holds the filter of seccomp.py.

    Mounts are made in this order, so private ones come first: a toolchain that lives below the
    host's /tmp is still shown.
    """
    out: list[str] = [str(bwrap), "--unshare-user", "--unshare-all", "--disable-userns"]
    out += ["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    out += ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    out += ["--ro-bind", "/usr", "/usr"]
    for name, target in layout.links.items():
        out += ["--symlink", target, f"/{name}"] if target else ["--ro-bind", f"/{name}", f"/{name}"]
    out += ["--proc", "/proc", "--dev", "/dev"]
    out += ["--perms", "0700", "--size", str(policy.limits.tmp_bytes), "--tmpfs", TMP]
    for path in policy.readable:
        out += ["--ro-bind", str(path), str(path)]
    out += ["--ro-bind", str(job), JOB]
    if policy.go_cache is not None:
        out += ["--overlay-src", str(policy.go_cache), "--tmp-overlay", CACHE]
    out += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", JOB if cwd == "." else f"{JOB}/{cwd}"]
    if filter_fd is not None:
        out += ["--seccomp", str(filter_fd)]
    cache = CACHE if policy.go_cache is not None else None
    for key, value in inner_environment(policy, env or {}, tmp=TMP, cache=cache).items():
        out += ["--setenv", key, value]
    return (*out, "--", *limited(argv, policy.limits))


def explain(stderr: str) -> tuple[str, str]:
    """Why bubblewrap refused, and what a person can do: (what, remedy)."""
    last = stderr.strip().splitlines()[-1] if stderr.strip() else "it said nothing"
    what = f"the bubblewrap sandbox does not work here: {last}"
    unsafe = "or run in a virtual machine that you can lose, with --unsafe-no-sandbox"
    lowered = stderr.lower()
    if "namespace" in lowered or "uid map" in lowered or "setting up uid" in lowered:
        return what, (
            "this system forbids unprivileged user namespaces: allow them (Debian: sysctl "
            "kernel.unprivileged_userns_clone=1; Ubuntu 24.04 and later: sysctl "
            f"kernel.apparmor_restrict_unprivileged_userns=0), {unsafe}"
        )
    if "overlay" in lowered:
        return (
            what,
            f"overlay mounts in user namespaces need Linux 5.11 or later: update the kernel, {unsafe}",
        )
    if "mount" in lowered or "operation not permitted" in lowered:
        return what, (
            "inside a container, start it with --security-opt seccomp=unconfined --security-opt "
            f"systempaths=unconfined, {unsafe}"
        )
    if "prlimit" in lowered:
        return what, f"install prlimit (package util-linux), {unsafe}"
    return what, f"`guildbus doctor` shows the details; mend what the line above names, {unsafe}"
