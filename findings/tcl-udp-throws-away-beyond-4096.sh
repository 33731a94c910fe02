#!/bin/sh
# Version: tcl-udp 1.0.11-2+b1 with Tcl 8.6.13 (Debian 12).
# Expected: one puts and flush is one datagram, and one readable event one datagram, whole, if -buffersize has room.
# Seen: with the -buffersize of 4,096 that a channel has, 10,000 bytes are sent as three datagrams. With 65,536
#	nothing is sent, and puts and flush say nothing; with 8,192 only the last 1,808 bytes. Of a datagram that
#	comes the first 4,096 bytes are read, whatever -buffersize, and the rest is lost. So messages above 4,096 bytes,
#	as syslog and GELF have them, are lost by the very option that should make room for them.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='tcl-udp=1.0.11-2+b1 tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2'
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
for library in usr/lib/*/libtcl8.6.so; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
export TCL_LIBRARY="$dir/usr/share/tcltk/tcl8.6"
echo 'puts [info patchlevel]' | timeout 10 usr/bin/tclsh8.6 >/dev/null 2>&1 || cannot 'tclsh does not start here'
timeout 60 python3 - usr/bin/tclsh8.6 usr/lib/tcltk/*/udp1.0.11 <<'END_OF_PYTHON'
import socket
import subprocess
import sys

tclsh, package = sys.argv[1:]
SCRIPT = """
lappend auto_path %s
package require udp
set s [udp_open]
fconfigure $s -buffersize %d -translation binary -remote {127.0.0.1 %d}
puts -nonewline $s [string repeat x 10000]
flush $s
puts -nonewline $s end
flush $s
fconfigure $s -blocking 0
proc came {} {
    global s
    set data [read $s]
    if {[string length $data]} {
        puts [string length $data]
        if {[string match *last $data]} exit
    }
}
fileevent $s readable came
after 20000 exit
vwait forever
"""


def exchange(size):
    """The lengths that came of 10,000 bytes put, and those read of a datagram of 10,000 and one of 4 bytes."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(10)
    with open("ask.tcl", "w") as script:
        script.write(SCRIPT % (package, size, server.getsockname()[1]))
    program = subprocess.Popen(
        [tclsh, "ask.tcl"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    try:
        sent, data = [], b""
        while data != b"end":
            data, address = server.recvfrom(65536)
            sent.append(len(data))
        server.sendto(b"y" * 10000, address)
        server.sendto(b"last", address)
        return sent[:-1], [int(word) for word in program.stdout.read().split()]
    finally:
        program.kill()
        program.wait()


found = {size: exchange(size) for size in (4096, 8192, 65536)}
print("seen: " + "; ".join(
    f"with -buffersize {size} 10000 bytes put were sent as {sent}, a datagram of 10000 and one of 4 read as {read}"
    for size, (sent, read) in found.items()))
sys.exit([found[size][0] for size in (4096, 8192, 65536)] != [[4096, 4096, 1808], [1808], []]
         or any(read != [4096, 4] for _, read in found.values()))
END_OF_PYTHON
