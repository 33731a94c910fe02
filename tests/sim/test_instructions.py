"""What a request costs in instructions of the product's own code has not grown by more than a tenth
since it was written down (instructions.txt)."""

import shutil
import unittest

import dgramtest
import instructions


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Instructions(dgramtest.Case):
    """One test is made for each mode and number of addresses."""

    def must_not_grow(self, mode, addresses):
        key = instructions.compiler(), mode, addresses
        recorded = instructions.read_record().get(key)
        if recorded is None:
            self.skipTest(f"nothing is written down for {key[0]}: `make instructions` does it")
        count = sum(instructions.measure(mode, addresses).values())
        print(f"# {mode}, {addresses} addresses: {count:.1f} instructions a request, "
              f"{recorded:.1f} written down")
        self.assertLess(
            count, 1.1 * recorded, "`make instructions` shows where, and writes it down anew")


for a_mode in instructions.MODES:
    for number in instructions.ADDRESSES:
        setattr(Instructions, f"test_{a_mode}_{number}",
                lambda self, mode=a_mode, addresses=number: self.must_not_grow(mode, addresses))

dgramtest.main()
