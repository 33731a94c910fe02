"""Each fuzz target over its corpus, which must run 95 % of the lines of the parsers that the target names; then for
DGRAM_FUZZ_SECONDS with random input. What a run finds goes into the corpus, and its mend has a unit test."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import dgramtest

HERE = pathlib.Path(__file__).parent
BUILT = pathlib.Path(dgramtest.BUILD, "tests", "fuzz")
SECONDS = int(os.environ.get("DGRAM_FUZZ_SECONDS", "2"))
KEPT = os.environ.get("DGRAM_FUZZ_KEEP")  # a folder for what is found: inputs that go new ways, or fail
SHARE = 95
INPUT_MAX, CORPUS_MAX = 5000, 100000  # bytes


class Fuzz(dgramtest.Case):
    """Two tests are made for each target."""

    def run_target(self, name, *arguments, directory):
        environment = {
            **os.environ, "LLVM_PROFILE_FILE": os.path.join(directory, "profile"), "ASAN_OPTIONS": "handle_abort=1"}
        done = subprocess.run(
            ["nice", "-n", "10", BUILT / f"fuzz_{name}", "-timeout=60", *map(str, arguments)],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            cwd=directory)
        output = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, 0, output[-6000:])
        return output

    def lines_run(self, name, directory, sources):
        """How many lines these files have, and how many of them were run."""
        profile = os.path.join(directory, "profile")
        subprocess.run(["llvm-profdata", "merge", "-o", f"{profile}.data", profile], check=True)
        done = subprocess.run(
            ["llvm-cov", "export", "-summary-only", f"-instr-profile={profile}.data",
             BUILT / f"fuzz_{name}", *sources], check=True, capture_output=True, cwd=dgramtest.TOP)
        lines = json.loads(done.stdout)["data"][0]["totals"]["lines"]
        return lines["count"], lines["covered"]

    def must_cover(self, name):
        sources = parsers_of(name)
        with tempfile.TemporaryDirectory(prefix="dgramd-fuzz-") as directory:
            self.run_target(name, "-runs=0", HERE / "corpus" / name, directory=directory)
            count, run = self.lines_run(name, directory, sources)
        share = 100 * run / count
        print(f"# {name}: {share:.1f} % of {count} lines of {len(sources)} parsers")
        self.assertGreaterEqual(share, SHARE)

    def must_survive(self, name):
        with tempfile.TemporaryDirectory(prefix="dgramd-fuzz-") as directory:
            found = KEPT and os.path.join(KEPT, name) or os.path.join(directory, "found")
            os.makedirs(found, exist_ok=True)
            output = self.run_target(
                name, f"-max_total_time={SECONDS}", "-len_control=10", "-max_len=1500",
                f"-artifact_prefix={KEPT or directory}/{name}-", found, HERE / "corpus" / name,
                directory=directory)
        runs = re.search(r"Done (\d+) runs", output)
        self.assertGreater(int(runs[1]), 0)
        print(f"# {name}: {runs[1]} runs")

    def test_corpora_are_small(self):
        self.assertEqual(sorted(path.name for path in (HERE / "corpus").iterdir()), NAMES)
        for name in NAMES:
            sizes = [path.stat().st_size for path in (HERE / "corpus" / name).iterdir()]
            self.assertLessEqual(max(sizes), INPUT_MAX, name)
            self.assertLessEqual(sum(sizes), CORPUS_MAX, name)


def parsers_of(name):
    """The files that the line "parses:" of a target names."""
    text = (HERE / f"fuzz_{name}.c").read_text(encoding="utf-8")
    words = re.findall(r"^/\* parses: (.+) \*/$", text, re.MULTILINE)
    return [f"src/{word}.c" for word in " ".join(words).split()]


def tests_of(name):
    yield "corpus", lambda self: self.must_cover(name)
    if SECONDS > 0:
        yield "random", lambda self: self.must_survive(name)


NAMES = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))
for each in NAMES:
    for kind, test in tests_of(each):
        setattr(Fuzz, f"test_{each}_{kind}", test)

assert shutil.which("llvm-cov"), "llvm-cov is missing"
dgramtest.main()
