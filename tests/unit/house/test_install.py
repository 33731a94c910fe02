"""make install, and a program of somebody else's against what it put there."""

import os
import pathlib
import shlex
import subprocess
import tempfile

import dgramtest

PREFIX = "/opt/dgram"
VARIANT = os.path.basename(dgramtest.BUILD)
PROGRAM = os.path.join(dgramtest.TOP, "tests/unit/house/embed.c")
CC = os.environ.get("CC", "gcc")


class Install(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="dgram-install-")
        cls.addClassCleanup(directory.cleanup)
        cls.stage = directory.name
        cls.make("install")

    @classmethod
    def make(cls, target):
        cls.run_command(
            "make", "-s", "-C", dgramtest.TOP, f"VARIANT={VARIANT}", f"DESTDIR={cls.stage}",
            f"prefix={PREFIX}", target)

    @classmethod
    def run_command(cls, *command, **environment):
        done = subprocess.run(
            command, env={**os.environ, **environment}, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=dgramtest.PATIENCE * 5)
        if done.returncode != 0:
            raise AssertionError(f"{shlex.join(command)}: {done.returncode}\n{done.stdout}")
        return done.stdout.strip()

    def pkg_config(self, *options):
        flags = self.run_command(
            "pkg-config", *options, "dgram", PKG_CONFIG_SYSROOT_DIR=self.stage,
            PKG_CONFIG_LIBDIR=f"{self.stage}{PREFIX}/lib/pkgconfig")
        return shlex.split(flags)

    def embed(self, flags):
        program = os.path.join(self.stage, "embed")
        self.run_command(CC, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
            "-o", program, PROGRAM, *flags)
        return program

    def test_shared(self):
        program = self.embed(self.pkg_config("--cflags", "--libs"))
        self.assertIn("libdgram.so.0", self.run_command("readelf", "-d", program))
        self.run_command(program, LD_LIBRARY_PATH=f"{self.stage}{PREFIX}/lib")

    def test_static(self):
        flags = self.pkg_config("--static", "--cflags", "--libs")
        program = self.embed([flag.replace("-ldgram", "-l:libdgram.a") for flag in flags])
        self.assertNotIn("libdgram.so", self.run_command("readelf", "-d", program))
        self.run_command(program)

    def test_version(self):
        for installed in ("sbin/dgramd", "bin/dgramload"):
            version = self.run_command(f"{self.stage}{PREFIX}/{installed}", "-V")
            self.assertIn(self.pkg_config("--modversion")[0], version)

    def test_manual_pages(self):
        pages = pathlib.Path(f"{self.stage}{PREFIX}/share/man").rglob("*.[1-8]")
        self.assertEqual(
            {page.relative_to(page.parents[1]).as_posix() for page in pages},
            {"man1/dgramload.1", "man5/server.json.5", "man8/dgramd.8"})

    def test_uninstall_leaves_nothing(self):
        self.addCleanup(self.make, "install")
        prefix = pathlib.Path(self.stage + PREFIX)
        self.assertTrue([path for path in prefix.rglob("*") if path.is_file()])
        self.make("uninstall")
        self.assertEqual([path for path in prefix.rglob("*") if not path.is_dir()], [])


dgramtest.main()
