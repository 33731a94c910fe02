"""What the built files show to others: symbols, needs, hardening."""

import os
import pathlib
import re
import subprocess

import dgramtest

# What each library needs of others.
LIBRARIES = {"dgram": set(), "dgramd": {"libdgram", "libcjson", "libseccomp"}}

CHILD = os.path.join(dgramtest.BUILD, "dgram-child")


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def defined(*command):
    """The names that nm lists."""
    lines = [line.split() for line in output("nm", *command).splitlines()]
    return {words[-1] for words in lines if len(words) == 3}


def declared(library):
    header = pathlib.Path(dgramtest.TOP, f"include/{library}.h").read_text(encoding="utf-8")
    return set(re.findall(r"^DGRAM_API [^;(]*?\b(\w+)\(", header, re.MULTILINE))


def built(library, end):
    return os.path.join(dgramtest.BUILD, f"lib{library}.{end}")


class Exports(dgramtest.Case):
    def test_headers_declare_with_the_prefix(self):
        self.assertIn("dgram_version", declared("dgram"))
        self.assertEqual(declared("dgramd"), {"dgram_main"})
        self.assertEqual([name for name in declared("dgram") if not name.startswith("dgram_")], [])

    def test_shared_libraries_export_their_headers(self):
        for library in LIBRARIES:
            listed = output("nm", "-D", "--defined-only", built(library, "so")).splitlines()
            symbols = [line.split() for line in listed]
            names = {words[2] for words in symbols if words[1] != "A"}  # A: the version itself
            self.assertEqual(names, {f"{name}@@lib{library}.so.1" for name in declared(library)})

    def test_static_libraries_export_their_headers(self):
        for library in LIBRARIES:
            self.assertEqual(
                defined("-g", "--defined-only", built(library, "a")), declared(library))

    def test_programs_export_the_header_to_plugins(self):
        for program, besides in (dgramtest.DGRAMD, {"dgram_main"}), (CHILD, set()):
            self.assertEqual(defined("-D", "--defined-only", program), declared("dgram") | besides)

    def test_shared_libraries_have_their_names_and_needs(self):
        """Beside the C library, which is all that libdgram needs."""
        for library, needs in LIBRARIES.items():
            dynamic = output("readelf", "-dW", built(library, "so"))
            self.assertRegex(dynamic, rf"\(SONAME\).*\[lib{library}\.so\.1\]")
            needed = re.findall(r"\(NEEDED\).*\[([a-z]+)", dynamic)
            self.assertEqual(set(needed) - {"libc", "ld"}, needs)

    def test_daemon_is_hardened(self):
        elf = output("readelf", "-hldW", "--dyn-syms", dgramtest.DGRAMD)
        self.assertRegex(elf, r"Type: +DYN \(Position-Independent Executable")
        self.assertRegex(elf, r"GNU_RELRO")
        self.assertRegex(elf, r"FLAGS.*\bBIND_NOW\b|FLAGS_1.*\bNOW\b")
        self.assertRegex(elf, r"GNU_STACK +\S+ \S+ \S+ \S+ \S+ RW ")
        self.assertRegex(elf, r"__stack_chk_fail")
        self.assertRegex(elf, r"__\w+_chk\b")


dgramtest.main()
