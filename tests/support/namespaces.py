"""Namespaces of a test's own: what it mounts and configures there nobody else sees. For root only. And what a
sandbox or a kernel refuses."""

import ctypes
import os
import struct

MOUNTS, NETWORK = 0x20000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 1 << 14, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def unshare(namespace):
    check(libc.unshare(namespace), "unshare")
    if namespace == MOUNTS:
        mount("none", "/", None, MS_REC | MS_PRIVATE)


def mount(source, target, kind=None, flags=0, data=None):
    source, target, kind, data = [each.encode() if each else None for each in (source, target, kind, data)]
    check(libc.mount(source, target, kind, ctypes.c_ulong(flags), data), f"mount {target}")


def empty(directory):
    """Nothing is in it any more."""
    mount("none", directory, "tmpfs")
    assert not os.listdir(directory)


def make_read_only():
    """All of the file system: mount_setattr(2) with AT_RECURSIVE and MOUNT_ATTR_RDONLY."""
    attributes = (ctypes.c_uint64 * 4)(1, 0, 0, 0)
    check(libc.syscall(442, -1, b"/", 0x8000, attributes, ctypes.sizeof(attributes)), "mount_setattr")
    assert not os.access("/", os.W_OK) and not os.access("/tmp", os.W_OK)


# The number of socket(2).
SOCKET_CALL = {"x86_64": 41, "aarch64": 198}.get(os.uname().machine)


def refuse_sockets(family):
    """As a kernel without this family, or RestrictAddressFamilies: EAFNOSUPPORT, for this process from now on."""
    program = b"".join(struct.pack("HBBI", *each) for each in (
        (0x20, 0, 0, 0),                       # load the number of the call
        (0x15, 0, 3, SOCKET_CALL),             # not socket(2): allow
        (0x20, 0, 0, 16),                      # load its first argument
        (0x15, 0, 1, family),                  # another family: allow
        (0x06, 0, 0, 0x50000 | 97),            # SECCOMP_RET_ERRNO, EAFNOSUPPORT
        (0x06, 0, 0, 0x7fff0000)))             # SECCOMP_RET_ALLOW
    instructions = ctypes.create_string_buffer(program)
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    check(libc.prctl(38, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    check(libc.prctl(22, 2, filters, 0, 0), "PR_SET_SECCOMP")


def skip_without_filters(test):
    if SOCKET_CALL is None:
        test.skipTest("no number of socket(2) for this processor")


def skip_without(test, namespace):
    """Whether a child of the test can have one: the test itself stays where it is."""
    if os.geteuid() != 0:
        test.skipTest("needs root, for a namespace of its own")
    child = os.fork()
    if child == 0:
        os._exit(ctypes.get_errno() if libc.unshare(namespace) < 0 else 0)
    error = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if error:
        test.skipTest(f"no namespace of its own: {os.strerror(error)}")
