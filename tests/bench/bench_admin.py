"""What looking in costs: a scrape of 64 services and 64 workers, all of which were asked, and resident memory with `{}`,
then with the endpoint on and scraped. Writes tables to tests/bench/results, and prints them. The exit code is 1 if a
figure is missed."""

import os
import statistics
import sys
import time

import adminclient
import dgramtest
import servers
from report import keep, made_by, table

SERVICES = WORKERS = 64
SCRAPES = 100
SCRAPE_MS, SCRAPE_MIB = 20, 2
EMPTY_MIB, ADMIN_MIB = 6.5, 7.5
ADMIN = {**dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}}


def resident_mib(daemon):
    with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def measure_scrapes():
    """Milliseconds of each, as who asks sees it, CPU milliseconds of one, and its bytes."""
    services = [{"name": f"service-{number}", "handler": "echo"} for number in range(SERVICES)]
    config = {**ADMIN, "pool": {"workers": WORKERS}, "queue": {"capacity": 64}, "services": services}
    with dgramtest.Daemon(config) as daemon:
        daemon.wait_for("admin endpoint")
        admin = adminclient.Admin(daemon)
        for service in services:
            for _ in range(20):
                daemon.ask(b"x", service["name"])
        times = []
        before = servers.cpu_seconds(daemon.process.pid)
        for _ in range(SCRAPES):
            begin = time.monotonic()
            text = admin.ask("/metrics").text
            times.append((time.monotonic() - begin) * 1e3)
        cpu = (servers.cpu_seconds(daemon.process.pid) - before) / SCRAPES * 1e3
    return times, cpu, len(text)


def measure_memory():
    with dgramtest.Daemon('{ "port": 0 }') as daemon:
        daemon.ask()
        empty = resident_mib(daemon)
    with dgramtest.Daemon(ADMIN) as daemon:
        daemon.wait_for("admin endpoint")
        daemon.ask()
        admin = adminclient.Admin(daemon)
        for path in ["/metrics", "/status", "/"] * 20:
            admin.ask(path)
        return empty, resident_mib(daemon)


def goal_row(words, limit, value):
    return [words, f"at most {limit}", f"{value:.2f}", "yes" if value <= limit else "**no**"]


def main():
    times, cpu, size = measure_scrapes()
    empty, scraped = measure_memory()
    goals = [
        goal_row(f"CPU ms of a scrape of {SERVICES} services and {WORKERS} workers", SCRAPE_MS, cpu),
        goal_row("MiB of it", SCRAPE_MIB, size / 2**20),
        goal_row("resident MiB with `{}`", EMPTY_MIB, empty),
        goal_row("resident MiB with `admin.socket`, scraped", ADMIN_MIB, scraped)]
    markdown = "\n".join([
        "# Looking in", "",
        f"{made_by('make bench-admin')} {SCRAPES} scrapes: {statistics.median(times):.0f} ms from "
        f"question to answer ({min(times):.0f} - {max(times):.0f}), which other programs of the machine lengthen.", "",
        "## Figures to reach", "",
        *table(("figure", "wanted", "measured", "reached"), goals)]).rstrip() + "\n"
    if not os.environ.get("ONLY"):
        keep({"admin.md": markdown})
    print(markdown)
    sys.exit(0 if all(row[-1] == "yes" for row in goals) else 1)


main()
