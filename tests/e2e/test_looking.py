"""What the admin endpoint shows of sources and children, and what the page may hold."""

import html.parser
import re

import adminclient
import children
import dgramtest

STRICT = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Elements(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


class Talkers(dgramtest.Case):
    def start_with_admin(self, **config):
        daemon = self.start({**dgramtest.UNWARNED, "handler": "echo", "admin": {"socket": "admin.sock"}, **config})
        daemon.wait_for("admin endpoint")
        return daemon, adminclient.Admin(daemon)

    def send(self, daemon, host, count):
        with dgramtest.socket_for(daemon.address()) as client:
            client.bind((host, 0))
            for _ in range(count):
                client.sendto(b"x", daemon.address())
                client.recv(9)
            return client.getsockname()[1]

    def rank(self, admin):
        service, = admin.json("/talkers")["services"]
        self.assertEqual(service["name"], "echo")
        for name, key in ("by_requests", "requests"), ("by_time", "busy_us"):
            figures = [each[key] for each in service[name]]
            self.assertEqual(figures, sorted(figures, reverse=True))
        return [each["source"] for each in service["by_requests"]], [each["source"] for each in service["by_time"]]

    def test_who_asks_most(self):
        """In the last full window; which stays where nothing comes after it."""
        daemon, admin = self.start_with_admin(queue={"fair_window_ms": 100})
        self.assertEqual(self.rank(admin), ([], []))

        def ranked():
            self.send(daemon, "127.0.0.2", 5)
            self.send(daemon, "127.0.0.3", 30)
            return self.rank(admin)[0] == ["127.0.0.3", "127.0.0.2"]

        self.eventually(ranked, "both, in their order")
        self.assertEqual(set(self.rank(admin)[1]), {"127.0.0.2", "127.0.0.3"})

    def test_clients_whose_order_is_kept(self):
        daemon, admin = self.start_with_admin(queue={"fair_window_ms": 1, "ordering": "per-client"})
        port = self.send(daemon, "127.0.0.2", 1)
        self.eventually(lambda: self.rank(admin)[0] == [f"127.0.0.2:{port}"], "a client")

    def test_without_accounts(self):
        for config in {"queue": {"discipline": "fifo"}}, {"concurrency": "inline"}:
            daemon, admin = self.start_with_admin(**config)
            self.send(daemon, "127.0.0.2", 3)
            self.assertEqual(self.rank(admin), ([], []))


class Children(children.ChildCase):
    def test_their_ends(self):
        """As /status and the page have them, the last first."""
        daemon = self.serve(children.OBEYS, children=1, admin={"socket": "admin.sock"})
        admin = adminclient.Admin(daemon)
        self.assertEqual(admin.json("/status")["children"][0]["last_ends"], [])
        for count, code in enumerate(("os.abort()", "os._exit(3)", "say(b'garbage, which is no frame')"), 1):
            self.assertEqual(self.ask(daemon, b"hello"), b"hello")
            self.client(daemon).send(b"run " + code.encode())
            daemon.wait_for("child ended", count)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        seen, = admin.json("/status")["children"]
        self.assertEqual(
            {name: seen[name] for name in seen if name != "last_ends"},
            {"service": "exec", "serving": 1, "recycled": 0, "crashed": 2, "killed": 1, "start_failed": 0,
             "quarantined": 0})
        self.assertEqual([each["how"] for each in seen["last_ends"]], ["killed", "crashed", "crashed"])
        self.assertEqual([each["ended"] for each in seen["last_ends"]][1:], ["exit status 3", "signal ABRT"])
        logged = [int(line["pid"]) for line in daemon.events("child ended")]
        self.assertEqual([each["pid"] for each in seen["last_ends"]], logged[::-1])
        self.assertEqual(seen["last_ends"][0]["reason"], daemon.events("child ended")[-1]["reason"])
        page = admin.ask("/").text
        self.assertLess(page.index("exit status 3"), page.index("signal ABRT"))
        self.assertEqual(admin.metrics().value("dgramd_children_crashed_total", service="exec"), 2)

    def test_only_the_last_eight(self):
        daemon = self.serve(children.OBEYS, children=1, child={"max_requests": 1}, admin={"socket": "admin.sock"})
        admin = adminclient.Admin(daemon)

        def more_than_eight():
            self.ask(daemon, b"hello")
            return admin.json("/status")["children"][0]["recycled"] > 8

        self.eventually(more_than_eight, "more ends than are kept")
        self.assertEqual(len(admin.json("/status")["children"][0]["last_ends"]), 8)

    def test_how_long_requests_waited(self):
        """In the histograms that alerts look at, of those that a child failed, too."""
        daemon = self.serve(children.OBEYS, children=1, admin={"socket": "admin.sock"})
        admin = adminclient.Admin(daemon)
        for _ in range(5):
            self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.client(daemon).send(b"run os._exit(3)")
        daemon.wait_for("child ended")
        for name in "socket_wait", "queue_wait", "service_time":
            self.eventually(
                lambda name=name: admin.metrics().value(f"dgramd_{name}_seconds_count", service="exec") == 6, name)


class Page(dgramtest.Case):
    def test_what_it_holds(self):
        """Nothing inline and nothing from elsewhere, by a policy that would not let it; no child where there is none."""
        daemon = self.start({**dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}})
        daemon.wait_for("admin endpoint")
        daemon.ask()
        admin = adminclient.Admin(daemon)
        page = admin.ask("/")
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(page.headers["Content-Security-Policy"], STRICT)
        elements = Elements(page.text).found
        self.assertGreater(len(elements), 50)
        for tag, attributes in elements:
            self.assertNotIn("style", (tag, *attributes))
            self.assertEqual([name for name in attributes if name.startswith("on")], [])
            for name in "src", "href":
                if name in attributes:
                    self.assertEqual(admin.ask(attributes[name]).status, 200)
                    self.assertTrue(attributes[name].startswith("/"))
        self.assertEqual([tag for tag, attributes in elements if tag == "script" and "src" not in attributes], [])
        self.assertNotIn("Children", page.text)
        self.assertLess(len(page.text), 30000)

    def test_a_minute_is_all_it_remembers(self):
        """A point a second, and what came in it."""
        daemon = self.start({**dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}})
        daemon.wait_for("admin endpoint")
        admin = adminclient.Admin(daemon)

        def seen():
            daemon.ask()
            page = admin.ask("/").text
            points = re.findall(r'<polyline [^>]*points="([^"]*)"', page)
            most = re.findall(r"at most ([0-9,]+)</small>", page)
            return len(points) == 4 and all(len(each.split()) >= 2 for each in points) and most[0] != "0"

        self.eventually(seen, "two seconds, one of them with requests")


dgramtest.main()
