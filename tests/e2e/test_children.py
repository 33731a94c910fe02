"""Children that live on: what they answer, how they end, and what that costs. None has any module that is not
Python's own."""

import children
import dgramtest

class Answers(children.ChildCase):
    def test_binary_children_answer_each_request(self):
        daemon = self.serve(children.ECHO)
        payloads = [b"", bytes(range(256)), b"\t\n\\", b"x" * 65507, *(b"%d" % i for i in range(200))]
        client = self.client(daemon)
        for payload in payloads:
            client.send(payload)
            self.assertEqual(client.recv(65536), payload)
        self.check(daemon, received=len(payloads), replied=len(payloads))

    def test_batches(self):
        daemon = self.serve(children.ECHO, children=1)
        client = self.client(daemon)
        count = dgramtest.scaled(2000)
        for begin in range(0, count, 100):
            for number in range(begin, begin + 100):
                client.send(b"%d" % number)
            self.assertEqual(
                {client.recv(100) for _ in range(100)}, {b"%d" % n for n in range(begin, begin + 100)})
        self.check(daemon, received=count, replied=count)

    def test_text_children_answer_each_request(self):
        daemon = self.serve(children.TEXT_ECHO, mode="text")
        client = self.client(daemon)
        payloads = [b"", b"time", bytes(range(256)), b"a\tb\nc\\d", *(b"%d" % i for i in range(50))]
        for payload in payloads:
            client.send(payload)
            self.assertEqual(client.recv(65536), payload)
        self.check(daemon, received=len(payloads), replied=len(payloads))

    def test_kinds_of_answers(self):
        daemon = self.serve(children.OBEYS)
        client = self.client(daemon)
        client.send(b"silent")
        client.send(b"error")
        daemon.wait_for("child reported an error", reason="no such thing")
        client.send(b"several")
        self.assertEqual([client.recv(100) for _ in range(3)], [b"one", b"two", b"three"])
        meta = self.ask(daemon, b"meta").decode().split("\t")
        self.assertEqual(len(meta), 4)
        self.assertEqual(meta[1], "127.0.0.1:%d" % daemon.port)
        self.check(daemon, received=4, replied=2, no_reply=1, failed_handler=1)

    def test_environment_and_standard_error(self):
        daemon = self.serve(children.OBEYS)
        names = self.ask(daemon, b"environment").decode().split()
        self.assertIn("DGRAM_SERVICE", names)
        self.assertEqual(
            [name for name in names if not name.startswith("LC_")
             and name not in ("PATH", "HOME", "TZ", "LANG", "DGRAM_SERVICE")], [])
        self.assertEqual(self.ask(daemon, b"write a\x1bb"), b"written")
        line = daemon.wait_for("child wrote")
        self.assertRegex(line["source"], r"^worker/\d$")
        self.assertIn(r'text="a\x1bb"', daemon.text())
        self.check(daemon, received=2, replied=2)


dgramtest.main()
