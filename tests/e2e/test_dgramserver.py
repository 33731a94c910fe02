"""dgramserver(3): programs in Python with dgramd in front of them, and as its children."""

import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import dgramtest

MODULES = os.path.join(dgramtest.TOP, "src", "process")
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_server.py")
ALL_BYTES = bytes(range(256))
SETTINGS = {**dgramtest.UNWARNED, "loop_guard": False, "queue": {"max_wait_ms": 0}, "max_reply_factor": 100,
            "logging": {"level": "info", "format": "logfmt"}}

sys.path.insert(0, MODULES)
os.environ.update(DGRAMD=dgramtest.DGRAMD, PYTHONDONTWRITEBYTECODE="1")
import dgramserver  # pylint: disable=wrong-import-position


def asking(address, *payloads):
    """A client that has sent these."""
    client = dgramtest.socket_for(address)
    client.connect(address)
    for payload in payloads:
        client.send(payload)
    return client


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class AsCommand(dgramtest.Case):
    """The program is the command of a service."""

    def setUp(self):
        self.daemon = self.start({
            "handler": "exec", "max_workers": 1, "max_reply_factor": 1000, "max_datagram_bytes": 65507,
            "options": {"mode": "binary", "command": [
                "/usr/bin/env", f"PYTHONPATH={MODULES}", "/usr/bin/python3", "-B", PROGRAM, "UDPServer"]}})

    def ask(self, payload):
        with asking(self.daemon.address(), payload) as client:
            return client.recv(70000)

    def test_what_a_handler_can_do(self):
        for payload in (b"", ALL_BYTES, b"\t\n\\", bytes(65507)):
            self.assertEqual(self.ask(payload), payload)
        self.assertEqual(self.ask(b"local"), b"127.0.0.1:%d" % self.daemon.port)
        with asking(self.daemon.address(), b"three") as client:
            self.assertEqual([client.recv(10) for _ in range(3)], [b"0", b"1", b"2"])
        with asking(self.daemon.address(), b"none", b"refused", b"raise", b"last") as client:
            self.assertEqual(client.recv(10), b"last")
        ledger = self.daemon.stop()["exec"]
        self.assertEqual(
            [ledger[name] for name in ("received", "replied", "no_reply", "failed_handler")], [10, 7, 2, 1])
        self.daemon.wait_for("child reported an error", reason="ValueError('as asked')")
        self.daemon.wait_for("child wrote", text="handling local")  # print() is no answer

    def test_it_ends_when_it_is_asked_to(self):
        first = self.ask(b"pid")
        self.assertEqual(self.ask(b"shutdown"), b"ending")
        # What comes before its end may be in its stream, and is lost with it.
        self.eventually(lambda: not runs(int(first)), "its end")
        self.assertNotEqual(self.ask(b"pid"), first)


class AsProgram(dgramtest.Case):
    """The program starts dgramd."""

    def run_program(self, kind):
        program = subprocess.Popen(
            ["/usr/bin/python3", PROGRAM, kind, json.dumps(SETTINGS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": MODULES})
        self.addCleanup(self.end, program)
        _, port, pid = program.stdout.readline().split()
        self.assertEqual(int(pid), program.pid)
        self.address = "127.0.0.1", int(port)
        return program

    @staticmethod
    def end(program):
        program.kill()
        program.communicate()

    def ask(self, payload):
        with asking(self.address, payload) as client:
            return client.recv(70000)

    def books(self, program):
        """It ends by itself, and dgramd has written its ledger."""
        output, log = program.communicate(timeout=dgramtest.PATIENCE)
        self.assertEqual(program.returncode, 0, log)
        self.assertEqual(output.splitlines()[-1], "over")
        lines = filter(None, map(dgramtest.parse_line, log.splitlines()))
        ledger, = (line for line in lines if line["event"] == "ledger")
        ledger = {name: int(value) for name, value in ledger.items() if value.isdigit()}
        dgramtest.check_ledger(ledger)
        return ledger

    def must_serve(self, kind):
        program = self.run_program(kind)
        for payload in (b"", ALL_BYTES, bytes(8192)):
            self.assertEqual(self.ask(payload), payload)
        with asking(self.address, b"three") as client:
            self.assertEqual([client.recv(10) for _ in range(3)], [b"0", b"1", b"2"])
        with asking(self.address, b"none", b"refused", b"raise", bytes(20000)) as client:
            self.assertEqual(self.ask(b"shutdown"), b"ending")
            client.setblocking(False)
            self.assertRaises(BlockingIOError, client.recv, 1)
        ledger = self.books(program)
        self.assertEqual(
            [ledger[name] for name in ("received", "replied", "no_reply", "failed_handler", "dropped_truncated")],
            [9, 5, 2, 1, 1])

    def test_udp_server(self):
        self.must_serve("UDPServer")

    def test_threading_udp_server(self):
        self.must_serve("ThreadingUDPServer")

    def test_handlers_stay_in_the_process(self):
        for kind in ("UDPServer", "ThreadingUDPServer"):
            program = self.run_program(kind)
            self.assertEqual(int(self.ask(b"pid")), program.pid)

    def test_threads_run_side_by_side(self):
        self.run_program("ThreadingUDPServer")
        with asking(self.address, b"together") as first, asking(self.address, b"together") as second:
            self.assertEqual((first.recv(10), second.recv(10)), (b"met", b"met"))

    def test_a_slow_handlers_reply_does_not_wait_for_its_end(self):
        program = self.run_program("UDPServer")
        self.assertEqual(self.ask(b"early 0.01"), b"early")
        with asking(self.address, b"early 3600") as client:
            self.assertEqual(client.recv(10), b"early")
        program.kill()

    def test_a_crash_costs_one_request(self):
        program = self.run_program("ForkingUDPServer")
        self.assertNotEqual(int(self.ask(b"pid")), program.pid)
        crashing = [asking(self.address, b"crash") for _ in range(20)]
        for number in range(50):
            self.assertEqual(self.ask(b"%d" % number), b"%d" % number)
        program.send_signal(signal.SIGINT)
        _, log = program.communicate(timeout=dgramtest.PATIENCE)
        lines = list(filter(None, map(dgramtest.parse_line, log.splitlines())))
        ledger, = (line for line in lines if line["event"] == "ledger")
        counted = {name: int(count) for name, count in ledger.items() if count.isdigit() and int(count) > 0}
        # Where one has not said so yet when all ends, its stream ends, which is a death; the others are dropped.
        cost = sum(counted.get(name, 0) for name in (
            "failed_handler", "failed_child", "dropped_shutdown", "dropped_quarantined"))
        self.assertEqual((counted["received"], counted["replied"], cost), (71, 51, 20), counted)
        for client in crashing:
            client.close()

    def test_no_process_survives_it(self):
        for kind in ("UDPServer", "ThreadingUDPServer", "ForkingUDPServer"):
            program = self.run_program(kind)
            pid = int(self.ask(b"pid"))
            children = pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text(encoding="ascii")
            pids = [int(each) for each in children.split()]
            self.assertTrue(pids and (pid in pids or pid == program.pid))
            program.kill()
            program.wait()
            for each in pids:
                self.eventually(lambda: not runs(each), f"the end of {each}")


class Embedded(dgramtest.Case):
    """The classes within this process."""

    class Handler(dgramserver.DatagramRequestHandler):
        def handle(self):
            line = self.rfile.readline()
            self.wfile.write(line)
            if line == b"half\n":
                raise ValueError("half of a reply")

    def make(self, kind=dgramserver.UDPServer, handler=Handler):
        class Server(kind):
            settings = {**SETTINGS, "logging": {"level": "error"}}
            errors, timeouts = [], 0

            def handle_error(self, request, client_address):
                self.errors.append(sys.exc_info()[1])

            def handle_timeout(self):
                self.timeouts += 1

        server = Server(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        return server

    def serve(self, server):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return thread

    def test_an_empty_or_half_reply_is_not_sent(self):
        server = self.make()
        self.serve(server)
        with asking(server.server_address, b"", b"half\n", b"whole\n") as client:
            self.assertEqual(client.recv(10), b"whole\n")
        self.eventually(lambda: server.errors, "the call of handle_error()")
        self.assertEqual([str(error) for error in server.errors], ["half of a reply"])

    def test_one_request_at_a_time(self):
        server = self.make()
        server.timeout = 0.05
        server.handle_request()
        self.assertEqual(server.timeouts, 1)
        server.timeout = dgramtest.PATIENCE
        for number in range(3):
            with asking(server.server_address, b"%d" % number) as client:
                self.assertTrue(select.select([server], [], [], dgramtest.PATIENCE)[0])
                server.handle_request()
                while not select.select([client], [], [], 0)[0]:
                    server.timeout = 0.01
                    server.handle_request()  # the first frame of a stream is no request
                self.assertEqual(client.recv(10), b"%d" % number)

    def test_threads_that_share_a_stream(self):
        """As after handle_request(): nothing is written without the lock, and each handler has its own clock."""
        server = self.make(dgramserver.ThreadingUDPServer)
        theirs, ours = socket.socketpair()
        stream = dgramserver._Stream(theirs)
        verified, written = [], []

        class Watched:
            @staticmethod
            def sendall(data):
                written.append((data, stream.lock.locked()))

        def verify_request(request, _):
            verified.append(request[0])
            if request[0] == b"slow":
                time.sleep(0.002)
                server._run_all(stream, [question(2, b"quick")])  # another thread's, as it were
            return True

        def question(number, data):
            return number, b"127.0.0.1:1\t127.0.0.1:2\t", data

        stream.socket, server.verify_request = Watched, verify_request
        server._run_all(stream, [question(1, b"slow")])
        self.assertTrue(stream.slow)
        self.assertEqual(verified, [b"slow", b"quick"])
        self.assertEqual([(data[16:], locked) for data, locked in written], [(b"quick", True), (b"slow", True)])
        theirs.close()
        ours.close()

    def test_shutdown_at_any_time(self):
        server = self.make()
        server.shutdown()  # before the start
        server.serve_forever()
        thread = self.serve(server)
        with asking(server.server_address, b"served") as client:
            self.assertEqual(client.recv(10), b"served")
        began = time.monotonic()
        server.shutdown()
        thread.join()
        self.assertLess(time.monotonic() - began, 2 * dgramtest.SLOW)  # 50 ms on a machine with nothing else to do
        self.serve(server)  # again
        with asking(server.server_address, b"again") as client:
            self.assertEqual(client.recv(10), b"again")

    def test_nothing_leaks(self):
        def count():
            return len(os.listdir("/proc/self/fd"))

        before = count()
        for kind in (dgramserver.UDPServer, dgramserver.ThreadingUDPServer, dgramserver.ForkingUDPServer):
            with self.make(kind) as server:
                thread = threading.Thread(target=server.serve_forever)
                thread.start()
                with asking(server.server_address, b"x") as client:
                    self.assertEqual(client.recv(10), b"x")
                server.shutdown()
                thread.join()
        self.assertEqual(count(), before)

    def test_a_dgramd_that_cannot_start(self):
        server = self.make()
        server.settings = {"hundler": "echo"}
        self.assertRaisesRegex(ChildProcessError, "dgramd ended with 78", server.serve_forever)


dgramtest.main()
