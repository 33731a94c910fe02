"""The documents have every key of the params table, which the checked-in schema is made from."""

import json
import pathlib
import re

import dgramtest

TOP = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = TOP / "conf/server.schema.json"
MANUAL = TOP / "src/config/server.json.5"
HEADER = TOP / "include/dgram.h"
README = TOP / "README.md"
CHANGELOG = TOP / "CHANGELOG.md"
LIVE = " Takes effect on reload."
# libdgram has other fields or defaults.
UNLIKE = ("host", "port", "handler", "access.allow", "access.deny", "sandbox", "child.sandbox", "admin.socket",
          "admin.socket_mode", "admin.socket_group", "admin.listen", "admin.upgrade", "shutdown.drain_delay_ms")


def keys_of(properties, prefix=""):
    """Pairs of a key's path and its schema: of groups their keys, of services what only they have."""
    for name, key in properties.items():
        if key.get("type") == "object":
            yield from keys_of(key["properties"], f"{prefix}{name}.")
            continue
        yield prefix + name, key
        if key.get("type") == "array" and key["items"]["type"] == "object":
            own = key["items"]["properties"]
            yield from ((f"{name}[].{each}", own[each]) for each in own if each not in properties)


def options_of(schema):
    """The same of each handler's options."""
    for rule in schema["allOf"]:
        yield from keys_of(rule["then"]["properties"]["options"]["properties"], "options.")


def all_keys():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return dict([*keys_of(schema["properties"]), *options_of(schema)])


def default_of(key):
    """As the file has it, but for quotes and brackets; of an empty list "none"."""
    if isinstance(key["default"], list):
        return ", ".join(map(str, key["default"])) or "none"
    return json.dumps(key["default"]).strip('"')


def fields():
    """The names of the fields that users of libdgram set, each with its comment."""
    text = HEADER.read_text(encoding="utf-8")
    found = {}
    for struct in ("dgram_service", "dgram_options"):
        body = re.search(r"^struct %s {\n(.*?)^};" % struct, text, re.MULTILINE | re.DOTALL)[1]
        for before, name, behind in re.findall(
                r"(/\*.*?\*/)?[\w\s*]*?(\w+);[ \t]*(/\*.*?\*/)?", body, re.DOTALL):
            comment = re.sub(r"/\*|\*/|^\s*\*", "", before + behind, flags=re.MULTILINE)
            found[name] = " ".join(comment.split())
    return found


class Documents(dgramtest.Case):
    def errors_of(self, text):
        return dgramtest.run_dgramd("-t", "-c", "-", input=text).stderr

    def test_the_manual_names_every_key(self):
        named = set(re.findall(r"^\.It Cm (\S+)$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE))
        paths = {path.removeprefix("services[].") for path in all_keys()}
        self.assertGreater(len(paths), 15)
        self.assertEqual(paths - named, set())

    def test_the_manual_has_each_default_and_range(self):
        items = re.split(r"^\.It Cm ", MANUAL.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = {item.split("\n", 1)[0]: " ".join(item.split()) for item in items}
        for path, key in all_keys().items():
            words = []
            if "minimum" in key:
                words = [default_of(key), f"{key['minimum']} to {key['maximum']}"]
            elif "default" in key:
                words = [default_of(key), *key.get("enum", [])]
            item = text[path.removeprefix("services[].")]
            for word in words:
                self.assertIn(word, item, path)
            self.assertEqual(" Live. " in item, key["description"].endswith(LIVE), path)

    def test_the_manual_has_the_limits_of_a_text(self):
        """And dgramd refuses what is one more."""
        text = " ".join(MANUAL.read_text(encoding="utf-8").split())
        mebibytes, depth, digits = map(int, re.search(
            r"at most (\d+) MiB\. .* nested (\d+) deep at most, .* at most (\d+) characters",
            text).groups())
        self.assertIn(r"A string has no .Ql \eu0000 .", text)
        for message, most, form in (
                ("longer than", mebibytes << 20, lambda count: "{}" + " " * (count - 2)),
                ("nested more", depth, lambda count: "[" * count + "]" * count),
                ("the number has", digits, lambda count: "1" * count)):
            self.assertNotIn(message, self.errors_of(form(most)))
            self.assertIn(message, self.errors_of(form(most + 1)))
        self.assertIn("not allowed in a string", self.errors_of(r'"\u0000"'))

    def test_lists_of_handlers_are_complete(self):
        handlers = dgramtest.handlers()
        self.assertGreater(len(handlers), 5)
        item = MANUAL.read_text(encoding="utf-8").split(".It Cm handler\n")[1].split(".El\n")[0]
        self.assertEqual(
            re.findall(r"^\.It Ql (\S+)$", item, re.MULTILINE), [*handlers, "exec"])
        table = README.read_text(encoding="utf-8").split("| `handler` | answers with |")[1]
        rows = re.match(r"(\n\|.*)*", table)[0]
        self.assertEqual(re.findall(r"^\| `([^`]+)`", rows, re.MULTILINE), [*handlers, "exec"])
        comment = HEADER.read_text(encoding="utf-8").split("/* A built-in handler by name (")[1]
        self.assertEqual(re.findall(r'"([^"]+)"', comment.split(")")[0]), handlers)
        sentence = CHANGELOG.read_text(encoding="utf-8").split("- Built-in handlers: ")[1].split("\n- ")[0]
        self.assertEqual(re.findall(r"`([a-z0-9-]+)`", sentence), handlers)

    def test_the_readme_has_the_right_defaults(self):
        keys = all_keys()
        rows = re.findall(
            r"^\| `([a-z_.]+)` \| `([^`]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE)
        self.assertEqual(len(rows), 8)
        for path, default in rows:
            self.assertEqual(default, default_of(keys[path]), path)

    def test_the_header_has_each_default_and_range(self):
        comments = fields()
        for path, key in all_keys().items():
            if "default" not in key or path.startswith("options.") or path in UNLIKE:
                continue
            group, _, name = path.rpartition(".")
            names = {f"{group}_{name}", name, f"log_{name}"} & comments.keys()
            self.assertEqual(len(names), 1, path)
            comment = comments[names.pop()]
            words = f"default {default_of(key)}"
            if "minimum" in key:
                words = f"{key['minimum']} to {key['maximum']}; {words}"
            elif key.get("type") == "array":
                words, comment = re.escape(words), comment.replace(" and ", ", ")
            elif path in ("logging.format", "logging.target"):
                words = f'default "{default_of(key)}"'
            elif "enum" in key:
                words = r"default DGRAM_(\w+_)?" + default_of(key).upper()
            self.assertRegex(comment, rf"{words}(?!\w)", path)
            self.assertEqual(comment.endswith("Live"), key["description"].endswith(LIVE), path)


dgramtest.main()
