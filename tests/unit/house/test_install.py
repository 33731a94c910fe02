"""make install, and a program of somebody else's against what it put there."""

import json
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
    def run_command(cls, *command, user=None, **environment):
        done = subprocess.run(
            command, env={**os.environ, **environment}, text=True, check=False, user=user,
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
        self.assertIn("libdgram.so.1", self.run_command("readelf", "-d", program))
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
            {"man1/dgramload.1", "man3/dgram.3", "man5/server.json.5", "man8/dgramd.8"})

    def test_nothing_is_outside_of_the_prefix(self):
        self.assertEqual(os.listdir(self.stage), [PREFIX.split("/")[1]])
        self.assertEqual(os.listdir(f"{self.stage}/opt"), ["dgram"])

    def test_etc(self):
        for prefix, directory in (("/usr", "/etc"), ("/usr/local", "/etc"), ("/srv/x", "/srv/x/etc")):
            commands = self.run_command("make", "-n", "-C", dgramtest.TOP, f"prefix={prefix}", "install")
            self.assertIn(f"test -e {directory}/dgramd/server.json ", commands)

    def test_configurations_find_their_schema(self):
        found = list(pathlib.Path(self.stage).rglob("server.json"))
        self.assertEqual(len(found), 2)
        for path in found:
            schema = path.parent / json.loads(path.read_text(encoding="utf-8"))["$schema"]
            self.assertIn("properties", json.loads(schema.read_text(encoding="utf-8")))

    def test_what_names_paths_names_these(self):
        share = pathlib.Path(f"{self.stage}{PREFIX}/share")
        command = f"{PREFIX}/sbin/dgramd -c {PREFIX}/etc/dgramd/server.json"
        for path in ("systemd/dgramd.service", "supervisor/dgramd.conf", "runit/dgramd/run", "s6/dgramd/run"):
            self.assertIn(command, (share / "dgramd" / path).read_text(encoding="utf-8"))
        page = (share / "man/man8/dgramd.8").read_text(encoding="utf-8")
        self.assertIn(f"{PREFIX}/etc/dgramd/server.json", page)
        self.assertNotIn("/usr/local", page)

    def test_plain_user(self):
        """Root becomes nobody, who needs a tree and a build of his own."""
        built = ("src", "flags", "sources", "dgramd", "dgramload", "libdgram.a", "libdgram.so",
            "libeverything.a")
        with tempfile.TemporaryDirectory(prefix="dgram-home-") as home:
            for part in ("Makefile", "include", "src", "conf", "tests/support",
                    *(f".build/{VARIANT}/{name}" for name in built)):
                os.makedirs(os.path.dirname(f"{home}/tree/{part}"), exist_ok=True)
                self.run_command("cp", "-a", f"{dgramtest.TOP}/{part}", f"{home}/tree/{part}")
            user = 65534 if os.geteuid() == 0 else None
            if user:
                self.run_command("chown", "-R", str(user), home)
            self.run_command(
                "make", "-s", "-C", f"{home}/tree", f"VARIANT={VARIANT}", f"prefix={home}/x", "install",
                user=user)
            self.run_command(
                f"{home}/x/sbin/dgramd", "-t", "-c", f"{home}/x/etc/dgramd/server.json", user=user)

    def test_examples(self):
        share = pathlib.Path(f"{self.stage}{PREFIX}/share/dgramd")
        settings = (share / "sysctl.d/dgramd.conf").read_text(encoding="utf-8")
        self.assertIn("unres_qlen_bytes = 4096", settings)

    def test_uninstall_leaves_the_configuration_alone(self):
        self.addCleanup(self.make, "install")
        prefix = pathlib.Path(self.stage + PREFIX)
        self.make("uninstall")
        self.assertEqual([path.relative_to(prefix).as_posix() for path in prefix.rglob("*")
            if not path.is_dir()], ["etc/dgramd/server.json"])


dgramtest.main()
