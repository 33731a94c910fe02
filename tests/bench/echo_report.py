"""The results of bench_echo.py as Markdown and SVG."""

import collections
import dataclasses
import math
import statistics

import servers
from report import RIGHT, WIDTH, bar, bar_key, keep, legend, line, made_by, svg, table, text, title


@dataclasses.dataclass(frozen=True, eq=False)
class Shape:
    """A load: a closed loop of `sockets`, each with `in_flight` requests on their way."""
    name: str
    sockets: int
    in_flight: int
    gso: bool = False
    only: tuple = servers.ALL
    apart: bool = True  # server and generator have a core each, or else share both

    def words(self):
        return f"{self.sockets} clients, {self.in_flight} in flight each"

    def server_cpu(self):
        return servers.SERVER_CPU if self.apart else None

    def generator_cpu(self):
        return servers.GENERATOR_CPU if self.apart else None


SHAPES = Shape("16 x 16", 16, 16), Shape("256 x 1", 256, 1)
LATENCY = Shape("1 x 1", 1, 1)
SEGMENTS = Shape("16 x 16, sent in segments", 16, 16, gso=True,
                 only=(servers.BARE, servers.POOL, servers.GRO))
# How those with many threads are run: one core would keep theirs from meeting each other.
BOTH_CORES = Shape("16 x 16, sharing both cores", 16, 16, apart=False, only=(
    servers.BARE, servers.POOL, servers.MAY_BLOCK, servers.INLINE, servers.TEXTBOOK, servers.GO,
    servers.UDPSERVER, servers.THREADING))
# What dgramd is held against, and how much of its CPU per request it may need.
RIVALS = {
    (servers.RECVFROM, SHAPES[0]): 0.75, (servers.LIBUV, SHAPES[0]): 0.60,
    (servers.UDPSERVER, SHAPES[0]): 0.35,
    (servers.GO, BOTH_CORES): 0.33, (servers.GO, SHAPES[0]): None,
    (servers.THREADING, BOTH_CORES): 1 / 65, (servers.THREADING, SHAPES[0]): None}
HALF = Shape("half the rate", 16, 16)  # an open loop


class Results:
    """Points by server and shape, then by turn; and why servers did not start."""

    def __init__(self):
        self.points = collections.defaultdict(dict)
        self.failed = {}

    def add(self, server, shape, turn, point):
        self.points[server.name, shape.name][turn] = point

    def of(self, server, shape):
        return self.points.get((server.name, shape.name), {})

    def values(self, server, shape, what):
        return [point[what] for point in self.of(server, shape).values()]

    def median(self, server, shape, what):
        return statistics.median(self.values(server, shape, what))


# --- figures to reach


@dataclasses.dataclass(frozen=True)
class Goal:
    words: str
    server: servers.Server
    shape: Shape
    what: str
    limit: float = None
    rival: servers.Server = None
    at_least: bool = False

    def values(self, results):
        return results.values(self.rival or self.server, self.shape, self.what)

    def wanted(self):
        if self.limit is None:
            return "-"
        return f"{'at least' if self.at_least else 'at most'} {ratio(self.limit)}"

    def verdict(self, median):
        if self.limit is None:
            return "-"
        if self.limit >= 0.1:  # by what is shown of it
            median = round(median, 2)
        reached = median >= self.limit if self.at_least else median <= self.limit
        return "yes" if reached else "**no**"


def goals():
    cpu = [
        Goal(f"{server.name}: CPU per request, times the bare loop", server, shape, "cpu_ratio", limit)
        for server, limits in (
            (servers.POOL, (0.88, 1.08)), (servers.MAY_BLOCK, (0.95, 1.28)),
            (servers.INLINE, (0.85, 1.06)), (servers.POOL_OF_4, (None, None)),
            (servers.RECEIVERS, (None, None)))
        for shape, limit in zip(SHAPES, limits)]
    rivals = [
        Goal(f"{servers.POOL.name}: CPU per request, times {rival.name}",
             servers.POOL, shape, "ours_ratio", limit, rival)
        for (rival, shape), limit in RIVALS.items()]
    rates = [
        Goal(f"{servers.POOL.name}: requests/s, times the bare loop",
             servers.POOL, shape, "rate_ratio", 0.9, at_least=True) for shape in SHAPES]
    return [*cpu, *rivals, *rates,
            Goal(f"{servers.POOL.name}: p50, times the bare loop",
                 servers.POOL, LATENCY, "p50_ratio", 1.5)]


def ratio(value):
    if value < 0.1:
        return f"1/{1 / value:.0f}" if value > 0 else "0"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def spread(values):
    return f"{ratio(min(values))} - {ratio(max(values))}"


def goal_row(goal, results):
    values = goal.values(results)
    if not values:
        return [goal.words, goal.shape.name, goal.wanted(), "not measured", "",
                "-" if goal.limit is None else "**no**"]
    median = statistics.median(values)
    return [goal.words, goal.shape.name, goal.wanted(), ratio(median), spread(values), goal.verdict(median)]


def goal_rows(results, chosen):
    return [goal_row(goal, results) for goal in goals()
            if goal.server in chosen and (goal.rival or goal.server) in chosen]


def missed(results, chosen):
    return any("no" in row[-1] for row in goal_rows(results, chosen))


# --- tables


def throughput_row(server, shape, results):
    if server.name in results.failed:
        return [server.name, "failed to start: " + results.failed[server.name].replace("|", "\\|"),
                *[""] * 5]
    median = {what: results.median(server, shape, what)
              for what in ("cpu", "cpu_ratio", "rate", "rate_ratio", "lost")}
    return [server.name, f"{median['cpu']:.2f}", ratio(median["cpu_ratio"]),
            spread(results.values(server, shape, "cpu_ratio")), f"{median['rate']:,.0f}",
            ratio(median["rate_ratio"]), f"{median['lost']:.2%}"]


def latency_row(server, results):
    one = {what: results.median(server, LATENCY, what) for what in ("p50", "p99", "p50_ratio")}
    half = {what: results.median(server, HALF, what) for what in ("rate", "p50", "p99", "lost", "lag")}
    return [server.name, f"{one['p50']:.0f}", ratio(one["p50_ratio"]), f"{one['p99']:.0f}",
            f"{half['rate']:,.0f}", f"{half['p50']:.0f}", f"{half['p99']:.0f}", f"{half['lost']:.2%}",
            f"{half['lag']:.0f}"]


THROUGHPUT = ("server", "CPU us/request", "times the bare loop", "least - most", "requests/s",
              "times the bare loop", "lost")
LATENCIES = ("server", "one at a time: p50 us", "times the bare loop", "p99 us",
             "at half its rate: requests/s", "p50 us", "p99 us", "lost", "generator's lag p99 us")


# --- picture


def draw(shown, results):
    """Bars from the bare loop's 1 to the left and to the right, on a logarithmic scale."""
    names_width, top, row = 264, 52, 34
    values = [[results.median(server, shape, "cpu_ratio") for shape in SHAPES] for server in shown]
    low = math.log(min(0.5, *(value for pair in values for value in pair)))
    high = math.log(max(2, *(value for pair in values for value in pair)))
    left, right, bottom = names_width + 44, WIDTH - RIGHT - 44, top + row * len(shown)

    def across(value):
        return left + (math.log(value) - low) / (high - low) * (right - left)

    parts = [title("CPU time for an echo, in multiples of the bare recvmmsg/sendmmsg loop's")]
    for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500):
        if low <= math.log(mark) <= high:
            parts.append(line(across(mark), top - 8, across(mark), bottom,
                              "axis" if mark == 1 else "grid"))
            parts.append(text(across(mark), bottom + 18, f"{mark:g}"))
    for place, (server, pair) in enumerate(zip(shown, values)):
        middle = top + row * place + row / 2 - 4
        weight = 'style="font-weight: 600"' if server in servers.OURS else ""
        parts.append(text(names_width, middle + 4, server.name, "end", weight))
        for number, value in enumerate(pair):
            y, x = middle - 13 + 13 * number, across(value)
            parts.append(bar(min(x, across(1)), y, max(abs(x - across(1)), 1.5), 12, number))
            parts.append(text(x + (5 if value >= 1 else -5), y + 10.5, ratio(value),
                              "start" if value >= 1 else "end", 'style="font-size: 11px"'))
    return svg(parts + legend([shape.words() for shape in SHAPES], bar_key, bottom + 44), bottom + 66)


def write(results, chosen, command, how, kept):
    """The files, if they are to be kept; returns the Markdown."""
    shown = [server for server in chosen if results.of(server, HALF)]
    parts = [
        "# Echo, side by side", "",
        f"{made_by(command)} Requests of 32 bytes over loopback, each client with an address of its own; "
        f"{how}. CPU: user and system time of the server's process, its threads and children, for each "
        "answer. Ratios to the bare loop: to the mean of its runs right before and right after; dgramd's "
        "to other servers: of the mean of its runs before and after one of theirs. Medians of all turns. "
        "The first server in the tables is the bare loop again, so its spread is the noise.", "",
        "![CPU for a request, by server](bench-cpu.svg)", "",
        "## Figures to reach", "",
        *table(("figure", "load", "wanted", "measured", "least - most", "reached"),
               goal_rows(results, chosen))]
    for shape, heading in (*((shape, shape.words()) for shape in SHAPES), (
            SEGMENTS, f"{SEGMENTS.words()}, sent in segments (UDP_SEGMENT)"), (
            BOTH_CORES, f"{BOTH_CORES.words()}, server and generator sharing both cores")):
        parts += [f"## {heading}", "", *table(THROUGHPUT, [
            throughput_row(server, shape, results) for server in chosen if server in shape.only])]
    parts += ["## Latency", "",
              "One client with one request in flight; then 16 clients in an open loop at half of the "
              "requests a second that the server had above, from the moment each was meant to be sent.",
              "", *table(LATENCIES, [latency_row(server, results) for server in shown])]
    markdown = "\n".join(parts).rstrip() + "\n"
    if kept:
        keep({"bench.md": markdown, "bench-cpu.svg": draw(shown, results)})
    return markdown
