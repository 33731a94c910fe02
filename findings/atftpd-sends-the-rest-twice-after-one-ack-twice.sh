#!/bin/sh
# Version: atftpd 0.8.0-3 (Debian 12), beside it tftpd-hpa 5.2+20150808-1.4, a file of 21 blocks, no options.
# Expected: an ACK that comes a second time, as a network may have it, is ignored: RFC 1123, 4.2.3.1, of 1989, demands
#	it of senders and calls the opposite the Sorcerer's Apprentice Syndrome.
# Seen: one second ACK of block 1 makes atftpd send block 2 again, the client's ACK of that block 3, and so on: each later
#	block is sent twice, 41 in all, and the load stays doubled to the end of the file. tftpd-hpa sends 21. The file
#	arrives whole, so nothing tells, but a boot over a network that doubles one datagram takes twice the traffic.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='atftpd=0.8.0-3 tftpd-hpa=5.2+20150808-1.4 libwrap0=7.6.q-32 libnsl2=1.3.0-2 libtirpc3=1.3.3+ds-1'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
[ "$(id -u)" -eq 0 ] || cannot 'not root: both servers change their user'
cd "$dir" || exit 1
chmod 755 .
# shellcheck disable=SC2086
timeout 120 apt-get -qq download $packages >apt.log 2>&1 || cannot "no packages $packages"
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
LD_LIBRARY_PATH=
for library in lib/*/ usr/lib/*/; do
	LD_LIBRARY_PATH=$dir/$library:$LD_LIBRARY_PATH
done
export LD_LIBRARY_PATH
mkdir files
head -c 10245 /dev/zero >files/file
timeout 60 python3 - "$dir/files" <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import time

FILES = sys.argv[1]


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(2)
    return made


def sent(port, times):
    """How many datagrams come for the file, and how many different ones, if block 1 is acknowledged so many times."""
    client = udp()
    client.sendto(b"\0\1file\0octet\0", ("127.0.0.1", port))
    blocks = []
    try:
        while True:
            data, address = client.recvfrom(1000)
            if data[:2] != b"\0\3":
                sys.exit(f"not a block: {data}")
            blocks.append(data)
            for _ in range(times if data[2:4] == b"\0\1" else 1):
                client.sendto(b"\0\4" + data[2:4], address)
    except TimeoutError:
        return len(blocks), len(set(block[2:4] for block in blocks))


def served(command):
    with udp() as free:
        port = free.getsockname()[1]
    program = subprocess.Popen(
        [word.replace("PORT", str(port)) for word in command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while f":{port:04X} " not in open("/proc/net/udp").read():
            if program.poll() is not None or time.monotonic() > end:
                print("skipped:", command[0], "does not start here")
                sys.exit(77)
            time.sleep(0.05)
        return sent(port, 1), sent(port, 2)
    finally:
        program.kill()
        program.wait()


atftpd = served(["usr/sbin/atftpd", "--daemon", "--no-fork", "--port", "PORT", "--bind-address", "127.0.0.1", "--user", "root",
                 "--group", "root", "--logfile", "/dev/null", FILES])
hpa = served(["usr/sbin/in.tftpd", "-L", "-a", "127.0.0.1:PORT", "-u", "root", "-s", FILES])
print(f"seen: datagrams and different blocks, each acknowledged once, and the first twice: atftpd {atftpd}, tftpd-hpa {hpa}")
sys.exit(atftpd != ((21, 21), (41, 21)) or hpa != ((21, 21), (21, 21)))
END_OF_PYTHON
