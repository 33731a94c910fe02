"""A worker that is stuck is named, with its client, its service and what its thread does, by the log, /status and
/workers/N; its last requests come with it."""

import os
import tempfile

import adminclient
import dgramtest
import plugins

# "x" is answered; "h" gets stuck in the way that the service is named for.
SOURCE = r"""
#include <dgram.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int never;

static void get_stuck(const char *how)
{
	struct timespec day = { .tv_sec = 86400 };
	int fds[2], sockets[2];
	char byte;

	if (strcmp(how, "lock") == 0) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_lock(&mutex);
	} else if (strcmp(how, "sleep") == 0) {
		nanosleep(&day, NULL);
	} else if (strcmp(how, "loop") == 0) {
		while (never == 0)
			;
	} else if (strcmp(how, "read") == 0 && pipe(fds) == 0) {
		(void)!read(fds[0], &byte, 1);
	} else if (strcmp(how, "socket") == 0) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) < 0)
			return;
		(void)recv(sockets[0], &byte, 1, 0);
	}
}

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const char *how = request->data;

	(void)state, (void)size;
	if (request->length > 1 && *how == 'h') {
		char way[16] = "";

		memcpy(way, how + 1, request->length - 1);
		get_stuck(way);
	}
	if (request->length > 0 && *how == 'e')
		return -EIO;
	if (request->length > 0 && *how == 'n')
		return DGRAM_NO_REPLY;
	memcpy(reply, request->data, request->length);
	return (ssize_t)request->length;
}
static const struct dgram_handler handler = { .abi = DGRAM_ABI, .name = "stuck", .handle = handle };
DGRAM_PLUGIN(handler);
"""

# What a thread does in each way, as this kernel and others name it.
WAYS = {
    "lock": r"^waits in futex\w*( \(syscall \d+\))?$",
    "sleep": r"^waits in \w*nanosleep\w*( \(syscall \d+\))?$",
    "loop": r"^burns CPU$",
    "read": r"^waits in \w*pipe_\w*( \(syscall \d+\))?$",
    "socket": r"^waits in \w*(skb|unix|datagram|packet)\w*( \(syscall \d+\))?$",
}


class Stuck(dgramtest.Case):
    def start_stuck(self, **config):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="dgram-stuck-"))
        plugin = plugins.build(os.path.join(folder, "stuck.so"), SOURCE)
        daemon = self.start({
            **dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}, "shutdown": {"drain_timeout_ms": 100},
            "services": [{"name": way, "handler": plugin} for way in WAYS], **config})
        daemon.wait_for("admin endpoint")
        return daemon, adminclient.Admin(daemon)

    def ask(self, daemon, way, request):
        client = dgramtest.socket_for(daemon.address(way))
        self.addCleanup(client.close)
        client.sendto(request, daemon.address(way))
        return client

    def test_five_ways(self):
        daemon, admin = self.start_stuck(pool={"workers": 6, "handler_timeout_ms": 100})
        clients = {way: self.ask(daemon, way, b"h" + way.encode()) for way in WAYS}
        self.eventually(lambda: len(daemon.events("handler overdue")) >= len(WAYS), "lines about all")
        self.eventually(lambda: len(admin.json("/status")["stuck"]) == len(WAYS), "all in /status")
        stuck = {each["service"]: each for each in admin.json("/status")["stuck"]}
        logged = {each["service"]: each for each in daemon.events("handler overdue")}
        self.assertEqual(stuck.keys(), WAYS.keys())
        self.assertEqual(logged.keys(), WAYS.keys())
        workers = set()
        for way, does in WAYS.items():
            client = "127.0.0.1:{}".format(clients[way].getsockname()[1])
            worker = int(stuck[way]["worker"][1:])
            workers.add(worker)
            now = admin.json(f"/workers/{worker}")["now"]
            for shown in (stuck[way], now):
                self.assertRegex(shown["does"], does, way)
                self.assertEqual((shown["client"], shown["service"], shown["overdue"]), (client, way, True))
                self.assertGreaterEqual(shown["running_us"], 100000)
            self.assertRegex(logged[way]["thread"], does, way)
            self.assertEqual((logged[way]["client"], int(logged[way]["worker"])), (client, worker))
        self.assertEqual(len(workers), len(WAYS))
        self.eventually(lambda: next(
            each for each in admin.json("/status")["stuck"] if each["service"] == "loop")["cpu_us"] > 0, "CPU time")
        self.assertLess(stuck["sleep"]["cpu_us"], 100000)

    def test_what_waits_behind_it(self):
        """No worker comes for it, and its loss is told all the same."""
        daemon = self.start({
            "handler": "simulate", "options": {"block_us": 60e6}, "pool": {"workers": 1},
            "queue": {"max_wait_ms": 100}, "shutdown": {"drain_timeout_ms": 0}})
        with dgramtest.socket_for(daemon.address()) as client:
            for _ in range(100):
                client.sendto(b"x", daemon.address())
            self.eventually(lambda: sum(int(line["lost"]) for line in daemon.events("datagrams lost")) == 99, "99")
        line = daemon.events("datagrams lost")[-1]
        self.assertEqual(line["reason"], "dropped_expired")
        self.assertIn("1 requests are in their hands: find what they wait for", line["hint"])
        ledger = daemon.stop()["simulate"]
        self.assertEqual((ledger["dropped_expired"], ledger["running"]), (99, 1))

    def test_last_requests(self):
        """Of a worker, with what became of them; the log has them when it is stuck."""
        daemon, admin = self.start_stuck(pool={"workers": 1, "handler_timeout_ms": 100})
        client = self.ask(daemon, "sleep", b"x0")
        client.recv(64)
        for number in range(1, 20):
            client.sendto(b"x%d" % number * (number % 3 + 1), daemon.address("sleep"))
            client.recv(64)
        client.sendto(b"e", daemon.address("sleep"))
        client.sendto(b"n", daemon.address("sleep"))
        self.eventually(lambda: admin.json("/workers/0")["requests"] == 22, "all")
        shown = admin.json("/workers/0")
        last = shown["last_requests"]
        self.assertEqual(len(last), 16)
        address = "127.0.0.1:{}".format(client.getsockname()[1])
        self.assertEqual({(each["client"], each["service"]) for each in last}, {(address, "sleep")})
        lengths = [len(b"x%d" % number * (number % 3 + 1)) for number in range(6, 20)]
        self.assertEqual([each["bytes"] for each in last], [*lengths, 1, 1])
        self.assertEqual([each["reply_bytes"] for each in last[:-2]], lengths)
        self.assertEqual([each["result"] for each in last[-2:]], ["Input/output error", "no reply"])
        ages = [each["ago_us"] for each in last]
        self.assertEqual(ages, sorted(ages, reverse=True))
        self.assertNotIn("client", shown["now"])
        client.sendto(b"hsleep", daemon.address("sleep"))
        daemon.wait_for("last request", count=16)
        self.assertEqual([int(each["bytes"]) for each in daemon.events("last request")], [*lengths, 1, 1])
        self.assertEqual(admin.json("/workers/0")["now"]["client"], address)
        self.assertEqual(admin.ask("/workers/1").status, 404)


dgramtest.main()
