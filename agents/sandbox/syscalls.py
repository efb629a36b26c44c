"""Which system calls generated code is refused, and their numbers. Data only.

Nothing that the Go toolchain, a Go test or a Python program needs is here. What is here widens the part of
the kernel that an attacker may try (tracing, mounting, keys, namespaces, io_uring ...), or keeps memory
that no limit counts (`memfd_create`, System V's shared memory and queues).

Numbers are those of Linux's tables for x86_64 and aarch64, None where a call does not exist. Read
seccomp.py next.
"""

from collections.abc import Mapping
from types import MappingProxyType

Numbers = Mapping[str, tuple[int, int | None]]

REFUSED: Numbers = MappingProxyType(
    {
        # other processes' memory and state
        "ptrace": (101, 117),
        "process_vm_readv": (310, 270),
        "process_vm_writev": (311, 271),
        "process_madvise": (440, 440),
        "pidfd_getfd": (438, 438),
        "kcmp": (312, 272),
        # mounts, roots and namespaces
        "mount": (165, 40),
        "umount2": (166, 39),
        "pivot_root": (155, 41),
        "chroot": (161, 51),
        "mount_setattr": (442, 442),
        "move_mount": (429, 429),
        "fsopen": (430, 430),
        "fsconfig": (431, 431),
        "fsmount": (432, 432),
        "fspick": (433, 433),
        "open_tree": (428, 428),
        "unshare": (272, 97),
        "setns": (308, 268),
        # files by handle, which no mount hides, and the watching of whole file systems
        "open_by_handle_at": (304, 265),
        "name_to_handle_at": (303, 264),
        "fanotify_init": (300, 262),
        "fanotify_mark": (301, 263),
        "lookup_dcookie": (212, 18),
        # the kernel's keys, programs and events
        "keyctl": (250, 219),
        "add_key": (248, 217),
        "request_key": (249, 218),
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "userfaultfd": (323, 282),
        "personality": (135, 92),
        "modify_ldt": (154, None),
        "move_pages": (279, 239),
        "migrate_pages": (256, 238),
        # the machine
        "kexec_load": (246, 104),
        "kexec_file_load": (320, 294),
        "init_module": (175, 105),
        "finit_module": (313, 273),
        "delete_module": (176, 106),
        "reboot": (169, 142),
        "swapon": (167, 224),
        "swapoff": (168, 225),
        "acct": (163, 89),
        "quotactl": (179, 60),
        "quotactl_fd": (443, 443),
        "syslog": (103, 116),
        "vhangup": (153, 58),
        "sethostname": (170, 161),
        "setdomainname": (171, 162),
        "settimeofday": (164, 170),
        "clock_settime": (227, 112),
        "clock_adjtime": (305, 266),
        "adjtimex": (159, 171),
        "iopl": (172, None),
        "ioperm": (173, None),
        "uselib": (134, None),
        "sysfs": (139, None),
        "nfsservctl": (180, 42),
    }
)
"""Answered with EPERM."""

ABSENT: Numbers = MappingProxyType(
    {
        # its arguments lie in memory, where a filter cannot look: libraries fall back to clone
        "clone3": (435, 435),
        "io_uring_setup": (425, 425),
        "io_uring_enter": (426, 426),
        "io_uring_register": (427, 427),
        "memfd_create": (319, 279),
        "memfd_secret": (447, 447),
        "shmget": (29, 194),
        "semget": (64, 190),
        "msgget": (68, 186),
    }
)
"""Answered with ENOSYS, as by a kernel that has not got them: callers have another way."""

EXAMINED: Numbers = MappingProxyType({"clone": (56, 220), "ioctl": (16, 29), "socket": (41, 198)})
"""Their arguments decide."""

LAST_KNOWN = 462
"""Whatever the kernel has learnt after this number (mseal, Linux 6.10) is absent too."""
