"""Resident memory of dgramd with conf/server.json (but another port) at the start, after 100,000 and
after a million requests; then with requests from ten million addresses, each of which asks once, also of a dgramd
with limits and access. 256 in flight at most. What was not answered is a figure, too, by where it was lost. Writes tables to
tests/bench/results, and prints them. The exit code is 1 if a figure is missed. ADDRESSES=100000 makes
it short, and then nothing is written."""

import collections
import itertools
import json
import os
import statistics
import subprocess
import sys

import dgramtest
import servers
from report import keep, made_by, table

REQUESTS = 1_000_000
MIB_MAX = 16
MIB_GROWTH_MAX = 1
ADDRESSES = int(os.environ.get("ADDRESSES", "10000000"))
TIMES_MAX = 1.5  # CPU of a request when each address asks once, times that of 256 addresses
TURNS = 10
GUARDED = {"limits": {"requests_per_s": 1_000_000, "reply_bytes_per_s": 1_000_000_000}, "access": {"allow": ["127.0.0.0/8"]}}


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def walk(daemon, count, first, addresses, losses):
    """CPU microseconds a request, and the resident memory afterwards."""
    before = servers.cpu_seconds(daemon.process.pid)
    said = subprocess.run(
        [os.path.join(dgramtest.BUILD, "tests/bench/address_walk"), str(daemon.port), str(count),
         str(first), str(addresses)], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    cpu = servers.cpu_seconds(daemon.process.pid) - before
    said = dict(zip(said[::2], map(int, said[1::2])))
    losses.update(lost=count - said["answered"], overflowed=said["overflowed"])
    return cpu / said["answered"] * 1e6, resident_mib(daemon.process.pid)


def addresses_rows(daemon, guarded, losses):
    """Few addresses and ever new ones in turn, because machines drift. Replies to one address can leave
    as one message, which is most of what they save."""
    share = ADDRESSES // TURNS
    each_once = [(turn * share, share) for turn in range(TURNS)]
    kinds = {"1": (daemon, itertools.repeat((0, 1))), "256": (daemon, itertools.repeat((0, 256))),
             f"{ADDRESSES:,}, each once": (daemon, iter(each_once)),
             "the same, with limits and access": (guarded, iter(each_once))}
    turns = [{name: walk(asked, share, *next(kind), losses) for name, (asked, kind) in kinds.items()}
             for _ in range(TURNS)]
    return [
        [name, f"{statistics.median(turn[name][0] for turn in turns):.2f}",
         f"{statistics.median(turn[name][0] / turn['256'][0] for turn in turns):.2f}",
         f"{turns[0][name][1]:.2f}", f"{turns[-1][name][1]:.2f}"] for name in kinds]


def goal_row(words, limit, value):
    return [words, f"at most {limit}", f"{value:.2f}", "yes" if value <= limit else "**no**"]


def losses_rows(losses, ledger):
    """A pause of the machine for more than a second shows as dropped_expired: queue.max_wait_ms."""
    reasons = [name for name, count in ledger.items()
               if name.startswith(("dropped_", "failed_")) and (count or name == "dropped_by_kernel")]
    return [["not answered", f"{losses['lost']:,}"],
            ["the generator's socket buffer was full", f"{losses['overflowed']:,}"],
            *([f"dgramd's `{name}`", f"{ledger[name]:,}"] for name in reasons)]


def main():
    with open(os.path.join(dgramtest.TOP, "conf/server.json"), encoding="utf-8") as file:
        config = {**json.load(file), "port": 0}
    rows, losses = [], collections.Counter()
    with dgramtest.Daemon(config) as daemon:
        answered = 0
        ready = daemon.wait_for("ready")
        while True:
            rows.append((answered, resident_mib(daemon.process.pid)))
            if answered >= REQUESTS:
                break
            said = servers.load(daemon.port, 16, 1, in_flight=16)
            answered += said["answered"]
            losses.update(lost=said["lost"], overflowed=said["client_drops"])
        with dgramtest.Daemon({**config, **GUARDED}) as guarded:
            guarded.wait_for("ready")
            addresses = addresses_rows(daemon, guarded, losses)
            ledger = daemon.stop()["time"]
            for name, count in guarded.stop()["time"].items():
                ledger[name] += count
    goals = [goal_row("resident MiB after a million requests", MIB_MAX, rows[-1][1]),
             goal_row(f"CPU of a request from {ADDRESSES:,} addresses, times 256 addresses", TIMES_MAX,
                      float(addresses[-2][2])),
             goal_row(f"MiB that {ADDRESSES:,} addresses add to the first tenth of them, with limits", MIB_GROWTH_MAX,
                      float(addresses[-1][4]) - float(addresses[-1][3]))]
    markdown = "\n".join([
        "# Resident memory", "",
        f"{made_by('make bench')} dgramd with `conf/server.json`, {ledger['received']:,} requests in all, "
        "256 in flight; the most that it can use, as its log says: "
        f"{int(ready['memory_max_bytes']) / 2**20:.1f} MiB.", "",
        "## Figures to reach", "",
        *table(("figure", "wanted", "measured", "reached"), goals),
        "## Requests", "",
        *table(("requests", "MiB"), [
            [f"{answered:,}", f"{mib:.2f}"] for answered, mib in rows[:2] + rows[-1:]]),
        "## Addresses", "",
        *table(("addresses", "CPU us/request", "times 256 addresses", "MiB after a tenth",
                "MiB at the end"), addresses),
        "## Losses", "",
        *table(("what", "requests"), losses_rows(losses, ledger))]).rstrip() + "\n"
    if not os.environ.get("ONLY") and not os.environ.get("ADDRESSES"):  # the whole of make bench
        keep({"memory.md": markdown})
    print(markdown)
    sys.exit(0 if all(row[-1] == "yes" for row in goals) else 1)


main()
