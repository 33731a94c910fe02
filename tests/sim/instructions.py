"""What a request costs in instructions of the product's own code: the simulator serves batches of 32
under callgrind, and the functions under src/ are summed, with what they call in libc. The kernel,
its door (src/base/sys_linux.c) and the simulator are not in it.

    instructions.py [--record]      print the costs of each mode by function; write them down
"""

import collections
import os
import pathlib
import re
import subprocess
import sys

import dgramtest

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "instructions.txt"
SIM = pathlib.Path(dgramtest.BUILD, "tests", "sim", "sim")
REQUESTS = 32000
MODES = ("workers", "assisted", "inline")
# With loop_guard, which is on by default; and with access of ten prefixes, limits and the cap, too.
GUARDED = ("guarded-workers", "guarded-inline", "closed-workers", "closed-inline")
ADDRESSES = (16, 256)
TOP = 25


def compiler():
    """Such as "gcc-12", as the build noted it."""
    line = pathlib.Path(dgramtest.BUILD, "flags").read_text(encoding="utf-8").splitlines()[0]
    name = "clang" if "clang" in line else "gcc"
    return name + "-" + re.search(r"(\d+)\.\d+", line)[1]


class Profile:
    """A file of callgrind's, its names not compressed: costs by function of ours."""

    def __init__(self, text):
        self.by_function = collections.Counter()
        own, here, there, called = "", "", "", ""  # objects and files
        file = function = ""
        is_call = False
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key == "ob":
                own = there = value
            elif key == "fl":
                file = value
            elif key == "fn":
                function = value
            elif key == "cob":
                there = value
            elif key == "cfn":
                called = value
            elif key == "calls":
                is_call = True
            elif line[:1].isdigit():
                ours = "/src/" in file and own.endswith("/sim")
                if ours and not is_call:
                    self.by_function[function] += int(line.split()[1])
                elif ours and there != own:
                    self.by_function[f"{called} (libc)"] += int(line.split()[1])
                if is_call:
                    is_call, there = False, own


def count(mode, addresses, *plugin):
    """What callgrind writes of such requests, served by an echo that is linked in, or by a plug-in's."""
    out = SIM.parent / f"callgrind.{mode}-{addresses}{'-plugin' * len(plugin)}"
    subprocess.run(
        ["valgrind", "-q", "--tool=callgrind", "--toggle-collect=requests_serve",
         "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={out}", SIM,
         "--requests", str(REQUESTS), mode, str(addresses), *plugin],
        stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return out.read_text(encoding="utf-8")


def total(counted):
    """All instructions a request, the handler's and the simulator's included."""
    return int(re.search(r"^totals: (\d+)$", counted, re.MULTILINE)[1]) / REQUESTS


def measure(mode, addresses):
    """Instructions a request, by function."""
    by_function = Profile(count(mode, addresses)).by_function
    return {name: number / REQUESTS for name, number in by_function.items()}


def read_record():
    """{(compiler, mode, addresses): instructions}"""
    rows = [line.split() for line in RECORD.read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")]
    return {(row[0], row[1], int(row[2])): float(row[3]) for row in rows}


def write_record(measured):
    record = read_record() | measured
    comment = [line for line in RECORD.read_text(encoding="utf-8").splitlines()
               if line.startswith("#")]
    rows = [f"{name:9}{mode:16}{addresses:5}{count:8.1f}"
            for (name, mode, addresses), count in sorted(record.items())]
    RECORD.write_text("\n".join([*comment, *rows, ""]), encoding="utf-8")


def main():
    measured = {}
    for mode in MODES + GUARDED:
        for addresses in ADDRESSES:
            functions = measure(mode, addresses)
            ours = sum(functions.values())
            measured[compiler(), mode, addresses] = ours
            print(f"\n{compiler()}, {mode}, {addresses} addresses: {ours:.1f} a request")
            for name, count in sorted(functions.items(), key=lambda item: -item[1])[:TOP]:
                print(f"{count:8.1f}  {name}")
    if "--record" in sys.argv[1:]:
        write_record(measured)


if __name__ == "__main__":
    main()
