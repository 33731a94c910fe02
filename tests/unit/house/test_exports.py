"""What the built files show to others: symbols, needs, hardening."""

import os
import pathlib
import re
import subprocess

import dgramtest

SHARED = os.path.join(dgramtest.BUILD, "libdgram.so")
STATIC = os.path.join(dgramtest.BUILD, "libdgram.a")


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def defined(*command):
    """The names that nm lists."""
    lines = [line.split() for line in output("nm", *command).splitlines()]
    return {words[-1] for words in lines if len(words) == 3}


def declared():
    header = pathlib.Path(dgramtest.TOP, "include/dgram.h").read_text(encoding="utf-8")
    return set(re.findall(r"^DGRAM_API [^;(]*?\b(\w+)\(", header, re.MULTILINE))


class Exports(dgramtest.Case):
    def test_header_declares_with_the_prefix(self):
        self.assertIn("dgram_version", declared())
        self.assertEqual([name for name in declared() if not name.startswith("dgram_")], [])

    def test_shared_library_exports_the_header(self):
        symbols = [line.split() for line in output("nm", "-D", "--defined-only", SHARED).splitlines()]
        names = {words[2] for words in symbols if words[1] != "A"}  # A: the version itself
        self.assertEqual(names, {f"{name}@@libdgram.so.1" for name in declared()})

    def test_static_library_exports_the_header(self):
        self.assertEqual(defined("-g", "--defined-only", STATIC), declared())

    def test_shared_library_has_its_name_and_needs_libc_alone(self):
        dynamic = output("readelf", "-dW", SHARED)
        self.assertRegex(dynamic, r"\(SONAME\).*\[libdgram\.so\.1\]")
        needed = re.findall(r"\(NEEDED\).*\[([a-z]+)", dynamic)
        self.assertEqual(set(needed) - {"libc", "ld"}, set())

    def test_daemon_is_hardened(self):
        elf = output("readelf", "-hldW", "--dyn-syms", dgramtest.DGRAMD)
        self.assertRegex(elf, r"Type: +DYN \(Position-Independent Executable")
        self.assertRegex(elf, r"GNU_RELRO")
        self.assertRegex(elf, r"FLAGS.*\bBIND_NOW\b|FLAGS_1.*\bNOW\b")
        self.assertRegex(elf, r"GNU_STACK +\S+ \S+ \S+ \S+ \S+ RW ")
        self.assertRegex(elf, r"__stack_chk_fail")
        self.assertRegex(elf, r"__\w+_chk\b")


dgramtest.main()
