"""make install, and a program of somebody else's against what it put there."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

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

    def pkg_config(self, *options, module="dgram"):
        system = self.run_command("pkg-config", "--variable=pc_path", "pkg-config")
        flags = self.run_command(
            "pkg-config", *options, module, PKG_CONFIG_SYSROOT_DIR=self.stage,
            PKG_CONFIG_LIBDIR=f"{self.stage}{PREFIX}/lib/pkgconfig:{system}")
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

    def make_clock(self, compiler, flags):
        """The time server of dgram_main(3), and what it is told."""
        page = pathlib.Path(f"{self.stage}{PREFIX}/share/man/man3/dgram_main.3")
        source = re.search(
            r"^\.Bd [^\n]*\n(#include.*?)^\.Ed$", page.read_text(encoding="utf-8"),
            re.DOTALL | re.MULTILINE)[1]
        self.assertLessEqual(len(source.splitlines()), 12)
        if shutil.which(compiler) is None:
            self.skipTest(f"no {compiler} here")
        path = pathlib.Path(self.stage, "clock.cc" if "++" in compiler else "clock.c")
        path.write_text(source, encoding="utf-8")
        program = os.path.join(self.stage, "clock")
        self.run_command(
            compiler, "-Wall", "-Wextra", "-Werror", "-o", program, str(path), *flags)
        return program

    def must_tell_the_time(self, program, **environment):
        """With a file, its checks, a reload and the log."""
        checked = dgramtest.run_dgramd(
            "-t", "--set", "handler=time", program=program, env={**os.environ, **environment})
        self.assertEqual(
            (checked.returncode, checked.stderr.splitlines()[0]),
            (78, '--set handler=time:1:9: error: handler: must be one of "clock", "exec"'))
        daemon = self.start({}, program=program, environment=environment)
        before = int(time.time())
        reply = daemon.ask(b"?")
        self.assertIn(
            reply.decode(), [time.ctime(t) for t in range(before - 1, int(time.time()) + 1)])
        daemon.write_config({**daemon.config, "queue": {"max_wait_ms": 77}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        changed = [line["message"] for line in daemon.events("configuration")]
        self.assertEqual(changed, ["queue.max_wait_ms 0 -> 77: in effect now"])
        self.assertEqual(daemon.stop()["clock"]["replied"], 1)

    def test_twelve_lines_shared(self):
        """g++ 12 takes a field for forgotten that a designated initializer leaves out."""
        flags = self.pkg_config("--cflags", "--libs", module="dgramd")
        cxx = ("-std=c++20", "-Wno-missing-field-initializers")
        for compiler, own in (("gcc", ()), ("clang", ()), ("g++", cxx), ("clang++", cxx)):
            with self.subTest(compiler=compiler):
                program = self.make_clock(compiler, [*flags, *own])
                self.assertIn("libdgramd.so.1", self.run_command("readelf", "-d", program))
                self.must_tell_the_time(program, LD_LIBRARY_PATH=f"{self.stage}{PREFIX}/lib")

    def test_twelve_lines_static(self):
        """Beside functions that are named as some of ours."""
        own = pathlib.Path(self.stage, "own.c")
        names = ("queue_push", "config_load", "handlers_init", "addr_port")
        own.write_text("".join(f"void {name}(void) {{}}\n" for name in names), encoding="utf-8")
        flags = self.pkg_config("--static", "--cflags", "--libs", module="dgramd")
        flags = [re.sub("^-l(dgramd?)$", r"-l:lib\1.a", flag) for flag in flags]
        program = self.make_clock(CC, [str(own), *flags])
        self.assertNotIn("libdgram", self.run_command("readelf", "-d", program))
        self.must_tell_the_time(program)

    def test_plugin(self):
        """That of dgram_plugin(3), in the daemon, and in programs with libdgramd."""
        page = pathlib.Path(f"{self.stage}{PREFIX}/share/man/man3/dgram_plugin.3").read_text(encoding="utf-8")
        source = re.search(r"^\.Bd [^\n]*\n(#include.*?)^\.Ed$", page, re.DOTALL | re.MULTILINE)[1]
        path = pathlib.Path(self.stage, "hello.c")
        path.write_text(source, encoding="utf-8")
        plugin = f"{self.stage}/hello.so"
        flags = self.pkg_config("--cflags", module="dgram-plugin")
        self.assertEqual(self.pkg_config("--static", "--libs", module="dgram-plugin"), [])
        self.run_command(CC, "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags, "-shared", "-o", plugin, str(path))
        self.assertEqual(
            self.run_command("nm", "-D", "--defined-only", "--format=just-symbols", plugin), "dgram_plugin")
        self.must_greet(f"{self.stage}{PREFIX}/sbin/dgramd", plugin)

        flags = self.pkg_config("--cflags", "--libs", module="dgramd")
        program = self.make_clock(CC, flags)
        self.must_greet(program, plugin, LD_LIBRARY_PATH=f"{self.stage}{PREFIX}/lib")
        flags = self.pkg_config("--static", "--cflags", "--libs", module="dgramd")
        flags = [re.sub("^-l(dgramd?)$", r"-l:lib\1.a", flag) for flag in flags]
        program = self.make_clock(CC, ["-Wl,--export-dynamic-symbol=dgram_*", *flags])
        done = dgramtest.run_dgramd("-t", "--set", f"handler={plugin}", program=program)
        self.assertIn("hello.so: cannot run dgram-child: No such file or directory\n", done.stderr)
        shutil.copy(f"{self.stage}{PREFIX}/libexec/dgramd/dgram-child", self.stage)
        self.must_greet(program, plugin)

    def must_greet(self, program, plugin, **environment):
        daemon = self.start({"handler": plugin}, program=program, environment=environment)
        self.assertEqual(daemon.ask(), b"hello")
        self.assertEqual(daemon.stop()["hello"]["replied"], 1)

    def test_version(self):
        for installed in ("sbin/dgramd", "bin/dgramload", "bin/dgramctl"):
            version = self.run_command(f"{self.stage}{PREFIX}/{installed}", "-V")
            self.assertIn(self.pkg_config("--modversion")[0], version)

    def test_manual_pages(self):
        pages = pathlib.Path(f"{self.stage}{PREFIX}/share/man").rglob("*.[1-8]")
        self.assertEqual(
            {page.relative_to(page.parents[1]).as_posix() for page in pages},
            {"man1/dgramctl.1", "man1/dgramload.1", "man3/dgram.3", "man3/dgram_main.3", "man3/dgram_plugin.3",
             "man3/dgramserver.3", "man5/server.json.5", "man7/dgram-1.7", "man8/dgramd.8"})

    def test_completions(self):
        share = pathlib.Path(f"{self.stage}{PREFIX}/share")
        for shell, path in (("bash", "bash-completion/completions/dgramctl"), ("zsh", "zsh/site-functions/_dgramctl"),
                            ("fish", "fish/vendor_completions.d/dgramctl.fish")):
            said = self.run_command(f"{self.stage}{PREFIX}/bin/dgramctl", "--completions", shell)
            self.assertEqual((share / path).read_text(encoding="utf-8").strip(), said)

    def test_python_finds_the_module(self):
        path = f"{self.stage}{PREFIX}/lib/python3.11/dist-packages"
        self.run_command("/usr/bin/python3", "-c", f"import sys; sys.path.insert(0, {path!r}); import dgramserver")

    def test_nothing_is_outside_of_the_prefix(self):
        self.assertEqual(os.listdir(self.stage), [PREFIX.split("/")[1]])
        self.assertEqual(os.listdir(f"{self.stage}/opt"), ["dgram"])

    def test_etc(self):
        for prefix, directory in (("/usr", "/etc"), ("/usr/local", "/etc"), ("/srv/x", "/srv/x/etc")):
            commands = self.run_command("make", "-n", "-C", dgramtest.TOP, f"prefix={prefix}", "install")
            self.assertIn(f"test -e {directory}/dgramd/server.json ", commands)

    def test_configurations_find_their_schema(self):
        found = list(pathlib.Path(self.stage).rglob("server.json"))
        self.assertGreater(len(found), 2)
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
        built = ("src", "flags", "sources", "dgramd", "dgram-child", "dgramload", "libdgram.a", "libdgram.so",
            "libdgramd.a", "libdgramd.so", "libeverything.a")
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
        self.assertTrue((share / "examples/README.md").exists())
        self.assertTrue((share / "examples/lookup/lookup.c").exists())
        self.assertTrue((share / "scale-out/nginx.conf").exists())

    def test_uninstall_leaves_the_configuration_alone(self):
        self.addCleanup(self.make, "install")
        prefix = pathlib.Path(self.stage + PREFIX)
        self.make("uninstall")
        self.assertEqual([path.relative_to(prefix).as_posix() for path in prefix.rglob("*")
            if not path.is_dir()], ["etc/dgramd/server.json"])


dgramtest.main()
