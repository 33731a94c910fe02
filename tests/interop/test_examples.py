"""The examples of plug-ins: built by their Makefiles of five lines against an installed dgramd, which checks their
configurations, opens them and is asked."""

import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading

import dgramtest

VARIANT = os.path.basename(dgramtest.BUILD)


class Examples(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="dgram-installed-")
        cls.addClassCleanup(directory.cleanup)
        cls.prefix = pathlib.Path(directory.name)
        cls.dgramd = str(cls.prefix / "sbin/dgramd")
        # of the make that runs the tests, which has no built-in variables
        cls.environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        cls.environment["PKG_CONFIG_PATH"] = f"{cls.prefix}/lib/pkgconfig"
        subprocess.run(["make", "-s", "-C", dgramtest.TOP, f"VARIANT={VARIANT}", f"prefix={cls.prefix}", "install"],
            env=cls.environment, stdout=subprocess.DEVNULL, check=True)

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgram-examples-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def build(self, name, compiler):
        """A copy of it, where it is built."""
        if shutil.which(compiler) is None:
            self.skipTest(f"no {compiler} here")
        copy = self.directory / compiler / name
        shutil.copytree(self.prefix / "share/dgramd/examples" / name, copy)
        self.assertEqual(len((copy / "Makefile").read_text(encoding="utf-8").splitlines()), 5)
        flags = "FLAGS=-O2 -Wall -Wextra -Wpedantic -Wshadow -Werror"
        words = (f"CXX={compiler}", f"CXX{flags}") if "++" in compiler else (f"CC={compiler}", f"C{flags}")
        done = subprocess.run(["make", "-s", "-C", copy, *words], env=self.environment, capture_output=True,
            text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return copy

    def serve(self, copy, **options):
        """With its own configuration, on a free port."""
        path = copy / "server.json"
        done = dgramtest.run_dgramd("-t", "-c", str(path), cwd="/", program=self.dgramd)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        config = json.loads(path.read_text(encoding="utf-8"))
        config["handler"] = str(copy / config["handler"])
        if options:
            config["options"] = {**config.get("options", {}), **options}
        return self.start(config, program=self.dgramd)

    def must_answer(self, daemon, questions):
        """Each question, in order, with its answer; None: there is none."""
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            for question, answer in questions:
                client.send(question)
                if answer is not None:
                    self.assertEqual(client.recv(65536), answer)
        return daemon.stop()

    def must_look_up(self, compiler):
        if subprocess.run(["pkg-config", "--exists", "sqlite3"], check=False).returncode != 0:
            self.skipTest("no libsqlite3-dev here")
        copy = self.build("lookup", compiler)
        path = str(copy / "names.db")
        database = sqlite3.connect(path)
        self.addCleanup(database.close)
        database.execute("CREATE TABLE names (name TEXT PRIMARY KEY, value)")
        rows = [("alpha", "1"), ("beta", "two"), ("empty", ""), ("b\u00e9", "\u00e9")]
        database.executemany("INSERT INTO names VALUES (?, ?)", rows)
        database.commit()
        daemon = self.serve(copy, database=path)
        self.assertEqual(daemon.ask(b"beta"), b"two")
        database.execute("UPDATE names SET value = 'three' WHERE name = 'beta'")
        database.commit()
        ledger = self.must_answer(daemon, [
            (b"nobody", None), (b"' OR 1 --", None), (b"", None), (b"alpha", b"1"), (b"beta", b"three"),
            (b"empty", b""), ("b\u00e9".encode(), "\u00e9".encode())])["lookup"]
        self.assertEqual((ledger["replied"], ledger["no_reply"]), (5, 3))

    def test_lookup_gcc(self):
        self.must_look_up("gcc")

    def test_lookup_clang(self):
        self.must_look_up("clang")

    def test_lookup_without_its_table(self):
        """A worker that cannot start says why, in the database's words."""
        if subprocess.run(["pkg-config", "--exists", "sqlite3"], check=False).returncode != 0:
            self.skipTest("no libsqlite3-dev here")
        copy = self.build("lookup", "gcc")
        sqlite3.connect(copy / "names.db").close()
        daemon = self.start({"handler": str(copy / "lookup.so"),
            "options": {"database": str(copy / "names.db")}}, ready=False)
        daemon.wait(71)
        self.assertEqual(daemon.events("cannot use the database")[0]["message"], "no such table: names")

    def upstream(self, answer):
        """A server whose answer to a request is made by a function; None: it stays silent."""
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))

        def serve():
            while True:
                data, client = server.recvfrom(65536)
                if data == b"end":
                    break
                if (said := answer(data)) is not None:
                    server.sendto(said, client)
        thread = threading.Thread(target=serve)
        thread.start()

        def end():
            server.sendto(b"end", server.getsockname())
            thread.join()
            server.close()
        self.addCleanup(end)
        return server.getsockname()[1]

    def test_proxy(self):
        copy = self.build("proxy", "gcc")
        port = self.upstream(lambda data: None if data == b"silent" else data[::-1] * (1 + 9000 * (data == b"xx")))
        daemon = self.serve(copy, port=port, timeout_ms=60000)
        ledger = self.must_answer(daemon, [(b"abc", b"cba"), (b"", b""), (b"xx", None), (b"ab", b"ba")])["proxy"]
        self.assertEqual((ledger["replied"], ledger["failed_handler"]), (3, 1))

    def test_proxy_gives_up(self):
        """What stays silent, or is not there, is a failure that is counted, and costs one worker for that long."""
        copy = self.build("proxy", "gcc")
        daemon = self.serve(copy, port=self.upstream(lambda data: None), timeout_ms=1)
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"silent", daemon.address())
            lost = daemon.wait_for("datagrams lost", reason="failed_handler")
        self.assertEqual(lost["error"], "Connection timed out")
        self.assertEqual(daemon.stop()["proxy"]["failed_handler"], 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        daemon = self.serve(copy, port=port, timeout_ms=60000)
        ledger = self.must_answer(daemon, [(b"x", None)])["proxy"]
        self.assertEqual(ledger["failed_handler"], 1)
        daemon = self.start({"handler": str(copy / "proxy.so"), "options": {"port": 7, "address": "localhost"}},
            ready=False)
        daemon.wait(78)
        self.assertEqual(daemon.events("no address")[0]["message"], "localhost")

    def test_sink(self):
        copy = self.build("sink", "gcc")
        path = copy / "measurements.log"
        daemon = self.serve(copy, path=str(path))
        lines = [b"line %d" % number for number in range(100)] + [b"", b"\0\xff"]
        ledger = self.must_answer(daemon, [(line, None) for line in lines])["sink"]
        self.assertEqual((ledger["no_reply"], ledger["replied"]), (len(lines), 0))
        self.assertEqual(sorted(path.read_bytes().split(b"\n")[:-1]), sorted(lines))

    def test_sink_that_is_full(self):
        copy = self.build("sink", "gcc")
        daemon = self.serve(copy, path="/dev/full")
        self.assertEqual(self.must_answer(daemon, [(b"x", None)])["sink"]["failed_handler"], 1)

    def must_add(self, compiler):
        """Each kind of exception is one failed request, and the next is answered."""
        daemon = self.serve(self.build("sum", compiler))
        ledger = self.must_answer(daemon, [
            (b"1 2 39", b"42"), (b"one", None), (b"1x", None), (b"99999999999999999999", None),
            (b"9223372036854775807 1", None), (b"", b"0"), (b"-5 5", b"0")])["sum"]
        self.assertEqual((ledger["replied"], ledger["failed_handler"]), (3, 4))
        said = {line["message"] for line in daemon.events("failed")}
        self.assertEqual(said, {
            "stoll", "no number: 1x", "the sum: Value too large for defined data type"})

    def test_sum_gxx(self):
        self.must_add("g++")

    def test_sum_clangxx(self):
        self.must_add("clang++")


dgramtest.main()
