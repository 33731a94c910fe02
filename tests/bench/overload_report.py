"""The results of overload.py as Markdown and, drawn by hand, as SVG that is readable on light and on
dark pages."""

import math
import statistics

from report import (
    BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, axes, bar, bar_key, curve, curve_key, keep, legend, line,
    made_by, svg, table, text, title)


# --- pictures


def height_of(share):
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM) / 1.1


def frame(words, y_label, x_label):
    parts = [title(words)]
    for tenth in range(0, 11, 2):
        y = height_of(tenth / 10)
        parts.append(line(LEFT, y, WIDTH - RIGHT, y, "grid" if tenth else "axis"))
        parts.append(text(LEFT - 8, y + 4, f"{tenth * 10} %", "end"))
    return parts + axes(y_label, x_label)


def draw_goodput(curves):
    loads = [point["load"] for point in next(iter(curves.values()))]
    low, high = math.log(loads[0]), math.log(loads[-1])

    def across(load):
        return LEFT + 16 + (math.log(load) - low) / (high - low) * (WIDTH - RIGHT - LEFT - 32)

    parts = frame("Answers within the client's 100 ms, by what the server can do", "goodput",
                  "offered load, in multiples of the server's capacity")
    for load in loads:
        parts.append(line(across(load), HEIGHT - BOTTOM, across(load), HEIGHT - BOTTOM + 5, "axis"))
        parts.append(text(across(load), HEIGHT - BOTTOM + 20, f"{load:g}"))
    for number, points in enumerate(curves.values()):
        parts += curve([(across(p["load"]), height_of(min(p["goodput"], 1.1))) for p in points], number)
    return svg(parts + legend(curves, curve_key))


def draw_polite(bars):
    labels = list(next(iter(bars.values())))
    group = (WIDTH - RIGHT - LEFT) / len(labels)
    width = group * 0.8 / len(bars)
    parts = frame("100 polite clients ask for half of the capacity, others for ten times it",
                  "polite requests answered in time", "the others (line: what chance would give)")
    for place, label in enumerate(labels):
        left = LEFT + group * (place + 0.1)
        parts.append(text(left + group * 0.4, HEIGHT - BOTTOM + 20, label))
        for number, by_label in enumerate(bars.values()):
            said, x = by_label[label], left + number * width
            y = height_of(max(said["share"], 0.005))
            parts.append(bar(x + 1, y, width - 2, HEIGHT - BOTTOM - y, number))
            parts.append(line(
                x, height_of(said["chance"]), x + width, height_of(said["chance"]), "mark"))
        first = next(iter(bars.values()))[label]
        parts.append(text(left, height_of(max(first["share"], first["chance"])) - 6,
                          f"{first['share']:.1%}", "start"))
    return svg(parts + legend(bars, bar_key))


# --- tables


def offered(said):
    """A second, as it was produced; marked where that is not what was meant."""
    rate = said.get("offered", said["sent"] / said["seconds"])
    short = rate < 0.95 * said["asked"] or said["lag_p99_us"] > 10_000 or said["refused"] > 0
    return f"{rate:,.0f}" + (f" (!, asked {said['asked']:,.0f})" if short else "")


def ms(us):
    return f"{us / 1000:.1f}" if us >= 0 else "-"


def goodput_rows(name, points):
    return [[name, f"{p['load']:.2g}", f"{p['capacity']:,.0f}", offered(p), f"{p['goodput']:.3f}",
             ms(p["p50_us"]), ms(p["p99_us"]), str(p["late"]), ms(p["lag_p99_us"])] for p in points]


GOODPUT = ("server", "load", "capacity/s", "offered/s", "goodput", "p50 ms", "p99 ms", "late",
           "lag p99 ms")
POLITE = ("server", "others", "capacity/s", "offered/s", "polite in time", "chance", "p50 ms", "p99 ms",
          "others' answers/s", "lag p99 ms")


def polite_row(name, label, said):
    return [name, label, f"{said['capacity']:,.0f}", offered(said), f"{said['share']:.2%}",
            f"{said['chance']:.1%}", ms(said["p50_us"]), ms(said["p99_us"]),
            f"{said['abuser_rate']:,.0f}", ms(said["lag_p99_us"])]


def recovery_row(name, repeats, runs):
    recovered = [run for run in runs if run["since_new"] is not None]
    cells = [name, "all" if repeats else "the storm", f"{len(recovered)} of {len(runs)}"]
    for since in ("since_new", "since_repeat"):
        times = sorted(run[since] for run in recovered)
        cells.append(f"{statistics.median(times):.0f}, {times[-1]}" if times else "never")
    return cells + [offered(max(runs, key=lambda run: run["lag_p99_us"])),
                    ms(max(run["lag_p99_us"] for run in runs))]


def figures(results):
    """What is wanted, and what was measured."""
    ours, fifo = (results["goodput"][name] for name in ("dgramd", "dgramd, fifo, no deadline"))
    over = [p for p in ours if p["load"] >= 1.5]
    polite = results["polite"]["dgramd"]
    forged = min(bar["share"] / bar["chance"] for label, bar in polite.items() if "forged" in label)
    times = [run["since_repeat"] for run in results["recovery"][("dgramd", 0)]]
    slowest = None if None in times else max(times)
    rows = [
        ("goodput at 1.5, 2, 5 and 10 times", ">= 0.95", min(p["goodput"] for p in over), 0.95),
        ("the same, FIFO without a deadline", "collapses", max(
            p["goodput"] for p in fifo if p["load"] >= 1.5), None),
        ("polite, 1 abuser", ">= 99.5 %", polite["1 abuser"]["share"], 0.995),
        ("polite, 20 abusers", ">= 99.5 %", polite["20 abusers"]["share"], 0.995),
        ("polite, 100 abusers", ">= 88 %", polite["100 abusers"]["share"], 0.88),
        ("the same, with limits of twice a polite client's rate", ">= 95 %", results["limited"]["share"], 0.95),
        ("polite, 100 abusers in a network", ">= 95 %", polite["100 in a network"]["share"], 0.95),
        ("polite by chance, forged", ">= 0.6", forged, 0.6)]
    if results["busy"]:
        busy = results["busy"]
        rows += [("goodput at 2, 10 us of CPU", ">= 0.80", busy["goodput"][0]["goodput"], 0.8),
                 ("polite, 1 and 20 abusers, 10 us of CPU", "-", min(
                     said["share"] for said in busy["polite"]), None)]
    rows = [[what, goal, f"{got:.3f}" + ("" if limit is None or got >= limit else " (missed)")]
            for what, goal, got, limit in rows]
    p99 = next(p["p99_us"] for p in ours if p["load"] == 2)
    rows.append(["p99 at 2", "< 40 ms", ms(p99) + " ms" + ("" if 0 <= p99 < 40_000 else " (missed)")])
    rows.append([f"p99 normal again after the last repeat, slowest of {len(times)}", "<= 200 ms",
                 "never (missed)" if slowest is None else
                 f"{slowest} ms" + ("" if slowest <= 200 else " (missed)")])
    return table(("figure", "wanted", "measured"), rows)


def write(results):
    """The files; returns the Markdown."""
    parts = [
        "# Overload", "",
        f"{made_by(results['command'])} Four workers, a "
        "handler that blocks for 1 ms, clients that wait 100 ms; requests of 32 bytes from 127.x.y.z, "
        "each address in a /24 of its own, at random moments (Poisson). Capacity: answers a second in a closed loop, around each run, and "
        "later their median. "
        "Goodput: answers within 100 ms of the moment the request was meant to be sent, by capacity. "
        "Lag: how late the generator sent; (!) marks a load that it could not quite produce.", "",
        "![goodput by load](overload-goodput.svg)", "", "![share of polite clients](overload-polite.svg)",
        "", "## Figures to reach", "", *figures(results),
        "## Goodput", "", *table(GOODPUT, [row for name, points in results["goodput"].items()
                                           for row in goodput_rows(name, points)]),
        "## Polite clients", "",
        "100 addresses ask for half the capacity in all; others for ten times it. By chance, each "
        "request is answered with the probability capacity / offered.", "",
        *table(POLITE, [polite_row(name, label, said) for name, by_label in results["polite"].items()
                        for label, said in by_label.items()]),
        "## Recovery", "",
        f"100 addresses ask for half the capacity, and for {results['storm']} s 100 others for ten times "
        "it, who send a request up to three times more, 100 ms apart; so their repeats still come for "
        "300 ms after the last new one. Then until the p99 of the first, unanswered requests included, "
        "is for the next 200 ms at most twice that of the calm before, or 10 ms. Where the first repeat "
        "too, what they repeat is more load: no order of serving gets all of it answered sooner.", "",
        *table(("server", "who repeats", "recovered", "ms since the last new one: median, slowest",
                "ms since the last repeat: median, slowest", "new/s in the storm", "lag p99 ms"),
               [recovery_row(*key, runs) for key, runs in results["recovery"].items()])]
    busy = results["busy"]
    if busy:
        parts += [
            "## A handler of 10 us of CPU", "",
            "dgramd on one core, the generator on another; the second load is the highest that was "
            f"produced ({busy['most']:,.0f} requests a second), abusers included below. Capacity here: "
            "the most that was answered, in a closed loop or these.", "",
            *table(GOODPUT, goodput_rows("dgramd", busy["goodput"])),
            *table(POLITE, [polite_row("dgramd", f"{said['abusers']} abusing", said)
                            for said in busy["polite"]])]
    markdown = "\n".join(parts).rstrip() + "\n"
    keep({"overload.md": markdown, "overload-goodput.svg": draw_goodput(results["goodput"]),
          "overload-polite.svg": draw_polite(results["polite"])})
    return markdown
