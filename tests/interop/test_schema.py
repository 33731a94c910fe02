"""conf/server.schema.json under a JSON Schema validator that others maintain, and dgramd -t beside
it: what one accepts the other accepts."""

import json
import os
import tempfile

import dgramtest

try:
    import jsonschema
except ImportError:
    jsonschema = None

CONF = os.path.join(dgramtest.TOP, "conf")

GOOD = (
    {},
    {"$schema": "./server.schema.json", "host": "127.0.0.1", "port": 20000, "handler": "time"},
    {"host": "::1", "port": 0},
    {"host": ["127.0.0.1", "::1", "fe80::1%lo"], "port": 65535},
    {"host": "*", "freebind": True},
    {"services": [{"host": ["0.0.0.0", "::"], "freebind": False}]},
    {"on_missing_address": "wait", "services": [{"on_missing_address": "fail"}]},
    {"handler": "echo", "max_datagram_bytes": 65507},
    {"concurrency": "pool", "pool": {"workers": 1024}},
    {"pool": {}, "queue": {}, "socket": {}, "logging": {}, "shutdown": {}},
    {"queue": {"capacity": 1048576, "max_wait_ms": 0}},
    {"socket": {"receive_buffer_bytes": 0, "send_buffer_bytes": 1048576}},
    {"logging": {"level": "debug", "format": "json", "target": "/tmp/{worker}{.log"}},
    {"logging": {"summary_interval_s": 0}, "shutdown": {"drain_timeout_ms": 0}},
    {"max_workers": 1, "min_source_port": 1, "refuse_source_ports": []},
    {"refuse_source_ports": [1, 65535], "loop_guard": False},
    {"broadcast": True, "services": [{"broadcast": False}]},
    {"services": [{}]},
    {"services": [{"handler": "echo"}, {"handler": "time", "port": 20001, "queue": {"capacity": 1}}]},
    {"queue": {"capacity": 7}, "max_workers": 2, "services": [
        {"name": "a-1", "host": "127.0.0.2", "port": 7, "handler": "daytime", "min_source_port": 9},
        {"name": "b", "host": ["::1"], "port": 8, "handler": "discard", "max_workers": 3}]},
)

BAD = (
    [], "text", 1, None,
    {"port": -1},
    {"port": 65536},
    {"port": 1.5},
    {"port": "20000"},
    {"port": None},
    {"host": 1},
    {"host": []},
    {"host": [1]},
    {"host": ["127.0.0.1"] * 65},
    {"freebind": 1},
    {"on_missing_address": "never"},
    {"handler": "tme"},
    {"handler": ["time"]},
    {"concurrency": "threads"},
    {"wrokers": 4},
    {"workers": 4},
    {"pool": {"workers": 0}},
    {"pool": {"workers": 1025}},
    {"pool": {"worker": 1}},
    {"pool": 4},
    {"queue": {"capacity": 0}},
    {"queue": {"max_wait_ms": 3600001}},
    {"queue": []},
    {"socket": {"receive_buffer_bytes": 1073741825}},
    {"logging": {"level": "verbose"}},
    {"logging": {"format": 1}},
    {"logging": {"target": ""}},
    *({"logging": {"target": target}} for target in (
        "-", "stdout", "syslog", "journal", "journald", "~/x", "log/{wroker}", "{}", "{worker}{x}")),
    {"logging": {"summary_interval_s": True}},
    {"shutdown": {"drain_timeout_ms": -1}},
    {"max_datagram_bytes": 0},
    {"min_source_port": 0},
    {"refuse_source_ports": [0]},
    {"loop_guard": 1},
    {"refuse_source_ports": 1900},
    {"refuse_source_ports": [1] * 65},
    {"max_workers": 1025},
    {"broadcast": 1},
    {"name": "only-in-services"},
    {"services": []},
    {"services": {}},
    {"services": [{"handler": "time", "pool": {"workers": 1}}]},
    {"services": [{"name": "Upper"}]},
    {"services": [{"name": "x" * 33}]},
    {"services": [{"port": 1, "handler": "echo"}], "port": 2},
    {"services": [{"queue": {"capacity": 1, "depth": 2}}]},
    {"services": [{}] * 65},
)


@dgramtest.unittest.skipUnless(jsonschema, "python3-jsonschema is not installed")
class Schema(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(CONF, "server.schema.json"), encoding="utf-8") as file:
            cls.schema = json.load(file)
        cls.kind = jsonschema.validators.validator_for(cls.schema, default=None)
        cls.validator = cls.kind(cls.schema)

    def exit_code(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            return dgramtest.run_dgramd("-t", "-c", file.name).returncode

    def test_is_a_schema(self):
        self.assertIsNotNone(self.kind)
        self.kind.check_schema(self.schema)

    def test_is_what_dgramd_prints(self):
        with open(os.path.join(CONF, "server.schema.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), dgramtest.run_dgramd("--schema").stdout)

    def test_the_file_we_ship(self):
        with open(os.path.join(CONF, "server.json"), encoding="utf-8") as file:
            text = file.read()
        self.validator.validate(json.loads(text))
        self.assertEqual(self.exit_code(text), 0)

    def test_what_dgramd_prints_of_its_configuration(self):
        for config in GOOD:
            text = json.dumps(config)
            with self.subTest(text):
                with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                    file.write(text)
                    file.flush()
                    printed = dgramtest.run_dgramd("-T", "-c", file.name).stdout
                self.validator.validate(json.loads(printed))
                self.assertEqual(self.exit_code(printed), 0)

    def test_good_files(self):
        for config in GOOD:
            with self.subTest(config=config):
                self.validator.validate(config)
                self.assertEqual(self.exit_code(json.dumps(config)), 0)

    def test_bad_files(self):
        for config in BAD:
            with self.subTest(config=config):
                self.assertFalse(self.validator.is_valid(config))
                self.assertEqual(self.exit_code(json.dumps(config)), 78)

    def test_every_default_and_limit(self):
        """Each whole number at its limits and one beyond, as the schema has them."""
        count = 0
        for path, row in whole_numbers(self.schema["properties"]):
            low, high = row["minimum"], row["maximum"]
            self.assertLessEqual(low, row["default"])
            self.assertLessEqual(row["default"], high)
            for value, good in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
                config = value
                for key in reversed(path):
                    config = {key: config}
                with self.subTest(config=config):
                    self.assertEqual(self.validator.is_valid(config), good)
                    self.assertEqual(self.exit_code(json.dumps(config)), 0 if good else 78)
                    count += 1
        self.assertGreater(count, 40)


def whole_numbers(properties, path=()):
    for key, row in properties.items():
        if row.get("type") == "integer":
            yield (*path, key), row
        elif row.get("type") == "object":
            yield from whole_numbers(row["properties"], (*path, key))


dgramtest.main()
