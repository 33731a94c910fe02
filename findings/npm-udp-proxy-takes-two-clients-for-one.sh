#!/bin/sh
# Version: udp-proxy 1.2.0 of npm, any Node.js, relaying UDP to UDP on loopback.
# Expected: clients are told apart by address and port: each has a port of its own to the server, and gets its answers.
# Seen: they are told apart by address and port written one after the other without dots, so two are one: 127.0.1.11
#	and 127.0.11.1 with the same port, or 127.0.0.1 with port 12000 and 127.0.0.11 with port 2000. The server sees both
#	as one client, and the answers to the second go to the first. Where clients have a fixed port, as with SIP and NTP, two
#	networks of one site (10.0.1.11 and 10.0.11.1) are enough. Nothing is logged.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
command -v node >/dev/null || cannot 'no node'
command -v npm >/dev/null || cannot 'no npm'
cd "$dir" || exit 1
timeout 60 npm pack --silent udp-proxy@1.2.0 >npm.log 2>&1 || cannot 'no package udp-proxy 1.2.0'
tar -xzf udp-proxy-1.2.0.tgz || cannot 'cannot unpack'
cat >proxy.js <<'END_OF_JAVASCRIPT'
const proxy = require('./package').createServer({
	address: '127.0.0.1', port: Number(process.argv[2]), localaddress: '127.0.0.1', localport: 0, timeOutTime: 30000
});
proxy.on('listening', (details) => console.log(details.server.port));
END_OF_JAVASCRIPT
timeout 60 python3 - <<'END_OF_PYTHON'
import socket
import subprocess
import sys


def udp(address="127.0.0.1", port=0):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    made.settimeout(10)
    return made


def asks(client, text):
    """The port that the server sees, and who gets the answer."""
    client.sendto(text, ("127.0.0.1", port))
    data, source = server.recvfrom(100)
    server.sendto(b"to " + data, source)
    for other in clients:
        other.settimeout(1)
        try:
            if other.recv(100) == b"to " + text:
                return source[1], other.getsockname()[0]
        except TimeoutError:
            pass
    return source[1], None


server = udp()
proxy = subprocess.Popen(["node", "proxy.js", str(server.getsockname()[1])], stdout=subprocess.PIPE, text=True)
try:
    port = int(proxy.stdout.readline() or 0)
    if not port:
        print("skipped: the proxy does not start here")
        sys.exit(77)
    first = udp("127.0.1.11")
    clients = [first, udp("127.0.11.1", first.getsockname()[1]), udp("127.0.2.22", first.getsockname()[1])]
    seen = [asks(client, b"request %d" % number) for number, client in enumerate(clients)]
finally:
    proxy.kill()
    proxy.wait()
ports = len(set(port for port, _ in seen))
owners = [owner for _, owner in seen]
print(f"seen: answers to 127.0.1.11, 127.0.11.1 and 127.0.2.22 went to {owners}; the server saw {ports} clients")
sys.exit(owners != ["127.0.1.11", "127.0.1.11", "127.0.2.22"] or ports != 2)
END_OF_PYTHON
