"""The filter of system calls, run by a small interpreter of classic BPF as the kernel would run it."""

import ctypes
import errno
import struct
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildbus.agents.sandbox.seccomp import MACHINES, filter_for
from guildbus.agents.sandbox.syscalls import ABSENT, EXAMINED, LAST_KNOWN, REFUSED

KILL, ALLOW = 0x8000_0000, 0x7FFF_0000
NAMES = sorted(MACHINES)


def refusal(code: int) -> int:
    return 0x0005_0000 | code


@cache
def instructions(machine: str) -> list[tuple[int, int, int, int]]:
    program = filter_for(machine)
    assert program is not None
    return list(struct.iter_unpack("<HBBI", program))


def run(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the kernel would do: the action of a call, after the semantics of bpf(4)."""
    arch = MACHINES[machine].audit_arch if arch is None else arch
    full = [*arguments, *([0] * (6 - len(arguments)))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *full)
    program = instructions(machine)
    accumulator = place = 0
    while True:
        code, if_true, if_false, constant = program[place]
        place += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
            continue
        holds = {
            0x15: accumulator == constant,
            0x25: accumulator > constant,
            0x35: accumulator >= constant,
            0x45: bool(accumulator & constant),
        }[code]
        place += if_true if holds else if_false


@pytest.mark.parametrize("machine", NAMES)
def test_each_call_of_the_tables_is_answered_as_they_say(machine: str) -> None:
    column = MACHINES[machine].column
    for calls, code in ((REFUSED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for name, numbers in calls.items():
            number = numbers[column]
            if number is not None:
                assert run(machine, number) == refusal(code), name


@pytest.mark.parametrize("machine", NAMES)
@settings(deadline=None)  # the machine may be busy
@given(number=st.integers(0, 2**32 - 1), arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_nothing_else_is_touched_and_every_call_gets_an_answer(
    machine: str, number: int, arguments: list[int]
) -> None:
    column = MACHINES[machine].column
    listed = {numbers[column] for table in (REFUSED, ABSENT, EXAMINED) for numbers in table.values()}
    action = run(machine, number, *arguments)
    if number > LAST_KNOWN:
        foreign = machine == "x86_64" and number >= 0x4000_0000
        assert action == (KILL if foreign else refusal(errno.ENOSYS))
    elif number not in listed:
        assert action == ALLOW


@pytest.mark.parametrize("machine", NAMES)
@settings(deadline=None)  # the machine may be busy
@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, LAST_KNOWN))
def test_a_call_of_another_architecture_kills(machine: str, arch: int, number: int) -> None:
    if arch != MACHINES[machine].audit_arch:
        assert run(machine, number, arch=arch) == KILL


@pytest.mark.parametrize("machine", NAMES)
def test_processes_and_threads_may_be_made_but_not_in_new_namespaces(machine: str) -> None:
    clone = EXAMINED["clone"][MACHINES[machine].column] or 0
    vfork, thread, pidfd = 0x4111, 0x3D0F00, 0x1011
    assert {run(machine, clone, flags) for flags in (17, vfork, thread, pidfd)} == {ALLOW}
    for bit in (17, 25, 26, 27, 28, 29, 30):  # NEWNS, then CGROUP, UTS, IPC, USER, PID, NET
        assert run(machine, clone, 1 << bit | 17) == refusal(errno.EPERM)


@pytest.mark.parametrize("machine", NAMES)
def test_of_sockets_only_those_that_a_namespace_holds(machine: str) -> None:
    socket = EXAMINED["socket"][MACHINES[machine].column] or 0
    assert {run(machine, socket, family, 1, 6) for family in (1, 2, 10)} == {ALLOW}
    assert run(machine, socket, 16, 3, 0) == ALLOW
    assert run(machine, socket, 16, 3, 12) == refusal(errno.EAFNOSUPPORT)  # netfilter
    for family in (0, 3, 17, 31, 38, 40, 44):  # AX.25, packet, bluetooth, alg, vsock, xdp
        assert run(machine, socket, family, 1, 0) == refusal(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("machine", NAMES)
@settings(deadline=None)  # the machine may be busy
@given(high=st.integers(0, 2**32 - 1))
def test_a_terminal_is_not_typed_into_whatever_the_upper_half_says(machine: str, high: int) -> None:
    ioctl = EXAMINED["ioctl"][MACHINES[machine].column] or 0
    assert run(machine, ioctl, 0, high << 32 | 0x5412) == refusal(errno.EPERM)
    assert run(machine, ioctl, 0, high << 32 | 0x541C) == refusal(errno.EPERM)
    assert run(machine, ioctl, 0, 0x5401) == ALLOW


@pytest.mark.parametrize("machine", NAMES)
def test_the_kernel_would_take_it(machine: str) -> None:
    """It checks as much: at most 4096 instructions, no jump past the end, a return at the end."""
    program = instructions(machine)
    assert len(program) <= 4096
    assert program[-1][0] == 0x06
    assert all(place + 1 + max(jt, jf) < len(program) for place, (_, jt, jf, _) in enumerate(program[:-1]))


def test_a_machine_without_a_table_has_no_filter() -> None:
    assert filter_for("riscv64") is None


def test_the_numbers_are_those_that_libseccomp_knows() -> None:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed here")
    resolve = library.seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for machine in MACHINES.values():
        for name, numbers in {**REFUSED, **ABSENT, **EXAMINED}.items():
            number = resolve(machine.audit_arch, name.encode())
            assert numbers[machine.column] == (number if number >= 0 else None), name
