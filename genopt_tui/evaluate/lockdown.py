"""Giving up rights, in the player itself: resource limits, Landlock and seccomp, through the C
library alone.

Linux only beyond the resource limits; the seccomp table is for x86-64. Used by the zygote inside
the sandbox:
standard library only. Numbers are from the kernel's user-space headers.
"""

import ctypes
import errno
import os
import resource
import struct
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

SPARE_MEMORY = 32 * 1024**2  # bytes
LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = (
    1,
    4,
    22,
    36,
    38,
)

# Landlock
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every machine
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
FILE_ONLY = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
WRITE = (1 << 13) - 1 | TRUNCATE
NET_TCP = 3  # bind and connect
SCOPE = 3  # abstract sockets and signals stay inside

# seccomp: system calls a player has no use for, x86-64
X86_64 = 0xC000003E
X32 = 0x40000000
SOCKET_CALLS = {"socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288}
EXEC_CALLS = {"execve": 59, "execveat": 322}
DENIED_CALLS = {
    "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "msgget": 68, "msgsnd": 69,
    "truncate": 76, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "ptrace": 101, "syslog": 103,
    "utime": 132, "mknod": 133, "personality": 135, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155,
    "setpriority": 141, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167,
    "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "init_module": 175, "delete_module": 176, "quotactl": 179, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190,
    "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "tkill": 200, "semtimedop": 220,
    "clock_settime": 227, "utimes": 235, "mbind": 237, "mq_open": 240, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "ioprio_set": 251, "migrate_pages": 256, "mknodat": 259, "fchownat": 260, "futimesat": 261,
    "fchmodat": 268, "unshare": 272, "move_pages": 279, "utimensat": 280, "perf_event_open": 298,
    "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320,
    "bpf": 321, "userfaultfd": 323, "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "memfd_secret": 447, "process_mrelease": 448, "fchmodat2": 452,
}  # fmt: skip
OWN_FILE_CALLS = {
    76,
    90,
    91,
    132,
    197,
    199,
    235,
    261,
    268,
    280,
    452,
}  # truncate, modes, times: of files it can write
KILL, TGKILL, RT_SIGQUEUE, RT_TGSIGQUEUE = 62, 234, 129, 297
OWN_PROCESS_CALLS = (
    142,
    144,
    203,
    302,
    314,
)  # sched_setparam, ..scheduler, ..affinity, prlimit64, sched_setattr: its own only
SIGNAL_SETUP_CALLS = {
    72: (8, 10, 15),
    16: (0x8901, 0x8902),
}  # fcntl, ioctl: whom a file sends signals to
FORK, VFORK, CLONE, CLONE3, CLONE_THREAD = 57, 58, 56, 435, 0x00010000
ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, MACHINE, ARGUMENT0, ARGUMENT1 = 0, 4, 16, 24  # offsets in struct seccomp_data


def seccomp_works() -> bool:
    """Whether our seccomp table fits this machine and its kernel has seccomp."""
    fits = LINUX and os.uname().machine == "x86_64" and sys.maxsize > 2**32
    return fits and os.path.exists("/proc/sys/kernel/seccomp/actions_avail")


def landlock_abi() -> int:
    """The kernel's Landlock version, 0 when there is none."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1))) if LINUX else 0


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux)."""
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, 9)


def adopt_orphans() -> None:
    """Become the parent of every orphan among the descendants (Linux)."""
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def create_landlock_ruleset(
    read: Iterable[str], write: Iterable[str], *, network: bool, hidden: Collection[str] = ()
) -> int:
    """A ruleset that opens only these paths, but for the files below `hidden`; returns its file
    descriptor. Raises OSError."""
    abi = landlock_abi()
    handled = (
        WRITE & ~(TRUNCATE if abi < 3 else 0)
        | (REFER if abi >= 2 else 0)
        | (IOCTL_DEV if abi >= 5 else 0)
    )
    fields = [handled, NET_TCP if abi >= 4 and not network else 0, SCOPE if abi >= 6 else 0]
    attribute = struct.pack("QQQ", *fields)[: 8 * (1 + (abi >= 4) + (abi >= 6))]
    ruleset = _syscall(
        CREATE_RULESET, ctypes.c_char_p(attribute), ctypes.c_size_t(len(attribute)), 0
    )
    for path in read:
        _add_read_rules(ruleset, path, handled, hidden)
    for path in write:
        _add_rule(ruleset, path, (READ | WRITE | REFER) & handled)
    return ruleset


def _add_read_rules(ruleset: int, path: str, handled: int, hidden: Collection[str]) -> None:
    """Open `path` for reading. Rights hold for all that is below: around what is hidden, its
    neighbours are opened one by one."""
    path = os.path.realpath(path)
    if path in hidden:
        return
    if not any(closed.startswith(path.rstrip("/") + "/") for closed in hidden):
        _add_rule(ruleset, path, READ & handled)
        return
    _add_rule(ruleset, path, READ_DIR & handled)
    for entry in os.scandir(path):
        if not entry.is_symlink():  # what it points to is opened where it lies, or not at all
            _add_read_rules(ruleset, entry.path, handled, hidden)


def _add_rule(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return  # what is not there, or not ours to see, needs no rule
    try:
        if not os.path.isdir(path):
            rights &= FILE_ONLY
        rule = struct.pack("=Qi", rights, place)
        _syscall(ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), 0)
    finally:
        os.close(place)


def enter_ruleset(ruleset: int) -> None:
    """Put this process under the ruleset for good. Raises OSError."""
    _syscall(RESTRICT_SELF, ruleset, 0)


def set_no_new_privileges() -> None:
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability (root keeps only what a file's owner may do)."""
    header, data = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if _libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(data)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def make_filter_rules(*, processes: bool, network: bool, relaxed: bool = False) -> dict[int, int]:
    """System call numbers that fail, with the error they fail with.

    `roomy`, for programs in namespaces of their own: they may use sockets among themselves and
    change their files' modes.
    """
    rules = dict.fromkeys(DENIED_CALLS.values(), errno.EPERM)
    if relaxed:
        rules = {number: error for number, error in rules.items() if number not in OWN_FILE_CALLS}
        network = True
    rules[CLONE3] = (
        errno.ENOSYS
    )  # its flags cannot be seen by a filter; the C library falls back to clone
    if not network:
        rules |= dict.fromkeys(SOCKET_CALLS.values(), errno.EPERM)
    if not processes:
        rules |= dict.fromkeys(EXEC_CALLS.values(), errno.EPERM) | {
            FORK: errno.EAGAIN,
            VFORK: errno.EAGAIN,
        }
    return rules


def build_filter_head(rules: Mapping[int, int]) -> bytes:
    """The beginning of a player's seccomp program, for `install_filter` once `filter_tail` ends
    it."""
    code: list[tuple[int, int, int, int]] = [
        (LOAD, 0, 0, MACHINE), (JUMP_EQUAL, 1, 0, X86_64), (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER), (JUMP_AT_LEAST, 0, 1, X32), (RETURN, 0, 0, ERRNO | errno.EPERM),
    ]  # fmt: skip
    for number, error in sorted(rules.items()):
        code += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | error)]
    for number, denied in SIGNAL_SETUP_CALLS.items():
        refuse = [
            line
            for value in denied
            for line in ((JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, ERRNO | errno.EPERM))
        ]
        code += [
            (JUMP_EQUAL, 0, len(refuse) + 2, number),
            (LOAD, 0, 0, ARGUMENT1),
            *refuse,
            (RETURN, 0, 0, ALLOW),
        ]
    return _assemble(code)


def build_filter_tail(pid: int, *, processes: bool) -> bytes:
    """Its end, for the player `pid`: without `processes` none is started and signals go to itself
    alone."""
    code: list[tuple[int, int, int, int]] = []
    for number in OWN_PROCESS_CALLS:
        code += [
            (JUMP_EQUAL, 0, 5, number), (LOAD, 0, 0, ARGUMENT0), (JUMP_EQUAL, 2, 0, 0), (JUMP_EQUAL, 1, 0, pid),
            (RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW),
        ]  # fmt: skip
    if not processes:
        code += [
            (JUMP_EQUAL, 0, 4, CLONE), (LOAD, 0, 0, ARGUMENT0), (JUMP_SET, 1, 0, CLONE_THREAD),
            (RETURN, 0, 0, ERRNO | errno.EAGAIN), (RETURN, 0, 0, ALLOW),
        ]  # fmt: skip
        for number in (KILL, TGKILL, RT_SIGQUEUE, RT_TGSIGQUEUE):
            code += [
                (JUMP_EQUAL, 0, 4, number), (LOAD, 0, 0, ARGUMENT0), (JUMP_EQUAL, 1, 0, pid),
                (RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW),
            ]  # fmt: skip
    return _assemble([*code, (RETURN, 0, 0, ALLOW)])


def _assemble(code: Iterable[tuple[int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def install_filter(program: bytes) -> None:
    """Put this thread under the seccomp program for good. Raises OSError."""
    body = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(body))
    _prctl(PR_SET_SECCOMP, 2, ctypes.c_char_p(header))


def limit_resources(limits: Mapping[str, Any], base_memory: int) -> None:
    """Resource limits of a player; `base_memory` is what the zygote's libraries map already, in
    bytes."""
    seconds = max(1, int(limits["cpu_seconds"]))
    _lower_limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    if LINUX:
        most = base_memory + int(limits["memory"])
        _lower_limit(resource.RLIMIT_AS, most, most + SPARE_MEMORY)
    _lower_limit(resource.RLIMIT_FSIZE, int(limits["file_size"]))
    _lower_limit(resource.RLIMIT_NOFILE, 256)
    _lower_limit(resource.RLIMIT_CORE, 0)


def use_spare_memory() -> None:
    """Take the little memory that is kept to report a MemoryError with."""
    if LINUX:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _lower_limit(which: int, soft: int, hard: int | None = None) -> None:
    _, most = resource.getrlimit(which)
    hard = soft if hard is None else hard
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(which, (soft, hard))


def _prctl(option: int, *arguments: Any) -> None:
    values = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (*arguments, 0, 0, 0, 0)][:4]
    if _libc.prctl(option, *values) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _syscall(number: int, *arguments: Any) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result
