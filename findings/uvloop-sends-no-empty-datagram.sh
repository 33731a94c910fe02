#!/bin/sh
# Version: uvloop 0.17.0 (python3-uvloop 0.17.0+ds1-2+b2) over libuv 1.44.2, Python 3.11.
# Expected: DatagramTransport.sendto(b"") sends an empty datagram, as socket.sendto(b"") does.
# Seen: nothing is sent, and nothing is said, whether the endpoint has a fixed peer or not. A client
#	that asks a time service with an empty datagram, as RFC 867 and 868 have it, waits for ever.
#	An empty datagram is received. (asyncio of Python 3.11 is the same.)
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
	cannot 'no Python 3.11'
cd "$dir" || exit 1
for package in python3-uvloop=0.17.0+ds1-2+b2 libuv1=1.44.2-1+deb12u1; do
	timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
done
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/libuv.so.1; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
export PYTHONPATH="$dir/usr/lib/python3/dist-packages"
timeout 60 /usr/bin/python3 - <<'END_OF_PYTHON'
import asyncio
import socket
import sys

try:
    import uvloop
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(2)
address = receiver.getsockname()


def received(last):
    """What came, up to the datagram that was sent last."""
    found = []
    while not found or found[-1] != last:
        found.append(receiver.recv(100))
    return found


class Endpoint(asyncio.DatagramProtocol):
    def __init__(self):
        self.came = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, _):
        self.came.set_result(data)


async def main():
    loop = asyncio.get_running_loop()
    fixed, _ = await loop.create_datagram_endpoint(Endpoint, remote_addr=address)
    free, protocol = await loop.create_datagram_endpoint(Endpoint, local_addr=("127.0.0.1", 0))
    fixed.sendto(b"")
    fixed.sendto(b"1")
    first = received(b"1")
    free.sendto(b"", address)
    free.sendto(b"2", address)
    second = received(b"2")
    receiver.sendto(b"", free.get_extra_info("sockname"))
    return first, second, await asyncio.wait_for(protocol.came, 5)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
    plain.sendto(b"", address)
    plain.sendto(b"0", address)
control = received(b"0")
uvloop.install()
first, second, came = asyncio.run(main())
print(f"seen: uvloop {uvloop.__version__} sent {first} and {second}, a plain socket {control}")
sys.exit((control, first, second, came) != ([b"", b"0"], [b"1"], [b"2"], b""))
END_OF_PYTHON
