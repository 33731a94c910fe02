#!/bin/sh
# Version: rsyslog 8.2302.0-1+deb12u2 (Debian 12), imudp with its standard parsers; the messages are
#	those of Python's logging.handlers.SysLogHandler, which sends a priority and the text, no
#	header.
# Expected: a message without a header is logged whole, under the address that it came from.
# Seen: the first word becomes the host and the second the tag: "queue full again" comes from a host
#	"queue". Rules and dynamic file names by %hostname% go astray, and the sender's address is
#	in %fromhost-ip% alone. A text whose first word ends in ":" is parsed as expected, the word
#	as tag.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
for package in rsyslog=8.2302.0-1+deb12u2 libestr0=0.1.11-1 libfastjson4=1.2304.0-1; do
	timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
done
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/libestr.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/sbin/rsyslogd -v >/dev/null 2>&1 || cannot 'rsyslogd does not start here'
timeout 60 python3 - "$dir/usr/sbin/rsyslogd" "$LD_LIBRARY_PATH/rsyslog" <<'END_OF_PYTHON'
import logging
import logging.handlers
import os
import socket
import subprocess
import sys
import time

program, modules = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
here = os.getcwd()
with open("rsyslog.conf", "w") as conf:
    conf.write(f"""
global(workDirectory="{here}")
module(load="{modules}/imudp.so")
input(type="imudp" address="127.0.0.1" port="{port}")
template(name="fields" type="string" string="%hostname%|%syslogtag%|%msg%|%fromhost-ip%\\n")
*.* action(type="omfile" file="{here}/log" template="fields")
""")
daemon = subprocess.Popen(
    [program, "-n", "-f", f"{here}/rsyslog.conf", "-i", f"{here}/pid", "-M", modules],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        if daemon.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def lines():
    return open("log").read().splitlines() if os.path.exists("log") else []


try:
    if not wait_for(lambda: f":{port:04X} " in open("/proc/net/udp").read()):
        print("skipped: rsyslogd does not start here")
        sys.exit(77)
    logger = logging.getLogger("any")
    logger.addHandler(logging.handlers.SysLogHandler(("127.0.0.1", port)))
    logger.error("queue full again")
    logger.error("worker: full again")
    logger.error("queue")
    wait_for(lambda: len(lines()) >= 3)
finally:
    daemon.kill()
    daemon.wait()
found = [line.split("|") for line in lines()]
print(f"seen: host, tag, text, address of 'queue full again': {found[0] if found else None}")
sys.exit(len(found) != 3 or found[0] != ["queue", "full", " again", "127.0.0.1"]
         or found[1][1:3] != ["worker:", " full again"] or found[2][0] != "queue")
END_OF_PYTHON
