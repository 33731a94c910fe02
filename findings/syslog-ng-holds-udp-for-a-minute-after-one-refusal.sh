#!/bin/sh
# Version: syslog-ng 3.38.1-5+deb12u1 (Debian 12), a destination network("..." transport("udp")), whose receiver is away
#	while one message is sent.
# Expected: that message is lost, the next one arrives: UDP has no connection, and the receiver is back at once.
# Seen: the port unreachable that the lost message brings counts as a broken connection. The next message is not
#	sent, and nothing is for the 60 seconds of time-reopen(), which its manual has for dead connections; then all come at
#	once, as far as log-fifo-size() holds them. So a restart of a receiver that takes a moment stops each of its
#	senders for a minute, and then what all of them held comes in one burst.
#	time-reopen(1) makes it a second.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='syslog-ng-core=3.38.1-5+deb12u1 libivykis0=0.42.4-1 libnet1=1.1.6+dfsg-3.2 libpcre3=2:8.39-15
libwrap0=7.6.q-32 libjson-c5=0.16-2'
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
LD_LIBRARY_PATH=$dir/usr/lib/syslog-ng
for library in lib/*/ usr/lib/*/; do
	LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$dir/$library
done
export LD_LIBRARY_PATH
timeout 10 usr/sbin/syslog-ng --version >/dev/null 2>&1 || cannot 'syslog-ng does not start here'
timeout 90 python3 - <<'END_OF_PYTHON'
import glob
import os
import socket
import subprocess
import sys
import time

here = os.getcwd()
modules = glob.glob(f"{here}/usr/lib/syslog-ng/3*")[0]


def udp(address=("127.0.0.1", 0)):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(address)
    made.settimeout(20)
    return made


def arrived(options, wait):
    """How many of five messages come within wait seconds, sent when the receiver is back after it missed one."""
    receiver, client, free = udp(), udp(), udp()
    to, source = receiver.getsockname(), free.getsockname()
    free.close()
    with open("conf", "w") as conf:
        conf.write(f"""@version: 3.35
source in {{ network(ip("127.0.0.1") port({source[1]}) transport("udp")); }};
destination out {{ network("127.0.0.1" port({to[1]}) transport("udp") {options}); }};
log {{ source(in); destination(out); }};
""")
    program = subprocess.Popen(
        ["usr/sbin/syslog-ng", "-F", "-e", "-f", "conf", "--module-path", modules, "--no-caps", "-R", f"{here}/persist",
         "-p", f"{here}/pid", "-c", f"{here}/ctl"], stdout=subprocess.DEVNULL, stderr=open("log", "w"))
    try:
        end = time.monotonic() + 20
        while f":{source[1]:04X} " not in open("/proc/net/udp").read():
            if program.poll() is not None or time.monotonic() > end:
                print("skipped: syslog-ng does not start here")
                sys.exit(77)
            time.sleep(0.05)
        client.sendto(b"<13>Jan  1 00:00:00 host tag: first", source)
        receiver.recv(2000)
        receiver.close()
        client.sendto(b"<13>Jan  1 00:00:00 host tag: missed", source)
        time.sleep(1)
        receiver = udp(to)
        for number in range(5):
            client.sendto(b"<13>Jan  1 00:00:00 host tag: message %d" % number, source)
            time.sleep(0.1)
        receiver.settimeout(wait)
        count = 0
        try:
            while count < 5:
                count += b": message " in receiver.recv(2000)
        except TimeoutError:
            pass
        return count, "broken" in open("log").read(), "time_reopen='60'" in open("log").read()
    finally:
        program.kill()
        program.wait()


usual, quick = arrived("", 8), arrived("time-reopen(1)", 15)
print("seen: of five messages after the one that was refused, a broken connection in the log, to be opened again in 60 s: "
      f"{usual} in 8 seconds, with time-reopen(1) {quick}")
sys.exit(usual != (0, True, True) or quick != (5, True, False))
END_OF_PYTHON
