"""What a request costs in instructions of the product's own code has not grown by more than a tenth
since it was written down (instructions.txt)."""

import os
import shutil
import tempfile
import unittest

import dgramtest
import instructions
import plugins


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

    def test_plugin(self):
        """A plug-in costs a request at most 5 instructions more than the same handler linked in."""
        with tempfile.TemporaryDirectory(prefix="dgram-plugin-") as directory:
            source = '#include "handlers/echo.c"\nDGRAM_PLUGIN(handler_echo);\n'
            echo = plugins.build(
                os.path.join(directory, "echo.so"), source, "-I", os.path.join(dgramtest.TOP, "src"))
            for mode in instructions.MODES:
                linked = instructions.total(instructions.count(mode, 16))
                counted = instructions.count(mode, 16, echo)
                self.assertIn(echo, counted)
                plugin = instructions.total(counted)
                print(f"# {mode}: {linked:.1f} instructions a request linked in, {plugin:.1f} in a plug-in")
                self.assertLessEqual(plugin, linked + 5)


for a_mode in instructions.MODES + instructions.GUARDED:
    for number in instructions.ADDRESSES:
        setattr(Instructions, f"test_{a_mode.replace('-', '_')}_{number}",
                lambda self, mode=a_mode, addresses=number: self.must_not_grow(mode, addresses))

dgramtest.main()
