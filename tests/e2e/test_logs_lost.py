"""A log that nobody reads, that is full, that is broken: no request waits for it, and what it did
not take is counted. And whatever reaches it, a line stays a line."""

import os
import random
import re
import resource
import signal

import dgramtest
import probe
from lostlog import DEBUG, LostCase, small_pipe

PRINTABLE = re.compile(r"^[ -~]*$")


def limit_files(size):
    """For a child, between fork and exec."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


class Blocked(LostCase):
    def test_pipe_that_nobody_reads(self):
        reading, writing = small_pipe()
        with open(writing, "wb", buffering=0) as stderr:
            daemon = self.start_echo(stderr=stderr)
        requests = self.must_answer(daemon, 3000)
        reader = probe.Reader(reading)  # now somebody does
        requests += self.answer_until_told(daemon, reader.lines)
        self.must_end(daemon)
        written, lost = self.must_account_for(reader.all_lines(), requests)
        self.assertEqual(written + lost, requests)

    def test_pipe_that_is_never_read(self):
        """Also the end does not wait for it."""
        reading, writing = small_pipe()
        with open(reading, "rb", buffering=0), open(writing, "wb", buffering=0) as stderr:
            daemon = self.start_echo(stderr=stderr)
            self.must_answer(daemon, 3000)
            self.must_end(daemon)

    def test_fifo_as_target(self):
        daemon = self.start({"handler": "echo"})
        path = os.path.join(daemon.directory, "fifo")
        os.mkfifo(path)
        daemon.write_config({**daemon.config, "logging": {**DEBUG, "target": path}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused")  # nobody reads it
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as reader:
            daemon.kill(signal.SIGHUP)
            self.eventually(lambda: b"reloaded" in (reader.read(65536) or b""), "the reload")
            daemon.echo = daemon.address()
            self.must_answer(daemon, dgramtest.scaled(3000, at_least=1000))
            self.must_end(daemon)


class Broken(LostCase):
    def test_full_disk(self):
        daemon = self.start_echo({"target": "/dev/full"})
        requests = self.must_answer(daemon, 1000)
        path = self.new_target(daemon, "log")
        self.must_end(daemon)
        written, lost = self.must_account_for(self.read(path), requests)
        self.assertEqual(written, 0)
        self.assertGreaterEqual(lost, requests)

    def test_full_disk_as_stderr(self):
        with open("/dev/full", "wb", buffering=0) as full:
            daemon = self.start_echo(stderr=full)
        self.must_answer(daemon, 1000)
        self.must_end(daemon)

    def test_closed_pipe(self):
        reading, writing = os.pipe()
        with open(writing, "wb", buffering=0) as stderr:
            daemon = self.start_echo(stderr=stderr)
        os.close(reading)
        requests = self.must_answer(daemon, 1000)
        path = self.new_target(daemon, "log")
        requests += self.must_answer(daemon, 1)
        self.must_end(daemon)
        written, lost = self.must_account_for(self.read(path), requests)
        self.assertGreaterEqual(written, 1)
        self.assertGreaterEqual(lost, requests - written)

    def test_no_stderr_at_all(self):
        daemon = self.start_echo(stderr=None, preexec_fn=lambda: os.close(2))
        self.must_answer(daemon, 100)
        self.must_end(daemon)

    def test_limit_of_file_size(self):
        """RLIMIT_FSIZE sends SIGXFSZ, which ends a program that does not ignore it. Of a line that ends with its
        last field one cannot see whether it lacks digits, and is lost, or only its newline: then try again."""
        limit = 8192
        while not self.told_at_limit(limit):
            limit += 7

    def told_at_limit(self, limit):
        daemon = self.start_echo({"target": "log"}, preexec_fn=lambda: limit_files(limit))
        pid, path = daemon.process.pid, os.path.join(daemon.directory, "log")
        requests = self.must_answer(daemon, 1000)
        self.eventually(lambda: os.path.getsize(path) == limit, "the limit is reached")
        *whole, torn = self.read_text(path).split("\n")
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        requests += self.answer_until_told(daemon, lambda: self.read(path))
        self.must_end(daemon)
        lines = self.read(path)
        self.assertEqual(lines[:len(whole)], whole)
        if torn:
            self.assertEqual(lines.pop(len(whole)), torn)  # and is counted as lost
        written, lost = self.must_account_for(lines, requests)
        if re.search(r"service_us=\d+$", torn):
            return False
        self.assertEqual(written + lost, requests)
        return True


class Lines(LostCase):
    def must_be_lines(self, lines):
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, PRINTABLE)
            self.assertIsNotNone(dgramtest.parse_line(line), line)
            self.assertLessEqual(len(line), 1023)

    def test_all_bytes_in_a_refused_configuration(self):
        """What is in the file comes back in the messages about it."""
        daemon = self.start({"logging": DEBUG})
        every = bytes(range(256))
        some = [every, *(every[i:i + 1] for i in range(128)),
                *(every[i:i + 8] for i in range(128, 256, 8))]
        for number, odd in enumerate(some, 1):
            with open(daemon.config_path, "wb") as file:
                file.write(b'{ "k' + odd + b'y": 1, "host": "h' + odd + b'", "port": "' + odd * 3)
            daemon.kill(signal.SIGHUP)
            self.eventually(
                lambda: sum("reload refused" in line for line in daemon.lines) == number, "refused")
        daemon.stop()
        self.must_be_lines(daemon.lines)

    def test_all_bytes_in_the_name_of_a_file(self):
        odd = bytes(set(range(1, 256)) - {ord("/")})
        for some in (odd[:120], odd[120:]):
            daemon = self.start()
            path = os.path.join(os.fsencode(daemon.directory), some)
            os.rename(daemon.config_path, path)
            again = dgramtest.Daemon(ready=True, arguments=["-c", os.fsdecode(path)])
            self.addCleanup(again.close)
            again.ask()
            os.unlink(path)
            again.kill(signal.SIGHUP)
            again.wait_for("reload refused")
            again.stop()
            self.must_be_lines(again.lines)

    def test_flood_of_bad_input(self):
        daemon = self.start({
            "handler": "echo", "max_datagram_bytes": 200,
            "logging": {**DEBUG, "format": "logfmt"}, "queue": {"capacity": 64}})
        chance = random.Random(1)
        count = dgramtest.scaled(5000)
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            for _ in range(count):
                client.sendto(chance.randbytes(chance.randrange(400)), address)
        ledger = daemon.stop()["echo"]
        self.assertLessEqual(ledger["received"] + ledger["dropped_by_kernel"], count)
        self.assertGreater(ledger["dropped_truncated"], 0)
        self.must_be_lines(daemon.lines)
        drops = daemon.events("datagrams lost", reason="dropped_truncated")
        self.assertGreater(ledger["dropped_truncated"], len(drops))


dgramtest.main()
