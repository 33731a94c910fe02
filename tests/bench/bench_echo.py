"""CPU per echo request: dgramd through its pool, a bare recvmmsg/sendmmsg loop and Python's
ThreadingUDPServer, in one run. Prints a Markdown table.

Each server takes its turn, again and again, and ratios are taken within a turn, for machines drift.
CPU is the server's user and system time from /proc/PID/stat, divided by the answers it gave."""

import os
import socket
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, ".build", "release")
HERE = os.path.join(TOP, "tests", "bench")
TURNS = int(os.environ.get("TURNS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "3"))
CLIENTS, IN_FLIGHT, BYTES = 16, 16, 32
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dgramd(workers):
    def command(port):
        sets = {"handler": "echo", "port": port, "pool.workers": workers, "logging.level": "error"}
        words = [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
        return [os.path.join(BUILD, "dgramd"), *words]
    return command


SERVERS = {
    "bare loop": lambda port: [os.path.join(BUILD, "tests/bench/bare_echo"), str(port)],
    "dgramd, 2 workers": dgramd(2),
    "dgramd, 4 workers": dgramd(4),
    "Python ThreadingUDPServer": lambda port: [
        sys.executable, os.path.join(HERE, "threading_echo.py"), str(port)],
}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def wait_until_it_answers(port):
    for _ in range(200):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            try:
                client.connect(("127.0.0.1", port))
                client.send(b"ready?")
                client.recv(100)
                return
            except OSError:
                time.sleep(0.05)
    sys.exit(f"no answer on port {port}")


def measure(command):
    """CPU microseconds per request, answers per second, share lost."""
    port = free_port()
    with subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_it_answers(port)
            before = cpu_seconds(server.pid)
            words = subprocess.run(
                [os.path.join(BUILD, "tests/bench/load"), str(port), str(CLIENTS), str(IN_FLIGHT),
                 str(BYTES), str(SECONDS)],
                check=True, capture_output=True, text=True).stdout.split()
            cpu = cpu_seconds(server.pid) - before
        finally:
            server.kill()
    answered, lost, seconds = int(words[1]), int(words[3]), float(words[5])
    return cpu / answered * 1e6, answered / seconds, lost / (answered + lost)


def main():
    results = {name: [] for name in SERVERS}
    for turn in range(TURNS):
        for name, command in SERVERS.items():
            results[name].append(measure(command))
            print(f"turn {turn + 1} of {TURNS}: {name}: %.2f us, %.0f/s" % results[name][-1][:2],
                  file=sys.stderr)
    bare = [result[0] for result in results["bare loop"]]
    print(f"echo of {BYTES} bytes, {CLIENTS} clients with {IN_FLIGHT} in flight each, "
          f"{os.cpu_count()} cores, {TURNS} turns of {SECONDS:g} s, medians:\n")
    print("| server | CPU us/request | times the bare loop | requests/s | lost |")
    print("|---|---|---|---|---|")
    for name, rows in results.items():
        ratio = statistics.median(row[0] / limit for row, limit in zip(rows, bare))
        cpu, rate, lost = (statistics.median(column) for column in zip(*rows))
        print(f"| {name} | {cpu:.2f} | {ratio:.2f} | {rate:,.0f} | {lost:.2%} |")


main()
