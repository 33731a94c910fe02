"""Asking the admin endpoint of a daemon, and reading its metrics."""

import collections
import http.client
import json
import os
import re
import socket

import dgramtest

Answer = collections.namedtuple("Answer", "status headers text")

SERIES = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=dgramtest.PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def exchange(connection, method, path, headers=None):
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read().decode())
    finally:
        connection.close()


class Admin:
    """The endpoint of a Daemon: its unix socket, which start() puts into its folder, and its port."""

    def __init__(self, daemon):
        self.path = os.path.join(daemon.directory, "admin.sock")
        places = [line["message"] for line in daemon.events("admin endpoint")]
        self.address = next((place for place in places if ":" in place), None)

    def ask(self, path, method="GET"):
        return exchange(LocalConnection(self.path), method, path)

    def ask_remote(self, path, method="GET", host=None):
        connection = http.client.HTTPConnection(self.address, timeout=dgramtest.PATIENCE)
        return exchange(connection, method, path, {"Host": host} if host else None)

    def json(self, path, method="GET", status=200):
        answer = self.ask(path, method)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {answer}")
        return json.loads(answer.text)

    def metrics(self):
        return Metrics(self.ask("/metrics").text)


FIGURE = re.compile(
    r'^dgramd_datagrams_(\w+?)(?:_total)?\{service="([^"]+)"(?:,reason="([^"]+)")?\} (\d+)$', re.MULTILINE)


def ledgers_of(text):
    """The equation's figures of each service in a scrape, quickly, as the last line of the log names them."""
    ledgers = collections.defaultdict(dict)
    for name, service, reason, value in FIGURE.findall(text):
        ledgers[service][f"{name}_{reason}" if reason else name] = int(value)
    return ledgers


class Metrics:
    """A scrape: values by name and labels. Raises AssertionError where it is not well-formed."""

    def __init__(self, text):
        self.types, self.helps, self.values = {}, {}, {}
        assert text.endswith("\n") and "\r" not in text
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, sentence = line.split(" ", 3)
                assert name not in self.helps, f"{name} twice"
                self.helps[name] = sentence
            elif line.startswith("# TYPE "):
                _, _, name, self.types[name] = line.split(" ")
            else:
                self._take(line)

    def _take(self, line):
        name, labels, value = SERIES.fullmatch(line).groups()
        pairs = LABEL.findall(labels or "")
        assert "".join(f'{key}="{text}",' for key, text in pairs) == (labels or "") + ("," if labels else "")
        assert len(dict(pairs)) == len(pairs), f"a label twice: {line}"
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        family = family if self.types.get(family) == "histogram" else name
        assert family in self.types and family in self.helps, line
        key = name, frozenset(pairs)
        assert key not in self.values, f"twice: {line}"
        self.values[key] = float(value)

    def value(self, name, **labels):
        return self.values[name, frozenset(labels.items())]

    def family(self, name):
        """Its values by their labels, as dicts."""
        return [(dict(labels), value) for (each, labels), value in self.values.items() if each == name]

