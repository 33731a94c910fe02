"""The examples of conf/examples, built by their own Makefiles against an installed dgramd, do what their page says."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import dgramtest

EXAMPLES = pathlib.Path(dgramtest.TOP, "conf/examples")
VARIANT = os.path.basename(dgramtest.BUILD)


class Examples(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="dgram-examples-")
        cls.addClassCleanup(directory.cleanup)
        cls.prefix = pathlib.Path(directory.name, "prefix")
        # of the make that runs the tests, which has no built-in variables
        cls.environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        cls.environment["PKG_CONFIG_PATH"] = f"{cls.prefix}/lib/pkgconfig"
        cls.environment["LD_LIBRARY_PATH"] = f"{cls.prefix}/lib"
        cls.run_command(
            "make", "-s", "-C", dgramtest.TOP, f"VARIANT={VARIANT}", f"prefix={cls.prefix}", "install")

    @classmethod
    def run_command(cls, *command, **options):
        done = subprocess.run(
            command, env=cls.environment, text=True, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=dgramtest.PATIENCE * 5, **options)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def build(self, name):
        """A copy of the installed folder, built there."""
        directory = tempfile.TemporaryDirectory(prefix="dgram-example-")
        self.addCleanup(directory.cleanup)
        folder = pathlib.Path(directory.name, name)
        shutil.copytree(self.prefix / "share/dgramd/examples" / name, folder)
        self.run_command("make", "-s", cwd=folder)
        return folder

    def configuration(self, folder):
        """The example's own, which it takes, with ports that are free."""
        text = next(folder.glob("*.json")).read_text(encoding="utf-8")
        return re.sub(r'"port": \d+', '"port": 0', text)

    def test_each_has_a_page_and_a_short_makefile(self):
        page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
        folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
        self.assertEqual(set(re.findall(r"(?m)^## (\w+)", page)), folders)
        for folder in folders:
            self.assertIn(f"[{folder}]({folder}/)", page)
            lines = (EXAMPLES / folder / "Makefile").read_text(encoding="utf-8").splitlines()
            self.assertLessEqual(len(lines), 5, folder)

    def load(self, daemon, service, text):
        """What the page says to type: dgramload's exit status and all that it prints."""
        port = str(daemon.address(service)[1])
        done = subprocess.run(
            [self.prefix / "bin/dgramload", "--text", text, port], text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=dgramtest.PATIENCE)
        return done.returncode, done.stdout

    def test_readings(self):
        folder = self.build("readings")
        program = folder / "readings"
        self.run_command(program, "-t", "-c", folder / "readings.json")
        daemon = self.start(
            self.configuration(folder), program=program, environment=self.environment)
        with dgramtest.socket_for(daemon.address("put")) as device:
            status, said = self.load(daemon, "put", "cellar 7.5")
            self.assertEqual(status, 1)
            self.assertIn("no answer from 127.0.0.1:", said)
            self.assertEqual(self.load(daemon, "get", "cellar"), (0, "7.5\n"))
            for reading in (b"attic 31", b"cellar 8", b"nonsense"):
                device.sendto(reading, daemon.address("put"))
            self.eventually(lambda: daemon.ask(b"cellar", "get") == b"8", "the newest reading")
            daemon.write_config(self.configuration(folder).replace('"names": 500', '"names": 2'))
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded")
            self.assertEqual([line["message"] for line in daemon.events("configuration")],
                ["services.0.options.names 500 -> 2: in effect now"])
            device.sendto(b"third 1", daemon.address("put"))
        ledgers = daemon.stop()
        self.assertEqual((ledgers["put"]["no_reply"], ledgers["put"]["failed_handler"]), (3, 2))


dgramtest.main()
