"""What a supervisor is told through $NOTIFY_SOCKET, as sd_notify(3) has it."""

import errno
import os
import signal
import socket
import time

import dgramtest
import probe


class Notify(dgramtest.Case):
    def serve(self, address):
        """A supervisor's socket, of a path or abstract."""
        supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(supervisor.close)
        supervisor.bind(address)
        supervisor.settimeout(dgramtest.PATIENCE)
        return supervisor

    def receive(self, supervisor):
        """The next message that is no STATUS alone, as a dict."""
        while True:
            text = supervisor.recv(4096).decode("ascii")
            message = dict(line.split("=", 1) for line in text.strip().split("\n"))
            if set(message) != {"STATUS"}:
                return message

    def wait_for_status(self, daemon, supervisor, status):
        """It is sent after each signal; a worker may publish its last answers later."""
        def told():
            daemon.kill(signal.SIGUSR1)
            return supervisor.recv(4096).decode("ascii") == f"STATUS={status}"

        self.eventually(told, status)

    def must_notify(self, address, name):
        supervisor = self.serve(address)
        config = {"handler": "echo", "host": [probe.HOST, probe.OTHER_HOST],
                  "port": probe.free_port()}
        daemon = self.start(config, ready=False, environment={"NOTIFY_SOCKET": name})
        self.assertEqual(self.receive(supervisor)["READY"], "1")
        for host in config["host"]:  # at once
            with dgramtest.socket_for((host, 0)) as client:
                client.connect((host, config["port"]))
                client.send(b"ready?")
                self.assertEqual(client.recv(64), b"ready?")
        self.wait_for_status(daemon, supervisor, "received 2, replied 2, in hand 0")

        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        daemon.kill(signal.SIGHUP)
        message = self.receive(supervisor)
        self.assertEqual(message["RELOADING"], "1")
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.assertLessEqual(before, int(message["MONOTONIC_USEC"]))
        self.assertLessEqual(int(message["MONOTONIC_USEC"]), after)
        self.assertEqual(self.receive(supervisor)["READY"], "1")

        daemon.kill(signal.SIGTERM)
        self.assertEqual(self.receive(supervisor)["STOPPING"], "1")
        daemon.wait()

    def test_path(self):
        path = os.path.join(self.start().directory, "notify")
        self.must_notify(path, path)

    def test_abstract(self):
        name = f"dgramd-test-{os.getpid()}"
        self.must_notify(f"\0{name}", f"@{name}")

    def test_not_ready_when_it_cannot_start(self):
        """READY comes after the sockets are bound; a start that fails sends why, and nothing else."""
        path = os.path.join(self.start().directory, "notify")
        supervisor = self.serve(path)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            daemon = self.start(
                {"port": taken.getsockname()[1]}, ready=False, environment={"NOTIFY_SOCKET": path})
            daemon.wait(69)
        self.assertEqual(self.receive(supervisor)["ERRNO"], str(errno.EADDRINUSE))
        self.start({"port": -1}, ready=False, environment={"NOTIFY_SOCKET": path}).wait(78)
        self.assertEqual(self.receive(supervisor)["ERRNO"], str(errno.EINVAL))
        supervisor.setblocking(False)
        self.assertRaises(BlockingIOError, supervisor.recv, 4096)

    def test_supervisor_that_is_not_there(self):
        for name in ("/no/such/socket", "relative", "@", "", "/" + "x" * 200):
            daemon = self.start(environment={"NOTIFY_SOCKET": name})
            daemon.ask()
            daemon.stop()

    def test_supervisor_that_does_not_read(self):
        path = os.path.join(self.start().directory, "notify")
        self.serve(path)
        daemon = self.start(environment={"NOTIFY_SOCKET": path})
        for count in range(1, 31):  # each sends several messages
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded", count=count)
        daemon.ask()
        daemon.stop()


dgramtest.main()
