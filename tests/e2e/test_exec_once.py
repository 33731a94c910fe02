"""The handler exec with a process for each request: what it is given, what becomes of its end, and what it may not be."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time

import dgramtest

BAD_CONFIG = 78

STATIC = """
#include <unistd.h>
int main(void)
{
	static char text[65507];
	ssize_t length = read(0, text, sizeof(text));
	return length < 0 || write(1, text, (size_t)length) != length;
}
"""


def config(*command, **options):
    return {"handler": "exec", "options": {"command": command}, "max_reply_factor": 0, **options}


def shell(script, **options):
    return config("dash", "-c", script, **options)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class ExecCase(dgramtest.Case):
    def send(self, daemon, *requests):
        """Datagrams, and the socket that takes their answers."""
        client = dgramtest.socket_for(daemon.address())
        self.addCleanup(client.close)
        client.connect(daemon.address())
        for request in requests:
            client.send(request)
        return client

    def must_fail(self, script, figure, message, request=b"?", **options):
        """That its end is counted, and told; and the next request is served."""
        daemon = self.start(shell(f'[ "$(cat)" = fine ] && echo fine && exit; {script}', **options))
        self.send(daemon, request)
        line = daemon.wait_for("command failed")["message"]
        self.assertRegex(line, rf"^pid \d+ {message}")
        self.assertEqual(daemon.ask(b"fine"), b"fine\n")
        ledger = daemon.stop()["exec"]
        self.assertEqual((ledger["replied"], ledger[figure]), (1, 1))
        return line


class Answers(ExecCase):
    def test_date_is_a_time_server(self):
        daemon = self.start(config("date", "+%s"))
        before = int(time.time())
        self.assertIn(int(daemon.ask(b"?")), range(before, before + 2 + dgramtest.PATIENCE))
        self.assertEqual(daemon.stop()["exec"]["replied"], 1)

    def must_echo(self, *command):
        daemon = self.start(config(*command, max_datagram_bytes=65507))
        requests = b"", bytes(range(256)), b"\t\n", os.urandom(65507)
        for request in requests:
            self.assertEqual(daemon.ask(request), request)
        self.assertEqual(daemon.stop()["exec"]["replied"], len(requests))

    def test_the_request_is_its_input(self):
        self.must_echo("cat")
        self.must_echo("dash", "-c", "cat /dev/stdin")
        self.must_echo("bash", "-c", "cat <&0")

    def test_a_static_program_beside_the_file(self):
        """Its relative path counts from the folder of the file."""
        with tempfile.TemporaryDirectory(prefix="dgramd-exec-") as folder:
            path = os.path.join(folder, "server.json")
            with open(path, "w", encoding="ascii") as file:
                json.dump({**config("./echo"), "port": 0}, file)
            with open(os.path.join(folder, "echo.c"), "w", encoding="ascii") as file:
                file.write(STATIC)
            subprocess.run(
                ["gcc", "-O2", "-static", "-o", f"{folder}/echo", f"{folder}/echo.c"], check=True)
            daemon = self.start(arguments=("-c", path))
            self.assertEqual(daemon.ask(b"hello"), b"hello")
            self.assertEqual(daemon.stop()["exec"]["replied"], 1)

    def test_environment(self):
        """Which request, by the names of UCSPI; and of ours what says how to run, and not what is between us and
        our supervisor."""
        ours = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "TZ": "UTC", "LANG": "C", "LC_TIME": "C"}
        theirs = {"NOTIFY_SOCKET": "", "LISTEN_FDS": "3", "LISTEN_PID": "1", "WATCHDOG_USEC": "1",
            "JOURNAL_STREAM": "1:2", "SECRET": "x"}
        daemon = self.start(
            config("/usr/bin/env", host=["127.0.0.1", "::1"]), environment={**ours, **theirs})
        for address in daemon.addresses():
            with dgramtest.socket_for(address) as client:
                client.connect(address)
                client.send(b"?")
                environment = dict(line.split("=", 1) for line in client.recv(8192).decode().splitlines())
                host, port = client.getsockname()[:2]
            environment = {
                name: value for name, value in environment.items()
                if not name.startswith("LC_") or name in ours}
            self.assertEqual(environment, {
                **ours, "PROTO": "UDP", "DGRAM_SERVICE": "exec", "UDPREMOTEIP": host,
                "UDPREMOTEPORT": str(port), "UDPLOCALIP": address[0], "UDPLOCALPORT": str(address[1])})
        self.assertEqual(daemon.stop()["exec"]["replied"], 2)

    def test_many_at_once(self):
        """Each gets its own answer; no descriptor and no process is left."""
        daemon = self.start(shell("read -r number; echo $number $UDPREMOTEPORT"))
        daemon.ask(b"0\n")
        before = os.listdir(f"/proc/{daemon.process.pid}/fd")
        count = dgramtest.scaled(200, 20)
        clients = [self.send(daemon, *(b"%d\n" % number for number in range(count // 10))) for _ in range(10)]
        for client in clients:
            answers = sorted(int(client.recv(99).split()[0]) for _ in range(count // 10))
            self.assertEqual(answers, list(range(count // 10)))
        self.assertEqual(os.listdir(f"/proc/{daemon.process.pid}/fd"), before)
        with open(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children", encoding="ascii") as file:
            self.assertEqual(file.read(), "")
        self.assertEqual(daemon.stop()["exec"]["replied"], 1 + 10 * (count // 10))


class Ends(ExecCase):
    def test_where_children_are_ignored(self):
        """As by a parent that wants no zombies: their status would be lost."""
        daemon = self.start(
            config("cat"), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(daemon.ask(b"hello"), b"hello")
        self.assertEqual(daemon.stop()["exec"]["replied"], 1)

    def test_no_reply(self):
        """With 99; and with 0 and no output it is an empty datagram."""
        daemon = self.start(shell('[ "$(cat)" ] || exit 99'))
        client = self.send(daemon, b"", b"?")
        self.assertEqual(client.recv(9), b"")
        ledger = daemon.stop()["exec"]
        self.assertEqual((ledger["no_reply"], ledger["replied"]), (1, 1))

    def test_failures(self):
        self.must_fail("echo oops >&2; echo no; exit 3", "failed_handler",
            "exited with 3; the request has 1 bytes; failed since the last such line: 1; it wrote: oops$")
        self.must_fail("kill -9 $$", "failed_child", "died of SIGKILL;")
        self.must_fail("kill -SEGV $$", "failed_child", "died of SIGSEGV;")

    def test_too_much(self):
        """Nor is it waited for."""
        for script in "yes", "printf %200s; exit 0", "printf %200s; sleep 1000":
            self.must_fail(
                script, "failed_reply_size", "wrote a reply longer than 100 bytes;", max_reply_bytes=100)

    def test_too_long(self):
        """It is killed whole, stopped or not."""
        for script in "sleep 1000 & sleep 1000", "kill -STOP $$":
            daemon = self.start(shell(f"{script}; exit 0", child={"timeout_ms": 100}))
            self.send(daemon, b"?")
            line = daemon.wait_for("command failed")["message"]
            self.assertRegex(line, r"^pid \d+ took longer than 100 ms;")
            self.assertEqual(daemon.stop()["exec"]["failed_child"], 1)

    def test_limits(self):
        """Of its descriptors and data; those of a reload hold for the next request."""
        daemon = self.start(shell("ulimit -n; ulimit -d", child={"files": 20, "memory_bytes": 64 << 20}))
        self.assertEqual(daemon.ask(b"?"), b"20\n65536\n")
        daemon.write_config({**daemon.config, "child": {"files": 30}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        self.assertEqual(daemon.ask(b"?").split()[0], b"30")
        daemon.stop()

    def test_it_reads_nothing(self):
        daemon = self.start(shell("exec <&-; echo fine", max_datagram_bytes=65507))
        self.assertEqual(daemon.ask(bytes(65507)), b"fine\n")
        self.assertEqual(daemon.stop()["exec"]["replied"], 1)

    def test_what_it_leaves_running(self):
        """It holds up nothing, and is killed, but what has left the process group."""
        daemon = self.start(shell(
            "sleep 1000 & echo $! $(setsid dash -c 'echo $$; exec >&-; exec sleep 1000' &)"))
        first, second = map(int, daemon.ask(b"?").split())
        self.eventually(lambda: not is_alive(first), "its group is killed")
        self.assertTrue(is_alive(second))
        os.kill(second, signal.SIGKILL)
        self.assertEqual(daemon.stop()["exec"]["replied"], 1)


class Lines(ExecCase):
    def test_what_it_writes_is_logged(self):
        """By the worker, escaped."""
        daemon = self.start(shell("printf 'one\\n\\033[31mtwo' >&2; echo fine"))
        self.assertEqual(daemon.ask(b"?"), b"fine\n")
        daemon.wait_for("child wrote", 2)
        lines = daemon.events("child wrote")
        self.assertEqual([line["message"] for line in lines], ["one", "x1b[31mtwo"])
        self.assertRegex(lines[0]["source"], r"^worker/\d$")
        daemon.stop()

    def test_a_flood_is_limited(self):
        daemon = self.start(shell("seq 100000 >&2; echo fine", pool={"workers": 1}))
        self.assertEqual(daemon.ask(b"?"), b"fine\n")
        daemon.stop()
        self.assertIn(len(daemon.events("child wrote")), range(20, 20 * (1 + dgramtest.PATIENCE)))


class Stops(ExecCase):
    def begin_one_that_sleeps(self, **options):
        daemon = self.start(shell("echo $$ >&2; exec sleep 1000", pool={"workers": 1}, **options))
        self.send(daemon, b"?")
        return daemon, int(daemon.wait_for("child wrote")["message"])

    def test_kill_of_the_command(self):
        daemon, pid = self.begin_one_that_sleeps()
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for("command failed")
        self.assertEqual(daemon.stop()["exec"]["failed_child"], 1)

    def test_kill_of_dgramd(self):
        daemon, pid = self.begin_one_that_sleeps()
        daemon.kill(signal.SIGKILL)
        daemon.wait(-signal.SIGKILL)
        self.eventually(lambda: not is_alive(pid), "it ends with dgramd")

    def test_stop_of_dgramd(self):
        """After the drain."""
        daemon, pid = self.begin_one_that_sleeps(shutdown={"drain_timeout_ms": 100})
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.eventually(lambda: not is_alive(pid), "it ends with dgramd")


class Refused(dgramtest.Case):
    def must_refuse(self, line, **options):
        daemon = self.start({"handler": "exec", **options}, ready=False)
        daemon.wait(BAD_CONFIG)
        self.assertEqual(re.sub(r"^.*?: error: ", "", daemon.lines[0]), line)
        return daemon.lines[-1]

    def test_a_command_that_is_not_there(self):
        """With the caret under its first word."""
        caret = self.must_refuse(
            'options.command: "dtae": there is no such program along PATH',
            options={"command": ["dtae", "+%s"]})
        self.assertEqual(caret, "      |       ^~~~~~")
        self.must_refuse(
            "options.command: /etc/passwd: is not executable", options={"command": ["/etc/passwd"]})
        self.must_refuse("options.command: /etc: is not a file", options={"command": ["/etc"]})
        self.must_refuse(
            'options.command: missing: the handler "exec" needs it', options={"mode": "once"})

    def test_a_reload(self):
        """Is refused as a whole, and the service goes on."""
        daemon = self.start(config("date", "+%s"))
        daemon.write_config({**daemon.config, "options": {"command": ["./nowhere"]}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused")
        self.assertIn("options.command: ", daemon.wait_for("configuration")["message"])
        self.assertGreater(int(daemon.ask(b"?")), 0)
        daemon.stop()

    def test_what_cannot_go_with_it(self):
        self.must_refuse(
            'concurrency: must be "pool": the handler "exec" waits for its command',
            options={"command": ["date"]}, concurrency="inline")
        self.must_refuse(
            'sandbox: must be "off" or "log": with the mode once the workers of "exec" execute its command',
            options={"command": ["date"]}, sandbox="enforce")


dgramtest.main()
