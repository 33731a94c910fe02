"""Which file may include which: arrows point down only."""

import fnmatch
import pathlib
import re
import tempfile

import dgramtest

API = "<dgram.h>"
PROGRAM = "<dgramd.h>"

# The first row that matches a file says what it may include, besides headers of the system and its
# own header: that of its noun, "queue/queue.h" for queue/queue.c and queue/queue_flows.c.
LOG = ["log/log.h", "base/*"]
STATION = [API, "queue/queue.h", "core/*", *LOG]
ARROWS = {
    "include/dgramd.h": [API],
    "include/*": [],
    "src/base/*": ["base/*"],
    "src/log/event*": [],
    "src/log/log*": ["log/event.h", "log/log_state.h", "log/consumer.h", *LOG],
    "src/log/consumer*": ["log/sink.h", "log/ring.h", *LOG],
    "src/log/sink*": ["log/format.h", *LOG],
    "src/log/ring*": ["log/format.h", *LOG],
    "src/log/format*": LOG,
    "src/core/*": ["core/datagram.h", "base/*"],
    "src/guard/prefixes*": ["base/*"],
    "src/guard/access*": ["base/*"],
    "src/guard/netlink*": ["base/*"],
    "src/guard/neighbours*": ["guard/netlink.h", "base/*"],
    "src/guard/meters*": ["base/*"],
    "src/guard/limiter*": ["guard/meters.h", "core/datagram.h", "core/loss.h", "base/*"],
    "src/guard/cap*": ["base/*"],
    "src/guard/refused_ports*": [],
    "src/guard/loops*": ["core/datagram.h", "base/*"],
    "src/guard/tables*": ["guard/cap.h", "guard/loops.h", "guard/meters.h", "base/*"],
    "src/guard/guard*": [
        "guard/access.h", "guard/limiter.h", "guard/loops.h", "guard/refused_ports.h",
        "core/datagram.h", "core/ledger.h", "base/*"],
    "src/guard/door*": [
        "guard/cap.h", "guard/limiter.h", "guard/loops.h", "core/datagram.h", "core/ledger.h",
        "base/*"],
    "src/guard/own_addresses*": ["guard/netlink.h", "guard/prefixes.h", "base/*"],
    "src/guard/notices*": ["guard/netlink.h", "base/*"],
    "src/queue/queue*": ["queue/backlog.h", "core/*", "base/*"],
    "src/queue/talkers*": ["core/datagram.h", "base/*"],
    "src/queue/lengths*": ["queue/flow.h", "base/*"],
    "src/queue/backlog*": ["queue/flow.h", "queue/recent.h", "core/datagram.h", "base/*"],
    "src/queue/recent*": ["core/datagram.h", "base/*"],
    "src/queue/flow*": ["queue/lengths.h", "queue/network.h", "queue/order.h", "queue/talkers.h",
                        "core/datagram.h", "base/*"],
    "src/queue/network*": ["queue/order.h", "core/datagram.h", "base/*"],
    "src/queue/order*": ["base/*"],
    "src/engine/arrivals*": ["base/*"],
    "src/engine/socket*": [
        "engine/arrivals.h", "guard/own_addresses.h", "core/datagram.h", "base/*"],
    "src/engine/answer*": ["engine/reply.h", "guard/door.h", *STATION],
    "src/engine/handler*": ["engine/answer.h", "engine/socket.h", *STATION],
    "src/engine/service*": [
        "engine/handler.h", "guard/access.h", "guard/door.h", "guard/limiter.h",
        "guard/refused_ports.h", *STATION],
    "src/engine/reply*": ["engine/socket.h", *STATION],
    "src/engine/recorder*": ["core/datagram.h", "base/*"],
    "src/engine/running_call*": ["base/*"],
    "src/engine/worker*": [
        "engine/recorder.h", "engine/running_call.h",
        "engine/answer.h", "engine/outside.h", "engine/reply.h", "engine/handler.h",
        "engine/service.h", *STATION],
    "src/engine/outside*": ["engine/answer.h", "engine/handler.h", "engine/worker.h", *STATION],
    "src/engine/receiver*": [
        "engine/socket.h", "engine/handler.h", "engine/service.h", "engine/worker.h",
        "guard/guard.h", *STATION],
    "src/engine/pool*": ["engine/worker.h", *STATION],
    "src/process/frame*": ["base/addr.h", "base/decimal.h"],
    "src/process/description*": [API, "<cjson/cJSON.h>", "json/json.h"],
    "src/process/children*": [
        API, "engine/outside.h", "process/frame.h", "process/hand_over.h", "process/life.h", "process/quarantine.h",
        "process/shared.h", "process/spawn.h", "process/stderr_lines.h", "process/stream.h", *STATION],
    "src/process/child*": [API, "process/probe.h", "process/serve.h"],
    "src/process/serve*": [API, "process/filter.h", "process/settings.h", "process/shared.h", "base/*"],
    "src/process/filter*": [],
    "src/process/settings*": [API],
    "src/process/shared*": ["engine/handler.h", "base/*"],
    "src/process/hand_over*": ["process/asked.h", "process/children.h", "engine/outside.h", "base/*"],
    "src/process/stand_in*": [
        API, "process/environment.h", "process/program.h", "process/settings.h"],
    "src/process/program*": [],
    "src/process/probe*": ["process/description.h", "process/program.h", "json/scan.h", "base/*"],
    "src/process/plugin*": [API, "process/path.h", "process/probe.h", "base/*"],
    "src/process/path*": [],
    "src/process/command*": ["process/path.h"],
    "src/process/environment*": [],
    "src/process/stderr_lines*": ["base/*"],
    "src/process/spawn*": [],
    "src/process/ucspi*": [API, "base/*"],
    "src/process/once*": [
        API, "process/spawn.h", "process/stderr_lines.h", "process/ucspi.h", "base/*"],
    "src/process/quarantine*": ["core/datagram.h", "base/*"],
    "src/process/life*": ["process/children.h", "base/*"],
    "src/process/asked*": ["process/children.h", "engine/outside.h", "base/*"],
    "src/process/stream*": ["process/asked.h", "process/children.h", "engine/outside.h", "base/*"],
    "src/process/handed*": [API, "base/descriptors.h"],
    "src/process/exec*": [
        API, "process/command.h", "process/environment.h", "process/handed.h", "process/once.h"],
    "src/server/*": ["engine/*", "process/children.h", "guard/access.h", "guard/tables.h",
                    "guard/own_addresses.h", "guard/neighbours.h", "guard/notices.h", "server/*",
                    *STATION],
    "src/handlers/*": [API, "handlers/*"],
    "src/json/json*": ["base/rule.h"],
    "src/json/utf8*": [],
    "src/json/scan*": ["json/utf8.h"],
    "src/json/report*": ["json/utf8.h"],
    "src/json/source*": ["json/report.h"],
    "src/json/document*": ["<cjson/cJSON.h>", "json/report.h", "json/scan.h", "json/source.h"],
    "src/json/element*": ["json/document.h"],
    "src/config/params*": [API, "base/limits.h"],
    "src/config/handlers*": [API],
    "src/config/values*": ["config/admin.h", "config/handlers.h", "config/params.h", "config/user.h", "json/*"],
    "src/config/admin*": ["config/values.h", "json/*", "base/*"],
    "src/config/user*": ["config/values.h", "json/*"],
    "src/config/check*": ["config/values.h", "json/*", "base/*"],
    "src/config/options*": ["config/check.h", "config/values.h", "json/*", "base/*"],
    "src/config/services*": ["config/options.h", "config/values.h", "json/*", "base/*"],
    "src/config/decode*": ["config/check.h", "config/services.h", "config/values.h", "json/*"],
    "src/config/files*": ["config/values.h", "base/*"],
    "src/config/access*": [API, "config/values.h", "json/*", "base/*"],
    "src/config/config*": [
        API, "config/access.h", "config/admin.h", "config/decode.h", "config/files.h", "config/handlers.h", "config/services.h",
        "config/user.h", "json/*"],
    "src/config/*": ["config/access.h", "config/config.h", "config/options.h", "config/params.h", "config/values.h", "json/*"],
    "src/admin/*": [API, "<cjson/cJSON.h>", "admin/*", "config/admin.h", "base/*"],
    "src/ctl/*": ["<cjson/cJSON.h>", "ctl/*", "json/*", "base/*"],
    "src/daemon/*": [API, PROGRAM, "daemon/*", "admin/admin.h", "config/*", "process/plugin.h", "process/exec.h", "process/stand_in.h",
                    "json/*", "base/*"],
    "src/load/*": ["load/*", "base/*"],
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")', re.MULTILINE)
OURS = (API, PROGRAM, "<cjson/")


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
        self.must_forbid("src/log/log.c", '"queue/queue.h"')
        self.must_forbid("src/log/log.c", "<dgram.h>")
        self.must_forbid("src/log/log.c", '"addr.h"')  # written from src/, always
        self.must_forbid("src/core/slab.c", '"queue/queue.h"')
        self.must_forbid("src/core/slab.c", '"core/ledger.h"')
        self.must_forbid("src/log/ring.c", '"log/sink.h"')
        self.must_forbid("src/log/event.h", '"base/clock.h"')
        self.must_forbid("src/queue/queue.c", '"engine/worker.h"')
        self.must_forbid("src/queue/queue.c", '"log/log.h"')
        self.must_forbid("src/guard/own_addresses.c", '"engine/socket.h"')
        self.must_forbid("src/engine/worker.c", '"guard/own_addresses.h"')
        self.must_forbid("src/server/own.c", '"guard/prefixes.h"')
        self.must_forbid("src/engine/socket.c", '"engine/receiver.h"')
        self.must_forbid("src/engine/receiver.c", '"engine/pool.h"')
        self.must_forbid("src/engine/worker.c", '"engine/receiver.h"')
        self.must_forbid("src/engine/worker.c", '"server/server.h"')
        self.must_forbid("src/server/server.c", '"config/params.h"')
        self.must_forbid("src/handlers/echo.c", '"base/clock.h"')
        self.must_forbid("src/process/plugin.c", '"engine/handler.h"')
        self.must_forbid("src/process/frame_text.c", '"core/ledger.h"')
        self.must_forbid("src/daemon/main.c", '"process/probe.h"')
        self.must_forbid("src/json/scan.c", '"json/report.h"')
        self.must_forbid("src/json/element.c", '"config/values.h"')
        self.must_forbid("src/config/config.c", '"queue/queue.h"')
        self.must_forbid("src/config/check.c", '"config/decode.h"')
        self.must_forbid("src/daemon/main.c", '"server/server.h"')
        self.must_forbid("src/daemon/main.c", "<cjson/cJSON.h>")
        self.must_forbid("src/elsewhere/new.c", '"log/log.h"')
        self.must_forbid("include/dgram.h", '"log/log.h"')
        self.must_forbid("include/dgram.h", "<dgramd.h>")
        self.must_forbid("src/config/config.c", "<dgramd.h>")

    def test_good_ones_are_not(self):
        self.must_allow("src/queue/queue_flows.c", '"queue/queue.h"')
        self.must_allow("src/core/slab.c", '"core/slab.h"')
        self.must_allow("src/server/start.c", '"engine/worker.h"')
        self.must_allow("src/daemon/main.c", "<dgram.h>")
        self.must_allow("src/log/log.c", "<sys/stat.h>")


dgramtest.main()
