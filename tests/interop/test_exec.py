"""Children in other languages: those of conf/exec, by the whole way of a datagram, what dgram-1(7) says of languages, and
what it says of the frames."""

import os
import pathlib
import re
import shutil
import struct
import tempfile

import dgramtest

TOP = pathlib.Path(dgramtest.TOP)
PROGRAMS = TOP / "conf/exec"
PAGE = TOP / "src/process/dgram-1.7"
PAYLOADS = [
    b"", b" ", b"-n", b"%s\\0101\\", b"\t", b"\n\n", b" \tbetween\r\n ", bytes(range(256)), os.urandom(65507)]

# As the page describes them.
OTHERS = {
    "jq": """echo 'dgram 1 text'
exec jq -Rr --unbuffered '. / "\\t" | select(.[0] == "Q") | "A\\t\\(.[1])\\t\\(.[3])"'
""",
    "sed": """echo 'dgram 1 text'
exec sed -un 's/^Q\\t\\([0-9]*\\)\\t[^\\t]*\\t/A\\t\\1\\t/p'
""",
    "perl": """exec perl -nle '
BEGIN { $| = 1; print "dgram 1 text" }
my ($kind, $id, $client, $data) = split /\\t/;
print "A\\t$id\\t$data" if $kind eq "Q"'
"""}

# Replies with what it was told and asked, as they came.
RECORDER = """#!/usr/bin/python3
import re, sys
ask, say = sys.stdin.buffer, sys.stdout.buffer
def escape(text): return re.sub(rb"[^ -\\[\\]-~]", lambda m: b"\\\\0%03o" % m[0][0], text)
said = b""
print("dgram 1 text", flush=True)
for line in ask:
    said += line
    if line.startswith(b"Q"):
        say.write(b"A\\t%s\\t%s\\n" % (line.split(b"\\t")[1], escape(said)))
        say.flush()
"""
RECORDER_BINARY = """#!/usr/bin/python3
import struct, sys
head = struct.Struct("<IBBHQ")
ask, say = sys.stdin.buffer, sys.stdout.buffer
said = b""
say.write(b"dgram 1 binary\\n")
while not say.flush() and len(start := ask.read(16)) == 16:
    size, kind, flags, meta, id = head.unpack(start)
    said += start + ask.read(size)
    if kind == 1:
        say.write(head.pack(len(said), 2, 0, 0, id) + said)
"""


class ChildCase(dgramtest.Case):
    def start_child(self, program, mode="text", **options):
        return self.start({
            "handler": "exec", "max_datagram_bytes": 65507, "max_reply_factor": 0, "pool": {"workers": 1},
            "options": {"command": [str(program)], "mode": mode}, **options})

    def written(self, text):
        """The path of a program with this text."""
        directory = tempfile.TemporaryDirectory(prefix="dgramd-children-")
        self.addCleanup(directory.cleanup)
        path = pathlib.Path(directory.name, "child")
        path.write_text(text, encoding="ascii")
        path.chmod(0o755)
        return path

    def must_echo(self, program, mode="text"):
        daemon = self.start_child(program, mode)
        for payload in PAYLOADS:
            self.assertEqual(daemon.ask(payload), payload)
        ledger = daemon.stop()["exec"]
        self.assertEqual(ledger["replied"], len(PAYLOADS))
        self.assertEqual(daemon.events("child ended"), [])


class Programs(ChildCase):
    def interpreters(self, name):
        """The programs of this name whose interpreter is here."""
        for path in sorted(PROGRAMS.glob(name)):
            words = path.read_text(encoding="ascii").splitlines()[0].removeprefix("#!").split()
            program = words[0] if words[0] != "/usr/bin/env" else words[1 if words[1] != "-S" else 2]
            if shutil.which(program):
                yield path
            else:
                self.skipped = program

    def test_at_most_ten_lines(self):
        paths = sorted(PROGRAMS.iterdir())
        self.assertEqual(
            [path.name for path in paths],
            sorted(["echo-binary.py", *(f"{what}.{language}" for what in ("echo", "time")
                                        for language in ("sh", "bash", "awk", "py", "js"))]))
        for path in paths:
            self.assertLessEqual(len(path.read_text(encoding="ascii").splitlines()), 10, path.name)

    def test_echo(self):
        for path in self.interpreters("echo.*"):
            with self.subTest(path.name):
                self.must_echo(path)

    def test_echo_of_the_binary_form(self):
        self.must_echo(PROGRAMS / "echo-binary.py", "binary")

    def test_time(self):
        for path in self.interpreters("time.*"):
            with self.subTest(path.name):
                daemon = self.start_child(path)
                for _ in range(2):
                    self.assertRegex(daemon.ask(b"?"), rb"^[A-Z]\w\w [A-Z]\w\w +\d+ .*\d\d:\d\d:\d\d")
                self.assertEqual(daemon.stop()["exec"]["replied"], 2)

    def test_what_is_not_here(self):
        list(self.interpreters("*"))
        if hasattr(self, "skipped"):
            self.skipTest(f"{self.skipped} is not installed")


class Page(ChildCase):
    def test_examples_are_the_files(self):
        blocks = re.findall(r"(?ms)^\.Bd -literal -offset indent\n(#!.*?)^\.Ed\n", PAGE.read_text(encoding="ascii"))
        files = [
            re.sub(r"(?m)^# .*\n", "", (PROGRAMS / name).read_text(encoding="ascii"))
            for name in ("echo.sh", "echo.awk", "echo-binary.py")]
        self.assertEqual([block.replace("\\e", "\\") for block in blocks], files)

    def test_other_languages(self):
        missing = [name for name in OTHERS if not shutil.which(name)]
        for name, script in OTHERS.items():
            if name not in missing:
                with self.subTest(name):
                    self.must_echo(self.written(f"#!/bin/sh\n{script}"))
        if missing:
            self.skipTest(f"{missing[0]} is not installed")

    def asked(self, daemon, payload):
        """The client's address, and what its question was answered by."""
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            client.send(payload)
            return "127.0.0.1:%d" % client.getsockname()[1], client.recv(65536)

    def test_frames_of_text(self):
        daemon = self.start_child(self.written(RECORDER), max_reply_bytes=5000)
        client, said = self.asked(daemon, b"a \\\t\n\0\xff")
        self.assertRegex(
            said.decode("ascii"),
            rf"^H\t1\texec\t5000\t1\nQ\t\d+\t{re.escape(client)}\ta \\0134\\0011\\0012\\0000\\0377\n$")
        daemon.stop()

    def test_frames_of_bytes(self):
        daemon = self.start_child(self.written(RECORDER_BINARY), "binary", max_reply_bytes=5000)
        client, said = self.asked(daemon, b"a\t\0\xff")
        size, kind, flags, meta, number = struct.unpack_from("<IBBHQ", said)
        self.assertEqual((size, kind, flags, number), (meta, 5, 0, 0))
        self.assertEqual(said[16:16 + size], b"1\texec\t5000\t32")
        said = said[16 + size:]
        size, kind, flags, meta, number = struct.unpack_from("<IBBHQ", said)
        self.assertEqual((len(said), kind, flags), (16 + size, 1, 0))
        self.assertEqual(said[16 + meta:], b"a\t\0\xff")
        fields = said[16:16 + meta].decode("ascii").split("\t")
        self.assertEqual(fields[:2], [client, "127.0.0.1:%d" % daemon.port])
        self.assertAlmostEqual(int(fields[2]) / 1e9, dgramtest.time.time(), delta=10 * dgramtest.PATIENCE)
        self.assertEqual(fields[3], "0")  # there is no queue.max_wait_ms
        daemon.stop()

    def test_reasons(self):
        """Of each the page has the words."""
        source = "".join(
            (TOP / "src/process" / name).read_text(encoding="ascii") for name in ("frame.c", "stream.c"))
        reasons = re.findall(r'\] =\s*"((?:[^"\\]|\\.)*)"', source)
        reasons += re.findall(r'(?:break_off\(talk|CHILD_LATE), "([^"]*)"', source)
        self.assertGreater(len(reasons), 9)
        items = re.findall(r"(?m)^\.It\n(.*)$", PAGE.read_text(encoding="ascii"))
        self.assertEqual(items, [reason.replace('\\"', '"') for reason in reasons])


dgramtest.main()
