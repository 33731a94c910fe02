"""The binary interface of the libraries is the recorded one. Where it is meant to change: make abi."""

import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import dgramtest

VARIANT = os.path.basename(dgramtest.BUILD)
RECORDED = pathlib.Path(dgramtest.TOP, "tests/interop/abi")
LIBRARIES = ("libdgram", "libdgramd")


class Abi(dgramtest.Case):
    def setUp(self):
        if shutil.which("abidiff") is None:
            self.skipTest("abigail-tools is not installed")
        if platform.machine() != "x86_64":
            self.skipTest("recorded for x86_64")
        directory = tempfile.TemporaryDirectory(prefix="dgram-abi-")
        self.addCleanup(directory.cleanup)
        self.now = pathlib.Path(directory.name)
        done = subprocess.run(
            ["make", "-s", "-C", dgramtest.TOP, f"VARIANT={VARIANT}", f"ABI={self.now}", "abi"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def differences(self, library):
        """What abidiff says, names of fields included; nothing where there are none."""
        done = subprocess.run(
            ["abidiff", "--harmless", RECORDED / f"{library}.abi", self.now / f"{library}.abi"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.stdout if done.returncode else ""

    def test_as_recorded(self):
        for library in LIBRARIES:
            self.assertEqual(self.differences(library), "")

    def test_differences_are_found(self):
        for library, text, other in (
                ("libdgram", "name='max_reply_bytes'", "name='max_reply_length'"),
                ("libdgram", "name='dgram_log'", "name='dgram_log_2'"),
                ("libdgramd", "name='dgram_handler' size-in-bits='", "name='dgram_handler' size-in-bits='1")):
            path = self.now / f"{library}.abi"
            now = path.read_text(encoding="utf-8")
            self.assertIn(text, now)
            path.write_text(now.replace(text, other), encoding="utf-8")
            self.assertNotEqual(self.differences(library), "", text)
            path.write_text(now, encoding="utf-8")


dgramtest.main()
