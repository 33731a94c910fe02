"""dgramd(8) has every option, event, field, reason and exit code, and no event that is not logged; dgram(3) and
dgram_main(3) have every function of their headers."""

import os
import pathlib
import re

import dgramtest

TOP = pathlib.Path(dgramtest.TOP)

# A row of src/log/event.h: identifier, level, how often, name, meaning.
ROW = re.compile(r'X\((EVENT_\w+), ([A-Z]+), ([A-Z]+),\s*"([^"]+)",\s*((?:"[^"]*"\s*)+)\)')

# A row of src/core/ledger.h: field or identifier, name of a reason, sentence, advice.
FIGURE = re.compile(
    r'^\tX\((\w+), (?:"(\w+)",|[A-Z]+, "\w+",)\s*((?:"[^"]*"\s*)+)(?:,\s*((?:"[^"]*"\s*)+))?\)',
    re.MULTILINE)


def read_rows():
    text = (TOP / "src/log/event.h").read_text(encoding="utf-8").replace("\\\n", "\n")
    return [
        (event, level, often, name, joined(meaning))
        for event, level, often, name, meaning in ROW.findall(text)]


def joined(strings):
    """C's string literals, one behind the other."""
    return "".join(re.findall(r'"([^"]*)"', strings))


def plain(text):
    """What a reader sees of lines of mdoc(7), in one line."""
    text = " ".join(re.sub(r"(?m)^\.[A-Z][a-z] ?", "", text).split())
    return re.sub(r" ([.,:;])(?= |$)", r"\1", text)


class Manual(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        page = (TOP / "src/daemon/dgramd.8").read_text(encoding="utf-8")
        cls.page = page
        cls.words = set(re.findall(r"\w+", page))
        cls.items = {
            item for line in re.findall(r"^\.It (.*)$", page, re.MULTILINE)
            for item in line.removeprefix("Cm ").split(" , ")}
        cls.source = "\n".join(
            path.read_text(encoding="utf-8") for path in (TOP / "src").rglob("*.[ch]"))

    def found(self, pattern, at_least):
        names = set(re.findall(pattern, self.source))
        self.assertGreater(len(names), at_least, names)
        return names

    def test_options(self):
        options = re.findall(r"--([a-z-]+)", dgramtest.run_dgramd("--help").stdout)
        for option in options:
            self.assertRegex(self.page, rf"(?m)^\.It .*Fl -{option}\b")
        self.assertGreater(len(options), 7)

    def test_events(self):
        """An item for each name, in which the meaning of each of its rows stands word for word."""
        items = {
            name: plain(text)
            for section in re.findall(r"(?ms)^\.Ss Events.*?^\.El$", self.page)
            for name, text in re.findall(r"(?ms)^\.It (.*?)\n(.*?)(?=^\.It|^\.El)", section)}
        rows = read_rows()
        self.assertEqual(set(items), {name for _, _, _, name, _ in rows})
        for event, _, _, name, meaning in rows:
            self.assertIn(meaning, items[name], event)

    def test_rows_of_events(self):
        """Each is in use, and what the daemon and handlers log by its name is a row with that level."""
        rows = read_rows()
        text = (TOP / "src/log/event.h").read_text(encoding="utf-8")
        self.assertEqual(len(rows), text.count("X(EVENT_"))
        loggers = "".join(
            path.read_text(encoding="utf-8")
            for room in ("daemon", "process") for path in (TOP / "src" / room).glob("*.c"))
        by_name = re.findall(
            r'dgram_\w*log\(\s*[^;"]*?,\s*DGRAM_LOG_(\w+),\s*"([^"]+)"', loggers)
        self.assertEqual(len(by_name), len(re.findall(r"dgram_(server_|request_|)log\(", loggers)))
        self.assertGreater(len(by_name), 5)
        self.assertEqual(set(by_name) - {(level, name) for _, level, _, name, _ in rows}, set())
        used = set(re.findall(r"\bEVENT_[A-Z_]+\b", self.source.replace(text, "")))
        self.assertEqual(
            [event for event, level, _, name, _ in rows
             if event not in used and (level, name) not in by_name], [])

    def test_fields(self):
        fields = self.found(r'log_(?:uint|int|text|addr|bytes)\(\s*"(\w+)"', 25)
        self.assertEqual(fields - self.words, set())

    def test_figures(self):
        """THE LEDGER has an item for each row of the table, with its sentence word for word, and its advice as
        a sentence, and no other."""
        text = (TOP / "src/core/ledger.h").read_text(encoding="utf-8").replace("\\\n", "\n")
        rows = {
            {"DROP": "dropped_", "FAIL": "failed_"}.get(identifier[:4], "") + (reason or identifier):
                (joined(sentence), joined(advice))
            for identifier, reason, sentence, advice in FIGURE.findall(text)}
        self.assertEqual(len(rows), len(re.findall(r"^\tX\(", text, re.MULTILINE)))
        section = re.search(r"(?ms)^\.Sh THE LEDGER$.*?(?=^\.Sh)", self.page)[0]
        items = {
            name: plain(item)
            for name, item in re.findall(r"(?ms)^\.It Cm (\w+)\n(.*?)(?=^\.It|^\.El)", section)}
        self.assertGreater(len(rows), 25)
        self.assertEqual(set(items), set(rows))
        for name, (sentence, advice) in rows.items():
            self.assertIn(sentence, items[name], name)
            self.assertEqual(bool(advice), name.startswith(("dropped_", "failed_")) and "kernel" not in name)
            self.assertIn(advice and f"{advice[0].upper()}{advice[1:]}.", items[name], name)

    def test_exit_codes(self):
        codes = {"EX_OK": 0, **{
            name: getattr(os, name) for name in self.found(r"\b(EX_[A-Z]+)\b", 4)}}
        for name, code in codes.items():
            self.assertIn(f"\n.It {code}\n", self.page, name)


class Ctl(dgramtest.Case):
    def test_commands_options_and_exit_codes(self):
        page = (TOP / "src/ctl/dgramctl.1").read_text(encoding="utf-8")
        said = dgramtest.run_dgramd("--help", program=f"{dgramtest.BUILD}/dgramctl").stdout
        options = re.findall(r"^  --([a-z-]+)", said, re.MULTILINE)
        commands = re.findall(r"^  ([a-z][a-z-]*) ", said, re.MULTILINE)
        self.assertEqual((len(options), len(commands)), (5, 12))
        for option in options:
            self.assertRegex(page, rf"(?m)^\.It Fl -{option}\b")
        self.assertEqual(re.findall(r"(?m)^\.It Cm ([a-z-]+)", page), commands)
        source = "".join(path.read_text(encoding="utf-8") for path in (TOP / "src/ctl").glob("*.c"))
        codes = {getattr(os, name) for name in re.findall(r"\b(EX_[A-Z]+)\b", source)} | {1}
        self.assertEqual({int(code) for code in re.findall(r"(?m)^\.It (\d+)$", page)}, codes)


def in_words(text):
    return " ".join(re.findall(r"\w+|\.\.\.|\*", text))


def declared_in(header):
    """Each result and name of a function, and its parameters."""
    return {
        in_words(before): in_words(parameters) for before, parameters in re.findall(
            r"^DGRAM_API ([^;(]*)\(([^;)]*)\)", header, re.MULTILINE)}


def shown_in(page):
    shown = {}
    for result, fn, fn_parameters, fo, fo_parameters in re.findall(
            r"^\.Ft (.*)\n(?:\.Fn (\w+) (.*)|\.Fo (\w+)\n((?:\.Fa .*\n)+)\.Fc)$", page, re.MULTILINE):
        parameters = (fn_parameters + fo_parameters).replace(".Fa", "")
        shown[in_words(f"{result} {fn}{fo}")] = in_words(parameters)
    return shown


class Library(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        cls.header = (TOP / "include/dgram.h").read_text(encoding="utf-8")
        cls.page = (TOP / "src/server/dgram.3").read_text(encoding="utf-8")

    def test_functions(self):
        self.assertGreater(len(declared_in(self.header)), 20)
        self.assertEqual(shown_in(self.page), declared_in(self.header))

    def test_functions_of_the_daemon(self):
        header = (TOP / "include/dgramd.h").read_text(encoding="utf-8")
        page = (TOP / "src/daemon/dgram_main.3").read_text(encoding="utf-8")
        self.assertEqual(len(declared_in(header)), 1)
        self.assertEqual(shown_in(page), declared_in(header))

    def test_all_functions_are_explained(self):
        text = self.page.partition(".Sh DESCRIPTION")[2]
        for name in re.findall(r"^DGRAM_API [^;(]*?\b(\w+)\(", self.header, re.MULTILINE):
            self.assertRegex(text, rf"(?m)^\.(It )?Fn {name}\b", name)

    def test_types_of_options(self):
        types = re.findall(r"^\t(DGRAM_\w+),", re.search(
            r"enum dgram_type \{(.*?)\}", self.header, re.DOTALL)[1], re.MULTILINE)
        self.assertEqual(re.findall(r"^\.It Dv (DGRAM_\w+) Ta", self.page, re.MULTILINE), types)

    def test_the_examples_are_the_readmes(self):
        readme = (TOP / "README.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```c\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
        for page, block in zip(("server/dgram.3", "daemon/dgram_main.3"), blocks):
            text = (TOP / "src" / page).read_text(encoding="utf-8")
            self.assertEqual(
                re.search(r"^\.Bd [^\n]*\n(#include.*?)^\.Ed$", text, re.DOTALL | re.MULTILINE)[1], block)


dgramtest.main()
