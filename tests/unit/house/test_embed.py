"""What programs of other people's are built of: dgram.h under several compilers, and the README's server in one
call."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import dgramtest

TOP = pathlib.Path(dgramtest.TOP)
HEADER = (TOP / "include/dgram.h").read_text(encoding="utf-8")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def echo_server():
    """The README's server in ten lines."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    return re.search(r"^```c\n(.*?dgram_serve.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Embed(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgram-embed-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def build(self, compiler, source, *flags):
        """A program of that source, or a file of it, against the static library."""
        if shutil.which(compiler) is None:
            self.skipTest(f"no {compiler} here")
        language = "c++" if "++" in compiler else "c"
        if not isinstance(source, pathlib.Path):
            (self.directory / "source").write_text(source, encoding="utf-8")
            source = self.directory / "source"
        program = self.directory / "program"
        done = subprocess.run(
            [compiler, *STRICT, *flags, "-I", TOP / "include", "-o", program, "-x", language, source,
             "-x", "none", f"{dgramtest.BUILD}/libdgram.a", "-pthread"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return program

    def run_program(self, program):
        return subprocess.run(
            [program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
            timeout=dgramtest.PATIENCE).stdout

    def must_embed(self, compiler):
        program = self.build(compiler, TOP / "tests/unit/house/embed.cc", "-std=c++11",
            "-Wold-style-cast", "-Wconversion")
        self.assertEqual(self.run_program(program).splitlines(), [
            'services[0].parameters: greeting: missing: the handler "greeter" needs it', "hello"])

    def test_cxx_of_gcc(self):
        self.must_embed("g++")

    def test_cxx_of_clang(self):
        self.must_embed("clang++")

    def test_sizes(self):
        """Each struct that has a size here has the same at run time, and no other name has one."""
        structs = re.findall(r"^struct (\w+) \{$", HEADER, re.MULTILINE)
        self.assertGreater(len(structs), 7)
        checks = "".join(
            f'if (dgram_sizeof("{name}") != sizeof(struct {name})) puts("{name}");\n' for name in structs)
        program = self.build("gcc", "#include <dgram.h>\n#include <stdio.h>\nint main(void)\n{\n"
            f'{checks}printf("%zu %zu %d\\n", dgram_sizeof("dgram_server"), dgram_sizeof(""), DGRAM_ABI);\n}}\n')
        self.assertEqual(self.run_program(program), "0 0 2\n")

    def test_options_of_the_manual(self):
        page = (TOP / "src/server/dgram.3").read_text(encoding="utf-8")
        example = re.search(r"^(enum \{ PATH.*?)^\.Ed$", page, re.DOTALL | re.MULTILINE)[1]
        self.build("gcc", f"#include <dgram.h>\n#include <errno.h>\n#include <stdio.h>\n{example}"
            "const struct dgram_handler handler = { .open = open_file, .parameters = parameters };\n"
            "int main(void)\n{\n\tstruct dgram_service service;\n\tconfigure(&service);\n}\n", "-std=c11")

    def must_echo(self, compiler, number, *flags):
        source, port = echo_server(), free_port()
        self.assertLessEqual(len(source.splitlines()), 10)
        source, replaced = re.subn(r"\b20002\b", str(port), source)
        self.assertEqual(replaced, 1)
        program = self.build(compiler, source, *flags)
        with subprocess.Popen([program], stderr=subprocess.PIPE, text=True) as echo:
            self.addCleanup(echo.kill)
            log = iter(echo.stderr.readline, "")
            next(line for line in log if " ready " in line)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(dgramtest.PATIENCE)
                client.sendto(b"hello", ("127.0.0.1", port))
                self.assertEqual(client.recvfrom(64), (b"hello", ("127.0.0.1", port)))
            echo.send_signal(number)
            self.assertIn(" ledger service=echo received=1 replied=1 ", list(log)[-1])
            self.assertEqual(echo.wait(dgramtest.PATIENCE), 0)

    def test_echo_by_gcc(self):
        self.must_echo("gcc", signal.SIGTERM, "-std=c11")

    def test_echo_by_clang(self):
        self.must_echo("clang", signal.SIGINT, "-std=c11")

    def test_echo_by_gcc_as_cxx(self):
        """With -Wextra g++ 12 takes a field for forgotten that a designated initializer leaves out."""
        self.must_echo("g++", signal.SIGTERM, "-std=c++20", "-Wno-missing-field-initializers")


dgramtest.main()
