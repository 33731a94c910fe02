#!/bin/sh
# Version: start-stop-daemon of dpkg 1.21.22 (Debian 12), --background --notify-await.
# Expected: when the program ends without a word on NOTIFY_SOCKET, start-stop-daemon fails at once.
# Seen: it waits until --notify-timeout (60 seconds unless given), and then says only that it timed
#	out. So a daemon whose configuration is wrong holds up its init script for a minute. A
#	program that sends ERRNO= before it ends is reported at once.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
start-stop-daemon --help 2>/dev/null | grep -q -e --notify-await ||
	cannot 'no start-stop-daemon --notify-await'
[ "$(id -u)" -eq 0 ] || cannot 'not root: the notification socket is made in /run'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
cat >says-why <<'END_OF_PROGRAM'
#!/usr/bin/env python3
import os, socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"ERRNO=22", os.environ["NOTIFY_SOCKET"])
END_OF_PROGRAM
chmod 755 says-why

# How many whole seconds it took to report that the program $1 failed.
seconds() {
	before=$(date +%s)
	timeout 50 start-stop-daemon --start --background --notify-await --notify-timeout 20 \
		--pidfile "$dir/none" --startas "$1" 2>"$dir/said"
	status=$?
	echo $(($(date +%s) - before))
	return "$status"
}

silent=$(seconds /bin/false)
silent_status=$?
words=$(head -n 1 said)
spoken=$(seconds "$dir/says-why")
spoken_status=$?
echo "seen: /bin/false was reported after $silent of 20 s, status $silent_status ($words);" \
	"a program that sent ERRNO=22 after $spoken s, status $spoken_status"
[ "$silent" -ge 19 ] && [ "$spoken" -lt 15 ] && [ "$silent_status" -eq 2 ] &&
	[ "$spoken_status" -eq 2 ]
