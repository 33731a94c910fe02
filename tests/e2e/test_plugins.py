"""Plug-ins: found, checked, served, and each way in which one fails, which is a line and no more."""

import json
import os
import re
import signal
import subprocess
import tempfile

import dgramtest
import plugins

BAD_CONFIG = 78
CHILD = os.path.join(dgramtest.BUILD, "dgram-child")

OPTIONS = """
static const char *const moods[] = { "glad", "sad", NULL };
static const struct dgram_parameter parameters[] = {
	{ .name = "greeting", .type = DGRAM_TEXT, .maximum = 40, .text = "good\\nday", .sentence = "What it says." },
	{ .name = "times", .type = DGRAM_WHOLE, .minimum = 1, .maximum = 3, .initial = 2, .sentence = "How often." },
	{ .name = "share", .type = DGRAM_NUMBER, .minimum = -0.1, .maximum = 1, .initial = 1.0 / 3,
		.sentence = "How much." },
	{ .name = "mood", .type = DGRAM_WORD, .words = moods, .initial = 1, .sentence = "How." },
	{ .name = "names", .type = DGRAM_TEXTS, .maximum = 4, .sentence = "To whom." },
	{ .name = "loud", .type = DGRAM_BOOLEAN, .required = true, .sentence = "Whether it shouts.",
		.live = true },
};
static char greeting[64];
static _Atomic(const char *) said = greeting;
static int open_it(void *context, const struct dgram_start *start, void **ret_state)
{
	(void)context, (void)ret_state;
	dgram_log(start, DGRAM_LOG_INFO, "opened", "mood %s", start->values[3].text);
	snprintf(greeting, sizeof(greeting), "%s %d", start->values[0].text, (int)start->values[1].number);
	return 0;
}
static int take(void *state, const struct dgram_start *start)
{
	(void)state;
	atomic_store(&said, start->values[5].number > 0 ? "LOUD" : "not loud");
	return 0;
}
"""


def with_options():
    fields = ".open = open_it, .parameters = parameters, .parameters_count = 6, .reconfigure = take"
    return "#include <stdatomic.h>\n#include <stdio.h>\n" + plugins.answers("atomic_load(&said)", before=OPTIONS, fields=fields)


def initializer(body):
    return "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <sys/mman.h>\n" \
        f"#include <sys/syscall.h>\n#include <unistd.h>\n__attribute__((constructor)) static void begin(void)\n{{\n{body}\n}}\n"


def is_dead(pid):
    """Gone, or waiting for a parent that does not ask."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class PluginCase(dgramtest.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dgramd-plugins-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, config):
        with open(self.path("server.json"), "w", encoding="utf-8") as file:
            file.write(config if isinstance(config, str) else json.dumps(config))
        return self.path("server.json")

    def check(self, config):
        return dgramtest.run_dgramd("-t", "-c", self.write(config), cwd="/")

    def must_refuse(self, why, name="hello.so"):
        """The same line from -t and from the start."""
        line = f'{self.path("server.json")}:1:13: error: handler: {self.path(name)}: '
        self.write({"handler": f"./{name}"})
        for words in ["-t"], []:
            done = dgramtest.run_dgramd(*words, "-c", self.path("server.json"), cwd="/")
            self.assertEqual((done.returncode, done.stdout), (BAD_CONFIG, ""), done.stderr)
            first = done.stderr.splitlines()[0]
            self.assertEqual(first[:len(line)], line)
            self.assertEqual(re.sub(r"(?<=and not )\d+", "SIZE", first[len(line):]), why)
            self.assertEqual(len(done.stderr.splitlines()), 3)


class Good(PluginCase):
    def setUp(self):
        super().setUp()
        plugins.build(self.path("hello.so"), with_options())

    def test_serves(self):
        """With each concurrency, from the folder of the file, with options, its open() and its log."""
        for concurrency in "pool", "inline", "process":
            daemon = self.start({"handler": self.path("hello.so"), "concurrency": concurrency,
                "options": {"loud": True, "greeting": "hi"}})
            self.assertEqual(daemon.ask(b"?"), b"hi 2")
            self.assertEqual(daemon.wait_for("opened")["service"], "hello")
            self.assertEqual(daemon.stop()["hello"]["replied"], 1)

    def test_is_found_from_the_folder_of_the_configuration(self):
        config = {"handler": "./hello.so", "options": {"loud": True}}
        done = self.check(config)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        os.mkdir(self.path("below"))
        os.rename(self.path("hello.so"), self.path("below/hello.so"))
        done = self.check({**config, "handler": "below/hello.so"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        words = ("-t", "--set", "handler=below/hello.so", "--set", "options.loud=true")
        self.assertEqual(dgramtest.run_dgramd(*words, cwd=self.directory).returncode, 0)
        self.assertEqual(dgramtest.run_dgramd(*words, cwd="/").returncode, BAD_CONFIG)

    def test_options_are_checked(self):
        config = '{"handler": "./hello.so", "options":\n{"greting": 1, "times": 7, "mood": "sda"}}'
        done = self.check(config)
        path = self.path("server.json")
        self.assertEqual(done.returncode, BAD_CONFIG)
        self.assertEqual(done.stderr, f"""\
{path}:2:1: error: options.loud: missing: the handler "hello" needs it
    2 | {{"greting": 1, "times": 7, "mood": "sda"}}}}
      | ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
{path}:2:2: error: options.greting: unknown option; did you mean "greeting"?
    2 | {{"greting": 1, "times": 7, "mood": "sda"}}}}
      |  ^~~~~~~~~
{path}:2:25: error: options.times: must be a whole number from 1 to 3
    2 | {{"greting": 1, "times": 7, "mood": "sda"}}}}
      |                         ^
{path}:2:36: error: options.mood: must be one of "glad", "sad"; did you mean "sad"?
    2 | {{"greting": 1, "times": 7, "mood": "sda"}}}}
      |                                    ^~~~~
""")

    def test_defaults_are_printed(self):
        config = self.write({"handler": "./hello.so", "options": {"loud": False}})
        done = dgramtest.run_dgramd("-T", "-c", config)
        printed = json.loads(done.stdout)
        self.assertEqual(printed["handler"], "./hello.so")
        self.assertEqual(printed["options"], {
            "greeting": "good\nday", "times": 2, "share": 1 / 3, "mood": "sad", "names": [], "loud": False})
        self.assertEqual(self.check(done.stdout).returncode, 0)

    def test_schema(self):
        """The plug-in's options stand in it under the name of its file, in any folder."""
        done = dgramtest.run_dgramd("--schema", "hello.so", cwd=self.directory)
        schema = json.loads(done.stdout)
        plain = json.loads(dgramtest.run_dgramd("--schema").stdout)
        row = schema["allOf"].pop()
        schema["properties"]["services"]["items"]["allOf"].pop()
        self.assertEqual(schema, plain)
        self.assertEqual(row["if"]["properties"]["handler"], {"pattern": r"/hello\.so$"})
        options = row["then"]["properties"]["options"]
        self.assertEqual(options["required"], ["loud"])
        self.assertEqual(options["properties"]["share"], {
            "description": "How much. Takes effect after a restart.", "type": "number", "minimum": -0.1,
            "maximum": 1, "default": 1 / 3})
        done = dgramtest.run_dgramd("--schema", "./nosuch.so", cwd="/")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (
            BAD_CONFIG, "", "dgramd: error: ./nosuch.so: No such file or directory\n"))

    def test_schema_of_an_option_without_bounds(self):
        """And without a sentence."""
        table = "#include <math.h>\nstatic const struct dgram_parameter parameters[] = {\n" \
            '\t{ .name = "any", .type = DGRAM_NUMBER, .minimum = -INFINITY, .maximum = INFINITY },\n};\n'
        plugins.build(self.path("hello.so"), plugins.answers(
            before=table, fields=".parameters = parameters, .parameters_count = 1"))
        done = dgramtest.run_dgramd("--schema", self.path("hello.so"))
        row = json.loads(done.stdout)["allOf"].pop()
        self.assertEqual(row["then"]["properties"]["options"]["properties"], {"any": {
            "description": "Takes effect after a restart.", "type": "number", "default": 0}})

    def test_child_says_what_it_is(self):
        done = subprocess.run([CHILD, self.path("hello.so")], capture_output=True, text=True, check=True)
        said = json.loads(done.stdout)
        names = [option["name"] for option in said["options"]]
        self.assertEqual(names, ["greeting", "times", "share", "mood", "names", "loud"])
        self.assertEqual([done.stderr, said["abi"], said["name"]], ["", 2, "hello"])

    def test_two_with_the_same_internal_names(self):
        """Names that they show, as those of dgramd's own functions, and hidden ones, as that of a library of dgramd's."""
        before = '__attribute__((visibility("default"))) const char *queue_push(void);\n' \
            'const char *cJSON_Print(void);\n' \
            'const char *cJSON_Print(void)\n{\n\treturn TEXT;\n}\n' \
            'const char *queue_push(void)\n{\n\treturn cJSON_Print();\n}\n'
        for text in "one", "two":
            plugins.build(self.path(f"{text}.so"), plugins.answers(
                "queue_push()", name=text, before=before.replace("TEXT", f'"{text}"')))
        daemon = self.start({"services": [
            {"handler": self.path("one.so")}, {"handler": self.path("two.so")}]})
        self.assertEqual([daemon.ask(service=name) for name in ("one", "two")], [b"one", b"two"])

    def test_one_file_in_two_services(self):
        options = {"loud": True}
        daemon = self.start({"services": [
            {"name": "a", "handler": self.path("hello.so"), "options": options},
            {"name": "b", "handler": self.path("hello.so"), "options": options}]})
        self.assertEqual([daemon.ask(service=name) for name in "ab"], [b"good\nday 2"] * 2)
        self.assertEqual([line["service"] for line in daemon.events("opened")], ["a", "b"])

    def test_signals_do_not_reach_its_threads(self):
        """They would end the daemon."""
        before = "#include <pthread.h>\n#include <unistd.h>\nstatic void *wait_for_ever(void *argument)\n{\n" \
            "\tfor (;;)\n\t\tpause();\n\treturn argument;\n}\n" \
            "__attribute__((constructor)) static void begin(void)\n{\n\tpthread_t thread;\n" \
            "\tif (pthread_create(&thread, NULL, wait_for_ever, NULL) == 0)\n\t\tpthread_detach(thread);\n}\n"
        plugins.build(self.path("hello.so"), plugins.answers(before=before))
        daemon = self.start({"handler": self.path("hello.so")})
        for count in range(1, 6):
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded", count)
        daemon.stop()

    def test_initializer_that_reads(self):
        """It finds nothing, whatever dgramd's standard input is."""
        plugins.build(self.path("hello.so"), plugins.answers(before=initializer(
            "char byte;\nif (read(0, &byte, 1) != 0)\n\tabort();")))
        self.write({"handler": "./hello.so"})
        words = dgramtest.command("-t", "-c", self.path("server.json"))
        done = subprocess.run(words, input="hello", capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_where_children_are_ignored(self):
        """As by a parent that wants no zombies: their status would be lost."""
        done = dgramtest.run_dgramd("-t", "-c", self.write({
            "handler": "./hello.so", "options": {"loud": True}}),
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Changed(PluginCase):
    def start_with(self, source, **keys):
        plugins.build(self.path("hello.so"), source)
        config = {"handler": self.path("hello.so"), **keys}
        return self.start(config), config

    def reload(self, daemon, config):
        daemon.write_config(dgramtest.with_test_values(config))
        daemon.kill(signal.SIGHUP)

    def test_live_options(self):
        config = {"options": {"loud": True}}
        daemon, config = self.start_with(with_options(), **config)
        for loud, said in (False, b"not loud"), (True, b"LOUD"):
            self.reload(daemon, {**config, "options": {"loud": loud}})
            daemon.wait_for("reloaded", count=1 + loud)
            self.assertEqual(daemon.ask(), said)
        self.assertEqual([line["message"] for line in daemon.events("configuration")], [
            "options.loud true -> false: in effect now", "options.loud false -> true: in effect now"])
        daemon.stop()

    def test_waits_for_a_restart(self):
        """Also with options that only the new one has. Until then the old one serves, and nothing is said of a
        file that did not change."""
        daemon, config = self.start_with(plugins.answers('"old"'))
        self.reload(daemon, config)
        daemon.wait_for("reloaded")
        self.assertEqual(daemon.events("configuration"), [])
        plugins.build(self.path("hello.so"), with_options())
        self.reload(daemon, {**config, "options": {"loud": True}})
        daemon.wait_for("reloaded", count=2)
        text = self.path("hello.so")
        self.assertEqual([line["message"] for line in daemon.events("configuration")], [
            f"handler {text} -> {text}, which has changed: takes effect after a restart"])
        self.assertEqual(daemon.ask(), b"old")
        os.rename(self.path("hello.so"), self.path("away.so"))
        self.reload(daemon, config)
        daemon.wait_for("reload refused")
        self.assertIn(f"{text}: No such file or directory", daemon.events("configuration")[-1]["message"])
        self.assertEqual(daemon.ask(), b"old")
        daemon.stop()

    def test_a_new_one_is_not_opened_beside_what_serves(self):
        """It is described by the child alone, so one that kills its process refuses the reload."""
        daemon, config = self.start_with(plugins.answers('"old"'))
        marker = self.path("opened-by")
        before = initializer(
            f'FILE *file = fopen("{marker}", "a");\nfprintf(file, "%d\\n", getpid());\nfclose(file);')
        plugins.build(self.path("new.so"), plugins.answers('"new"', before=before))
        self.reload(daemon, {**config, "handler": self.path("new.so")})
        daemon.wait_for("reloaded")
        with open(marker, encoding="ascii") as file:
            pids = file.read().split()
        self.assertEqual(len(pids), 1)
        self.assertNotEqual(int(pids[0]), daemon.process.pid)
        plugins.build(self.path("new.so"), plugins.answers('"new"', before=initializer("abort();")))
        self.reload(daemon, {**config, "handler": self.path("new.so")})
        daemon.wait_for("reload refused")
        self.assertIn("new.so: a process that opened it died of SIGABRT",
            daemon.events("configuration")[-1]["message"])
        self.assertEqual(daemon.ask(), b"old")
        daemon.stop()


class Bad(PluginCase):
    def must_refuse_source(self, why, *flags, **words):
        plugins.build(self.path("hello.so"), plugins.answers(**words), *flags)
        self.must_refuse(why)

    def must_refuse_bytes(self, why, data):
        with open(self.path("hello.so"), "wb") as file:
            file.write(data)
        self.must_refuse(why)

    def must_refuse_start(self, why, body, *flags):
        """What its initializer does."""
        self.must_refuse_source(why, *flags, before=initializer(body))

    def patched(self, place, value):
        plugins.build(self.path("hello.so"), plugins.answers())
        with open(self.path("hello.so"), "rb") as file:
            data = bytearray(file.read())
        data[place] = value
        return bytes(data)

    def test_no_file(self):
        self.must_refuse("No such file or directory")
        os.mkdir(self.path("hello.so"))
        self.must_refuse("is not a file")
        os.mkfifo(self.path("pipe.so"))
        self.must_refuse("is not a file", "pipe.so")

    def test_no_shared_object(self):
        self.must_refuse_bytes("file too short", b"hello\n")
        self.must_refuse_bytes("invalid ELF header", b"hello\n" * 100)
        with open(dgramtest.DGRAMD, "rb") as file:
            self.must_refuse_bytes("cannot dynamically load position-independent executable", file.read())

    def test_another_machine(self):
        with open("/proc/self/exe", "rb") as file:
            machine = file.read(20)[18]
        self.must_refuse_bytes("is for another kind of machine", self.patched(18, 243 if machine != 243 else 62))
        self.must_refuse_bytes("wrong ELF class: ELFCLASS32", self.patched(4, 1))

    def test_path_that_the_loader_changes(self):
        """A right file, of which dlopen(3) reads another name."""
        plugins.build(self.path("$LIB.so"), plugins.answers())
        self.must_refuse("has a $ in its path, where the loader puts a name of its own", "$LIB.so")

    def test_missing_symbols(self):
        self.must_refuse_source(
            "is no plug-in: it has no symbol dgram_plugin, which DGRAM_PLUGIN() makes",
            "-Ddgram_plugin=another")
        self.must_refuse_source("undefined symbol: no_such_function", text="no_such_function()",
            before="const char *no_such_function(void);\n")

    def test_missing_library(self):
        plugins.build(self.path("libneeded.so"), "int needed;\n", "-Wl,-soname,libneeded.so.1")
        plugins.build(self.path("hello.so"), plugins.answers(), "-Wl,--no-as-needed",
            self.path("libneeded.so"))
        self.must_refuse("libneeded.so.1: cannot open shared object file: No such file or directory")

    def test_another_abi(self):
        for abi in 1, 3, 99:
            self.must_refuse_source(
                f"was built with a dgram.h of ABI {abi}, and this dgramd has 2: build it again",
                before=f"#undef DGRAM_ABI\n#define DGRAM_ABI {abi}u\n")
        small = "const struct dgram_plugin dgram_plugin = { DGRAM_ABI, 8, &handler }"
        self.must_refuse_source("has a handler of 8 bytes, and not SIZE: build it again",
            before=f"#undef DGRAM_PLUGIN\n#define DGRAM_PLUGIN(handler) {small}\n")

    def test_faults_of_its_handler(self):
        table = "static const struct dgram_parameter parameters[] = {{ {{ {} }} }};\n"
        fields = ".parameters = parameters, .parameters_count = 1"
        self.must_refuse_source("handler->parameters[0]: has no name", before=table.format(".type = DGRAM_TEXT"), fields=fields)
        self.must_refuse_source("handler->parameters[0]: has no words",
            before=table.format('.name = "x", .type = DGRAM_WORD'), fields=fields)
        self.must_refuse_source("handler->parameters[0]: missing", fields=".parameters_count = 1")
        self.must_refuse_source("handler->name: may have a-z, 0-9 and -, a letter first", name="X")
        self.must_refuse_source("handler->abi: is 0, and this library serves 2: set it to DGRAM_ABI and build again", fields=".abi = 0",
            before='#pragma GCC diagnostic ignored "-Woverride-init"\n')

    def test_texts_that_are_not_utf8(self):
        """-T and --schema would print what is no JSON."""
        table = 'static const struct dgram_parameter parameters[] = {{ {{ {}, .type = DGRAM_TEXT, .maximum = 9 }} }};\n'
        for field in '.name = "caf\\xe9"', '.name = "x", .text = "caf\\xe9"', '.name = "x", .sentence = "caf\\xe9"':
            self.must_refuse_source("has a text that is not UTF-8", before=table.format(field),
                fields=".parameters = parameters, .parameters_count = 1")

    def test_functions_that_are_nowhere(self):
        for field in "open = (int (*)(void *, const struct dgram_start *, void **))", "busy = handle, .close = (void (*)(void *))", \
                "reconfigure = (int (*)(void *, const struct dgram_start *))":
            self.must_refuse_source("has a handler with a function that is nowhere", fields=f".{field}8")

    def test_initializer_that_dies(self):
        self.must_refuse_start("a process that opened it died of SIGKILL", "raise(SIGKILL);")
        self.must_refuse_start(
            "a process that opened it died of SIGABRT; it wrote: cannot find my x\\x1b[31m and y",
            'printf("cannot find my x\\x1b[31m"); fflush(stdout);\nfputs("\\nand y\\n", stderr); abort();')
        done = dgramtest.run_dgramd("--schema", self.path("hello.so"))
        self.assertEqual((done.returncode, done.stdout), (BAD_CONFIG, ""))
        self.assertIn(": a process that opened it died of SIGABRT; it wrote: cannot find my x\\x1b[31m and y\n", done.stderr)
        self.must_refuse_start("a process that opened it ended with 3; it wrote: no licence",
            'puts("no licence"); fflush(stdout); syscall(SYS_exit_group, 3);')
        self.must_refuse_start("a process that opened it ended with 0",
            "syscall(SYS_exit_group, 0);")

    def test_initializer_that_takes_all(self):
        """Memory and files have a bound, and what it started is ended."""
        self.must_refuse_start("a process that opened it died of SIGABRT; it wrote: no memory",
            "while (mmap(NULL, 1 << 28, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)\n\t;\nfputs(\"no memory\", stderr); abort();")
        self.must_refuse_start("a process that opened it died of SIGXFSZ",
            'static char zeros[1 << 20];\nwhile (write(1, zeros, sizeof(zeros)) > 0)\n\t;')

    def test_initializer_that_hangs(self):
        """With a process that it has started."""
        plugins.build(self.path("hello.so"), plugins.answers(before=initializer(
            f'FILE *file = fopen("{self.path("pids")}", "w");\nint pid = fork();\n'
            'if (pid != 0) { fprintf(file, "%d %d", getpid(), pid); fclose(file); fputs("one moment", stderr); }\n'
            'for (;;)\n\tpause();')))
        done = self.check({"handler": "./hello.so"})
        self.assertEqual(done.returncode, BAD_CONFIG)
        self.assertIn(": opening it takes longer than 10 s; it wrote: one moment\n", done.stderr)
        with open(self.path("pids"), encoding="ascii") as file:
            for pid in file.read().split():
                self.eventually(lambda pid=pid: is_dead(pid), "its end")

    def test_open_that_fails_says_why_itself(self):
        before = """#include <errno.h>
static int open_it(void *context, const struct dgram_start *start, void **ret_state)
{
	(void)context, (void)ret_state;
	dgram_log(start, DGRAM_LOG_ERROR, "no database", "names.db is empty");
	return -ENOENT;
}
"""
        plugins.build(self.path("hello.so"), plugins.answers(before=before, fields=".open = open_it"))
        daemon = self.start({"handler": self.path("hello.so")}, ready=False)
        daemon.wait(BAD_CONFIG)
        self.assertEqual(daemon.events("no database")[0]["message"], "names.db is empty")


dgramtest.main()
