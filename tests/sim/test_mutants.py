"""Mutants: the simulator over a product with one mistake each. Every one has to be caught, and the
command that it prints has to show the same failure again. Those that begin with "child_" are of handlers in children."""

import os
import pathlib
import re
import shlex
import subprocess

import dgramtest

HERE = pathlib.Path(__file__).parent
BUILT = pathlib.Path(dgramtest.BUILD, "tests", "sim")
SEEDS = 2000  # in which each has to be caught, but for those that take more to be seen
SEEDS_OF = {"assist_late": 6000, "assist_leaves": 6000, "blind": 30000, "path_limit_kept": 10000,
            "undoubted": 30000}


def run(*command):
    return subprocess.run(
        [*shlex.split(os.environ.get("DGRAM_UNDER", "")), *command], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False)


class Mutants(dgramtest.Case):
    """One test is made for each file in mutants/."""

    def must_be_caught(self, name):
        worlds = "--children" if name.startswith("child_") else "--seeds"
        done = run(BUILT / f"mutant-{name}", worlds, f"1:{SEEDS_OF.get(name, SEEDS)}")
        self.assertEqual(done.returncode, 1, f"survived: {done.stdout}{done.stderr}")
        found = re.search(r"^seed \d+[^:]*: .+\n(.+)\n\Z", done.stderr, re.MULTILINE)
        self.assertTrue(found, done.stderr)
        again = run(*shlex.split(found[1]))
        self.assertEqual(again.returncode, 1)
        self.assertIn(found[0], again.stderr)


def test_of(name):
    return lambda self: self.must_be_caught(name)


for path in sorted(HERE.glob("mutants/*.sed")):
    setattr(Mutants, f"test_{path.stem}", test_of(path.stem))

dgramtest.main()
