#!/bin/sh
# Version: Net::Ping 2.74 of perl 5.36 (Debian 12), protocol "udp".
# Expected: each ping() of one object asks the server, and finds it alive.
# Seen: the first ping() does. Each later one of the same object says that the server is dead,
#	without a datagram sent: its new socket is not connected, and send() fails. So a monitor
#	that keeps its object raises an alarm at its second look; an object for each ping is right.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
perl -MNet::Ping -e 1 2>/dev/null || cannot 'no Net::Ping'
timeout 60 python3 - <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import threading

PERL = """
use Net::Ping;
sub pinger { my $p = Net::Ping->new('udp', 5); $p->port_number($ARGV[0]); return $p }
my $kept = pinger();
my @alive = map { scalar($_->ping('127.0.0.1')) || 0 } $kept, $kept, $kept, pinger();
print join(' ', $Net::Ping::VERSION, @alive);
"""
requests = []
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))


def echo():
    while True:
        data, address = server.recvfrom(2000)
        requests.append(data)
        server.sendto(data, address)


threading.Thread(target=echo, daemon=True).start()
done = subprocess.run(
    ["perl", "-e", PERL, str(server.getsockname()[1])], stdout=subprocess.PIPE,
    text=True, timeout=50)
version, *alive = done.stdout.split()
different = len(set(requests))
print(f"seen: Net::Ping {version}: three pings of one object {alive[:3]}, "
      f"one of a new object {alive[3:]}; requests at the server: {len(requests)}")
sys.exit(alive != ["1", "0", "0", "1"] or different != 1)
END_OF_PYTHON
