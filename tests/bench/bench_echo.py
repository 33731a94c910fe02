"""Echo side by side: dgramd in its ways, bare loops, and what others build servers with. Writes tables
and a picture to tests/bench/results, and prints them. From the environment: TURNS, SECONDS_EACH (a
run), ONLY (a pattern: just these servers, and nothing is written).

Machines drift, so a bare loop runs before and after each run of a server, and the ratio is to the mean
of these two; reported is the median of all turns. What is close to the bare loop, and held against it,
runs REPEATS times a turn, of which the median counts. A rival that dgramd is held against runs between
two runs of that, in the same way. A server that does not start is reported. The exit code is 1 if a
figure is missed, or could not be measured."""

import os
import re
import statistics
import sys
import time

import echo_report
import servers
from echo_report import BOTH_CORES, HALF, LATENCY, SEGMENTS, SHAPES

TURNS = int(os.environ.get("TURNS", "7"))
SLOW_TURNS = 2
REPEATS = 3
SECONDS = float(os.environ.get("SECONDS_EACH", "1"))
ONLY = os.environ.get("ONLY", "")


def note(text):
    print(text, file=sys.stderr, flush=True)


def run(started, shape, rate=None):
    process, port = started
    before = servers.cpu_seconds(process.pid)
    said = servers.load(port, shape.sockets, SECONDS, in_flight=shape.in_flight, rate=rate,
                        gso=shape.gso, cpu=shape.generator_cpu())
    cpu = servers.cpu_seconds(process.pid) - before
    answered = max(said["answered"] + said["late"], 1)
    return {"cpu": cpu / answered * 1e6, "rate": said["rate_answered"],
            "lost": said["lost"] / max(said["sent"], 1), "p50": said["latency_us"]["p50"],
            "p99": said["latency_us"]["p99"], "lag": said["lag_us"]["p99"],
            "generator": said["client_cpu_percent"]}


def visit(server, shape, results, rate=None):
    """A run of a server that is started for it; None: it did not start."""
    try:
        with servers.running(server, shape.server_cpu()) as started:
            servers.warm(started[1], shape.sockets, shape.in_flight, shape.generator_cpu())
            return run(started, shape, rate)
    except servers.DidNotStart as error:
        results.failed[server.name] = str(error)
        note(f"{server.name}: failed to start: {error}")
        return None


def compare(point, before, after):
    for name in ("cpu", "rate", "p50"):
        point[name + "_ratio"] = point[name] / ((before[name] + after[name]) / 2)


def beside(rival, shape, results):
    """What a request costs dgramd, times what it costs the rival, which has just been started once."""
    before, point, after = (visit(server, shape, results)["cpu"]
                            for server in (servers.POOL, rival, servers.POOL))
    return (before + after) / 2 / point


def measure_shape(bare, shape, chosen, turn, results):
    before = run(bare, shape)
    for server in chosen:
        if server not in shape.only or server.name in results.failed:
            continue
        points = []
        for _ in range(REPEATS if server in servers.CLOSE and shape in SHAPES else 1):
            point = visit(server, shape, results)
            if point is None:
                break
            after = run(bare, shape)
            compare(point, before, after)
            before = after
            points.append(point)
        if not points:
            continue
        point = {what: statistics.median(each[what] for each in points) for what in points[0]}
        if (server, shape) in echo_report.RIVALS:
            point["ours_ratio"] = beside(server, shape, results)
        results.add(server, shape, turn, point)
        note(f"turn {turn + 1} of {TURNS}: {shape.name}: {server.name}: {point['cpu']:.2f} us "
             f"({point['cpu_ratio']:.2f}), {point['rate']:,.0f}/s, p50 {point['p50']:.0f} us, "
             f"lost {point['lost']:.2%}, generator {point['generator']:.0f} %")


def measure_half(chosen, turn, results):
    """Each at half of the rate that it had in this turn."""
    for server in chosen:
        closed = results.of(server, SHAPES[0]).get(turn)
        point = closed and visit(server, HALF, results, closed["rate"] / 2)
        if point is None:
            continue
        results.add(server, HALF, turn, point)
        note(f"turn {turn + 1} of {TURNS}: {HALF.name}: {server.name}: p50 {point['p50']:.0f} us, "
             f"p99 {point['p99']:.0f} us, lag p99 {point['lag']:.0f} us, lost {point['lost']:.2%}")


def measure_shapes(shapes, chosen, turn, results):
    """All on the same cores."""
    with servers.running(servers.BARE, shapes[0].server_cpu()) as bare:
        servers.warm(bare[1], shapes[0].sockets, shapes[0].in_flight, shapes[0].generator_cpu())
        for shape in shapes:
            measure_shape(bare, shape, chosen, turn, results)


def measure_turn(chosen, turn, results):
    chosen = [server for server in chosen if turn < SLOW_TURNS or not server.slow]
    measure_shapes((*SHAPES, SEGMENTS, LATENCY), chosen, turn, results)
    measure_shapes((BOTH_CORES,), chosen, turn, results)
    measure_half(chosen, turn, results)


def main():
    begin = time.monotonic()
    chosen = [server for server in servers.ALL if re.search(ONLY, server.name)]
    results = echo_report.Results()
    for turn in range(TURNS):
        measure_turn(chosen, turn, results)
    command = " ".join(["make bench", *(f"{name}={os.environ[name]}" for name in (
        "TURNS", "SECONDS_EACH", "ONLY") if os.environ.get(name))])
    how = (f"turns: {TURNS} ({min(TURNS, SLOW_TURNS)} of the slow servers; {REPEATS} runs a turn, of which "
           f"the median counts, of what is close to the bare loop), runs of {SECONDS:g} s, "
           "server on one core and generator on the other, but where it says that they share both")
    print(echo_report.write(results, chosen, command, how, kept=not ONLY))
    note(f"took {time.monotonic() - begin:.0f} s")
    sys.exit(1 if echo_report.missed(results, chosen) else 0)


main()
