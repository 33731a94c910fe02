"""CPython's own tests of socketserver, those for UDP, with dgramserver in its place."""

import json
import os
import pathlib
import subprocess
import tempfile

import dgramtest

TESTS = pathlib.Path("/usr/lib/python3.11/test/test_socketserver.py")
NAMES = [
    *(f"SocketServerTest.test_{name}" for name in (
        "UDPServer", "ThreadingUDPServer", "ForkingUDPServer", "shutdown", "close_immediately", "tcpserver_bind_leak",
        "context_manager")),
    *(f"ErrorHandlerTest.test_{kind}_{handled}handled" for kind in ("sync", "threading", "forking")
      for handled in ("", "not_")),
    *(f"MiscTestCase.test_{name}" for name in (
        "all", "shutdown_request_called_if_verify_request_false", "threads_reaped"))]

# The tests that do not depend on it use TCP, where to connect is a request.
CHANGES = {
    "import socketserver\n": "import dgramserver as socketserver\n",
    "== 'socketserver'": "== 'dgramserver'",
    "socketserver.TCPServer": "socketserver.UDPServer",
    "socketserver.StreamRequestHandler": "socketserver.DatagramRequestHandler",
    "socket.create_connection(": "asking(",
    "socket.SOCK_STREAM)\n        s.connect(server.server_address)\n        s.close()":
        "socket.SOCK_DGRAM)\n        s.sendto(b'x', server.server_address)\n        s.close()",
    'HAVE_UNIX_SOCKETS = hasattr(socket, "AF_UNIX")': "HAVE_UNIX_SOCKETS = False",
}

HEAD = """
import json, os, socket
import dgramserver

dgramserver.UDPServer.settings = json.loads(os.environ["SETTINGS"])


def asking(address):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.sendto(b"x", address)
    return client
"""

# How many requests of a test reach a handler, or are refused by verify_request().
REQUESTS = {
    "SocketServerTest.test_UDPServer": 3, "SocketServerTest.test_ThreadingUDPServer": 3,
    "SocketServerTest.test_ForkingUDPServer": 3, "MiscTestCase.test_threads_reaped": 10,
    "MiscTestCase.test_shutdown_request_called_if_verify_request_false": 1,
    **{name: 1 for name in NAMES if name.startswith("ErrorHandlerTest")}}


class Socketserver(dgramtest.Case):
    def setUp(self):
        if not TESTS.exists():
            self.skipTest("libpython3.11-testsuite is missing")
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        text = TESTS.read_text(encoding="utf-8")
        for old, new in CHANGES.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        (self.folder / "test_dgramserver.py").write_text(HEAD + text, encoding="utf-8")

    def run_test(self, name):
        """Its requests, as the ledgers have them."""
        log = self.folder / f"{name}.log"
        settings = {**dgramtest.UNWARNED, "loop_guard": False, "queue": {"max_wait_ms": 0},
                    "logging": {"format": "logfmt", "target": str(log)}}
        done = subprocess.run(
            ["/usr/bin/python3", "-B", "-m", "unittest", f"test_dgramserver.{name}"], cwd=self.folder, capture_output=True,
            text=True, check=False, timeout=dgramtest.PATIENCE * 4, env={
                **os.environ, "PYTHONPATH": os.path.join(dgramtest.TOP, "src", "process"), "DGRAMD": dgramtest.DGRAMD,
                "SETTINGS": json.dumps(settings)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"Ran 1 test in .*\n\nOK\n")
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        ledgers = [line for line in map(dgramtest.parse_line, lines) if line and line["event"] == "ledger"]
        return sum(int(ledger["received"]) for ledger in ledgers)

    def test_all_that_are_for_udp(self):
        self.assertEqual(len(NAMES), 16)
        for name in NAMES:
            with self.subTest(name):
                self.assertEqual(self.run_test(name), REQUESTS.get(name, 0))


dgramtest.main()
