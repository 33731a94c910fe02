"""Every target of make, where what it needs is not installed: it names the packages in one line, and
nothing else complains."""

import os
import re
import subprocess
import tempfile

import dgramtest

# What make and its recipes use of what each Debian has; no compiler, no pkg-config, no apt-get.
TOOLS = ("sh", "id", "uname", "nproc", "sed", "grep", "find", "mkdir", "mv", "rm", "cmp", "cat", "make")
# These need nothing of the kind.
SIMPLE = {"clean", "help", "uninstall", "figures"}


def path_of(tool):
    return subprocess.run(["sh", "-c", f"command -v {tool}"], stdout=subprocess.PIPE, text=True,
        check=True).stdout.strip()


class Doors(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgram-doors-")
        self.addCleanup(directory.cleanup)
        self.bin = directory.name
        for tool in TOOLS:
            os.symlink(path_of(tool), os.path.join(self.bin, tool))

    def make(self, *words, **environment):
        """What a failing make says, without its own last words."""
        done = subprocess.run(
            ["make", "-C", dgramtest.TOP, "VARIANT=none", *words], env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=dgramtest.PATIENCE)
        self.assertEqual(done.returncode, 2, done.stdout)
        return [line for line in done.stdout.splitlines() if not line.startswith("make")]

    def targets(self):
        done = subprocess.run(
            ["make", "-s", "-C", dgramtest.TOP, "help"], stdout=subprocess.PIPE, text=True, check=True)
        return re.findall(r"^([a-z-]+) ", done.stdout, re.MULTILINE)

    def test_no_compiler_and_no_pkg_config(self):
        self.assertGreater(len(self.targets()), 20)
        for target in {*self.targets(), "tests", ".build/none/dgramd"} - SIMPLE:
            with self.subTest(target=target):
                said = self.make(target, PATH=self.bin)
                self.assertRegex(said[0], r"^need: missing [a-z0-9 -]+ \(to ")
                self.assertEqual([line for line in said if not line.startswith("need: ")], [])

    def test_plain_make_says_how_to_get_them(self):
        packages = "gcc pkg-config libcjson-dev libseccomp-dev libmicrohttpd-dev libcurl4-openssl-dev libncurses-dev"
        self.assertEqual(self.make(PATH=self.bin), [
            f'need: missing {packages} (to build dgramd): "make run" installs what is missing, and so '
            f'does "apt-get install {packages}"'])

    def test_no_libraries(self):
        nothing = {"PKG_CONFIG_LIBDIR": "/nowhere", "PKG_CONFIG_PATH": "/nowhere"}
        for target in "all", "install", "tests":
            said = self.make(target, **nothing)
            self.assertEqual(len(said), 1)
            self.assertIn("need: missing libcjson-dev libseccomp-dev libmicrohttpd-dev libcurl4-openssl-dev libncurses-dev (to build dgramd)", said[0])


dgramtest.main()
