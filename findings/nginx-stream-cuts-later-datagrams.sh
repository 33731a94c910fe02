#!/bin/sh
# Version: nginx 1.22.1-9+deb12u11 with libnginx-mod-stream (Debian 12), a stream server with "listen ... udp" and
#	proxy_pass.
# Expected: a datagram of any length is relayed, in both directions, or what is above proxy_buffer_size (16k) is
#	refused with a line.
# Seen: a session's first datagram is relayed whole, whatever its length. Each later one from that client, and each
#	answer, also the first, is cut to 16,384 bytes. Nothing is logged, at level info either. So a trial with one
#	large message is well, and messages of syslog or GELF are cut from a sender's second on. With proxy_buffer_size 64k
#	all are whole.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='nginx=1.22.1-9+deb12u11 libnginx-mod-stream=1.22.1-9+deb12u11'
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
timeout 10 usr/sbin/nginx -v >/dev/null 2>&1 || cannot 'nginx does not start here'
timeout 60 python3 - <<'END_OF_PYTHON'
import os
import socket
import subprocess
import sys
import time

here = os.getcwd()


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


def relayed(setting):
    """The lengths that arrive of three requests and their answers, 20,000 bytes each, and whether a line is about it."""
    server, client, free = udp(), udp(), udp()
    port = free.getsockname()[1]
    free.close()
    with open("conf", "w") as conf:
        conf.write(f"""
daemon off;
master_process off;
pid {here}/pid;
load_module {here}/usr/lib/nginx/modules/ngx_stream_module.so;
events {{ }}
stream {{
    server {{
        listen 127.0.0.1:{port} udp;
        proxy_pass 127.0.0.1:{server.getsockname()[1]};
        {setting}
    }}
}}
""")
    output = open("output", "wb")
    program = subprocess.Popen(
        ["usr/sbin/nginx", "-p", here, "-c", f"{here}/conf", "-e", "stderr", "-g", "error_log stderr info;"],
        stdout=output, stderr=output)
    try:
        end = time.monotonic() + 20
        while f":{port:04X} " not in open("/proc/net/udp").read():
            if program.poll() is not None or time.monotonic() > end:
                print("skipped: nginx does not start here")
                sys.exit(77)
            time.sleep(0.05)
        requests, answers = [], []
        for _ in range(3):
            client.sendto(b"x" * 20000, ("127.0.0.1", port))
            data, address = server.recvfrom(65536)
            requests.append(len(data))
            server.sendto(b"y" * 20000, address)
            answers.append(len(client.recv(65536)))
    finally:
        program.kill()
        program.wait()
    said = open("output").read().lower()
    return requests, answers, any(word in said for word in ("trunc", "large", "long", "cut", "[warn]", "[error]"))


usual, larger = relayed(""), relayed("proxy_buffer_size 64k;")
print(f"seen: of 20000 bytes arrived, requests and answers: {usual[:2]}, with proxy_buffer_size 64k {larger[:2]}")
sys.exit(usual != ([20000, 16384, 16384], [16384] * 3, False) or larger[:2] != ([20000] * 3,) * 2)
END_OF_PYTHON
