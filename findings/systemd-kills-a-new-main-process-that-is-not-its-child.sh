#!/bin/sh
# Version: systemd 252.39-1~deb12u2 (Debian 12), Type=notify, a service that replaces its process and sends MAINPID.
# Expected: once MAINPID was taken, a stop sends SIGTERM to that process and waits TimeoutStopSec for its end, as before.
# Seen: that is so only if the process was already a child of systemd when the message came. If its parent was still the
#	old process, as after fork() or posix_spawn(), SIGKILL follows SIGTERM at once, also when the old process has
#	ended and systemd has inherited the new one: nothing is drained, and the stop takes no time.
#	So what upgrades itself should hand over to a process that has lost its parent first.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='systemd=252.39-1~deb12u2 libip4tc2=1.8.9-2 libkmod2=30+20221128-1 libapparmor1=3.0.8-3'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
[ "$(id -u)" -eq 0 ] || cannot 'only root may make the namespaces'
cd "$dir" || exit 1
# shellcheck disable=SC2086
timeout 120 apt-get -qq download $packages >apt.log 2>&1 || cannot "no packages $packages"
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
mkdir units groups
echo '[Unit]' >units/default.target
for way in own other; do
	cat >units/$way.service <<END_OF_UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=notify
NotifyAccess=all
ExecStart=$(command -v python3) $dir/service.py $way
END_OF_UNIT
done
cat >service.py <<'END_OF_PYTHON'
import os
import signal
import socket
import sys
import time


def say(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])


def drain(*_):
    time.sleep(1)
    with open(f"{sys.path[0]}/drained", "a", encoding="ascii") as file:
        file.write(f"{sys.argv[1]}\n")
    os._exit(0)


say("READY=1")
time.sleep(0.5)
reading, writing = os.pipe()
first = os.fork()
if first == 0:
    if sys.argv[1] == "own" and os.fork() != 0:  # whose parent ends, so that systemd inherits it
        os._exit(0)
    signal.signal(signal.SIGTERM, drain)
    while sys.argv[1] == "own" and os.getppid() != 1:
        time.sleep(0.01)
    os.write(writing, b"%d" % os.getpid())
    while True:
        signal.pause()
say(f"MAINPID={int(os.read(reading, 20))}")
time.sleep(0.5)
END_OF_PYTHON
cat >inner.sh <<'END_OF_SHELL'
umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run || exit 77
export container=test SYSTEMD_UNIT_PATH="$1/units"
exec "$1/lib/systemd/systemd" --system --unit=default.target --log-target=null --show-status=no
END_OF_SHELL
cat >outer.sh <<'END_OF_SHELL'
mount -t cgroup2 none "$1/groups" || exit 77
mkdir -p "$1/groups/$(basename "$1")" && echo $$ >"$1/groups/$(basename "$1")/cgroup.procs" || exit 77
exec unshare --cgroup sh "$1/inner.sh" "$1"
END_OF_SHELL
LD_LIBRARY_PATH=$dir/usr/lib/$(uname -m)-linux-gnu/systemd:$dir/usr/lib/$(uname -m)-linux-gnu:$dir/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH
timeout 60 python3 - "$dir" <<'END_OF_PYTHON'
import os
import subprocess
import sys
import time

DIRECTORY = sys.argv[1]
UNSHARE = "unshare --fork --kill-child --pid --mount --net --uts --ipc --mount-proc".split()


def init_of(parent):
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        children = file.read().split()
    return next((pid for pid in children if os.readlink(f"/proc/{pid}/exe").endswith("/systemd")), None)


def control(*words):
    return subprocess.run(["nsenter", "-t", init, "-a", f"{DIRECTORY}/bin/systemctl", *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30)


def is_drained(way):
    """By a stop of a service that runs, in its second process."""
    control("start", way)
    before = control("show", way, "-p", "MainPID", "--value").stdout
    time.sleep(2)
    after = control("show", way, "-p", "MainPID", "--value").stdout
    if control("is-active", way).returncode or after == before:
        print(f"skipped: the service {way} does not run here")
        sys.exit(77)
    control("stop", way)
    with open(f"{DIRECTORY}/drained", "a+", encoding="ascii") as file:
        file.seek(0)
        return way in file.read().split()


process = subprocess.Popen([*UNSHARE, "sh", f"{DIRECTORY}/outer.sh", DIRECTORY], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    limit = time.monotonic() + 20
    init = None
    while time.monotonic() < limit and process.poll() is None and (init is None or control("show").returncode):
        init = init_of(process.pid)
        time.sleep(0.1)
    if init is None or process.poll() is not None:
        print("skipped: systemd does not start in namespaces here")
        sys.exit(77)
    own, other = is_drained("own"), is_drained("other")
finally:
    process.kill()
    process.wait()
print(f"seen: a stop lets the new main process drain for a second: {own} if it was systemd's child when MAINPID came, "
      f"{other} if it was the old process's")
sys.exit((own, other) != (True, False))
END_OF_PYTHON
