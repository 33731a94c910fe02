"""The simulator: no seed breaks a promise, and the same seed is the same run."""

import os
import pathlib
import re
import shlex
import subprocess
import unittest

import dgramtest

SIM = pathlib.Path(dgramtest.BUILD, "tests", "sim", "sim")
SEEDS = 2500
CHILDREN_SEEDS = 600


def simulate(*arguments):
    return subprocess.run(
        [*shlex.split(os.environ.get("DGRAM_UNDER", "")), SIM, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


class Sim(dgramtest.Case):
    def run_seeds(self, *arguments, worlds="--seeds"):
        done = simulate(worlds, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        return done.stdout

    def test_no_seed_breaks_a_promise(self):
        count = dgramtest.scaled(SEEDS)
        self.assertRegex(self.run_seeds(f"1:{count}"), f"^{count} seeds from 1, trace [0-9a-f]{{16}}\n$")

    def test_children_die_at_any_step(self):
        count, shown = dgramtest.scaled(CHILDREN_SEEDS), dgramtest.scaled(100)
        self.assertRegex(self.run_seeds(f"1:{count}", worlds="--children"), f"^{count} seeds from 1, trace ")
        first, trace = (self.run_seeds(f"1:{shown}", "--trace", worlds="--children") for _ in range(2))
        self.assertEqual(first, trace)
        for what in (
                "child dies before", "child dies within", "child dies in an answer", "child dies after",
                "child dies of a request", "child is killed", r"child starts \d+ 1", r"give up \d+ \d+ 1", "cost",
                "refuse", r"ask \d+ \d+ 1", r"ask \d+ [2-9]"):
            self.assertTrue(re.search(rf"^\d+ \d+ \w+/\d+ {what}\b", trace, re.MULTILINE), what)

    def test_same_seed_same_run(self):
        traces = set()
        for seed in range(1, 1 + dgramtest.scaled(20, 4)):
            first, second = (self.run_seeds(f"{seed}:1", "--trace") for _ in range(2))
            self.assertEqual(first, second)
            self.assertRegex(first, " worker/[0-9]+ | receiver/[0-9]+ ")
            traces.add(first)
        self.assertEqual(len(traces), dgramtest.scaled(20, 4))

    def test_trace_is_printed_of_what_is_run(self):
        plain, printed = self.run_seeds("7:1"), self.run_seeds("7:1", "--trace")
        self.assertTrue(printed.endswith(plain), printed[-200:])

    def test_each_way_to_take_is_common(self):
        count = 300
        trace = self.run_seeds(f"1:{count}", "--trace")
        for what, times in ((r"take with all \d+ 0", 5), (r"take \d+ [1-9]\d*", 5), (r"anew \d+", 0.1)):
            seen = len(re.findall(rf"^\d+ \d+ \w+/\d+ {what} ", trace, re.MULTILINE))
            self.assertGreater(seen, times * count, what)

    def test_a_slow_service_starves_no_other(self):
        rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", simulate("--neighbours").stdout, re.MULTILINE)
        neighbours = {int(interval): tuple(map(int, counts)) for interval, *counts in rows}
        for interval in 2, 5, 50:
            asked, answered, slow = neighbours[interval]
            self.assertGreater(asked, 500)
            self.assertEqual(answered, asked, f"one every {interval} ms")
            self.assertGreaterEqual(slow, 0.99 * 3 * 30 / 0.3, "three workers of 300 ms are the slow one's")
        self.assertGreaterEqual(neighbours[0][2], 4 * 30 / 0.3, "alone, it has all four")

    @unittest.skipIf(dgramtest.SLOW > 1, "the same figures, after minutes")
    def test_the_polite_get_their_share(self):
        rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \| (\d+) \| (\d+) \| ([0-9.]+) % \| ([0-9.]+) \| ([0-9.]+) \|",
                          simulate("--shares").stdout, re.MULTILINE)
        self.assertEqual(len(rows), 17)
        share, chance, limited = {}, {}, {}
        for abusers, theirs, ours, moment, limit, window, percent, by_chance, goodput in rows:
            key = int(abusers), theirs, ours, moment, int(window)
            (limited if int(limit) else share)[key], chance[key] = float(percent), float(by_chance)
            self.assertGreater(float(goodput), 0.99, key)
        apart, few, one, any_time = "each its own", "few", "one", "any time"
        self.assertGreaterEqual(share[1, apart, apart, any_time, 1000], 99.9)
        self.assertGreaterEqual(share[20, apart, apart, any_time, 1000], 99.9)
        self.assertGreaterEqual(share[100, apart, apart, any_time, 1000], 88)
        self.assertGreaterEqual(share[100, apart, apart, "behind", 1000], 88)
        # 100 abusers may have twice what a polite client asks for, which is still more than there is.
        self.assertGreaterEqual(limited[100, apart, apart, any_time, 1000], 95)
        self.assertLess(share[100, apart, apart, any_time, 100], 80, "the longer window is worth it")
        for moment in any_time, "before", "among", "behind":
            self.assertGreaterEqual(chance[5000, apart, apart, moment, 1000], 0.6, moment)
        self.assertGreaterEqual(chance[200000, apart, apart, "behind", 1000], 0.6)
        # A network weighs as one, and one of many polite clients is not left with that.
        self.assertGreaterEqual(share[100, few, apart, any_time, 1000], 99)
        self.assertGreaterEqual(share[100, few, one, any_time, 1000], 98)
        self.assertGreaterEqual(share[5000, few, apart, "behind", 1000], 95)
        self.assertGreaterEqual(share[100, apart, one, any_time, 1000], 48)

    def test_wrong_usage(self):
        for arguments in ([], ["--seeds"], ["--seeds", "x"], ["--seeds", "1:0"], ["--children"], ["--nonsense"]):
            self.assertEqual(simulate(*arguments).returncode, 64, arguments)


dgramtest.main()
