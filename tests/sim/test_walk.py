"""The walk of one datagram through the files of src, in the order in which it enters their functions. A
build with -finstrument-functions tells them, in the simulator's single thread; the simulator stands in
for src/base/sys_linux.c. Too many files, and a reader loses the thread.

    test_walk.py [MODE]     test, or print the walk of workers, assisted or inline
"""

import pathlib
import re
import subprocess
import sys

import dgramtest

SIM = pathlib.Path(dgramtest.BUILD, "tests", "sim", "sim")
FILES_MAX = {"workers": 20, "assisted": 20, "inline": 15}

INLINE = re.compile(r"^static inline [^;(]*?(\w+)\(", re.MULTILINE)


def headers():
    """The header of each inline function: the compiler notes the file that it was compiled into."""
    return {
        name: path.relative_to(dgramtest.TOP).as_posix()
        for path in pathlib.Path(dgramtest.TOP, "src").rglob("*.h")
        for name in INLINE.findall(path.read_text(encoding="utf-8"))}


def walk(mode):
    """Pairs of a file and a function of ours, in the order of entry."""
    printed = subprocess.run(
        [SIM, "--walk", mode], text=True, check=True, stdout=subprocess.PIPE).stdout.split()
    offsets = printed[::2]
    if not offsets:
        raise AssertionError("nothing was recorded: build with VARIANT=walk")
    named = subprocess.run(
        ["addr2line", "-f", "-e", SIM, *offsets], text=True, check=True,
        stdout=subprocess.PIPE).stdout.splitlines()
    inline = headers()
    for function, place in zip(named[::2], named[1::2]):
        file = place.split(":")[0]
        if file.endswith("/tests/sim/sys_sim.c"):
            yield "src/base/sys_linux.c", function
        elif "/src/" in file:
            yield inline.get(function, "src/" + file.rpartition("/src/")[2]), function


def legs(mode):
    """The same, with what stands in one file on one line."""
    found = []
    for file, function in walk(mode):
        if not found or found[-1][0] != file:
            found.append((file, []))
        if function not in found[-1][1]:
            found[-1][1].append(function)
    return found


class Walk(dgramtest.Case):
    def must_be_short(self, mode):
        found = legs(mode)
        files = sorted({file for file, _ in found})
        print(f"# {mode}: {len(files)} files, {len(found) - 1} changes of file")
        self.assertIn("src/engine/receiver.c", files)
        self.assertIn("src/engine/reply.c", files)
        self.assertLessEqual(len(files), FILES_MAX[mode], files)


def add_tests():
    for mode in FILES_MAX:
        setattr(Walk, f"test_{mode}", lambda self, mode=mode: self.must_be_short(mode))


if sys.argv[1:2] and sys.argv[1] in FILES_MAX:
    for place, functions in legs(sys.argv[1]):
        print(f"{place:26} {' '.join(functions)}")
    sys.exit(0)
add_tests()
dgramtest.main()
