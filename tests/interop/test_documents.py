"""The README as a newcomer follows it: its example of a handler is built and asked by the commands that
stand there, its files are valid, and its output is what is said today."""

import os
import pathlib
import re
import socket
import subprocess
import tempfile

import dgramtest

VARIANT = os.path.basename(dgramtest.BUILD)
WORDS_MAX = 1500  # outside of code blocks


def readme():
    return pathlib.Path(dgramtest.TOP, "README.md").read_text(encoding="utf-8")


def blocks(language, text=None):
    return re.findall(rf"^```{language}\n(.*?)^```$", text or readme(), re.DOTALL | re.MULTILINE)


def section(heading):
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", readme(), re.DOTALL | re.MULTILINE)[1]


def pattern(line):
    """Of lines that differ from a shown one in nothing but numbers, and where it says "..."."""
    return re.sub(r"\d+", r"\\d+", re.escape(line)).replace(re.escape("..."), ".*")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Readme(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgram-readme-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        os.symlink(dgramtest.TOP, os.path.join(self.directory, "dgramd"))

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return file.read()

    def shell(self, *commands):
        """Runs them as they stand, but for the port and the variant, in a home with ~/dgramd; where they
        sleep, waits until the server is ready. Returns what they print; their stderr goes to "log"."""
        script = "\n".join(commands).replace("20002", free_port()).replace(
            ".build/release", f".build/{VARIANT}")
        with open(os.path.join(self.directory, "log"), "w", encoding="utf-8") as log:
            done = subprocess.run(
                ["bash", "-ec", "sleep() { until grep -q ' ready ' log; do command sleep 0.1; done; }\n" + script],
                env={**os.environ, "HOME": self.directory, "VARIANT": VARIANT}, cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, check=False,
                timeout=5 * dgramtest.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + self.read("log"))
        return done.stdout

    def must_show(self, shown, said):
        for line in shown.splitlines():
            found = any(re.fullmatch(pattern(line), each) for each in said)
            self.assertTrue(found, f"{line}\nis none of\n" + "\n".join(said))

    def handler(self, against):
        """The section's example, built against the source tree (1) or an installed library (2)."""
        text = section("Write a handler")
        commands = blocks("sh", text)
        self.write("lookup.c", blocks("c", text)[-1])
        said = self.shell(commands[0], commands[against], commands[3])
        self.assertEqual(said.splitlines()[-1], "two")
        self.must_show(*blocks("text", text), ["two", *self.read("log").splitlines()])

    def test_handler_against_the_source_tree(self):
        self.handler(1)

    def test_handler_against_an_installed_library(self):
        self.handler(2)

    def test_handler_compiles_without_a_warning(self):
        self.write("lookup.c", blocks("c")[-1])
        self.shell("cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I dgramd/include lookup.c")

    def test_configurations(self):
        self.assertTrue(blocks("json"))
        for text in blocks("json"):
            self.write("server.json", text)
            done = dgramtest.run_dgramd("-t", "-c", "server.json", cwd=self.directory)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_complaint(self):
        """The errors it shows are those of the lines that they quote."""
        shown = blocks("text", section("Configure it"))[0]
        quoted = re.findall(r"^ +\d+ \| (.*)$", shown, re.MULTILINE)
        self.write("server.json", "\n".join(["{", *quoted, '  "host": "127.0.0.1"', "}"]))
        done = dgramtest.run_dgramd("-t", "-c", "server.json", cwd=self.directory)
        self.assertEqual(done.stderr, shown)

    def test_line_of_a_request(self):
        shown = dgramtest.parse_line(blocks("text", section("Watch it"))[0])
        daemon = self.start({"logging": {"level": "debug"}})
        daemon.ask(b"")
        said = daemon.wait_for("request")
        self.assertEqual(set(shown) - {"worker"}, set(said) - {"worker"})

    def test_length(self):
        text = re.sub(r"^```.*?^```$", "", readme(), flags=re.DOTALL | re.MULTILINE)
        self.assertLessEqual(len(text.split()), WORDS_MAX)

    def test_links(self):
        for page in ("README.md", "src/README.md", "tests/README.md", "tests/bench/results/README.md",
                "conf/examples/README.md", "conf/scale-out/README.md"):
            path = pathlib.Path(dgramtest.TOP, page)
            for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
                self.assertTrue((path.parent / link).exists(), f"{page}: {link}")


dgramtest.main()
