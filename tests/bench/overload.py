"""What becomes of the answers when more is asked than can be answered: dgramd, dgramd as a plain
FIFO, a textbook's pool, the same with CoDel, and Python's ThreadingUDPServer, over real sockets, in one run. Writes tables
and two pictures to tests/bench/results. FULL=1: longer runs, and 20 recoveries instead of 5.

Each server is measured at its limit (a closed loop) right before and right after each run of the
goodput, and loads are multiples of the first; goodput is answers in time by the mean of both, for
machines drift. What follows takes the median of these limits."""

import array
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import dgramtest
import overload_report
import servers

FULL = os.environ.get("FULL") == "1"
WARM, MEASURED = (2, 8) if FULL else (0.7, 2)
STORM, RECOVERIES = (10, 20) if FULL else (3, 5)
CLOSED = 1 if FULL else 0.4  # seconds of a closed loop
WORKERS, BLOCK_US, BURN_US = 4, 1000, 10
GENERATOR_CPU = 1  # when the handler needs another
PATIENCE_MS, REPEATS, POLITE = 100, 3, 100
LOADS = (0.5, 0.9, 1.5, 2, 5, 10)
ABUSERS = (("1 abuser", "socket", 1), ("20 abusers", "socket", 20), ("100 abusers", "socket", 100),
           ("100 in a network", "network", 100),
           ("5,000 forged", "forged", 5000), ("200,000 forged", "forged", 200000))

LOAD = os.path.join(dgramtest.BUILD, "tests/bench/overload_load")
FAIR = {"discipline": "fair", "max_wait_ms": PATIENCE_MS}
FIFO = {"discipline": "fifo", "max_wait_ms": 0}


@contextlib.contextmanager
def dgramd(queue, under="", requests_per_s=0, **options):
    """Gives its port."""
    os.environ["DGRAM_UNDER"] = under
    config = {"handler": "simulate", "options": options, "pool": {"workers": WORKERS}, "queue": queue,
              "limits": {"requests_per_s": requests_per_s}}
    with dgramtest.Daemon(config) as daemon:
        yield daemon.port
        daemon.stop()


@contextlib.contextmanager
def program(*command):
    """Gives the port, which took the place of PORT in the command."""
    with dgramtest.socket_for(("127.0.0.1", 0)) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([str(port) if word == "PORT" else word for word in command]) as server:
        try:
            wait_until_it_answers(port)
            yield port
        finally:
            server.kill()


SERVERS = {
    "dgramd": lambda: dgramd(FAIR, block_us=BLOCK_US),
    "dgramd, fifo, no deadline": lambda: dgramd(FIFO, block_us=BLOCK_US),
    "textbook pool": lambda: program(
        os.path.join(servers.PEERS, "textbook_echo"), "PORT", str(WORKERS), str(BLOCK_US)),
    "CoDel 500/50": lambda: program(  # as erldns has it
        os.path.join(servers.PEERS, "textbook_echo"), "PORT", str(WORKERS), str(BLOCK_US), "500", "50"),
    "ThreadingUDPServer": lambda: program(
        *servers.python("ThreadingUDPServer"), str(BLOCK_US)),
}


def wait_until_it_answers(port):
    """What still waits in the server is done then: all of these serve the oldest first, or drop it."""
    limit = time.monotonic() + dgramtest.PATIENCE
    while time.monotonic() < limit:
        with dgramtest.socket_for(("127.0.0.1", port)) as client:
            client.settimeout(2)
            with contextlib.suppress(OSError):
                client.connect(("127.0.0.1", port))
                client.send(bytes(32))
                client.recv(100)
                return
            time.sleep(0.02)
    raise SystemExit(f"no answer on port {port}")


def capacity(port, in_flight=4, cpu=None):
    """Answers a second in a closed loop of 16 clients."""
    return servers.load(port, 16, CLOSED, in_flight=in_flight, cpu=cpu)["rate_answered"]


def crowd(name, sources, rate, retries=0, kind="socket", steps=None, seconds=MEASURED):
    steps = steps or [(rate, WARM + seconds)]
    return f"{name},{kind},{sources},{retries}," + "+".join(f"{r:.0f}*{s}" for r, s in steps)


def offer(port, *crowds, warm=WARM, trace="-", cpu=None):
    """One open loop; what each crowd says of itself, by its name."""
    lines = subprocess.run(
        [LOAD, str(port), str(PATIENCE_MS), str(warm), trace, *crowds], check=True,
        stdout=subprocess.PIPE, text=True, preexec_fn=servers.on_cpu(cpu)).stdout.splitlines()
    return {said["crowd"]: said for said in map(json.loads, lines)}


def note(text):
    print(text, file=sys.stderr, flush=True)


# --- goodput


def goodput_at(server, times):
    with server() as port:
        before = capacity(port)
        said = offer(port, crowd("all", 100, before * times))["all"]
        wait_until_it_answers(port)
        after = capacity(port)
    limit = (before + after) / 2
    return {**said, "load": times, "capacity": limit, "asked": before * times,
            "goodput": said["in_time"] / said["seconds"] / limit}


def measure_goodput():
    curves = {}
    for times in LOADS:
        for name, server in SERVERS.items():
            point = goodput_at(server, times)
            curves.setdefault(name, []).append(point)
            note(f"goodput at {times}: {name}: {point['goodput']:.3f}, p99 {point['p99_us']} us, "
                 f"capacity {point['capacity']:.0f}, lag p99 {point['lag_p99_us']} us")
    return curves


# --- polite clients among others


def polite_among(server, limit, kind, sources):
    # Few are answered among forged ones: what share they are takes longer to tell.
    seconds = max(MEASURED, 8) if kind == "forged" else MEASURED
    with server() as port:
        said = offer(port, crowd("polite", POLITE, limit / 2, seconds=seconds),
                     crowd("abuser", sources, limit * 10, kind=kind, seconds=seconds))
    return outcome(said, limit, limit * 10.5)


def outcome(said, limit, asked):
    polite, abuser = said["polite"], said["abuser"]
    offered = (polite["sent"] + abuser["sent"]) / polite["seconds"]
    return {**polite, "capacity": limit, "asked": asked, "share": polite["in_time"] / polite["sent"],
            "chance": min(1, limit / offered), "offered": offered,
            "abuser_rate": abuser["in_time"] / abuser["seconds"],
            "lag_p99_us": max(polite["lag_p99_us"], abuser["lag_p99_us"])}


def measure_polite(limits):
    bars = {}
    for label, kind, sources in ABUSERS:
        for name, server in SERVERS.items():
            bar = polite_among(server, limits[name], kind, sources)
            bars.setdefault(name, {})[label] = bar
            note(f"{label}: {name}: {bar['share']:.2%} of the polite, chance {bar['chance']:.1%}, "
                 f"lag p99 {bar['lag_p99_us']} us")
    return bars


def measure_limited(limit):
    """Limits are twice what a polite client asks for."""
    twice = round(2 * limit / 2 / POLITE)
    bar = polite_among(lambda: dgramd(FAIR, requests_per_s=twice, block_us=BLOCK_US), limit, "socket", 100)
    note(f"100 abusers, limits of {twice}/s: {bar['share']:.2%} of the polite")
    return bar


# --- recovery


def p99(latencies):
    """Of requests, those without an answer (-1) the slowest."""
    ordered = sorted(latency if latency >= 0 else 1 << 31 for latency in latencies)
    return ordered[int((len(ordered) - 1) * 0.99)] if ordered else 1 << 31


def recovery_in(rows, calm, fall):
    """Milliseconds from the storm's last new request until the p99 of the requests of the next 200 ms
    is at most twice that of the calm (and 10 ms at least), or None. Times in us."""
    calm_p99 = p99([latency for at, latency in rows if calm * 3 // 10 <= at < calm])
    normal = min(max(10_000, 2 * calm_p99), PATIENCE_MS * 1000)
    after = [(at - fall, latency) for at, latency in rows if at >= fall]
    for begin in range(0, 2_500_000, 10_000):
        if p99([late for at, late in after if begin <= at < begin + 200_000]) <= normal:
            return begin // 1000
    return None


def recover(server, limit, repeats):
    """Clients who ask for half, and a storm of others; `repeats`: of the first, too."""
    regular = crowd("regular", 100, 0, retries=repeats, steps=[(limit / 2, 1 + STORM + 3)])
    storm = crowd("storm", 100, 0, retries=REPEATS,
                  steps=[(0, 1), (limit * 10, STORM), (0, 3)])
    with tempfile.NamedTemporaryFile(prefix="overload-") as trace, server() as port:
        said = offer(port, regular, storm, warm=0, trace=trace.name)
        numbers = array.array("i", trace.read())
    rows = list(zip(numbers[::2], numbers[1::2]))
    since_new = recovery_in(rows, 1_000_000, (1 + STORM) * 1_000_000)
    since_repeat = None if since_new is None else max(0, since_new - REPEATS * PATIENCE_MS)
    return {**said["storm"], "since_new": since_new, "since_repeat": since_repeat,
            "asked": limit * 10, "offered": said["storm"]["sent"] / STORM}


def recover_in_time(server, limit, repeats):
    """Once more when the generator itself was late: what it did not send in time says nothing."""
    run = recover(server, limit, repeats)
    for _ in range(2):
        if run["lag_p99_us"] <= PATIENCE_MS * 1000:
            break
        note(f"the generator was late: lag p99 {run['lag_p99_us']} us; once more")
        run = recover(server, limit, repeats)
    return run


def measure_recovery(limits):
    runs = {}
    for repeats in (0, REPEATS):
        for name, server in SERVERS.items():
            for _ in range(RECOVERIES if name == "dgramd" else 1):
                run = recover_in_time(server, limits[name], repeats)
                runs.setdefault((name, repeats), []).append(run)
                note(f"recovery, {repeats} repeats: {name}: {run['since_new']} ms, "
                     f"lag p99 {run['lag_p99_us']} us")
    return runs


# --- a handler that needs the processor


def busy_server():
    return dgramd(FAIR, under="taskset -c 0", burn_us=BURN_US)


def most_produced():
    """The most requests a second that the generator sends in time while it takes the answers."""
    rate = 4e6
    for _ in range(8):
        with busy_server() as port:
            said = offer(port, f"all,shared,100,0,{rate:.0f}*1", warm=0, cpu=GENERATOR_CPU)["all"]
        if said["lag_p99_us"] < 5000:
            break
        rate = 0.9 * min(rate, said["sent"] / said["seconds"])
    return rate


def busy_at(rate):
    """Its capacity too: a closed loop with as many wake-ups does not quite reach the limit, so it is the
    most that was answered, there or here."""
    with busy_server() as port:
        limit = capacity(port, 32, GENERATOR_CPU)
        said = offer(port, crowd("all", 100, rate, kind="shared"), cpu=GENERATOR_CPU)["all"]
        limit = max(limit, capacity(port, 32, GENERATOR_CPU), said["in_time"] / said["seconds"])
    return {**said, "capacity": limit, "asked": rate}


def measure_busy():
    if os.cpu_count() < 2:
        return None
    most = most_produced()
    highest = busy_at(most)
    twice = busy_at(2 * highest["capacity"])
    limit = max(highest["capacity"], twice["capacity"])
    result = {"most": most, "goodput": [twice, highest], "polite": []}
    for said in result["goodput"]:
        rate = said["in_time"] / said["seconds"]
        said.update(capacity=limit, load=said["sent"] / said["seconds"] / limit, goodput=rate / limit)
        note(f"{BURN_US} us of CPU: goodput {said['goodput']:.3f} at {said['load']:.2f}, "
             f"p99 {said['p99_us']} us, capacity {limit:.0f}, lag p99 {said['lag_p99_us']} us")
    for abusers in (1, 20):
        rate = min(limit * 10, most - limit / 2)
        with busy_server() as port:
            said = offer(port, crowd("polite", POLITE, limit / 2),
                         crowd("abuser", abusers, rate, kind="shared"), cpu=GENERATOR_CPU)
        result["polite"].append({**outcome(said, limit, rate + limit / 2), "abusers": abusers})
        note(f"{BURN_US} us of CPU, {abusers} abusing: {result['polite'][-1]['share']:.2%} of the polite")
    return result


def main():
    begin = time.monotonic()
    curves = measure_goodput()
    limits = {name: statistics.median(point["capacity"] for point in points)
              for name, points in curves.items()}
    results = {"goodput": curves, "polite": measure_polite(limits), "limited": measure_limited(limits["dgramd"]),
               "recovery": measure_recovery(limits), "busy": measure_busy(),
               "command": "make overload" + (" FULL=1" if FULL else ""), "storm": STORM}
    print(overload_report.write(results))
    note(f"took {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
