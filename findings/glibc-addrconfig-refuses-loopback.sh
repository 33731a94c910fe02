#!/bin/sh
# Version: getaddrinfo() of glibc 2.36 (Debian 12), in a network namespace in which only lo is up.
# Expected: a numeric address is translated whatever the flags, or AI_ADDRCONFIG treats AF_INET and
#	AF_UNSPEC alike.
# Seen: with AI_ADDRCONFIG "127.0.0.1" is "Name or service not known" when AF_INET is asked for, and
#	found when AF_UNSPEC is; likewise "::1" and AF_INET6, and the wildcard of AI_PASSIVE and
#	AF_INET6. So where a machine has no other address (PrivateNetwork=yes, a container without a
#	network) a client that means IPv4 cannot name the UDP service on its own loopback.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
getconf GNU_LIBC_VERSION >/dev/null 2>&1 || cannot 'no glibc'
unshare -n true 2>/dev/null || cannot 'no network namespace of our own'
timeout 30 unshare -n python3 - "$(getconf GNU_LIBC_VERSION)" <<'END_OF_PYTHON'
import fcntl
import socket
import struct
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def answer(host, family, flags):
    try:
        found = socket.getaddrinfo(host, 20000, family, socket.SOCK_DGRAM, 0, flags)
        return found[0][4][0]
    except socket.gaierror as error:
        return "no such name" if error.errno == socket.EAI_NONAME else str(error)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
ipv4, ipv6, either = socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC
configured = socket.AI_ADDRCONFIG
cases = [
    ("127.0.0.1", ipv4, configured, "no such name"), ("127.0.0.1", ipv4, 0, "127.0.0.1"),
    ("127.0.0.1", either, configured, "127.0.0.1"), ("::1", ipv6, configured, "no such name"),
    ("::1", either, configured, "::1"),
    (None, ipv6, configured | socket.AI_PASSIVE, "no such name")]
got = [answer(*case[:3]) for case in cases]
print(f"seen: {sys.argv[1]}: with AI_ADDRCONFIG 127.0.0.1 is {got[0]!r} for AF_INET, "
      f"{got[2]!r} for AF_UNSPEC")
sys.exit(got != [case[3] for case in cases])
END_OF_PYTHON
