#!/bin/sh
# Version: dig 9.18.49 (bind9-dnsutils 1:9.18.49-1~deb12u3, Debian 12), +tries=3 +time=1, a server that answers each query
#	after 1.5 seconds; beside it the resolver of the system's glibc with the same two numbers.
# Expected: an answer to the first try that comes during the second is taken: all tries ask the same, under one ID.
# Seen: glibc asks from one socket, and has the answer after 1.5 seconds. dig asks each time from a new one and has
#	closed the one before, so it gets none of the answers to its three queries, and says "no servers could be reached".
#	To the server that is three clients, of which two are gone. So a check by dig with a short +time takes a
#	slow service for a dead one while programs are still served, and further tries only add to its load.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='bind9-dnsutils=1:9.18.49-1~deb12u3 bind9-libs=1:9.18.49-1~deb12u3
libuv1=1.44.2-1+deb12u1 libjemalloc2=5.3.0-1 libmaxminddb0=1.7.1-1 libprotobuf-c1=1.4.1-1+b1
libfstrm0=0.6.1-1 liblmdb0=0.9.24-1 libnghttp2-14=1.52.0-1+deb12u3 libjson-c5=0.16-2
libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
# shellcheck disable=SC2086
timeout 120 apt-get -qq download $packages >apt.log 2>&1 || cannot "no packages $packages"
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/libuv.so.1; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/dig -v >/dev/null 2>&1 || cannot 'dig does not start here'
timeout 60 python3 - usr/bin/dig <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import threading

# Three tries of a second each, as glibc's resolver keeps them, with one server.
GLIBC = """
import ctypes, os, socket, struct, sys
library = ctypes.CDLL("libresolv.so.2")
library.__res_state.restype = ctypes.c_void_p
library.__res_init()
state = library.__res_state()
server = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", int(sys.argv[1]), b"\\x7f\\0\\0\\1")
ctypes.memmove(state, struct.pack("=ii", 1, 3), 8)
ctypes.memmove(state + 16, struct.pack("=i", 1) + server, 20)
query = getattr(library, "res_query", None) or library.__res_query
os._exit(0 if query(b"example.org", 1, 1, ctypes.create_string_buffer(512), 512) > 0 else 1)
"""


def answer(query):
    """An answer with one address, 192.0.2.1."""
    end = query.index(b"\0", 12) + 5
    return (query[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + query[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1")


def asked(command):
    """The command's status, how many queries came by then, from how many ports, with how many IDs."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    queries = []

    def serve():
        while True:
            query, address = server.recvfrom(4096)
            queries.append((address[1], query[:2]))
            threading.Timer(1.5, server.sendto, (answer(query), address)).start()

    threading.Thread(target=serve, daemon=True).start()
    port = str(server.getsockname()[1])
    done = subprocess.run(
        [word.replace("PORT", port) for word in command], stdout=subprocess.PIPE, text=True, timeout=25)
    return done.returncode, len(queries), *(len(set(column)) for column in zip(*queries))


glibc = asked([sys.executable, "-c", GLIBC, "PORT"])
dig = asked([sys.argv[1], "-r", "@127.0.0.1", "-p", "PORT", "+tries=3", "+time=1", "+noedns", "example.org", "A"])
print("seen: status, queries, ports, IDs: of dig", *dig, "of glibc's resolver", *glibc)
sys.exit(dig != (9, 3, 3, 1) or glibc != (0, 2, 1, 1))
END_OF_PYTHON
