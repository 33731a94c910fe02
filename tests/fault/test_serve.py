"""System calls fail while dgramd serves: it answers what it can, counts what it cannot, by reason,
and lives."""

import errno
import os
import socket
import time

import dgramtest
import faults

REQUESTS = 200
ONCE, THIRD, ALWAYS = 0, 3, 1

# As src/core/ledger.h has it.
SEND_REASONS = {
    errno.EAGAIN: "no_buffer", errno.ENOBUFS: "no_buffer", errno.ENOMEM: "no_buffer",
    errno.EPERM: "forbidden", errno.EACCES: "forbidden",
    errno.ENETUNREACH: "unreachable", errno.EHOSTUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "no_source", errno.EMSGSIZE: "too_long",
    errno.EINVAL: "invalid", errno.EIO: "invalid"}

# Not EINTR: that call is made again, for ever if need be.
RECEIVE_ERRORS = (
    errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.ECONNREFUSED,
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EMSGSIZE, errno.EINVAL, errno.EIO)


class Serve(dgramtest.Case):
    def send_all(self, run, count=REQUESTS):
        """Sends numbered requests to the echo service, all at once."""
        client = dgramtest.socket_for(run.addresses()[0])
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        with dgramtest.delivered():
            for i in range(count):
                client.sendto(str(i).encode(), run.addresses()[0])
        return client

    def replies(self, client):
        """What has come: dgramd has ended, so nothing more will."""
        client.setblocking(False)
        got = []
        while True:
            try:
                got.append(int(client.recv(64)))
            except BlockingIOError:
                self.assertEqual(len(got), len(set(got)), "a reply came twice")
                self.assertLessEqual(set(got), set(range(REQUESTS)))
                return got

    def serve(self, call, nth, error, every, **more):
        """Sends all, stops; the books, how many replies came, and what the shim counted."""
        settings = faults.settings(call, nth, error, every, **more)
        with faults.Run(faults.PLAIN.replace('"time"', '"echo"'), settings) as run:
            self.assertTrue(run.ready(), run.lines())
            client = self.send_all(run)
            code, ledgers = run.stop()
            self.assertEqual(code, 0, run.lines())
            report = run.report()
            self.assertGreater(report["fired"], 0, "it never happened")
            return ledgers["echo"], len(self.replies(client)), report

    def each(self, call, errors, patterns, nth=1):
        for error in errors:
            for every in patterns:
                with self.subTest(call=call, error=errno.errorcode[error], every=every):
                    yield error, every, self.serve(call, nth, error, every)

    def test_sendmmsg(self):
        """Each failure costs the reply that it met, and is counted under its reason."""
        for error, _, (ledger, replies, _) in self.each(
                "sendmmsg", SEND_REASONS, (ONCE, THIRD, ALWAYS)):
            failed = ledger["failed_send_" + SEND_REASONS[error]]
            self.assertEqual(ledger["received"], REQUESTS)
            self.assertEqual(ledger["replied"], replies)
            self.assertEqual(ledger["replied"] + failed, REQUESTS)

    def test_sendmmsg_is_tried_again(self):
        """A full buffer costs nothing when it passes."""
        for error in errno.EAGAIN, errno.ENOBUFS, errno.EINTR:
            with self.subTest(error=errno.errorcode[error]):
                ledger, replies, _ = self.serve("sendmmsg", 1, error, ONCE)
                self.assertEqual((ledger["replied"], replies), (REQUESTS, REQUESTS))

    def test_sendmmsg_always_fails(self):
        for error, _, (ledger, replies, _) in self.each("sendmmsg", SEND_REASONS, (ALWAYS,)):
            self.assertEqual(
                (ledger["failed_send_" + SEND_REASONS[error]], replies), (REQUESTS, 0))

    def test_recvmmsg(self):
        """What could not be received now is received next time. EAGAIN says that nothing is left, so in a drain
        what comes after it came too late."""
        for error, _, (ledger, replies, _) in self.each(
                "recvmmsg", (*RECEIVE_ERRORS, errno.EINTR), (ONCE, THIRD)):
            self.assertEqual(ledger["received"], REQUESTS)
            self.assertEqual(ledger["replied"], replies)
            late = ledger["dropped_draining"] if error == errno.EAGAIN else 0
            self.assertEqual(ledger["replied"] + ledger["dropped_shutdown"] + late, REQUESTS, ledger)

    def test_recvmmsg_always_fails(self):
        """It neither ends nor spins: a pause after each error, one line a second."""
        settings = faults.settings("recvmmsg", 1, errno.EIO, ALWAYS)
        begun = time.monotonic()
        with faults.Run(faults.PLAIN, settings) as run:
            self.assertTrue(run.ready(), run.lines())
            self.send_all(run)
            self.assertTrue(run.until(lambda: run.events("receive failed")))
            time.sleep(0.2)
            code, ledgers = run.stop()
            seconds = time.monotonic() - begun
            self.assertEqual((code, ledgers["time"]["received"]), (0, 0))
            self.assertLessEqual(run.report()["fired"], 3 + seconds * 100)
            self.assertLessEqual(len(run.events("receive failed")), 1 + seconds)

    def test_poll(self):
        for _, _, (ledger, replies, _) in self.each(
                "poll_in", (errno.EINTR, errno.EAGAIN, errno.ENOMEM, errno.EINVAL), (ONCE, 2, 3)):
            self.assertEqual((ledger["replied"], replies), (REQUESTS, REQUESTS))

    def test_epoll_wait(self):
        for _, _, (ledger, replies, _) in self.each(
                "epoll_wait", (errno.EINTR, errno.EINVAL), (ONCE, 2, 3)):
            self.assertEqual((ledger["replied"], replies), (REQUESTS, REQUESTS))

    def test_poll_of_the_log(self):
        """Costs lines at most."""
        for every in ONCE, THIRD, ALWAYS:
            with self.subTest(every=every):
                settings = faults.settings("poll_out", 1, errno.ENOMEM, every, FAULT_AFTER="now")
                with faults.Run(faults.PLAIN.replace('"time"', '"echo"'), settings) as run:
                    self.assertTrue(run.ready(), run.lines())
                    run.path("now", "")
                    client = self.send_all(run)
                    self.assertEqual(run.stop()[0], 0)
                    self.assertEqual(len(self.replies(client)), REQUESTS)
                    self.assertGreater(run.report()["fired"], 0)

    def test_futex_wait(self):
        """A sleep that ends at once, for whatever reason, is only a sleep too short."""
        for _, _, (ledger, replies, _) in self.each(
                "futex_wait", (errno.EINTR, errno.EAGAIN, errno.EINVAL, errno.ENOMEM),
                (ONCE, 2, ALWAYS)):
            self.assertEqual((ledger["replied"], replies), (REQUESTS, REQUESTS))

    def test_wall_clock_jumps(self):
        """Ten years forth and back: nothing expires, and nothing is served twice. Jobs may wait for
        10 s, which is less than each jump, and longer than a machine stalls."""
        years = 10 * 365 * 86400
        plain = faults.PLAIN.replace('"time"', '"echo"').replace(
            '"max_wait_ms": 0', '"max_wait_ms": 10000')
        for seconds in years, -years, 11, -11:
            for nth in 1, 2, 3:
                with self.subTest(seconds=seconds, nth=nth):
                    settings = faults.settings(
                        "clock_step", nth, FAULT_SECONDS=seconds, FAULT_AFTER="now")
                    with faults.Run(plain, settings) as run:
                        self.assertTrue(run.ready(), run.lines())
                        run.ask(run.addresses()[0])
                        run.path("now", "")
                        client = self.send_all(run)
                        got = {int(client.recv(64)) for _ in range(REQUESTS)}
                        ledger = run.stop()[1]["echo"]
                        self.assertEqual(ledger["replied"], 1 + REQUESTS)
                        self.assertEqual((got, self.replies(client)), (set(range(REQUESTS)), []))
                        self.assertGreater(run.report()["fired"], 0)

    def test_allocations(self):
        """Serving takes no memory: as many allocations without a request as with them all."""
        calls = []
        for count in 0, REQUESTS:
            with faults.Run(faults.PLAIN.replace('"time"', '"echo"'),
                            faults.settings("memory", 0)) as run:
                self.assertTrue(run.ready(), run.lines())
                client = self.send_all(run, count)
                self.assertEqual(run.stop()[0], 0)
                self.assertEqual(len(self.replies(client)), count)
                calls.append(run.report()["calls"])
        self.assertEqual(calls[0], calls[1])
        self.assertGreater(calls[0], 0)

    def test_reload(self):
        """Each allocation and each file of a reload fails in turn: refused in a line, served on."""
        for call, error in ("memory", errno.ENOMEM), ("open", errno.EMFILE), ("read", errno.EIO):
            before, after = self.calls_of_a_reload(call)
            for nth in range(before + 1, after + 1):
                with self.subTest(call=call, nth=nth):
                    self.check_reload(call, nth, error)
            print(f"# {call}: {after - before} points")

    def reload(self, run):
        self.assertTrue(run.ready(), run.lines())
        run.path("server.json", faults.FULL.replace('"workers": 3', '"workers": 5'))
        os.kill(run.process.pid, 1)  # SIGHUP
        self.assertTrue(run.until(
            lambda: run.events("reloaded") or run.events("reload refused")), run.lines())

    def calls_of_a_reload(self, call):
        """How many there are before, and with it."""
        with faults.Run(faults.FULL, faults.settings(call, 0)) as run:
            self.assertTrue(run.ready(), run.lines())
            run.stop()
            before = run.report()["calls"]
        with faults.Run(faults.FULL, faults.settings(call, 0)) as run:
            self.reload(run)
            run.stop()
            return before, run.report()["calls"]

    def check_reload(self, call, nth, error):
        with faults.Run(faults.FULL, faults.settings(call, nth, error)) as run:
            self.reload(run)
            for address in run.addresses():
                self.assertTrue(run.ask(address))
            self.assertEqual(run.stop()[0], 0, run.lines())
            report = run.report()
            self.assertEqual(report["live"], 0, "\n".join(run.lines()))


dgramtest.main()
