"""The macOS sandbox as text: a sandbox-exec (Seatbelt) profile and its command line. Pure.

macOS has no mount namespaces and no overlays, so the walls are rules instead: deny everything, allow
reading the system, the toolchain and the job, allow writing below one private scratch folder (which
also holds a cloned Go cache). Read runners.py next.
"""

from pathlib import Path

from guildbus.agents.sandbox.policy import Limits

SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/System",
    "/Library/Apple",
    "/private/var/db/dyld",
    "/private/etc/localtime",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def profile(*, readable: tuple[Path, ...], scratch: Path) -> str:
    """The profile's text. `scratch` is the one folder that may be written; paths must be resolved."""
    rules = [
        "(version 1)",
        "(deny default)",
        "(deny network*)",
        "(allow process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow process-info* (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        '(allow file-read* (literal "/"))',
    ]
    shown = (*SYSTEM, *map(str, readable), str(scratch))
    rules += [f"(allow file-read* process-exec (subpath {_quoted(path)}))" for path in shown]
    rules.append(f"(allow file-write* (subpath {_quoted(str(scratch))}))")
    rules += [f"(allow file-read* file-write-data (literal {_quoted(device)}))" for device in DEVICES]
    return "\n".join(rules) + "\n"


def seatbelt_argv(text: str, argv: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """`argv` under the profile. macOS has no prlimit: the shell's ulimit sets what it can, which
    leaves memory to the wall clock (the kernel there ignores RLIMIT_AS)."""
    bounds = f"ulimit -c 0 -t {limits.cpu_s} -f {limits.file_bytes // 512} -u {limits.processes}"
    return ("/usr/bin/sandbox-exec", "-p", text, "/bin/sh", "-c", f'{bounds}; exec "$@"', "sh", *argv)


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
