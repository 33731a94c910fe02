"""Resident memory of dgramd with conf/server.json (but another port) at the start, after 100,000 and
after a million requests, at most 256 in flight. Prints a Markdown table."""

import json
import os
import subprocess

import dgramtest

LOAD = [os.path.join(dgramtest.BUILD, "dgramload"), "--json", "--sockets", "16", "--in-flight", "16",
        "--duration", "1"]
WANTED = 1_000_000


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def main():
    with open(os.path.join(dgramtest.TOP, "conf/server.json"), encoding="utf-8") as file:
        config = {**json.load(file), "port": 0}
    rows = []
    with dgramtest.Daemon(config) as daemon:
        answered = 0
        ready = daemon.wait_for("ready")
        while True:
            rows.append((answered, resident_mib(daemon.process.pid)))
            if answered >= WANTED:
                break
            run = subprocess.run([*LOAD, str(daemon.port)], check=True, capture_output=True)
            answered += json.loads(run.stdout)["answered"]
        replied = daemon.stop()["time"]["replied"]
    print(f"resident memory with conf/server.json, {replied:,} requests, 256 in flight; "
          f"the worst case by its own word: {int(ready['memory_max_bytes']) / 2**20:.1f} MiB\n")
    print("| requests | MiB |")
    print("|---|---|")
    for answered, mib in rows[:2] + rows[-1:]:
        print(f"| {answered:,} | {mib:.2f} |")
    print()


main()
