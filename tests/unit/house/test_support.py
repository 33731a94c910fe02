"""The tests' own tools: a failure must not get lost in them."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile

import dgramtest

SUPPORT = os.path.dirname(os.path.abspath(dgramtest.__file__))
RUN = os.path.join(SUPPORT, "run")
NEED = os.path.join(SUPPORT, "need")


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(SUPPORT, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


read_tap = load("run").read_tap


class Tap(dgramtest.Case):
    def must_count(self, output, passed, failed, skips=(), troubles=0, exit_code=None):
        outcome = read_tap(output, (1 if failed else 0) if exit_code is None else exit_code)
        self.assertEqual((outcome.passed, outcome.failed), (passed, failed), output)
        self.assertEqual(outcome.skips, list(skips), output)
        self.assertEqual(len(outcome.troubles), troubles, outcome.troubles)

    def test_results(self):
        self.must_count("1..2\nok 1 - a\nok 2 - b\n", 2, 0)
        self.must_count("ok 1 - a\nnot ok 2 - b\n1..2\n", 1, 1)
        self.must_count("1..1\n# ok 1 - a comment\nok 1 - a\n# ok - tests\n", 1, 0)

    def test_cmocka_oddities(self):
        self.must_count("1..2\ntext without newlineok 1 - a\ntextnot ok 2 - b\n", 1, 1)
        self.must_count("1..1\nok 1 - a\n1..1\nok 1 - b\n", 2, 0)
        self.must_count("1..2\nnot ok 0 - g [  FAILED  ] GROUP SETUP\n", 0, 1, troubles=1)
        self.must_count("1..1\nnot ok 1 - a Could not run test: Test setup failed\n", 0, 1)

    def test_skips(self):
        self.must_count("1..1\nok 1 - a # SKIP not root\n", 0, 0, ["a: not root"])
        self.must_count("1..1\n# skip: not root\nnot ok 1 # SKIP a\n", 0, 0, ["a: not root"])
        self.must_count("1..0 # SKIP no peer\n", 0, 0, ["no peer"])

    def test_programs_that_end_badly(self):
        self.must_count("", 0, 0, troubles=1)
        self.must_count("1..2\nok 1 - a\n", 1, 0, troubles=1)
        self.must_count("1..1\nok 1 - a\n", 1, 0, troubles=1, exit_code=1)
        self.must_count("1..1\nok 1 - a\n", 1, 0, troubles=1, exit_code=-11)


class Run(dgramtest.Case):
    def run_program(self, text, *options, **environment):
        """What the runner prints at the end, and its exit code, for a Python program."""
        with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
            program.write(text)
            program.flush()
            done = subprocess.run(
                [RUN, *options, program.name], text=True, check=False, capture_output=True,
                env={**os.environ, **environment})
        return done.stdout.splitlines()[-1], done.returncode

    def test_last_line(self):
        self.assertEqual(self.run_program("print('1..1\\nok 1')"), ("1 passed, 0 failed, 0 skipped", 0))
        self.assertEqual(self.run_program("print('1..1')"), ("0 passed, 1 failed, 0 skipped", 1))

    def test_time_limit(self):
        text = "import os, time; print('1..1\\nok 1', flush=True); os.fork(); time.sleep(1000)"
        counts, code = self.run_program(text, "--limit", "2")
        self.assertEqual((counts, code), ("1 passed, 1 failed, 0 skipped", 1))

    def test_any_of_several_runs_can_fail(self):
        text = """if True:
            import os
            with open(os.environ["RUNS"], "a+") as runs:
                runs.write("x")
                print("1..1\\n" + ("not ok 1" if runs.tell() == 2 else "ok 1"))"""
        with tempfile.NamedTemporaryFile() as runs:
            counts, code = self.run_program(text, "--repeat", "3", RUNS=runs.name)
        self.assertEqual((counts, code), ("2 passed, 1 failed, 0 skipped", 1))

    def test_total(self):
        with tempfile.NamedTemporaryFile() as results:
            for _ in range(2):
                self.run_program("print('1..1\\nnot ok 1')", DGRAM_RESULTS=results.name)
            done = subprocess.run(
                [RUN, "--total", results.name], text=True, check=False, capture_output=True)
        self.assertEqual((done.stdout, done.returncode), ("0 passed, 2 failed, 0 skipped\n", 1))

    def test_nothing_ran(self):
        done = subprocess.run([RUN], text=True, check=False, capture_output=True)
        self.assertEqual((done.stdout, done.returncode), ("0 passed, 0 failed, 0 skipped\n", 1))


class Need(dgramtest.Case):
    def need(self, *words, path=None):
        environment = {**os.environ, **({"PATH": path} if path else {})}
        return subprocess.run(
            ["/bin/sh", NEED, *words], env=environment, text=True, check=False, capture_output=True)

    def test_silent_when_nothing_is_missing(self):
        done = self.need("to test", "any:sh", "any:/etc/pass*", "any:test -e /etc/passwd")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_check_installs_nothing_and_says_what_does(self):
        done = self.need("--check", "run", "to test", "any:sh", "one:false it", "two:/no/such/file")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(
            done.stderr, 'need: missing one two (to test): "make run" installs what is missing, and so '
            'does "apt-get install one two"\n')
        self.assertEqual(self.need("--check", "run", "to test", "any:sh").returncode, 0)

    def test_names_what_is_missing_without_apt(self):
        with tempfile.TemporaryDirectory() as path:
            os.symlink("/usr/bin/id", os.path.join(path, "id"))
            words = ("to test", "any:sh-that-is-not", "other:/no/such/file")
            done = self.need(*words, path=path)
            self.assertEqual(done.returncode, 1)
            self.assertIn("missing any other (to test)", done.stderr)
            self.assertEqual(self.need("--try", *words, path=path).returncode, 0)


class Log(dgramtest.Case):
    def test_line(self):
        line = dgramtest.parse_line(r'T warn rx/0 queue full n=1 hint="a \"b\" c=2" empty=')
        self.assertEqual(line, {
            "time": "T", "level": "warn", "source": "rx/0", "event": "queue full", "n": "1",
            "hint": 'a "b" c=2', "empty": ""})
        self.assertIsNone(dgramtest.parse_line("dgramd 0.1.0"))

    def test_ledger(self):
        books = {"received": 4, "replied": 1, "no_reply": 1, "dropped_full": 1, "failed_send": 1,
            "queued": 0, "running": 0, "dropped_by_kernel": 9, "queued_max": 7}
        dgramtest.check_ledger(books)
        with self.assertRaises(AssertionError):
            dgramtest.check_ledger({**books, "replied": 2})


dgramtest.main()
