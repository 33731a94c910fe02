"""200 copies of a plug-in that are cut or have a bit flipped: a reload says a line of each, and the daemon serves
on. What happened to the process that opened them is counted."""

import collections
import os
import random
import re
import signal
import tempfile

import dgramtest
import plugins

COPIES = dgramtest.scaled(200, at_least=40)


def damage(data, number):
    """One half is cut somewhere, the other has a bit flipped: of four one somewhere, the others in the headers
    and tables at the beginning."""
    draw = random.Random(number)
    if number % 2 == 0:
        return data[:draw.randrange(len(data))]
    place = draw.randrange(len(data) if number % 8 == 1 else 0x600)
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1:]


class Damaged(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgramd-damaged-")
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "hello.so")
        options = "static const struct dgram_parameter parameters[] = {\n" \
            '\t{ .name = "loud", .type = DGRAM_BOOLEAN, .sentence = "Whether it shouts." },\n};\n'
        plugins.build(self.path, plugins.answers(
            before=options, fields=".parameters = parameters, .parameters_count = 1"))

    def put(self, data):
        with open(f"{self.path}.new", "wb") as file:
            file.write(data)
        os.rename(f"{self.path}.new", self.path)

    def reload(self, daemon):
        """What the log says of it."""
        before = len(daemon.lines)
        daemon.kill(signal.SIGHUP)
        self.eventually(lambda: any(" main reload" in line for line in daemon.lines[before:]), "a reload")
        said = map(dgramtest.parse_line, daemon.lines[before:])
        return [line for line in said if line["event"] == "configuration"]

    def test_each_is_a_line(self):
        with open(self.path, "rb") as file:
            data = file.read()
        daemon = self.start({"handler": self.path})
        ends, deaths = collections.Counter(), 0
        for number in range(COPIES):
            self.put(damage(data, number))
            said = self.reload(daemon)
            self.assertEqual(len(said), 1, (number, said))
            self.assertIn(self.path, said[0]["message"])
            died = re.search(r"a process that opened it (died of SIG\w+|ended)", said[0]["message"])
            ends[died[1] if died else said[0]["level"]] += 1
            deaths += bool(died)
            if number % 50 == 0:
                self.assertEqual(daemon.ask(), b"hello")
        print(f"# {COPIES} copies: {dict(ends)}")
        self.assertGreater(deaths, 0)
        self.assertGreater(ends["warn"], 0)
        if dgramtest.SLOW == 1:  # those that the loader refuses are one in 20
            self.assertGreater(ends["error"], 0)
        self.assertEqual(daemon.ask(), b"hello")
        self.assertEqual(daemon.stop()["hello"]["failed_handler"], 0)


dgramtest.main()
