"""Trains of datagrams, which the kernel hands over as one message: each is a request of its own."""

import socket

import dgramtest

UDP_SEGMENT = 103


def send_train(client, address, count, length):
    """`count` datagrams of `length` bytes but for the last, which has one less."""
    data = b"".join(b"%05d" % number + b"." * (length - 5) for number in range(count))
    client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, length)
    client.sendto(data[:-1], address)
    return [data[i * length:(i + 1) * length] for i in range(count - 1)] + [data[(count - 1) * length:-1]]


class Trains(dgramtest.Case):
    def echoed(self, count, length, **config):
        daemon = self.start({"handler": "echo", "socket": {"gro": True}, **config})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            sent = send_train(client, address, count, length)
            answers = [client.recv(2048) for _ in range(count)]
        ledger = daemon.stop()["echo"]
        self.assertEqual(sorted(answers), sorted(sent))
        self.assertEqual((ledger["received"], ledger["replied"]), (count, count))
        return answers, sent

    def test_each_is_a_request(self):
        self.echoed(64, 100)
        self.echoed(40, 1400)

    def test_inline_in_order(self):
        answers, sent = self.echoed(64, 100, concurrency="inline")
        self.assertEqual(answers, sent)

    def test_too_long_ones_are_counted_one_by_one(self):
        """450 bytes into room for 120: the last is short enough."""
        daemon = self.start({"handler": "echo", "socket": {"gro": True}, "max_datagram_bytes": 120})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 450)
            client.sendto(b"x" * (4 * 450 + 100), address)
            self.assertEqual(client.recv(2048), b"x" * 100)
        ledger = daemon.stop()["echo"]
        self.assertEqual(
            (ledger["received"], ledger["dropped_truncated"], ledger["replied"]), (5, 4, 1))


dgramtest.main()
