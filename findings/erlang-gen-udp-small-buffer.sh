#!/bin/sh
# Version: gen_udp of Erlang/OTP 25 (erlang-base 1:25.2.3+dfsg-1+deb12u4, Debian 12).
# Expected: gen_udp:open/2 without options leaves the receive buffer as the system's default says.
# Seen: it sets SO_RCVBUF, to 16,384 bytes as the kernel counts: 19 small datagrams, where a socket
#	with the default of 212,992 bytes holds 256. A burst of answers, or a pause of 20 requests,
#	and the rest is lost; a larger net.core.rmem_default changes nothing.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
package=erlang-base=1:25.2.3+dfsg-1+deb12u4
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
timeout 300 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
dpkg -x ./*.deb . || cannot 'cannot unpack'
ROOTDIR=$dir/usr/lib/erlang
BINDIR=$(dirname "$ROOTDIR"/erts-*/bin/erlexec)
export ROOTDIR BINDIR EMU=beam PROGNAME=erl HOME="$dir"
cat >receive.erl <<'END_OF_ERLANG'
{ok, S} = gen_udp:open(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
{ok, Port} = inet:port(S),
{ok, [{recbuf, Bytes}]} = inet:getopts(S, [recbuf]),
io:format("~p ~p~n", [Port, Bytes]),
io:get_line(""),
Count = fun Count(N) ->
    case gen_udp:recv(S, 0, 500) of {ok, _} -> Count(N + 1); _ -> N end
end,
io:format("~p~n", [Count(0)]),
halt().
END_OF_ERLANG
timeout 90 python3 - "$BINDIR/erlexec" <<'END_OF_PYTHON'
import socket
import subprocess
import sys

DATAGRAMS = 200
program = subprocess.Popen(
    [sys.argv[1], "-noshell", "-eval", open("receive.erl").read()],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    try:
        port, size = map(int, program.stdout.readline().split())
    except ValueError:
        print("skipped: Erlang does not start here")
        sys.exit(77)
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.bind(("127.0.0.1", 0))
    plain.setblocking(False)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(DATAGRAMS):
        sender.sendto(b"text", ("127.0.0.1", port))
        sender.sendto(b"text", plain.getsockname())
    program.stdin.write("\n")
    program.stdin.flush()
    held = int(program.stdout.readline())
finally:
    program.kill()
    program.wait()
default = 0
try:
    while plain.recv(10):
        default += 1
except BlockingIOError:
    pass
print(f"seen: of {DATAGRAMS} datagrams gen_udp's socket held {held}, a buffer of {size} bytes; "
      f"a socket as the system makes it held {default}")
sys.exit(size != 16384 or held > 40 or default <= held)
END_OF_PYTHON
