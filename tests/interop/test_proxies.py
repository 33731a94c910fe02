"""What dgramd(8) says of nginx in front of dgramd."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

import dgramtest

NGINX = shutil.which("nginx")
MODULE = NGINX and os.path.join(
    os.path.dirname(os.path.realpath(NGINX)), "../lib/nginx/modules/ngx_stream_module.so")
BUFFER = 16384
CONFIG = """
load_module {module};
daemon off;
master_process off;
pid {directory}/pid;
events {{}}
stream {{ server {{ listen 127.0.0.1:{port} udp; proxy_pass {upstream}; }} }}
"""


@dgramtest.unittest.skipUnless(NGINX and os.path.exists(MODULE), "nginx's stream is not installed")
class Nginx(dgramtest.Case):
    def setUp(self):
        self.daemon = self.start(
            {"handler": "echo", "max_datagram_bytes": 65507, "logging": {"level": "debug"}})
        with dgramtest.socket_for(("127.0.0.1", 0)) as unused:
            unused.bind(("127.0.0.1", 0))
            self.address = unused.getsockname()
        directory = tempfile.mkdtemp(prefix="dgramd-nginx-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        path = os.path.join(directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(
                module=MODULE, directory=directory, port=self.address[1],
                upstream=f"127.0.0.1:{self.daemon.port}"))
        # pylint: disable-next=consider-using-with
        proxy = subprocess.Popen(
            [NGINX, "-c", path, "-p", directory, "-e", os.path.join(directory, "errors")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)
        self.await_answer()

    def client(self):
        """A session of its own."""
        client = dgramtest.socket_for(self.address)
        self.addCleanup(client.close)
        client.connect(self.address)
        return client

    def await_answer(self):
        limit = time.monotonic() + dgramtest.PATIENCE
        while True:
            client = self.client()
            try:
                client.send(b"ready?")
                client.recv(16)
                return
            except ConnectionRefusedError:
                self.assertLess(time.monotonic(), limit, "nginx does not serve")
                time.sleep(0.01)

    def test_datagrams_are_cut(self):
        client = self.client()
        for length in 20000, 20000, BUFFER, BUFFER + 1:
            client.send(b"x" * length)
            self.assertEqual(len(client.recv(65536)), BUFFER)
        self.daemon.stop()
        lengths = [line["bytes"] for line in self.daemon.events("request")]
        self.assertEqual(lengths[1:], ["20000", str(BUFFER), str(BUFFER), str(BUFFER)])

    def test_all_clients_have_its_address(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(dgramtest.PATIENCE)
            client.bind(("127.0.0.9", 0))
            client.connect(self.address)
            client.send(b"who am I?")
            client.recv(16)
        self.daemon.stop()
        clients = [line["client"] for line in self.daemon.events("request")]
        self.assertEqual({client.rpartition(":")[0] for client in clients}, {"127.0.0.1"})

    def test_an_empty_answer_when_nobody_is_there(self):
        self.daemon.stop()
        client = self.client()
        client.send(b"hello")
        self.assertEqual(client.recv(16), b"")

    def test_dgramload_does_not_count_it_as_an_answer(self):
        self.daemon.stop()
        done = subprocess.run(
            [os.path.join(dgramtest.BUILD, "dgramload"), "--rate", "200", "--count", "100",
             "--patience", "1000", "--json", f"127.0.0.1:{self.address[1]}"],
            check=True, stdout=subprocess.PIPE, timeout=dgramtest.PATIENCE)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["sent"], summary["answered"], summary["lost"]), (100, 0, 100))
        self.assertGreater(summary["too_short"], 0)


dgramtest.main()
