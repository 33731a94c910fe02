"""A whole life of dgramd, from its start over requests, a reload and statistics to its drain, in which one call fails:
each of them, with each error that it plausibly has, once, and from that moment on for ever. Whatever fails, it
neither crashes nor hangs, leaves nothing behind, and its books say what its clients got.

Of the several thousand lives a few of each call are tried, all of them with DGRAM_SWEEP=all (make sweep), and as many
as fit into DGRAM_SWEEP_SECONDS, in random order, with that, too (make soak)."""

import concurrent.futures
import contextlib
import errno
import json
import os
import random
import shutil
import signal
import socket
import tempfile
import time

import dgramtest
import faults
import plugins

ALL = os.environ.get("DGRAM_SWEEP") == "all"
SECONDS = os.environ.get("DGRAM_SWEEP_SECONDS")
POINTS = 3
REQUESTS = 4  # to each address, before the reload and after it
SOON_S = 1.0  # how long is waited for what may never come; decides nothing

NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
NO_MEMORY = (errno.ENOMEM,)
NO_BUFFER = (errno.ENOBUFS, errno.ENOMEM, errno.EPERM)
# Which calls fail, and how. Not those that may only be interrupted: they are made again, for ever if need be.
CALLS = {
    "memory": NO_MEMORY, "mmap": NO_MEMORY, "madvise": (errno.EINVAL, errno.ENOMEM),
    "pthread_create": (errno.EAGAIN,),
    "setpriority": (errno.EACCES, errno.EPERM), "sigaltstack": NO_MEMORY,
    "open": (*NO_DESCRIPTOR, errno.EACCES, errno.EIO, errno.ENOSPC),
    "stat": (errno.ENOENT, errno.EACCES), "fstat": (errno.EIO,), "read": (errno.EIO,),
    "write": (errno.ENOSPC, errno.EIO, errno.EPIPE, errno.EAGAIN, errno.EINTR),
    "close": (errno.EIO, errno.EINTR),
    "socket": (*NO_DESCRIPTOR, errno.ENOBUFS, errno.EACCES, errno.EAFNOSUPPORT),
    "bind": (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.ENOMEM),
    "connect": (errno.ECONNREFUSED, errno.ENOENT),
    "getsockname": (errno.ENOBUFS,), "getsockopt": (errno.ENOBUFS, errno.ENOPROTOOPT),
    "setsockopt": (errno.ENOPROTOOPT, errno.EPERM, errno.ENOMEM),
    "send": (*NO_BUFFER, errno.EAGAIN, errno.ECONNREFUSED), "recvfrom": NO_BUFFER,
    "recvmmsg": (*NO_BUFFER, errno.EAGAIN, errno.ECONNREFUSED, errno.EIO),
    "sendmmsg": (*NO_BUFFER, errno.EAGAIN, errno.EACCES, errno.ENETUNREACH, errno.EMSGSIZE, errno.EINVAL),
    "poll_in": (errno.EINTR, errno.ENOMEM), "poll_out": (errno.EINTR, errno.ENOMEM),
    "futex_wait": (errno.EINTR, errno.EAGAIN), "epoll_wait": (errno.EINTR,),
    "epoll_create": NO_DESCRIPTOR, "epoll_add": (errno.ENOMEM, errno.ENOSPC),
    "eventfd": NO_DESCRIPTOR, "signalfd": NO_DESCRIPTOR,
    "pipe2": NO_DESCRIPTOR, "memfd_create": NO_DESCRIPTOR, "posix_spawn": (errno.EAGAIN, errno.ENOMEM),
    "waitpid": (errno.ECHILD,), "pread": (errno.EIO,),
}
ONCE_ALONE = {"read", "epoll_wait"}  # for ever, nobody could ask it to end
COST_LINES = {"write", "poll_out"}  # of the log, in which the books are
CONFIG = json.dumps({
    "services": [
        {"name": "time", "handler": "time", "host": ["127.0.0.1", "::1"], "port": 0},
        {"name": "inline", "handler": "echo", "host": "127.0.0.2", "port": 0, "concurrency": "inline"},
        {"name": "echo", "handler": "echo", "host": ["0.0.0.0", "203.0.113.9"], "port": 0,
         "on_missing_address": "wait"},
        {"name": "hello", "handler": "PLUGIN", "host": "127.0.0.1", "port": 0}],
    "access": "ACCESS", "limits": {"requests_per_s": 1000, "exempt": ["127.0.0.0/8"]},
    "pool": {"workers": "WORKERS"}, "queue": {"capacity": 64, "max_wait_ms": 0},
    "shutdown": {"drain_timeout_ms": 2000},
    "logging": {"target": "{worker}.log", "format": "logfmt"}})
# What a reload changes, beside the pool: the same sources come from a file.
LISTED = {"allow": ["127.0.0.0/8", "::1"], "deny": ["192.0.2.0/24"]}
SOURCES = "allow 127.0.0.0/8\nallow ::1\ndeny 198.51.100.0/24\n"


def soon(run, condition):
    """Waits a while for what may not come, or for the end."""
    limit = time.monotonic() + SOON_S
    while time.monotonic() < limit and run.process.poll() is None:
        if condition():
            return
        time.sleep(0.002)


def config(workers, access):
    return CONFIG.replace('"WORKERS"', str(workers)).replace('"ACCESS"', json.dumps(access)).replace(
        "PLUGIN", Sweep.plugin)


def ask_all(run, clients):
    for address in run.addresses():
        if address not in clients:
            clients[address] = dgramtest.socket_for(address)
            clients[address].setblocking(False)
        for number in range(REQUESTS):
            clients[address].sendto(b"%d" % number, address)


def replies(clients):
    """All that have come, once dgramd has ended."""
    count = 0
    for client in clients.values():
        while True:
            try:
                client.recv(64)
                count += 1
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                continue
    return count


def live(run, clients):
    soon(run, lambda: run.events("ready"))
    ask_all(run, clients)
    soon(run, lambda: has_answered(clients))
    run.path("sources", SOURCES)
    run.path("server.json", config(5, {"file": "sources"}))
    run.process.send_signal(signal.SIGHUP)
    soon(run, lambda: run.events("reloaded") or run.events("reload refused"))
    run.process.send_signal(signal.SIGUSR1)
    ask_all(run, clients)
    run.process.send_signal(signal.SIGTERM)
    return run.wait()


def has_answered(clients):
    """Each has, at least once."""
    for client in clients.values():
        try:
            client.recv(64, socket.MSG_PEEK)
        except (BlockingIOError, ConnectionRefusedError):
            return False
    return True


@contextlib.contextmanager
def supervisor(settings):
    """One that never reads what it gets."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # a name of the kernel's
        settings["NOTIFY_SOCKET"] = "@" + listening.getsockname()[1:].decode()
        yield


def block_signals():
    """Those that may come before dgramd has got as far as to block them itself."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM))


def life(settings):
    """The troubles of a life, and what the shim counted."""
    clients = {}
    with supervisor(settings), faults.Run(
            config(3, LISTED), settings, preexec_fn=block_signals) as run:
        try:
            code = live(run, clients)
            report = run.report()
            return troubles(run, code, report, replies(clients), settings), report
        except AssertionError as trouble:
            return [f"{trouble}"], run.report()
        finally:
            for client in clients.values():
                client.close()


def troubles(run, code, report, got, settings):
    found = []
    if code < 0 or not report:
        found.append(f"it ended with {code}")
    ledgers = run.ledgers()
    if ledgers and settings["FAULT_CALL"] not in COST_LINES:
        sent = sum(each["replied"] + each["replies_extra"] for each in ledgers.values())
        if sent != got:
            found.append(f"{sent} replies in the books, {got} came")
    if settings["FAULT_NTH"] == "0" and not run.events("reloaded"):
        found.append("it was not reloaded")
    if code == 0 and not ledgers and settings["FAULT_CALL"] not in COST_LINES:
        found.append("no books")
    return [f"{each}\n" + "\n".join(run.lines()) for each in found]


class Sweep(dgramtest.Case):
    plugin = None

    def setUp(self):
        directory = tempfile.mkdtemp(prefix="dgramd-sweep-")
        self.addCleanup(shutil.rmtree, directory)
        Sweep.plugin = plugins.build(os.path.join(directory, "hello.so"), plugins.answers())

    def lives(self, clean):
        """What is tried: the call, the number of the one that fails, how often, and the error."""
        for call, errors in CALLS.items():
            count = clean[call]
            points = list(range(1, count + 1))
            if not ALL and count > POINTS:  # of which the last may not come again
                points = [1 + i * (count - 1) // POINTS for i in range(POINTS)]
            for every in (0, 1):
                if every and call in ONCE_ALONE:
                    continue
                for number, nth in enumerate(points if ALL or not every else points[::2]):
                    for error in errors if ALL else [errors[(number + every) % len(errors)]]:
                        yield call, nth, every, error

    def try_life(self, tried):
        call, nth, every, error = tried
        found, report = life(faults.settings(call, nth, error, every))
        for name in self.left:
            if not found and report[name] > self.left[name]:
                found = [f"left behind: {name} {report[name]}, not {self.left[name]}"]
        return [f"{call} {nth} {errno.errorcode[error]} every {every}: {each}" for each in found], \
            report.get("fired", 0) > 0

    def test_all(self):
        clean = {}
        for call in CALLS:
            found, report = life(faults.settings(call, 0))
            self.assertEqual(found, [])
            clean[call] = report["calls"]
            self.left = {name: report[name] for name in ("live", "fds")}
        self.assertEqual([call for call, count in clean.items() if count == 0], [])
        tried, results = self.try_all(list(self.lives(clean)))
        self.report(clean, tried, results)
        self.assertEqual([each for found, _ in results for each in found], [])

    def try_all(self, lives):
        """The lives that there was time for, and what became of them."""
        limit = time.monotonic() + float(SECONDS or "inf")
        if SECONDS:
            random.shuffle(lives)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(
                lambda tried: self.try_life(tried) if time.monotonic() < limit else None, lives))
        done = [(tried, result) for tried, result in zip(lives, results) if result]
        print(f"# {len(done)} of {len(lives)} lives")
        return zip(*done)

    def report(self, clean, tried, results):
        """The table of what was swept."""
        print(f"# {'call':20} {'points':>6} {'lives':>6} {'failed':>6}  errors")
        for call, errors in CALLS.items():
            of_call = [fired for (each, *_), (_, fired) in zip(tried, results) if each == call]
            names = " ".join(errno.errorcode[error] for error in errors)
            print(f"# {call:20} {clean[call]:6} {len(of_call):6} {sum(of_call):6}  {names}")


dgramtest.main()
