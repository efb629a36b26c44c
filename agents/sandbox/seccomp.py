"""The filter of system calls, as the bytes that `bwrap --seccomp` reads: a classic BPF program. Pure.

It is the second wall. Namespaces and mounts keep generated code away from what is the user's; the
filter keeps it away from parts of the kernel that it has no business with. A list of refusals, so that a
new Go or Python does not break on a call that nobody listed:

    foreign architecture (i386 calls, x32)       the process is killed
    syscalls.REFUSED                             EPERM
    syscalls.ABSENT, and calls yet unheard of    ENOSYS
    clone into a new namespace, typing into a terminal (TIOCSTI)    EPERM
    sockets but unix, internet and the routing table                EAFNOSUPPORT
    the rest                                     allowed

The kernel runs such a program over `struct seccomp_data` {nr, arch, instruction pointer, six arguments}
(Documentation/userspace-api/seccomp_filter.rst). libseccomp would assemble it as well, but has no wheel
that brings it, and not every container has it. Read policy.py next.
"""

import errno
import struct
from dataclasses import dataclass

from guildbus.agents.sandbox.syscalls import ABSENT, EXAMINED, LAST_KNOWN, REFUSED

LOAD, JUMP_EQUAL, JUMP_GREATER, JUMP_AT_LEAST, JUMP_SET, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06

KILL_PROCESS = 0x8000_0000
ALLOW = 0x7FFF_0000
ERRNO = 0x0005_0000

NUMBER_OFFSET, ARCH_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16

X32_BIT = 0x4000_0000
NEW_NAMESPACES = 0x7E02_0000
"""CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, NETLINK_ROUTE = 1, 2, 10, 16, 0


@dataclass(frozen=True)
class Machine:
    """A machine as the filter sees it: the kernel's audit number, and its column in syscalls.py."""

    audit_arch: int
    column: int


MACHINES = {
    "x86_64": Machine(0xC000_003E, 0),
    "aarch64": Machine(0xC000_00B7, 1),
}

Instruction = tuple[int, int, int, int]
"""(code, how far to jump if true, if false, constant)."""


def filter_for(machine: str) -> bytes | None:
    """The filter for `platform.machine()`: 8 bytes an instruction; None for machines without a table."""
    known = MACHINES.get(machine)
    if known is None:
        return None
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in _program(known))


def _program(machine: Machine) -> list[Instruction]:
    program = [_load(ARCH_OFFSET), *_unless(JUMP_EQUAL, machine.audit_arch, KILL_PROCESS)]
    program.append(_load(NUMBER_OFFSET))
    if machine == MACHINES["x86_64"]:
        program += _when(JUMP_AT_LEAST, X32_BIT, KILL_PROCESS)
    program += _when(JUMP_GREATER, LAST_KNOWN, ERRNO | errno.ENOSYS)
    for calls, code in ((REFUSED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in calls.values():
            if (number := numbers[machine.column]) is not None:
                program += _when(JUMP_EQUAL, number, ERRNO | code)
    for name, body in _examinations().items():
        number = EXAMINED[name][machine.column]
        assert number is not None
        program += [(JUMP_EQUAL, 0, len(body), number), *body]
    return [*program, _return(ALLOW)]


def _examinations() -> dict[str, list[Instruction]]:
    """What decides on a call of EXAMINED, each to a return; a constant is compared with 32 bits."""
    refuse = ERRNO | errno.EPERM
    return {
        "clone": [_argument(0), *_when(JUMP_SET, NEW_NAMESPACES, refuse), _return(ALLOW)],
        "ioctl": [
            _argument(1),
            *_when(JUMP_EQUAL, TIOCSTI, refuse),
            *_when(JUMP_EQUAL, TIOCLINUX, refuse),
            _return(ALLOW),
        ],
        "socket": [
            _argument(0),
            *(one for family in (AF_UNIX, AF_INET, AF_INET6) for one in _when(JUMP_EQUAL, family, ALLOW)),
            *_unless(JUMP_EQUAL, AF_NETLINK, ERRNO | errno.EAFNOSUPPORT),
            _argument(2),
            *_when(JUMP_EQUAL, NETLINK_ROUTE, ALLOW),
            _return(ERRNO | errno.EAFNOSUPPORT),
        ],
    }


def _load(offset: int) -> Instruction:
    return (LOAD, 0, 0, offset)


def _argument(number: int) -> Instruction:
    """The low half of an argument: both machines are little-endian."""
    return _load(ARGUMENTS_OFFSET + 8 * number)


def _return(action: int) -> Instruction:
    return (RETURN, 0, 0, action)


def _when(test: int, constant: int, action: int) -> list[Instruction]:
    return [(test, 0, 1, constant), _return(action)]


def _unless(test: int, constant: int, action: int) -> list[Instruction]:
    return [(test, 1, 0, constant), _return(action)]
