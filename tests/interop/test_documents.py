"""The README's example of a handler, word for word, built against an installed library, and its other
blocks."""

import os
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


dgramtest.main()
