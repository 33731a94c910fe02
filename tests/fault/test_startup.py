"""Each allocation, thread creation and system call of dgramd's start fails in turn: it serves all
the same, or ends with one clear line and the right exit code; and it leaves nothing behind."""

import errno
import json
import os

import dgramtest
import faults

OS_ERROR, UNAVAILABLE, NO_PERMISSION, CONFIG = 71, 69, 77, 78

# An invalid argument can be either: the configuration's, or ours.
CODES = {
    errno.EADDRINUSE: {UNAVAILABLE}, errno.EADDRNOTAVAIL: {UNAVAILABLE},
    errno.EACCES: {NO_PERMISSION}, errno.EPERM: {NO_PERMISSION},
    errno.EINVAL: {CONFIG, OS_ERROR}}


class Startup(dgramtest.Case):
    def check_served(self, run, asked, code, ledgers):
        """An address that was missing once may have come since it was asked; and one that is, may be missing for
        another reason when it is looked for again."""
        self.assertEqual(code, 0)
        self.assertEqual([line for line in run.errors() if "cannot listen" not in line], [])
        self.assertEqual(sum(ledger["replied"] for ledger in ledgers.values()), asked)

    def check_refused(self, run, code, error):
        self.assertIn(code, CODES.get(error, {OS_ERROR}))
        self.assertEqual(len(run.errors()), 1)
        self.assertIn(os.strerror(error), run.errors()[0])
        self.assertEqual(run.ledgers(), {})

    def run_once(self, config, call, nth, error, more):
        """Whether it served, and what the shim counted."""
        with faults.Run(config, faults.settings(call, nth, error, **more)) as run:
            served = run.ready()
            try:
                if served:
                    addresses = run.addresses()
                    for address in addresses:
                        self.assertTrue(run.ask(address))
                    self.check_served(run, len(addresses), *run.stop())
                else:
                    self.check_refused(run, run.wait(), error)
            except AssertionError as trouble:
                raise AssertionError(
                    f"{call} {nth}: {trouble}\nexit code {run.process.poll()}\n" +
                    "\n".join(run.lines())) from None
            return served, run.report()

    def sweep(self, config, call, error, tolerated=None, first=1, **more):
        """Fails the `first` call, the next ... until there is none. `tolerated`: whether it must
        serve all the same, always or never."""
        clean = self.run_once(config, call, 0, error, more)[1]
        for nth in range(first, 10000):
            with self.subTest(call=call, nth=nth, error=errno.errorcode[error]):
                served, report = self.run_once(config, call, nth, error, more)
                self.assertEqual(
                    (report["live"], report["fds"]), (clean["live"], clean["fds"]), "left behind")
                if report["fired"] == 0:
                    break
                if tolerated is not None:
                    self.assertEqual(served, tolerated)
        print(f"# {call} {errno.errorcode[error]}: {nth - first} points")
        self.assertGreater(nth, first, "never called")

    def test_memory(self):
        self.sweep(faults.PLAIN, "memory", errno.ENOMEM, False)

    def test_memory_services_and_files(self):
        self.sweep(faults.FULL, "memory", errno.ENOMEM, False)

    def test_threads(self):
        for config in faults.PLAIN, faults.FULL:
            self.sweep(config, "pthread_create", errno.EAGAIN, False)

    def test_mmap(self):
        for config in faults.PLAIN, faults.FULL:
            self.sweep(config, "mmap", errno.ENOMEM, False)

    def test_madvise(self):
        self.sweep(faults.PLAIN, "madvise", errno.EINVAL, True)

    def test_socket(self):
        for error in errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EACCES:
            self.sweep(faults.FULL, "socket", error)

    def test_socket_of_a_host_that_waits(self):
        config = faults.PLAIN.replace('"127.0.0.1"', '["127.0.0.1", "203.0.113.9"]')  # nobody's (RFC 5737)
        for error in errno.EMFILE, errno.ENOBUFS:
            self.sweep(config, "socket", error)

    def test_bind(self):
        for error in errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.ENOMEM:
            self.sweep(faults.FULL, "bind", error)

    def test_hints(self):
        """Each error that tells a cause names that; the others are tested with the real one."""
        for call, error, cause in (
                ("socket", errno.EMFILE, "the process has no descriptor left"),
                ("socket", errno.ENFILE, "fs.file-max"),
                ("socket", errno.ENOBUFS, "the system has no memory left"),
                ("socket", errno.EAFNOSUPPORT, "there is no IPv4 here"),
                ("socket", errno.EPERM, "a security module forbids it"),
                ("bind", errno.EACCES, "ip_unprivileged_port_start or a security module"),
                ("bind", errno.EPERM, "SocketBindDeny"),
                ("bind", errno.EIO, "the kernel gives no reason"),
                ("setsockopt", errno.ENOPROTOOPT, "it is too old")):
            config = json.dumps({"host": "127.0.0.1", "port": 29999, "socket": {
                "receive_buffer_bytes": 0, "send_buffer_bytes": 0}})
            with self.subTest(call=call, error=errno.errorcode[error]):
                with faults.Run(config, faults.settings(call, 1, error)) as run:
                    self.assertFalse(run.ready(), run.lines())
                    run.wait()
                    self.assertIn(cause, run.events("cannot listen")[0]["hint"])

    def test_setsockopt(self):
        for error in errno.ENOPROTOOPT, errno.EPERM, errno.ENOMEM:
            self.sweep(faults.FULL, "setsockopt", error)

    def test_getsockopt(self):
        self.sweep(faults.FULL, "getsockopt", errno.ENOBUFS, True)

    def test_getsockname(self):
        self.sweep(faults.FULL, "getsockname", errno.ENOBUFS, False)

    def test_eventfd(self):
        for error in errno.EMFILE, errno.ENFILE, errno.ENOMEM:
            self.sweep(faults.PLAIN, "eventfd", error, False)

    def test_epoll(self):
        for error in errno.EMFILE, errno.ENOMEM:
            self.sweep(faults.PLAIN, "epoll_create", error, False)
        for error in errno.ENOMEM, errno.ENOSPC, errno.EPERM:
            self.sweep(faults.FULL, "epoll_add", error, False)

    def test_signals(self):
        for call in "sigprocmask", "sigaction", "signalfd":
            self.sweep(faults.PLAIN, call, errno.EINVAL, False)
        self.sweep(faults.PLAIN, "signalfd", errno.EMFILE, False)

    def test_log_files(self):
        for error in errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EACCES:
            self.sweep(faults.FULL, "open", error, False, FAULT_PATH=".log")
        self.sweep(faults.FULL, "fstat", errno.EIO, True, first=2)

    def test_standard_descriptors(self):
        """/dev/null takes the place of those that are closed, and is needed for nothing else."""
        for closed in (), (0,), (1,), (0, 1):
            settings = faults.settings("open", 1, errno.ENOENT, FAULT_PATH="/dev/null")
            with self.subTest(closed=closed):
                with faults.Run(
                        faults.PLAIN, settings, preexec_fn=lambda fds=closed: list(map(os.close, fds))) as run:
                    self.assertEqual(run.ready(), not closed, run.lines())
                    if closed:
                        self.check_refused(run, run.wait(), errno.ENOENT)
                    else:
                        run.stop()
                        self.assertEqual(run.report()["calls"], 0)

    def test_configuration_file(self):
        """The first to be opened and read."""
        for error in errno.EACCES, errno.ENOENT:
            self.check_configuration("open", 1, error, CONFIG)

    def test_configuration_file_system_error(self):
        for error in errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM:
            self.check_configuration("open", 1, error, OS_ERROR)
        for nth in 1, 2:
            self.check_configuration("read", nth, errno.EIO, OS_ERROR)
        self.check_configuration("fstat", 1, errno.EIO, OS_ERROR)

    def check_configuration(self, call, nth, error, code):
        with self.subTest(call=call, nth=nth, error=errno.errorcode[error]):
            settings = faults.settings(call, nth, error, FAULT_PATH="server.json")
            with faults.Run(faults.FULL, settings) as run:
                self.assertFalse(run.ready())
                self.assertEqual(run.wait(), code, run.lines())
                self.assertEqual(len(run.lines()), 1)
                self.assertIn(os.strerror(error), run.lines()[0])
                self.assertEqual(run.report()["live"], 0)

    def test_reads_after_the_configuration(self):
        self.sweep(faults.FULL, "read", errno.EIO, True, first=3)

    def test_buffers_smaller_than_asked(self):
        """Without the privilege to exceed the system's limits."""
        asked = {"receive_buffer_bytes": 2**30 - 1, "send_buffer_bytes": 2**30 - 1}
        config = json.dumps({**json.loads(faults.PLAIN), "socket": asked})
        for nth, buffer in (1, "receive"), (2, "send"):  # SO_RCVBUFFORCE, SO_SNDBUFFORCE
            with faults.Run(config, faults.settings("setsockopt", nth, errno.EPERM)) as run:
                self.assertTrue(run.ready(), run.lines())
                listening = run.events("listening")[0]
                self.assertLess(int(listening[f"{buffer}_buffer_granted"]), 2**30 - 1)
                said = run.events(f"{buffer} buffer smaller than asked")
                self.assertEqual([line["service"] for line in said], ["time"])
                self.assertEqual(run.stop()[0], 0)

    def test_supervisor_out_of_reach(self):
        """Said in a line, and no reason not to serve."""
        settings = faults.settings("connect", 1, errno.ECONNREFUSED, NOTIFY_SOCKET="/nowhere")
        with faults.Run(faults.PLAIN, settings) as run:
            self.assertTrue(run.ready(), run.lines())
            self.assertTrue(run.ask(run.addresses()[0]))
            self.assertEqual(run.stop()[0], 0)
            self.assertEqual(run.errors(), [])
            said = [line["message"] for line in run.events("supervisor not reached")]
            self.assertEqual(said, [os.strerror(errno.ECONNREFUSED)])


dgramtest.main()
