"""Throughput against workers, for handlers that block and for handlers that burn CPU time. Beside each
run of those that block, right before and right after, as many threads run that only sleep. Writes a
table and a picture to tests/bench/results, and prints the table. From the environment: TURNS,
SECONDS_EACH (a run). Nothing is pinned: the generator shares the cores."""

import math
import os
import statistics
import subprocess
import sys

import servers
from report import (
    BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, axes, curve, curve_key, keep, legend, line, made_by, svg,
    table, text, title)

TURNS = int(os.environ.get("TURNS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "1"))
BLOCK_US, BURN_US = 1000, 20
BLOCKING = (1, 2, 4, 8, 16, 32, 64, 256)
BURNING = (1, 2, 4)
IN_FLIGHT = 4  # requests for each worker
SOCKETS_MAX = 256
GOAL, GOAL_UP_TO = 0.95, 64


def sleeps(threads):
    """A second, in all."""
    return float(subprocess.run(
        [os.path.join(servers.PEERS, "sleepers"), str(threads), str(BLOCK_US), f"{SECONDS:g}"],
        check=True, capture_output=True, text=True).stdout)


def answers(option, workers):
    """Answers a second of a server with this number of workers."""
    server = servers.Server(option, servers.dgramd(
        "handler=simulate", f"options.{option}", f"pool.workers={workers}"))
    sockets = min(workers * IN_FLIGHT, SOCKETS_MAX)
    in_flight = workers * IN_FLIGHT // sockets
    with servers.running(server, None) as (_, port):
        servers.warm(port, sockets, in_flight, None)
        return servers.load(port, sockets, SECONDS, in_flight=in_flight, cpu=None)["rate_answered"]


def blocking_point(workers):
    before = sleeps(workers)
    rate = answers(f"block_us={BLOCK_US}", workers)
    sleeping = (before + sleeps(workers)) / 2
    return {"rate": rate, "sleeping": sleeping, "ratio": rate / sleeping}


def measure():
    """By workers, the points of all turns."""
    blocking = {workers: [] for workers in BLOCKING}
    burning = {workers: [] for workers in BURNING}
    for turn in range(TURNS):
        for workers, points in blocking.items():
            points.append(blocking_point(workers))
            print(f"turn {turn + 1} of {TURNS}: {workers} blocking: {points[-1]['rate']:,.0f}/s, "
                  f"{points[-1]['ratio']:.3f} of what sleeping gives", file=sys.stderr, flush=True)
        for workers, points in burning.items():
            points.append({"rate": answers(f"burn_us={BURN_US}", workers)})
            print(f"turn {turn + 1} of {TURNS}: {workers} burning: {points[-1]['rate']:,.0f}/s",
                  file=sys.stderr, flush=True)
    return blocking, burning


# --- report


def median(points, what):
    return statistics.median(point[what] for point in points)


def blocking_row(workers, points):
    ratios = [point["ratio"] for point in points]
    goal = workers <= GOAL_UP_TO
    reached = "yes" if statistics.median(ratios) >= GOAL else "**no**"
    return [f"{workers}", f"{median(points, 'rate'):,.0f}", f"{median(points, 'sleeping'):,.0f}",
            f"{statistics.median(ratios):.3f}", f"{min(ratios):.3f} - {max(ratios):.3f}",
            f"at least {GOAL}" if goal else "-", reached if goal else "-"]


def short(number):
    for unit, size in (("M", 10 ** 6), ("k", 1000)):
        if number >= size:
            return f"{number // size}{unit}"
    return f"{number}"


def draw(blocking, burning):
    """Both axes are logarithmic."""
    lines = {
        "blocks 1 ms": [(n, median(points, "rate")) for n, points in blocking.items()],
        "threads that only sleep": [(n, median(points, "sleeping")) for n, points in blocking.items()],
        "burns 20 us": [(n, median(points, "rate")) for n, points in burning.items()]}
    rates = [rate for points in lines.values() for _, rate in points]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))

    def across(workers):
        return LEFT + 16 + math.log(workers) / math.log(BLOCKING[-1]) * (WIDTH - RIGHT - LEFT - 32)

    def height_of(rate):
        return HEIGHT - BOTTOM - (math.log10(rate) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [title("Requests a second, by workers and by what the handler does"),
             *axes("requests a second", "workers")]
    for power in range(low, high + 1):
        y = height_of(10 ** power)
        parts.append(line(LEFT, y, WIDTH - RIGHT, y, "grid" if power > low else "axis"))
        parts.append(text(LEFT - 8, y + 4, short(10 ** power), "end"))
    for workers in BLOCKING:
        parts.append(line(across(workers), HEIGHT - BOTTOM, across(workers), HEIGHT - BOTTOM + 5, "axis"))
        parts.append(text(across(workers), HEIGHT - BOTTOM + 20, f"{workers}"))
    for number, points in enumerate(lines.values()):
        parts += curve([(across(workers), height_of(rate)) for workers, rate in points], number)
    return svg(parts + legend(lines, curve_key))


def write(blocking, burning):
    command = " ".join(["make bench-scaling", *(
        f"{name}={os.environ[name]}" for name in ("TURNS", "SECONDS_EACH") if os.environ.get(name))])
    markdown = "\n".join([
        "# Throughput, by workers", "",
        f"{made_by(command)} A closed loop over loopback with {IN_FLIGHT} requests for each worker in "
        f"flight, from up to {SOCKETS_MAX} addresses; the generator runs on the same cores, and nothing "
        f"is pinned. Medians; turns: {TURNS}, runs of {SECONDS:g} s.", "",
        "![requests a second, by workers](scaling.svg)", "",
        "## Handlers that block for 1 ms", "",
        "Beside each run, right before and after, as many threads did nothing but sleep for as long: "
        "no handler that blocks can be called more often.", "",
        *table(("workers", "requests/s", "sleeps/s", "ratio", "least - most", "wanted", "reached"),
               [blocking_row(*each) for each in blocking.items()]),
        "## Handlers that burn 20 us", "",
        f"{os.cpu_count()} cores have to do for these workers, the receiver and the generator.", "",
        *table(("workers", "requests/s"), [
            [f"{workers}", f"{median(points, 'rate'):,.0f}"] for workers, points in burning.items()]),
    ]).rstrip() + "\n"
    keep({"scaling.md": markdown, "scaling.svg": draw(blocking, burning)})
    return markdown


def main():
    try:
        print(write(*measure()))
    except servers.DidNotStart as error:
        sys.exit(f"dgramd failed to start: {error}")


main()
