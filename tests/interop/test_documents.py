"""The README's example of a handler, word for word, built against an installed library, and its other
blocks; and that dgramd(8) has every option, event, field and reason that there is."""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile

import dgramtest

VARIANT = os.path.basename(dgramtest.BUILD)
PREFIX = "/opt/dgram"


def blocks(language):
    with open(os.path.join(dgramtest.TOP, "README.md"), encoding="utf-8") as readme:
        return re.findall(rf"```{language}\n(.*?)```", readme.read(), re.DOTALL)


def run(*words, **environment):
    done = subprocess.run(
        words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5 * dgramtest.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Readme(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgram-readme-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def build(self):
        run("make", "-s", "-C", dgramtest.TOP, f"VARIANT={VARIANT}", f"DESTDIR={self.directory}",
            f"prefix={PREFIX}", "install")
        source = os.path.join(self.directory, "lookup.c")
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(blocks("c"))
        flags = run(
            "pkg-config", "--cflags", "--libs", "dgram", PKG_CONFIG_SYSROOT_DIR=self.directory,
            PKG_CONFIG_LIBDIR=f"{self.directory}{PREFIX}/lib/pkgconfig")
        program = os.path.join(self.directory, "lookup")
        run(os.environ.get("CC", "gcc"), "-Wall", "-Wextra", "-Werror", "-o", program, source,
            *shlex.split(flags))
        return program

    def test_handler(self):
        self.assertEqual(len(blocks("c")), 1)
        program = self.build()
        names = os.path.join(self.directory, "names.txt")
        with open(names, "w", encoding="utf-8") as file:
            file.write("alpha 1\nbeta two\n")
        with subprocess.Popen(
                [program, names, "0"], stderr=subprocess.PIPE, text=True,
                env={**os.environ, "LD_LIBRARY_PATH": f"{self.directory}{PREFIX}/lib"}) as lookup:
            self.addCleanup(lookup.kill)
            log = []
            for line in lookup.stderr:
                log.append(dgramtest.parse_line(line))
                if log[-1]["event"] == "ready":
                    break
            listening = next(line for line in log if line["event"] == "listening")
            address = dgramtest.parse_address(listening["address"])
            with dgramtest.socket_for(address) as client:
                for sent in (b"alpha", b"gamma", b"beta"):
                    client.sendto(sent, address)
                heard = {client.recv(100), client.recv(100)}
            self.assertEqual(heard, {b"1", b"two"})
            lookup.send_signal(signal.SIGTERM)
            ledger = dgramtest.parse_line(lookup.stderr.readlines()[-1])
            self.assertEqual(lookup.wait(dgramtest.PATIENCE), 0)
        self.assertEqual(
            [ledger[key] for key in ("event", "service", "received", "replied", "no_reply")],
            ["ledger", "lookup", "3", "2", "1"])

    def test_configurations(self):
        self.assertTrue(blocks("json"))
        for number, text in enumerate(blocks("json")):
            path = os.path.join(self.directory, f"{number}.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = dgramtest.run_dgramd("-t", "-c", path)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_complaint(self):
        """The errors it shows are those of the lines that they quote."""
        with open(os.path.join(dgramtest.TOP, "README.md"), encoding="utf-8") as readme:
            shown = re.search(r"^    server\.json:2:.*?\n\n", readme.read(), re.DOTALL | re.MULTILINE)[0]
        quoted = re.findall(r"^ +\d+ \| (.*)$", shown, re.MULTILINE)
        with open(os.path.join(self.directory, "server.json"), "w", encoding="utf-8") as file:
            file.write("\n".join(["{", *quoted, '  "host": "127.0.0.1"', "}"]))
        done = dgramtest.run_dgramd("-t", "-c", "server.json", cwd=self.directory)
        self.assertEqual(done.stderr.split("\n"), re.sub("^    ", "", shown, flags=re.M).split("\n")[:-1])


class Manual(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        page = pathlib.Path(dgramtest.TOP, "src/daemon/dgramd.8").read_text(encoding="utf-8")
        cls.page = page
        cls.words = set(re.findall(r"\w+", page))
        cls.items = {
            item for line in re.findall(r"^\.It (.*)$", page, re.MULTILINE)
            for item in line.removeprefix("Cm ").split(" , ")}
        cls.source = "\n".join(
            path.read_text(encoding="utf-8")
            for path in pathlib.Path(dgramtest.TOP, "src").rglob("*.[ch]"))

    def found(self, pattern, at_least):
        names = set(re.findall(pattern, self.source))
        self.assertGreater(len(names), at_least, names)
        return names

    def test_options(self):
        options = re.findall(r"--([a-z-]+)", dgramtest.run_dgramd("--help").stdout)
        for option in options:
            self.assertRegex(self.page, rf"(?m)^\.It .*Fl -{option}\b")
        self.assertGreater(len(options), 7)

    def test_events(self):
        events = self.found(
            r'(?:log_event(?:_as)?\((?:[^;"]*?),\s*|server_failed\((?:\w+),\s*|\.event = '
            r'|log_books\([^;"]*?,\s*|_server_log\((?:[^;"]*?),\s*)"([a-z ,]+)"', 18)
        missing = {event for event in events if not (event in self.items or event.replace(
            ", ", " , ") in self.items or self.has_line(event))}
        self.assertEqual(missing, set())

    def has_line(self, event):
        return f"\n.It {event}\n" in self.page

    def test_fields(self):
        fields = self.found(r'log_(?:uint|int|text|addr|bytes)\(\s*"(\w+)"', 25)
        self.assertEqual(fields - self.words, set())

    def test_reasons(self):
        reasons = {"dropped_" + name for name in self.found(r'X\(DROP_\w+, "(\w+)"', 5)}
        reasons |= {"failed_" + name for name in self.found(r'X\(FAIL_\w+, "(\w+)"', 5)}
        self.assertEqual(reasons - self.items, set())

    def test_exit_codes(self):
        codes = {"EX_OK": 0, **{
            name: getattr(os, name) for name in self.found(r"\b(EX_[A-Z]+)\b", 4)}}
        for name, code in codes.items():
            self.assertIn(f"\n.It {code}\n", self.page, name)


dgramtest.main()
