"""The models in Spin, each searched exhaustively, and their mutants, each of which must fail.

A model names the functions that it stands for in its comment; they must still exist. A mutant is
the model with one mistake, switched on by a name of the preprocessor that begins with MUTANT_.
Two files have the tests, so that two processors search at the same time.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import dgramtest

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MB = 2000
LIMIT_S = 900  # for a search, on a machine that does much else

# A model: its file and settings; -l searches for cycles, of which there must be none.
WAKEUPS = {
    "eventcount": ("eventcount.pml", []),
    "eventcount_ends": ("eventcount.pml", ["-l"]),
    "wakeup": ("wakeup.pml", []),
    "wakeup_ends": ("wakeup.pml", ["-DJOBS=1", "-l"]),
    "wakeup_assisted": ("wakeup.pml", ["-DASSISTED"]),
    "last": ("last.pml", []),
}
DRAINS = {
    "drain": ("drain.pml", ["-DCHANGES=0"]),
    "drain_two_services": ("drain.pml", ["-DCHANGES=0", "-DSERVICES=2"]),
    "drain_while_resized": ("drain.pml", ["-DCHANGES=2"]),
    "drain_ends": ("drain.pml", ["-DCHANGES=1", "-l"]),
    "slots": ("slots.pml", []),
}
MODELS = {**WAKEUPS, **DRAINS}

MUTANTS = {
    "eventcount": [
        "CHECK_BEFORE_KEY", "WAIT_WITHOUT_COUNT", "DISCOUNT_BEFORE_SLEEP",
        "SLEEP_NOT_ATOMIC", "EPOCH_AFTER_WAKE", "NOTIFY_BEFORE_PUSH", "NOTIFY_ONLY_WHEN_EMPTY"],
    "wakeup": [
        "CLEARED_AFTER_LOOKING", "WOKEN_AFTER_LOOKING", "KEY_AFTER_LOOKING",
        "LEAVES_AND_WAKES_NOBODY", "WAKES_WITHOUT_EPOCH"],
    "last": ["HELD_AFTER_COUNTED", "KEPT_FROM_ALL", "LETS_GO_AND_SLEEPS", "SLEEPS_ON",
             "NOBODY_WATCHES"],
    "drain": ["CLOSE_WITHOUT_NOTIFY", "CLOSE_BEFORE_RECEIVERS_END"],
    "drain_while_resized": ["CONFIGURE_WAKES_NOBODY"],
    "slots": [
        "DROPPED_NOT_GIVEN_BACK", "DROPPED_GIVEN_TWICE", "REFILL_BEFORE_GIVING_BACK",
        "GIVEN_BACK_BEFORE_SENT", "GIVEN_BACK_BEFORE_FINISH", "ROOM_FOR_JOBS_ALONE",
        "GIVEN_BACK_BEFORE_TOLD", "WORKER_BEFORE_ROOM"],
}

FAILED = re.compile(r"^pan:1: (assertion violated.*|non-progress cycle.*) \(at depth \d+\)$", re.M)


def texts():
    return {path.name: path.read_text(encoding="utf-8") for path in HERE.iterdir()
            if path.suffix in (".pml", ".inc")}


def modelled(text):
    """Pairs of a file and a function, as "src/core/slab.c: slab_new, slab_grow" names them."""
    comment = text[:text.index("*/")].replace("\n *", " ")
    for file, names in re.findall(r"(src/\S+\.c):((?:\s+\w+,)*\s+\w+)", comment):
        for name in names.replace(",", " ").split():
            yield file, name


class Search:
    """What pan says of a model."""

    def __init__(self, file, settings, optimize="-O2"):
        loops = "-l" in settings
        settings = [word for word in settings if word != "-l"]
        with tempfile.TemporaryDirectory(prefix="dgramd-model-") as directory:
            for name, text in texts().items():
                pathlib.Path(directory, name).write_text(text, encoding="utf-8")
            self.directory = directory
            self.run("spin", *settings, "-a", file)
            self.run("gcc", optimize, "-w", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}",
                     "-DNP" if loops else "-DSAFETY", "-o", "pan", "pan.c")
            # -E: that all stand still is no error; what must hold then, the observer says.
            self.text = self.run("./pan", "-E", "-n", "-m3000000", *(["-l"] if loops else []))
            self.failure = FAILED.search(self.text)
            self.trace = ""
            if os.path.exists(os.path.join(directory, file + ".trail")):
                trace = self.run("spin", *settings, "-t", "-p", file)
                self.trace = "\n".join(trace.splitlines()[-120:])

    def run(self, *command):
        ran = subprocess.run(
            command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S, check=False)
        if ran.returncode != 0 and command[0] in ("gcc", "spin") or "Error" in ran.stdout and \
                "-a" in command:
            raise AssertionError(f"{' '.join(command)}: {ran.returncode}\n{ran.stdout}")
        return ran.stdout


@unittest.skipUnless(shutil.which("spin"), "spin is not installed")
class Models(dgramtest.Case):
    def check_model(self, model):
        search = Search(*MODELS[model])
        self.assertRegex(search.text, r"errors: 0\n", search.text + search.trace)
        self.assertIsNone(search.failure)
        self.assertNotRegex(search.text, "(?i)not completed|too small|out of memory|memory limit")

    def check_mutant(self, model, mutant):
        file, settings = MODELS[model]
        search = Search(file, [*settings, f"-DMUTANT_{mutant}"], "-O0")
        self.assertTrue(search.failure, f"not rejected\n{search.text}")


def add_tests(models):
    for model in models:
        setattr(Models, f"test_{model}", lambda self, model=model: self.check_model(model))
        for mutant in MUTANTS.get(model, ()):
            setattr(Models, f"test_{model}_rejects_{mutant.lower()}",
                    lambda self, *names, model=model, mutant=mutant:
                    self.check_mutant(model, mutant))
