"""What a handler is promised, in each form that it can have, with each concurrency. tests/e2e/subject.c is the
handler; a further form is a row of FORMS."""
# valgrind

import atexit
import json
import os
import shutil
import signal
import tempfile
import time

import dgramtest
import plugins


class Form:
    """How the handler comes to the daemon: a program that runs (None: dgramd), and what `handler` names."""

    def __init__(self, name, program, handler):
        self.name, self.program, self.handler = name, program, handler


FOLDER = tempfile.TemporaryDirectory(prefix="dgramd-handlers-")
atexit.register(FOLDER.cleanup)
FORMS = [
    Form("linked", os.path.join(dgramtest.BUILD, "tests/e2e/subject"), "subject"),
    Form("plugin", None, plugins.build(
        os.path.join(FOLDER.name, "subject.so"), os.path.join(dgramtest.TOP, "tests/e2e/subject.c"), "-DPLUGIN")),
]

LONGEST = 512  # max_datagram_bytes here

# A request, what comes back, and where it is in the books; where the answer is not the same each time, a function
# of the test, the client's address and the answer.
REQUESTS = [
    (b"echo hello", [b"hello"], "replied"),
    (b"echo " + bytes(range(256)), [bytes(range(256))], "replied"),
    (b"echo ", [b""], "replied"),
    (b"echo " + b"x" * (LONGEST - 5), [b"x" * (LONGEST - 5)], "replied"),
    (b"x" * (LONGEST + 1), [], "dropped_truncated"),
    (b"", [], "failed_handler"),
    (b"silent", [], "no_reply"),
    (b"fail 5", [], "failed_handler"),
    (b"fail 5000", [], "failed_handler"),
    (b"size", [b"%d" % LONGEST], "replied"),
    (b"fill 0", [b"x" * LONGEST], "replied"),
    (b"fill 1", [], "failed_reply_size"),
    (b"refuse me", [], "dropped_verify"),
    (b"options", [b"hello 10 slow/0 0.5 0"], "replied"),
    (b"about service", [b"subject"], "replied"),
    (b"about state", [b"mine"], "replied"),
    (b"about client", [lambda case, client, _: client], "replied"),
    (b"about local", [lambda case, _, server: server], "replied"),
    (b"about server", [lambda case, _, server: b"none here" if case.is_apart() else server], "replied"),
    (b"now or never", [b"or never"], "replied"),
    (b"twice told", [b"told", b"told again"], "replied"),
    (b"send back", [b"back"], "no_reply"),
    (b"log this", [b""], "replied"),
]


def text_of(address):
    return f"{address[0]}:{address[1]}".encode()


class Suite:
    """For a class with `form` and `concurrency`."""

    def is_apart(self):
        """In children, one for each of two workers."""
        return self.concurrency == "process"

    def config(self, **keys):
        return {"handler": self.form.handler, "concurrency": self.concurrency,
                "max_datagram_bytes": LONGEST, "pool": {"workers": 2}, **keys}

    def begin(self, ready=True, **keys):
        return self.start(self.config(**keys), program=self.form.program, ready=ready)

    def test_requests(self):
        daemon = self.begin()
        if self.is_apart():
            daemon.wait_for("subject", 2, message="opened")
        server = text_of(daemon.address())
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            here = text_of(client.getsockname())
            for request, replies, _ in REQUESTS:
                client.send(request)
                for expected in replies:
                    expected = expected(self, here, server) if callable(expected) else expected
                    self.assertEqual(client.recv(65536), expected, request)
        ledger = daemon.stop()["subject"]
        wanted = {}
        for _, _, place in REQUESTS:
            wanted[place] = wanted.get(place, 0) + 1
        books = {name: count for name, count in ledger.items()
                 if count and (name in ("replied", "no_reply") or name.startswith(("dropped_", "failed_")))}
        self.assertEqual(books, wanted)
        self.assertEqual(ledger["replies_extra"], 1)
        said = [line["message"] for line in daemon.events("subject")]
        self.assertEqual(said[0], "opened")
        self.assertCountEqual(said[1:], [
            *(["opened"] if self.is_apart() else []),
            "this", "failed by 5", "failed by 22", "failed by 22", "failed by 90"])
        self.assertEqual(daemon.events("subject", message="this")[0]["client"], here.decode())

    def test_time_of_arrival(self):
        daemon = self.begin()
        before = int(time.time()) - 1
        arrived = int(daemon.ask(b"about arrived"))
        self.assertIn(arrived, range(before, int(time.time()) + 1))

    def test_workers_have_states_of_their_own(self):
        daemon = self.begin(**({"pool": {"workers": 1}} if self.is_apart() else {}))
        counts = {}
        for _ in range(dgramtest.scaled(50)):
            number, same, count = daemon.ask(b"about worker").split()
            self.assertEqual(same, b"as")
            counts.setdefault(int(number), []).append(int(count))
        for numbers in counts.values():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertLessEqual(set(counts), {1024} if self.concurrency == "inline" else {0, 1})

    def test_busy_replies(self):
        """More at once than the queue holds; inline there is no queue."""
        daemon = self.begin(queue={"capacity": 1, "busy_replies": True})
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            daemon.freeze()
            for _ in range(50):
                client.send(b"echo served")
            daemon.kill(signal.SIGCONT)
            replies = [client.recv(64)]
            ledger = daemon.stop()["subject"]
            client.setblocking(False)
            try:
                while True:
                    replies.append(client.recv(64))
            except BlockingIOError:
                pass
        self.assertEqual(replies.count(b"busy"), ledger["busy_replied"])
        self.assertEqual(replies.count(b"served"), ledger["replied"])
        if self.concurrency == "inline":
            self.assertEqual(ledger["replied"], 50)
        else:
            self.assertEqual(ledger["busy_replied"] > 0, not self.is_apart())
            self.assertGreater(ledger["dropped_queue_full"], 0)

    def test_options(self):
        daemon = self.begin(options={
            "greeting": "na", "limit": 7, "mode": "quick", "tags": ["a", "b"], "share": 0.25,
            "strict": True})
        self.assertEqual(daemon.ask(b"options"), b"na 7 quick/1 0.25 1 a b")

    def test_bad_options_have_carets(self):
        daemon = self.begin(ready=False, options={"limit": 101, "grating": "x"})
        daemon.wait(78)
        self.assertIn("options.limit: must be a whole number from 0 to 100", daemon.text())
        self.assertIn('options.grating: unknown option; did you mean "greeting"?', daemon.text())
        self.assertIn('"limit": 101,\n      |              ^~~\n', daemon.text())

    def test_printed_configuration(self):
        daemon = self.begin(options={"limit": 7})
        printed = dgramtest.run_dgramd(
            "-T", "-c", daemon.config_path, program=self.form.program).stdout
        self.assertIn('"limit": 7', printed)
        self.assertIn('"greeting": "hello"', printed)

    def reload(self, daemon, event, **keys):
        daemon.write_config({**daemon.config, **keys})
        daemon.kill(signal.SIGHUP)
        return daemon.wait_for(event)

    def test_reload(self):
        """Live options are in effect at once, or as soon as all children have been replaced; one that is not waits
        for a restart."""
        daemon = self.begin(options={"greeting": "first"})
        self.assertEqual(daemon.ask(b"options"), b"first 10 slow/0 0.5 0")
        self.reload(daemon, "reloaded", options={
            "greeting": "second", "limit": 9, "tags": ["x"], "mode": "quick"})
        if self.is_apart():
            daemon.wait_for("child replaced", 2)
        self.assertEqual(daemon.ask(b"options"), b"second 9 slow/0 0.5 0 x")
        self.assertEqual([line["message"] for line in daemon.events("configuration")], [
            "options.greeting first -> second: in effect now",
            "options.limit 10 -> 9: in effect now",
            "options.tags  -> x: in effect now",
            "options.mode slow -> quick: takes effect after a restart"])
        daemon.stop()


class Here(Suite):
    """In a process with the daemon: it can refuse what that does."""

    def test_reload_that_the_handler_refuses(self):
        """Nothing changes, not even what is no option of it."""
        daemon = self.begin()
        line = self.reload(daemon, "reload refused", options={"greeting": "new", "limit": 13},
            min_source_port=65535)
        self.assertEqual(line["message"].split("; ")[0],
            'the handler "subject" of the service "subject" refuses its options: Numerical argument '
            "out of domain")
        self.assertEqual(daemon.ask(b"options"), b"hello 10 slow/0 0.5 0")
        self.assertTrue(daemon.events("subject", message="13 is no limit"))
        self.assertTrue(daemon.events("cannot reconfigure the handler", service="subject"))
        self.assertEqual(daemon.events("configuration"), [])
        daemon.stop()

    def test_start_that_the_handler_refuses(self):
        """It says why in its own words, and the log for which service."""
        for what, why, event in (("open", "no opening today", "cannot open the service"),
                                 ("worker", "no work today", "cannot start the handler")):
            daemon = self.begin(ready=False, options={"refuses": what})
            daemon.wait(71)
            self.assertTrue(daemon.events("subject", message=why, service="subject"), daemon.text())
            self.assertTrue(daemon.events(event, service="subject"), daemon.text())


class Apart(Suite):
    """Of what it does not take only its children die."""

    def test_start_that_the_handler_refuses(self):
        for what, why in ("open", "no opening today"), ("worker", "no work today"):
            daemon = self.begin(options={"refuses": what})
            line = daemon.wait_for("child did not start", code=71)
            self.assertEqual(line["last"], r"cannot start the handler subject: Link has been severedx0a")
            self.assertTrue(daemon.events("subject", message=why, service="subject"), daemon.text())
            daemon.stop()

    def test_options_reach_it_as_they_are(self):
        for tags in [], [""], ["a=b", "\t\n", "tags=x"]:
            daemon = self.begin(options={"greeting": "\u00fc = 1\x01", "tags": tags, "share": 1 / 3})
            wanted = "".join(f" {tag}" for tag in tags)
            self.assertEqual(daemon.ask(b"options").decode(), f"\u00fc = 1\x01 10 slow/0 0.333333 0{wanted}")


class Program(dgramtest.Case):
    """A program around a handler is dgramd in all but its name and its handlers."""

    def run_subject(self, *arguments):
        return dgramtest.run_dgramd(*arguments, program=FORMS[0].program)

    def test_name(self):
        for option, usage in (("--help", "usage: subject "), ("--version", "dgramd ")):
            done = self.run_subject(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith(usage), done.stdout)
        done = self.run_subject("--unknown")
        self.assertEqual(done.returncode, 64)
        self.assertEqual(
            done.stderr, "subject: unknown option: --unknown; see subject --help\n")

    def test_its_handlers_cannot_run_in_children(self):
        daemon = self.start({"handler": "subject", "concurrency": "process"}, program=FORMS[0].program, ready=False)
        daemon.wait(78)
        self.assertIn(
            'error: concurrency: must be "pool" or "inline": the handler "subject" is a part of this program; '
            "build a plug-in of it, which can run in a process of its own", daemon.text())

    def test_schema(self):
        schema = json.loads(self.run_subject("--schema").stdout)
        handler = schema["properties"]["handler"]
        self.assertEqual(
            (handler["anyOf"][0]["enum"], handler["default"]), (["subject", "exec"], "subject"))
        options = schema["allOf"][0]["then"]["properties"]["options"]["properties"]
        self.assertEqual(options["limit"]["default"], 10)
        for name, live in (("limit", True), ("mode", False)):
            self.assertEqual(
                options[name]["description"].endswith(" Takes effect on reload."), live)


class Replaced(dgramtest.Case):
    """A plug-in whose file is replaced while it serves: test_plugins.py says how, and here memcheck sees it."""

    def test_reloads(self):
        with open(FORMS[1].handler, "rb") as file:
            good = file.read()
        path = os.path.join(FOLDER.name, "replaced.so")
        shutil.copy(FORMS[1].handler, path)
        daemon = self.start({"handler": path, "options": {"greeting": "first"}})
        for data, event, count in (good, "reloaded", 1), (good[:999], "reload refused", 1), (good, "reloaded", 2):
            with open(f"{path}.new", "wb") as file:
                file.write(data)
            os.rename(f"{path}.new", path)
            daemon.kill(signal.SIGHUP)
            daemon.wait_for(event, count)
        self.assertEqual(daemon.ask(b"options"), b"first 10 slow/0 0.5 0")
        daemon.stop()


# Valgrind does not bear how children are started: see the Makefile.
HAS_CHILDREN = "valgrind" not in os.environ.get("DGRAM_UNDER", "")

for each in FORMS:
    for concurrency in ("pool", "inline", *(["process"] if each.name == "plugin" and HAS_CHILDREN else [])):
        name = f"{each.name}_{concurrency}".title()
        globals()[name] = type(name, (Apart if concurrency == "process" else Here, dgramtest.Case),
            {"__module__": __name__, "form": each, "concurrency": concurrency})

dgramtest.main()
