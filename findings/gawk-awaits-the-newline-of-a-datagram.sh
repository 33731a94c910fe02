#!/bin/sh
# Version: gawk 1:5.2.1-2 (Debian 12), the special file "/inet/udp/0/HOST/PORT", printf ... |& it, it |& getline.
# Expected: a datagram is a message, so its end ends the record: getline gives an answer that has no newline.
# Seen: getline waits for a newline in a later datagram, for ever, and joins the two: an answer "12:00" alone is never
#	given. With PROCINFO[file, "READ_TIMEOUT"] it gives up, but returns the number of bytes that it threw away,
#	which is above 0, and an empty line: by the usual test, (file |& getline line) > 0, that is an answer. An
#	empty datagram is the end of the file. So only services that end each answer with a newline can be asked.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='gawk=1:5.2.1-2 libsigsegv2=2.14-1 libmpfr6=4.2.0-1 libreadline8=8.2-1.3'
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
for library in usr/lib/*/libsigsegv.so.2; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/gawk --version >/dev/null 2>&1 || cannot 'gawk does not start here'
timeout 60 python3 - usr/bin/gawk <<'END_OF_PYTHON'
import socket
import subprocess
import sys

PROGRAM = """BEGIN {
    file = "/inet/udp/0/127.0.0.1/" PORT
    if (LIMIT) PROCINFO[file, "READ_TIMEOUT"] = LIMIT
    printf "ask" |& file
    got = (file |& getline line)
    print got "|" line
}"""


def ask(limit, *answers):
    """What getline returned and gave, when the server sends these answers to one question; None if nothing in 3 s."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    gawk = subprocess.Popen(
        [sys.argv[1], "-v", f"PORT={server.getsockname()[1]}", "-v", f"LIMIT={limit}", PROGRAM],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.recvfrom(100)[1]
        for answer in answers:
            server.sendto(answer, address)
        return gawk.communicate(timeout=3)[0].strip()
    except subprocess.TimeoutExpired:
        return None
    finally:
        gawk.kill()
        gawk.wait()


whole, joined, without = ask(0, b"12:00\n"), ask(0, b"12:00", b"13:00\n"), ask(0, b"12:00")
limited, empty = ask(1000, b"12:00"), ask(0, b"")
print(f"seen: with a newline {whole!r}, in the second only {joined!r}, without {without!r}, "
      f"without and with a time limit {limited!r}; an empty one {empty!r}")
sys.exit([whole, joined, without, limited, empty] != ["1|12:00", "1|12:0013:00", None, "5|", "0|"])
END_OF_PYTHON
