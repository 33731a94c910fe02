"""Resident memory of dgramd with conf/server.json (but another port) at the start, after 100,000 and
after a million requests, at most 256 in flight. Writes a table to tests/bench/results, and prints it."""

import json
import os

import dgramtest
import servers
from report import keep, made_by, table

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
            answered += servers.load(daemon.port, 16, 1, in_flight=16)["answered"]
        replied = daemon.stop()["time"]["replied"]
    markdown = "\n".join([
        "# Resident memory", "",
        f"{made_by('make bench')} dgramd with `conf/server.json`, {replied:,} requests in all, 256 in "
        f"flight; the most it can come to, by its own word: "
        f"{int(ready['memory_max_bytes']) / 2**20:.1f} MiB.", "",
        *table(("requests", "MiB"), [
            [f"{answered:,}", f"{mib:.2f}"] for answered, mib in rows[:2] + rows[-1:]])])
    if not os.environ.get("ONLY"):  # the whole of make bench
        keep({"memory.md": markdown})
    print(markdown)


main()
