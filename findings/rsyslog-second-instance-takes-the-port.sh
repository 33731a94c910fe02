#!/bin/sh
# Version: rsyslog 8.2302.0-1+deb12u2 (Debian 12), imudp, two instances at one address and port.
# Expected: the second says "Address already in use" and has no listener, or each gets a share.
# Seen: imudp sets SO_REUSEADDR, which for UDP on Linux lets a port be bound twice: the second starts without a word, and
#	from then on gets every datagram. The first gets none, and says nothing, until the second ends. So a test of
#	a configuration in a second instance, an old one that was not stopped, or one in a container on the host's
#	network takes the log of the whole net to another file, and both look healthy. Look for two lines of one port
#	in ss -lun.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='rsyslog=8.2302.0-1+deb12u2 libestr0=0.1.11-1 libfastjson4=1.2304.0-1'
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
for library in usr/lib/*/libestr.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/sbin/rsyslogd -v >/dev/null 2>&1 || cannot 'rsyslogd does not start here'
timeout 60 python3 - "$dir/usr/sbin/rsyslogd" "$LD_LIBRARY_PATH/rsyslog" <<'END_OF_PYTHON'
import os
import socket
import subprocess
import sys
import time

program, modules = sys.argv[1:]
here = os.getcwd()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
running = []


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def listeners():
    return open("/proc/net/udp").read().count(f":{port:04X} 00000000:0000")


def start(name):
    with open(f"{name}.conf", "w") as conf:
        conf.write(f"""
global(workDirectory="{here}")
module(load="{modules}/imudp.so")
input(type="imudp" address="127.0.0.1" port="{port}")
template(name="text" type="string" string="%msg%\\n")
*.* action(type="omfile" file="{here}/{name}.log" template="text")
""")
    before = listeners()
    output = open(f"{name}.output", "wb")
    running.append(subprocess.Popen(
        [program, "-n", "-f", f"{here}/{name}.conf", "-i", f"{here}/{name}.pid", "-M", modules],
        stdout=output, stderr=output))
    return wait_for(lambda: listeners() > before)


def logged(name, what):
    path = f"{name}.log"
    return sum(what in line for line in open(path)) if os.path.exists(path) else 0


def send(what):
    """Sends five messages, and says how many the first and the second instance log."""
    for number in range(5):
        client.sendto(f"<13>Jan  1 12:00:00 host tag: {what} {number}".encode(), ("127.0.0.1", port))
    wait_for(lambda: logged("first", what) + logged("second", what) >= 5)
    return logged("first", what), logged("second", what)


try:
    if not start("first"):
        print("skipped: rsyslogd does not start here")
        sys.exit(77)
    alone = send("alone")
    bound = start("second")
    both = send("both")
    running[1].terminate()
    running[1].wait()
    again = send("again")
finally:
    for daemon in running:
        daemon.kill()
        daemon.wait()
said = os.path.getsize("first.output") + os.path.getsize("second.output")
print(f"seen: of 5 messages the first and the second instance log {alone} before the second starts, {both} while it "
      f"runs, {again} after its end; bytes that they said: {said}")
sys.exit(not bound or (alone, both, again) != ((5, 0), (0, 5), (5, 0)) or said != 0)
END_OF_PYTHON
