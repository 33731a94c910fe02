#!/bin/sh
# Version: collectd 5.12.0-14 (Debian 12), the network plug-in as client, the plug-in uptime, one value an interval.
# Expected: what is read in an interval is sent in it, in as few datagrams as hold it.
# Seen: nothing is sent until a datagram of 1,452 bytes (MaxPacketSize) is full: here 48 values, so 48 intervals, with
#	the usual 10 seconds 8 minutes, and that again for the next. The values have their own times, so the
#	graph is right in the end, but as a server takes a value for missing after Timeout (2) intervals, a host with few
#	plug-ins is missing most of the time, and what it held is lost when it dies. FlushInterval in the block
#	<LoadPlugin network>, which collectd.conf(5) has only among what all plug-ins share, sends what there is, as SIGUSR1
#	does.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
package=collectd-core=5.12.0-14
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
dpkg -x ./*.deb . || cannot 'cannot unpack'
timeout 60 python3 - <<'END_OF_PYTHON'
import os
import signal
import socket
import struct
import subprocess
import sys
import time

INTERVAL = 0.1
VALUES = 0x0006
here = os.getcwd()


def values(data):
    """How many values a datagram has: each part of it begins with its type and length."""
    count = 0
    while data:
        kind, length = struct.unpack("!HH", data[:4])
        count += kind == VALUES
        data = data[length:]
    return count


def sent_with(setting):
    """How many values the first two datagrams have, and one after SIGUSR1."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    with open("conf", "w") as conf:
        conf.write(f"""
Hostname "host"
FQDNLookup false
Interval {INTERVAL}
BaseDir "{here}"
PluginDir "{here}/usr/lib/collectd"
TypesDB "{here}/usr/share/collectd/types.db"
LoadPlugin uptime
<LoadPlugin network>
    {setting}
</LoadPlugin>
<Plugin network>
    Server "127.0.0.1" "{server.getsockname()[1]}"
</Plugin>
""")
    output = open("output", "wb")
    program = subprocess.Popen(
        ["usr/sbin/collectd", "-f", "-C", "conf", "-P", f"{here}/pid"], stdout=output, stderr=output)
    try:
        end = time.monotonic() + 10
        while b"entering read-loop" not in open("output", "rb").read():
            if program.poll() is not None or time.monotonic() > end:
                print("skipped: collectd does not start here")
                sys.exit(77)
            time.sleep(0.02)
        server.settimeout(20)
        held = [values(server.recv(9000)) for _ in range(2)]
        time.sleep(5 * INTERVAL)
        program.send_signal(signal.SIGUSR1)
        return *held, values(server.recv(9000))
    finally:
        program.kill()
        program.wait()


usual, flushed = sent_with(""), sent_with("FlushInterval 1")
print("seen: intervals in the first two datagrams and in one after SIGUSR1:", *usual, "with FlushInterval 1:",
      *flushed)
sys.exit(min(usual[:2]) < 40 or not 1 <= usual[2] < 40 or max(flushed) > 30)
END_OF_PYTHON
