"""Which file may include which: arrows point down only."""

import fnmatch
import pathlib
import re
import tempfile

import dgramtest

API = "<dgram.h>"

# The first row that matches a file says what it may include, besides headers of the system and its
# own header: that of its noun, "core/queue.h" for core/queue.c and core/queue_flows.c.
ARROWS = {
    "include/*": [],
    "src/base/*": ["base/*"],
    "src/core/queue*": [
        "core/queue.h", "core/queue_internal.h", "core/backlog.h", "core/datagram.h", "core/ledger.h", "base/*"],
    "src/core/backlog*": ["core/flow.h", "core/flow_lengths.h", "core/datagram.h", "base/*"],
    "src/core/flow*": ["core/flow_order.h", "core/datagram.h", "base/*"],
    "src/core/*": ["core/datagram.h", "base/*"],
    "src/pipeline/socket*": [API, "core/*", "base/*"],
    "src/pipeline/handler*": [API, "pipeline/socket.h", "core/*", "base/*"],
    "src/pipeline/service*": [API, "pipeline/handler.h", "core/*", "base/*"],
    "src/pipeline/reply*": [API, "pipeline/socket.h", "core/*", "base/*"],
    "src/pipeline/receiver*": [
        API, "pipeline/socket.h", "pipeline/handler.h", "pipeline/service.h", "pipeline/worker.h",
        "core/*", "base/*"],
    "src/pipeline/worker*": [
        API, "pipeline/reply.h", "pipeline/handler.h", "pipeline/service.h", "core/*", "base/*"],
    "src/pipeline/pool*": [API, "pipeline/worker.h", "core/*", "base/*"],
    "src/pipeline/server*": [API, "pipeline/*", "core/*", "base/*"],
    "src/handlers/*": [API, "handlers/*"],
    "src/config/*": [API, "<cjson/cJSON.h>", "config/*", "base/*"],
    "src/daemon/*": [API, "daemon/*", "config/*", "base/*"],
    "src/tools/*": [API, "tools/*", "config/*", "base/*"],
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")', re.MULTILINE)
OURS = (API, "<cjson/")


def own_header(file, target):
    noun = target.removesuffix(".h")
    file = file.removeprefix("src/").rpartition(".")[0]
    return file == noun or file.startswith(noun + "_")


def allowed(file, target):
    if target.startswith("<") and not target.startswith(OURS):
        return True
    patterns = next((row for key, row in ARROWS.items() if fnmatch.fnmatch(file, key)), [])
    target = target.strip('"')
    return own_header(file, target) or any(fnmatch.fnmatch(target, each) for each in patterns)


def forbidden_arrows(top):
    found = []
    for path in sorted([*top.glob("src/**/*.[ch]"), *top.glob("include/*.h")]):
        file = path.relative_to(top).as_posix()
        for target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if not allowed(file, target):
                found.append(f"{file} -> {target}")
    return found


class Layers(dgramtest.Case):
    def test_arrows_point_down(self):
        self.assertEqual(forbidden_arrows(pathlib.Path(dgramtest.TOP)), [])

    def test_every_room_has_a_row(self):
        rooms = {path.parent.name for path in pathlib.Path(dgramtest.TOP).glob("src/*/*.[ch]")}
        self.assertTrue(rooms)
        self.assertEqual(rooms - {key.split("/")[1] for key in ARROWS if key.startswith("src/")}, set())
        self.assertEqual(list(pathlib.Path(dgramtest.TOP).glob("src/*.[ch]")), [])

    def must_forbid(self, file, include):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name, file)
            path.parent.mkdir(parents=True)
            path.write_text(f"#include <stdio.h>\n# include {include}\n", encoding="utf-8")
            self.assertEqual(forbidden_arrows(pathlib.Path(name)), [f"{file} -> {include}"])

    def must_allow(self, file, include):
        self.assertTrue(allowed(file, include), f"{file} -> {include}")

    def test_forbidden_ones_are_found(self):
        self.must_forbid("src/base/log.c", '"core/queue.h"')
        self.must_forbid("src/base/log.c", "<dgram.h>")
        self.must_forbid("src/base/log.c", '"addr.h"')  # written from src/, always
        self.must_forbid("src/core/slab.c", '"core/queue.h"')
        self.must_forbid("src/core/slab.c", '"core/ledger.h"')
        self.must_forbid("src/core/queue.c", '"pipeline/worker.h"')
        self.must_forbid("src/pipeline/socket.c", '"pipeline/receiver.h"')
        self.must_forbid("src/pipeline/receiver.c", '"pipeline/pool.h"')
        self.must_forbid("src/pipeline/worker.c", '"pipeline/receiver.h"')
        self.must_forbid("src/pipeline/worker.c", '"pipeline/server.h"')
        self.must_forbid("src/pipeline/server.c", '"config/params.h"')
        self.must_forbid("src/handlers/echo.c", '"base/clock.h"')
        self.must_forbid("src/config/load.c", '"core/queue.h"')
        self.must_forbid("src/daemon/main.c", '"pipeline/server.h"')
        self.must_forbid("src/daemon/main.c", "<cjson/cJSON.h>")
        self.must_forbid("src/elsewhere/new.c", '"base/log.h"')
        self.must_forbid("include/dgram.h", '"base/log.h"')

    def test_good_ones_are_not(self):
        self.must_allow("src/core/queue_flows.c", '"core/queue.h"')
        self.must_allow("src/core/slab.c", '"core/slab.h"')
        self.must_allow("src/pipeline/server_start.c", '"pipeline/worker.h"')
        self.must_allow("src/daemon/main.c", "<dgram.h>")
        self.must_allow("src/base/log.c", "<sys/stat.h>")


dgramtest.main()
