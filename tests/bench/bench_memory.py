"""Resident memory of dgramd with conf/server.json (but another port) at the start, after 100,000 and
after a million requests; then with requests from ten million addresses, each of which asks once. 256 in
flight at most. Writes tables to tests/bench/results, and prints them."""

import itertools
import json
import os
import statistics
import subprocess

import dgramtest
import servers
from report import keep, made_by, table

WANTED = 1_000_000
ADDRESSES = int(os.environ.get("ADDRESSES", "10000000"))
TURNS = 10


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def walk(daemon, count, first, addresses):
    """CPU microseconds a request, and the resident memory afterwards."""
    before = servers.cpu_seconds(daemon.process.pid)
    said = subprocess.run(
        [os.path.join(dgramtest.BUILD, "tests/bench/address_walk"), str(daemon.port), str(count),
         str(first), str(addresses)], check=True, stdout=subprocess.PIPE, text=True).stdout
    if said != f"answered {count} lost 0\n":
        raise SystemExit(said)
    cpu = servers.cpu_seconds(daemon.process.pid) - before
    return cpu / count * 1e6, resident_mib(daemon.process.pid)


def addresses_rows(daemon):
    """Few addresses and ever new ones in turn, for machines drift. Replies to one address can leave
    as one message, which is the most of what they save."""
    batch = ADDRESSES // TURNS
    kinds = {"1": itertools.repeat((0, 1)), "256": itertools.repeat((0, 256)),
             f"{ADDRESSES:,}, each once": iter((turn * batch, batch) for turn in range(TURNS))}
    turns = [{name: walk(daemon, batch, *next(kind)) for name, kind in kinds.items()}
             for _ in range(TURNS)]
    return [
        [name, f"{statistics.median(turn[name][0] for turn in turns):.2f}",
         f"{statistics.median(turn[name][0] / turn['256'][0] for turn in turns):.2f}",
         f"{turns[0][name][1]:.2f}", f"{turns[-1][name][1]:.2f}"] for name in kinds]


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
        addresses = addresses_rows(daemon)
        replied = daemon.stop()["time"]["replied"]
    markdown = "\n".join([
        "# Resident memory", "",
        f"{made_by('make bench')} dgramd with `conf/server.json`, {replied:,} requests in all, 256 in "
        f"flight; the most it can come to, by its own word: "
        f"{int(ready['memory_max_bytes']) / 2**20:.1f} MiB.", "",
        *table(("requests", "MiB"), [
            [f"{answered:,}", f"{mib:.2f}"] for answered, mib in rows[:2] + rows[-1:]]), "",
        "## Addresses", "",
        *table(("addresses", "CPU us/request", "times 256 addresses", "MiB after a tenth",
                "MiB at the end"), addresses)])
    if not os.environ.get("ONLY"):  # the whole of make bench
        keep({"memory.md": markdown})
    print(markdown)


main()
