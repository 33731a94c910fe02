"""Mutants: a unit test over a guard with one mistake each. Every one has to be caught by an assertion of the test that
its first line names."""

import pathlib
import re
import subprocess

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
            try:
                output = process.communicate(timeout=PATIENCE_S)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                output = process.communicate()[0]
        self.assertRegex(output, r"(?m)^not ok|FAILED|Assertion", "survived")

    def test_each_file_has_some(self):
        """Each that decides something; and each mutant says what is wrong in it."""
        told = [
            re.match(r"# src/guard/(\w+)\.[ch], (test_\w+): \w.*\n", path.read_text(encoding="utf-8"))
            for path in HERE.glob("mutants/*.sed")]
        self.assertNotIn(None, told)
        sources = {
            path.stem for path in pathlib.Path(dgramtest.TOP, "src/guard").glob("*.c")
            if re.search(r"\bif \(|\?", path.read_text(encoding="utf-8"))}
        self.assertEqual(sources - {found[1] for found in told}, set())
        tests = {path.stem for path in HERE.glob("test_*.c")}
        self.assertEqual({found[2] for found in told} - tests, set())


def test_of(name):
    return lambda self: self.must_be_caught(name)


for each in sorted(HERE.glob("mutants/*.sed")):
    setattr(Mutants, f"test_{each.stem}", test_of(each.stem))

dgramtest.main()
