"""Rules of the house that a machine can see."""

import pathlib
import re

import dgramtest

TOP = pathlib.Path(dgramtest.TOP)
TOP_LEVEL = {"src", "include", "conf", "tests", "findings", "Makefile", "README.md", "CHANGELOG.md"}
LINES_MAX = 450

FORBIDDEN = {
    r"\bpthread_cancel\b": "threads end themselves",
    r"\bvolatile\b": "not a means of synchronization",
    r"\b(u|nano|clock_nano)?sleep\s*\(": "threads wait for something, not for a while",
    r"\bSO_REUSEADDR\b": "a second server on the same UDP port would take our datagrams",
    r"\batomic_thread_fence\b": "ThreadSanitizer does not model it",
    r"\b(fork|vfork)\s*\(": "never in a process that has threads",
    r"^\s*#\s*if\s+0\b": "dead code",
}

# To block is what this handler is for.
MAY_SLEEP = "src/handlers/simulate.c"

# Before it makes a thread.
MAY_FORK = "src/daemon/inheritance.c"

# TCP alone, where nobody else can have a port that is listened at.
MAY_REUSE = "src/admin/listener.c"

# A function at the beginning of a line: what stands before its name, its name, and that its body follows.
FUNCTION = re.compile(r"^((?:\w[\w \t*()]*?[ \t*\n])?)(\w+)\([^;{}]*?\)\n\{", re.MULTILINE)

# Names that several files may have: each program's main(), each built-in handler's handle().
COMMON = {"main", "handle"}

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def violations(name, text):
    code = COMMENT_OR_STRING.sub(blank, text)
    return [
        f"{name}:{number}: {line.strip()}: {reason}"
        for number, line in enumerate(code.splitlines(), 1)
        for pattern, reason in FORBIDDEN.items() if re.search(pattern, line)
        and not ("sleep" in pattern and str(name) == MAY_SLEEP)
        and not ("fork" in pattern and str(name) == MAY_FORK)
        and not ("REUSE" in pattern and str(name) == MAY_REUSE)]


def functions(path):
    """The functions that a file defines: name, and whether it is static."""
    code = COMMENT_OR_STRING.sub(blank, path.read_text(encoding="utf-8"))
    code = re.sub(r"__attribute__\(\(.*?\)\)+", "", code)
    return [(name, "static" in before.split()) for before, name in FUNCTION.findall(code)]


def is_at_home(path, name):
    """queue_push() is at home in queue.c, log_ring_take() in log/ring.c, log_sinks_open() in log/sink.c,
    param_find() in params.c, sys_send() in sys_linux.c. Public names are dgram.h's."""
    room, noun = path.parent.name, path.stem
    nouns = (noun, f"{noun}s", noun.removesuffix("s"), noun.partition("_")[0])
    homes = ("dgram_", *(f"{each}_" for each in nouns), *(f"{room}_{each}_" for each in nouns))
    return name in COMMON | {noun, f"{room}_{noun}"} or name.startswith(homes)


class Rules(dgramtest.Case):
    def sources(self):
        found = sorted([*TOP.glob("src/**/*.[ch]"), *TOP.glob("include/*.h")])
        self.assertTrue(found)
        return found

    def test_top_level(self):
        visible = {path.name for path in TOP.iterdir() if not path.name.startswith(".")}
        self.assertEqual(visible, TOP_LEVEL)

    def test_forbidden_words(self):
        found = []
        for path in self.sources():
            found += violations(path.relative_to(TOP), path.read_text(encoding="utf-8"))
        self.assertEqual(found, [])

    def test_length_of_files(self):
        lengths = {path: len(path.read_bytes().splitlines()) for path in TOP.glob("src/**/*.[ch]")}
        self.assertEqual({str(path): n for path, n in lengths.items() if n > LINES_MAX}, {})

    def test_functions_stand_where_their_prefix_says(self):
        astray, count = [], 0
        for path in self.sources():
            for name, static in functions(path):
                count += 1
                if not static and not is_at_home(path, name):
                    astray.append(f"{path.relative_to(TOP)}: {name}()")
        self.assertGreater(count, 700)
        self.assertEqual(astray, [])

    def test_no_name_stands_in_two_files(self):
        places = {}
        for path in self.sources():
            for name in {name for name, _ in functions(path)} - COMMON:
                places.setdefault(name, []).append(str(path.relative_to(TOP)))
        self.assertEqual({name: files for name, files in places.items() if len(files) > 1}, {})

    def test_tests_mirror_the_source(self):
        """tests/unit/queue/test_flow_order.c is of a file in src/queue whose name it begins with."""
        astray = [
            path.name for path in TOP.glob("tests/unit/*/test_*.c")
            if not any(
                f"{path.stem}_".startswith(f"test_{source.stem}_")
                for source in TOP.glob(f"src/{path.parent.name}/*.[ch]"))]
        self.assertEqual(astray, [])

    def test_forbidden_words_are_found(self):
        for line in (
                "pthread_cancel(t);", "static volatile int x;", "sleep(1);", "usleep (1);",
                "nanosleep(&t, NULL);", "setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));",
                "atomic_thread_fence(memory_order_seq_cst);", "pid = fork();", "#if 0"):
            with self.subTest(line=line):
                self.assertEqual(len(violations("x.c", f"/* a\n */\n{line}\n")), 1)

    def test_what_only_looks_like_them_is_not(self):
        text = '/* no\n * volatile */ // sleep(1)\nputs("fork() \\" volatile");\nasleep(); forkful();\n'
        self.assertEqual(violations("x.c", text), [])


dgramtest.main()
