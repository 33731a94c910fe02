"""Mutants: a unit test over a guard with one mistake each. Every one has to be caught by an assertion of the test that
its first line names."""

import pathlib
import re
import subprocess
import threading

import dgramtest

HERE = pathlib.Path(__file__).parent
BUILT = pathlib.Path(dgramtest.BUILD, "tests", "unit", "guard")
PATIENCE_S = 60  # a mistake may be an endless loop


class Mutants(dgramtest.Case):
    """One test is made for each file in mutants/."""

    def must_be_caught(self, name):
        with subprocess.Popen(
                [BUILT / f"mutant-{name}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace") as process:
            timer = threading.Timer(PATIENCE_S, process.kill)
            timer.start()
            caught = any(re.search(r"^not ok|FAILED|Assertion", line) for line in process.stdout)
            timer.cancel()
            process.kill()
        self.assertTrue(caught, "survived")

    def test_each_file_has_some(self):
        """Each that decides something; and each mutant says what is wrong in it."""
        told = [
            re.match(r"# src/(guard|server)/(\w+)\.[ch], (test_\w+): \w.*\n", path.read_text(encoding="utf-8"))
            for path in HERE.glob("mutants/*.sed")]
        self.assertNotIn(None, told)
        sources = {
            path.stem for path in pathlib.Path(dgramtest.TOP, "src/guard").glob("*.c")
            if re.search(r"\bif \(|\?", path.read_text(encoding="utf-8"))}
        self.assertEqual(sources - {found[2] for found in told}, set())
        for found in told:
            self.assertTrue((HERE.parent / found[1] / f"{found[3]}.c").exists(), found[0])


def test_of(name):
    return lambda self: self.must_be_caught(name)


for each in sorted(HERE.glob("mutants/*.sed")):
    setattr(Mutants, f"test_{each.stem}", test_of(each.stem))

dgramtest.main()
