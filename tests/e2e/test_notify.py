"""What a supervisor is told through $NOTIFY_SOCKET, as sd_notify(3) has it."""

import contextlib
import errno
import os
import signal
import socket
import time

import dgramtest
import networks
import plugins
import probe
import slowclock

LATE = "203.0.113.7"


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
                  "port": probe.free_port(), "shutdown": {"drain_delay_ms": 7}}
        daemon = self.start(config, ready=False, environment={"NOTIFY_SOCKET": name})
        self.assertEqual(self.receive(supervisor)["READY"], "1")
        for host in config["host"]:  # at once
            with dgramtest.socket_for((host, 0)) as client:
                client.connect((host, config["port"]))
                client.send(b"ready?")
                self.assertEqual(client.recv(64), b"ready?")
        self.wait_for_status(daemon, supervisor, "received 2, replied 2, dropped 0, in hand 0")

        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        daemon.kill(signal.SIGHUP)
        message = self.receive(supervisor)
        self.assertEqual(message["RELOADING"], "1")
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.assertLessEqual(before, int(message["MONOTONIC_USEC"]))
        self.assertLessEqual(int(message["MONOTONIC_USEC"]), after)
        self.assertEqual(self.receive(supervisor)["READY"], "1")

        daemon.kill(signal.SIGTERM)
        message = self.receive(supervisor)
        self.assertEqual((message["STOPPING"], message["EXTEND_TIMEOUT_USEC"]), ("1", "10007000"))
        daemon.wait()

    def test_path(self):
        path = os.path.join(self.start().directory, "notify")
        self.must_notify(path, path)

    def test_abstract(self):
        name = f"dgramd-test-{os.getpid()}"
        self.must_notify(f"\0{name}", f"@{name}")

    def test_a_reload_while_it_stops(self):
        """During a delayed drain: STOPPING is the last that the supervisor hears besides STATUS."""
        supervisor = self.serve(os.path.join(self.start().directory, "notify"))
        daemon = self.start({"handler": "echo", "shutdown": {"drain_delay_ms": 3600000}},
                            environment={"NOTIFY_SOCKET": supervisor.getsockname()})
        self.assertEqual(self.receive(supervisor), {"READY": "1"})
        daemon.kill(signal.SIGTERM)
        daemon.wait_for("drain delayed")
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.assertIn("STOPPING", self.receive(supervisor))
        supervisor.setblocking(False)
        self.assertRaises(BlockingIOError, self.receive, supervisor)

    def must_not_be_ready(self, delay_ms, listening):
        """Ends a server whose address comes then; so many sockets listen in the end."""
        network = networks.Networks(self)
        network.add()
        clock = slowclock.SlowClock(self, hold=True)
        supervisor = self.serve(os.path.join(self.start().directory, "notify"))
        daemon = self.start(
            {"on_missing_address": "wait", "pool": {"workers": 1}, "services": [
                {"name": "late", "handler": "echo", "host": LATE},
                {"name": "held", **slowclock.HELD, "host": probe.HOST}],
             "shutdown": {"drain_delay_ms": delay_ms, "drain_timeout_ms": 600000}},
            ready=False, environment={**clock.environment, "NOTIFY_SOCKET": supervisor.getsockname()})
        daemon.wait_for("listening")
        with dgramtest.socket_for(daemon.address("held")) as client:
            client.sendto(b"", daemon.address("held"))
            self.eventually(lambda: clock.held() == 1, "its worker is busy")
        daemon.kill(signal.SIGTERM)
        self.assertIn("STOPPING", self.receive(supervisor))
        network.ip(f"address add {LATE} dev lo")
        daemon.wait_for("listening", listening)
        if delay_ms > 0:
            daemon.kill(signal.SIGTERM)
        daemon.wait_for("draining")
        daemon.kill(signal.SIGUSR1)
        daemon.wait_for("signal", message="SIGUSR1")
        clock.release()
        daemon.wait()
        self.assertEqual(len(daemon.events("listening")), listening)
        supervisor.setblocking(False)
        self.assertRaises(BlockingIOError, self.receive, supervisor)

    def test_an_address_that_comes_while_it_stops(self):
        """During a delayed drain it is served, during the drain it is not; READY is not sent for either."""
        self.must_not_be_ready(3600000, listening=2)
        self.must_not_be_ready(0, listening=1)

    def under_watchdog(self, config, pid=""):
        supervisor = self.serve(os.path.join(self.start().directory, "notify"))
        daemon = self.start(config, environment={
            "NOTIFY_SOCKET": supervisor.getsockname(), "WATCHDOG_USEC": "300000", "WATCHDOG_PID": pid})
        self.assertEqual(self.receive(supervisor)["READY"], "1")
        return supervisor, daemon

    def test_watchdog(self):
        supervisor, _ = self.under_watchdog({})
        for _ in range(5):
            self.assertEqual(self.receive(supervisor), {"WATCHDOG": "1"})

    def test_watchdog_of_another_process(self):
        supervisor, daemon = self.under_watchdog({}, pid="1")
        for _ in range(5):
            daemon.kill(signal.SIGUSR1)
            self.assertIn("STATUS", supervisor.recv(4096).decode("ascii"))
        daemon.stop()
        self.assertIn("STOPPING", self.receive(supervisor))

    def test_watchdog_while_a_service_stands_still(self):
        """Its only worker is stuck, and a request waits."""
        supervisor, daemon = self.under_watchdog({
            "handler": "simulate", "options": {"block_us": 3000000 * dgramtest.SLOW}, "pool": {"workers": 1, "handler_timeout_ms": 50}})
        with dgramtest.socket_for(daemon.address()) as client:
            for _ in range(2):
                client.sendto(b"x", daemon.address())
            line = daemon.wait_for("stands still")
            self.assertEqual(line["message"], "simulate: requests wait, and its workers are stuck")
            self.assertEqual(line["level"], "error")
            supervisor.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    supervisor.recv(4096)
            supervisor.settimeout(dgramtest.PATIENCE)
            client.recv(64)
            self.assertEqual(self.receive(supervisor), {"WATCHDOG": "1"})

    def test_watchdog_while_a_plugin_is_opened(self):
        """A reload waits for that, and a file that hangs must not be the daemon's end: this one waits for a file."""
        supervisor, daemon = self.under_watchdog({})
        waited_for = os.path.join(daemon.directory, "waited-for")
        slow = plugins.build(os.path.join(daemon.directory, "slow.so"), plugins.answers(
            before="#include <unistd.h>\n__attribute__((constructor)) static void begin(void)\n{\n"
                   f'\twhile (access("{waited_for}", F_OK) != 0)\n\t\tusleep(1000);\n}}\n'))
        daemon.write_config({**daemon.config, "handler": slow})
        daemon.kill(signal.SIGHUP)
        while "RELOADING" not in self.receive(supervisor):
            pass
        for _ in range(3):
            self.assertEqual(self.receive(supervisor), {"WATCHDOG": "1"})
        with open(waited_for, "wb"):
            pass
        daemon.wait_for("reloaded")
        daemon.stop()

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
            complaints = daemon.events("supervisor not reached")
            self.assertEqual(len(complaints), 1 if name else 0, name)  # an empty one is as unset
            self.assertEqual([line for line in daemon.lines if dgramtest.parse_line(line) is None], [])

    def fill(self, path):
        """Until the supervisor's queue has no room."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            other.connect(path)
            try:
                while True:
                    other.send(b"STATUS=of somebody else")
            except BlockingIOError:
                pass

    def test_supervisor_that_has_no_room(self):
        """One message of each kind waits, the newest, and comes in its order when there is room."""
        path = os.path.join(self.start().directory, "notify")
        supervisor = self.serve(path)
        self.fill(path)
        daemon = self.start(environment={"NOTIFY_SOCKET": path})
        daemon.wait_for("supervisor not reached", message="Resource temporarily unavailable")
        self.assertEqual(self.receive(supervisor), {"READY": "1"})
        self.wait_for_status(daemon, supervisor, "received 0, replied 0, dropped 0, in hand 0")

        self.fill(path)
        for count in range(1, 4):
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded", count=count)
        reloading = self.receive(supervisor)
        self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)  # the last one
        self.assertEqual(self.receive(supervisor), {"READY": "1"})
        daemon.kill(signal.SIGTERM)
        self.assertEqual(self.receive(supervisor)["STOPPING"], "1")
        daemon.wait()

    def test_supervisor_that_starts_later_and_again(self):
        path = os.path.join(self.start().directory, "notify")
        daemon = self.start(environment={"NOTIFY_SOCKET": path})
        supervisor = self.serve(path)
        daemon.kill(signal.SIGUSR1)
        self.assertEqual(self.receive(supervisor), {"READY": "1"})
        supervisor.close()
        os.unlink(path)
        supervisor = self.serve(path)
        daemon.kill(signal.SIGHUP)
        self.assertEqual(self.receive(supervisor)["RELOADING"], "1")
        self.assertEqual(self.receive(supervisor), {"READY": "1"})
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


class ReadyFd(dgramtest.Case):
    def test_a_newline_when_ready(self):
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as pipe:
            with open(writing, "wb", buffering=0):
                daemon = self.start(arguments=["--ready-fd", str(writing)], pass_fds=[writing])
            self.assertEqual(pipe.read(10), b"\n")
            self.assertEqual(pipe.read(10), b"")  # nobody has it any more
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        daemon.stop()

    def test_none_when_it_cannot_start(self):
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as pipe, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            with open(writing, "wb", buffering=0):
                daemon = self.start({"port": taken.getsockname()[1]}, ready=False,
                                    arguments=["--ready-fd", str(writing)], pass_fds=[writing])
            daemon.wait(69)
            self.assertEqual(pipe.read(10), b"")

    def test_wrong_ones(self):
        for number in "2", "0", "-1", "", "x", "3x", "999999", "99999999999999999999":
            done = dgramtest.run_dgramd("--ready-fd", number)
            self.assertEqual(done.returncode, 64)
            self.assertIn("--ready-fd takes an open descriptor from 3 on", done.stderr)


class Pace(dgramtest.Case):
    def seconds(self, environment, code, config):
        begun = time.monotonic()
        self.start(config, ready=False, environment=environment).wait(code)
        return time.monotonic() - begun

    def test_under_supervisord_a_failure_takes_a_second(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            busy = {"port": taken.getsockname()[1]}
            forbidden = {"logging": {"target": "/root/log"}, **({"user": "nobody"} if os.geteuid() == 0 else {})}
            for code, config in (69, busy), (77, forbidden):
                self.assertGreaterEqual(self.seconds({"SUPERVISOR_ENABLED": "1"}, code, config), 1)
            for environment, code, config in (
                    ({"SUPERVISOR_ENABLED": "1"}, 78, {"port": -1}), ({"SUPERVISOR_ENABLED": ""}, 69, busy)):
                # Of several tries one is quicker than a second.
                self.assertLess(min(
                    self.seconds(environment, code, config) for _ in range(5)), dgramtest.SLOW)

    def test_a_stop_ends_the_wait(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            daemon = self.start({"port": taken.getsockname()[1]}, ready=False,
                                environment={"SUPERVISOR_ENABLED": "1"})
            daemon.wait_for("cannot listen")
            daemon.kill(signal.SIGTERM)
            daemon.wait(69)


dgramtest.main()
