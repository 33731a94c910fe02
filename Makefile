# dgramd and libdgram. `make help` lists the targets.
#
# One pass over the whole tree, no recursion into directories. Each variant (VARIANT=release, asan,
# tsan, tsan-clang, fuzz, clang, debug, coverage) is built by the same rules into .build/VARIANT.

VERSION := 0.1.0
SOVERSION := 1

prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
# dgramd looks for dgram-child from its own place: see src/process/probe.c.
childdir := $(prefix)/libexec/dgramd
# Where Debian's python3 looks for modules.
pythondir ?= $(prefix)/lib/$(if $(filter /usr,$(prefix)),python3,python3.11)/dist-packages
sysconfdir ?= $(if $(filter /usr /usr/local,$(prefix)),,$(prefix))/etc
unitdir ?= $(prefix)/lib/systemd/system

VARIANT ?= release
B := .build/$(VARIANT)
JOBS := $(shell nproc)
# Most tests wait for half of their time.
TEST_JOBS := $(shell expr 2 '*' $(JOBS))
Q := $(if $(V),,@)
MAKEFLAGS += --no-builtin-rules --no-print-directory $(if $(filter 0,$(MAKELEVEL)),-j$(JOBS))

# --- what is built from what

sources_of = $(wildcard $(1:%=src/%/*.c))
# Of process/, these are libdgram's; and what both libraries have.
children_src := $(wildcard $(patsubst %,src/process/%.c,frame frame_binary frame_text children children_ends children_log children_plan life \
	quarantine asked stream shared hand_over))
both_src := $(call sources_of,base) src/process/spawn.c src/process/stderr_lines.c
engine_src := $(sort $(call sources_of,base log core queue guard engine server handlers) $(children_src) $(both_src))	# libdgram
daemon_src := $(filter-out $(children_src) $(both_src),$(call sources_of,json config process admin daemon))	# libdgramd, over libdgram, and dgramd
load_src := $(call sources_of,load)			# dgramload
ctl_src := $(call sources_of,ctl)			# dgramctl
unit_src := $(wildcard tests/unit/*/test_*.c)
helper_src := $(wildcard tests/e2e/*.c tests/bench/*.c)	# programs that these tests start
overload_src := $(wildcard tests/bench/overload/*.c)	# parts of overload_load
peer_src := $(wildcard tests/bench/peers/*.c)		# what the benches compare with
preload_src := $(wildcard tests/fault/*.c)		# libraries for LD_PRELOAD
fuzz_src := $(wildcard tests/fuzz/*.c)			# targets for libFuzzer
sim_src := $(wildcard tests/sim/*.c)			# the simulator, one program
man_src := $(wildcard src/*/*.[1-8])

engine_obj := $(engine_src:%.c=$B/%.o)
child_obj := $(patsubst %,$B/src/%.o,process/child process/serve process/filter process/settings process/description json/json)
daemon_obj := $(filter-out $B/src/daemon/dgramd.o $B/src/process/child.o $B/src/process/serve.o $B/src/process/filter.o,$(daemon_src:%.c=$B/%.o))
both_obj := $(both_src:%.c=$B/%.o)	# each library has its own
libraries := libdgram libdgramd
tools := dgramload dgramctl
tools_bin := $(tools:%=$B/%)
load_obj := $(filter-out $B/src/load/dgramload.o,$(load_src:%.c=$B/%.o))
ctl_obj := $(ctl_src:%.c=$B/%.o)
test_obj := $(unit_src:%.c=$B/%.o) $(helper_src:%.c=$B/%.o)
test_bin := $(test_obj:%.o=%)
peer_bin := $(peer_src:%.c=$B/%) $B/tests/bench/peers/go_echo
preload_lib := $(preload_src:%.c=$B/%.so)
fuzz_bin := $(fuzz_src:%.c=$B/%)
sim_obj := $(sim_src:%.c=$B/%.o) $(filter-out $B/src/base/sys_linux.o,$(engine_obj))
sim_bin := $B/tests/sim/sim
mutant_bin := $(patsubst tests/sim/mutants/%.sed,$B/tests/sim/mutant-%,$(wildcard tests/sim/mutants/*.sed))
guard_mutant_bin := $(patsubst tests/unit/guard/mutants/%.sed,$B/tests/unit/guard/mutant-%,$(wildcard tests/unit/guard/mutants/*.sed))

e2e := $(wildcard tests/e2e/test_*.py)
house := $(wildcard tests/unit/*/test_*.py)
fault := $(wildcard tests/fault/test_*.py)
sim := tests/sim/test_sim.py
mutants := tests/sim/test_mutants.py
instructions := $(if $(filter release clang,$(VARIANT)),tests/sim/test_instructions.py)
interop := $(wildcard tests/interop/test_*.py)
model := $(wildcard tests/model/test_*.py)

# --- how: CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are the user's, and come last

ifeq ($(origin CC),default)
CC := gcc
endif
ifneq ($(filter %clang fuzz,$(VARIANT)),)
CC := clang
endif
PKG_CONFIG ?= pkg-config
OBJCOPY ?= objcopy
INSTALL ?= install
PYTHON ?= /usr/bin/python3

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
BRANCHES_x86_64 := -fcf-protection
BRANCHES_aarch64 := -mbranch-protection=standard
HARDENING := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection $(BRANCHES_$(shell uname -m))
SANITIZE_asan := -fsanitize=address,undefined
SANITIZE_tsan := -fsanitize=thread
SANITIZE_tsan-clang := $(SANITIZE_tsan)
SANITIZE_fuzz := -fsanitize=address,undefined,fuzzer-no-link -fprofile-instr-generate
SANITIZE_coverage := --coverage
FLAGS_release := -O2 $(HARDENING)
FLAGS_clang := $(FLAGS_release) -gdwarf-4	# what valgrind 3.19 can read
FLAGS_asan := -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all
FLAGS_tsan := -O1 -fno-omit-frame-pointer
FLAGS_tsan-clang := $(FLAGS_tsan)
FLAGS_fuzz := $(FLAGS_asan) -fcoverage-mapping
FLAGS_debug := -Og
FLAGS_walk := -O0 -finstrument-functions
FLAGS_coverage := -O0 -fprofile-update=atomic

cppflags := -D_GNU_SOURCE -DDGRAM_VERSION='"$(VERSION)"' -Iinclude -Isrc
cflags := -std=c11 -g -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(FLAGS_$(VARIANT)) \
	$(SANITIZE_$(VARIANT))
ldflags := -pthread -Wl,-z,relro,-z,now $(SANITIZE_$(VARIANT))
# What these do not find, the checks below name.
CJSON_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcjson 2>/dev/null)
CJSON_LIBS := $(shell $(PKG_CONFIG) --libs libcjson 2>/dev/null)
DAEMON_LIBS := $(CJSON_LIBS) $(shell $(PKG_CONFIG) --libs libseccomp 2>/dev/null)
CURL_LIBS := $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null)
CURSES_LIBS := $(shell $(PKG_CONFIG) --libs ncursesw 2>/dev/null)
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

compile = $(CC) $(cppflags) $(CPPFLAGS) $(cflags) $(CFLAGS)
link = $(CC) $(ldflags) $(LDFLAGS)

# --- the product

.PHONY: all tests peers
all: $B/dgramd $B/dgram-child $(libraries:%=$B/%.a) $(libraries:%=$B/%.so) $(tools_bin) ## build daemon, libraries and tools (the default)
tests: $B/dgramd $B/dgram-child $(tools_bin) $(test_bin) $(preload_lib) $(sim_bin)
	@:
peers: $(peer_bin)
	@:

# Plug-ins find the functions of dgram.h in the program that opens them.
for_plugins := -Wl,--export-dynamic-symbol='dgram_*'
$B/dgramd: $B/src/daemon/dgramd.o $(daemon_obj) $(engine_obj)
	@echo '  link  $@'
	$Q$(link) -pie $(for_plugins) -o $@ $(filter %.o,$^) $(DAEMON_LIBS) $(LDLIBS)

$B/dgram-child: $(child_obj) $(engine_obj)
	@echo '  link  $@'
	$Q$(link) -pie $(for_plugins) -o $@ $(filter %.o,$^) $(DAEMON_LIBS) $(LDLIBS)

$B/libdgram.so $B/libdgram.a: $(engine_obj)
$B/libdgramd.so $B/libdgramd.a: $(daemon_obj) $(both_obj)
$B/libdgramd.so: private needed := $B/libdgram.so $(DAEMON_LIBS)
$B/libdgramd.so: $B/libdgram.so

# Each symbol has the soname for its version, so two versions of a library can be in one process.
$(libraries:%=$B/%.so):
	@echo '  link  $@'
	$Q$(link) -shared -Wl,-soname,$(@F).$(SOVERSION) -Wl,--default-symver -Wl,-z,defs -o $@ $(filter %.o,$^) \
		$(needed) $(LDLIBS)

# One object whose hidden symbols are made local: our names cannot clash with the program's.
$(libraries:%=$B/%.a):
	@echo '  ar    $@'
	$Q$(CC) -r -nostdlib -o $(@:.a=.o) $(filter %.o,$^)
	$Q$(OBJCOPY) --localize-hidden $(@:.a=.o)
	$Qrm -f $@ && $(AR) rcs $@ $(@:.a=.o)

# What tools and tests link: everything but each main(), with all its names.
$B/libeverything.a: $(daemon_obj) $(load_obj) $(engine_obj)
	$Qrm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$B/dgramload: $B/src/load/dgramload.o $B/libeverything.a
	@echo '  link  $@'
	$Q$(link) -pie -o $@ $^ -lm $(LDLIBS)

$B/dgramctl: $(ctl_obj)
	@echo '  link  $@'
	$Q$(link) -pie -o $@ $(filter %.o,$^) $(CJSON_LIBS) $(CURL_LIBS) $(CURSES_LIBS) $(LDLIBS)

# A test's own linker flags stand in a line of its source: /* link: -Wl,--wrap=malloc */
own_flags = $(shell sed -n 's,^/\* link: \(.*\) \*/$$,\1,p' $*.c)
$(test_bin): $B/%: $B/%.o $B/libeverything.a
	@echo '  link  $@'
	$Q$(link) -pie -o $@ $^ $(own_flags) $(DAEMON_LIBS) $(CMOCKA_LIBS) -lm $(LDLIBS)

$(peer_src:%.c=$B/%): $B/%: $B/%.o
	@echo '  link  $@'
	$Q$(link) -pie -o $@ $^ $(own_flags) $(LDLIBS)

$B/tests/bench/peers/go_echo: tests/bench/peers/go_echo.go
	@echo '  go    $@'
	@mkdir -p $(@D)
	$QGOCACHE=$(abspath .build/go) go build -o $@ $<

$B/tests/bench/overload_load: $(overload_src:%.c=$B/%.o)

$(fuzz_bin): $B/%: $B/%.o $B/libeverything.a
	@echo '  link  $@'
	$Q$(link) -fsanitize=fuzzer -o $@ $^ $(own_flags) $(DAEMON_LIBS) -lm $(LDLIBS)

$(preload_lib): $B/%.so: $B/%.o
	$Q$(link) -shared -o $@ $< -ldl

# The product's calls of its queues lead through the simulator's watch.
watched := queue_push queue_pop queue_assist queue_end_assist queue_finish queue_discard queue_configure \
	worker_wake worker_run_inline lock_take lock_release socket_is_local \
	outside_run outside_reply outside_fail asked_choose children_give children_give_up quarantine_note \
	quarantine_refuses life_begin life_end life_kill events_step eventfd_write sendmsg recv
simulator = $(link) -pie $(watched:%=-Wl,--wrap=%)
$(sim_bin): $(sim_obj)
	@echo '  link  $@'
	$Q$(simulator) -o $@ $^ -lm $(LDLIBS)

# The simulator over a product with one mistake: a mutant's first line names the file, the others
# make the mistake in it. What is linked first counts.
$(mutant_bin): $B/tests/sim/mutant-%: tests/sim/mutants/%.sed $(sim_obj)
	@echo '  link  $@'
	$Qfile=$$(sed -n '1s/^# \([^:]*\):.*/\1/p' $<); \
		sed -f $< $$file >$@.c; \
		if cmp -s $@.c $$file; then echo "$<: changes nothing" >&2; exit 1; fi
	$Q$(compile) -w -c -o $@.o $@.c
	$Q$(simulator) -Wl,--allow-multiple-definition -o $@ $@.o $(sim_obj) -lm $(LDLIBS)

# A unit test, with one mistake in a file or a header of its room: a mutant's first line names both.
$(guard_mutant_bin): own_flags = $$(sed -n 's,^/\* link: \(.*\) \*/$$,\1,p' $$test.c)
$(guard_mutant_bin): cppflags := -Itests -Itests/support $(cppflags)
$(guard_mutant_bin): $B/tests/unit/guard/mutant-%: tests/unit/guard/mutants/%.sed $B/libeverything.a \
		$(filter $B/tests/unit/guard/% $B/tests/unit/server/test_access.o,$(test_obj))
	@echo '  link  $@'
	$Qfile=$$(sed -n '1s/^# \([^,]*\),.*/\1/p' $<); \
		mutated=$@.d/$${file#src/} room=$$(dirname $${file#src/}); \
		test=tests/unit/$$room/$$(sed -n '1s/^[^,]*, \([^:]*\):.*/\1/p' $<); \
		mkdir -p $@.d/$$room && sed -f $< $$file >$$mutated || exit 1; \
		if cmp -s $$mutated $$file; then echo "$<: changes nothing" >&2; exit 1; fi; \
		case $$file in \
		*.c) $(compile) -w -c -o $@.o $$mutated && set -- $@.o $B/$$test.o ;; \
		*) $(subst -Isrc,-I$@.d -Isrc,$(compile)) -w -c -o $@.o $$test.c && set -- $@.o ;; \
		esac && $(link) -pie -o $@ "$$@" $B/libeverything.a $(own_flags) $(CJSON_LIBS) $(CMOCKA_LIBS) -lm $(LDLIBS)

$(test_obj) $(overload_src:%.c=$B/%.o) $(peer_src:%.c=$B/%.o): cppflags += -Itests -Itests/support
$(daemon_obj) $(ctl_obj) $(test_obj) $(fuzz_bin:=.o): cppflags += $(CJSON_CFLAGS)
$(test_obj): | testers
$B/%.o: %.c $B/flags
	@echo '  cc    $@'
	@mkdir -p $(@D)
	$Q$(compile) -MMD -MP -c -o $@ $<

# Rewritten, and so newer than what was built, only when the compiler, a flag or the list of sources
# is another.
$B/flags: text := $(compile) $(link)
$B/sources: text := $(engine_src) $(daemon_src) $(load_src) $(ctl_src)
$B/flags $B/sources: FORCE | builders
	@mkdir -p $(@D)
	@{ $(CC) --version; echo "$(subst ",,$(text))"; } >$@.$$$$; \
		if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi
$B/dgramd $B/dgram-child $B/dgramctl $(libraries:%=$B/%.so) $(libraries:%=$B/%.a) $B/libeverything.a: $B/sources
.PHONY: FORCE
FORCE:
.SECONDARY:

-include $(patsubst %.c,$B/%.d,$(engine_src) $(daemon_src) $(load_src) $(ctl_src) $(unit_src) $(helper_src) \
	$(preload_src) $(fuzz_src) $(sim_src) $(overload_src) $(peer_src))

# --- run and test

NEED := tests/support/need
BUILDERS := $(if $(findstring clang,$(CC)),clang,gcc):$(firstword $(CC)) \
	libc6-dev:/usr/include/stdio.h pkg-config:$(PKG_CONFIG) \
	'libcjson-dev:$(PKG_CONFIG) --exists libcjson' \
	'libseccomp-dev:$(PKG_CONFIG) --exists libseccomp' \
	'libmicrohttpd-dev:$(PKG_CONFIG) --exists libmicrohttpd' \
	'libcurl4-openssl-dev:$(PKG_CONFIG) --exists libcurl' \
	'libncurses-dev:$(PKG_CONFIG) --exists ncursesw'
PYTHONS := 'python3:/usr/lib*/python3*/unittest/__init__.py'
TESTERS := $(BUILDERS) 'libcmocka-dev:$(PKG_CONFIG) --exists cmocka' $(PYTHONS)
PEERS := rdate:rdate nodejs:node jq:jq nmap:nmap socat:socat supervisor:supervisord runit:runsv s6:s6-svscan \
	nftables:nft iproute2:ip systemd:systemd-analyze nginx:nginx logrotate:logrotate \
	libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so \
	monitoring-plugins-basic:/usr/lib/nagios/plugins/check_udp \
	dnsperf:dnsperf dnsmasq-base:dnsmasq chrony:chronyd bird2:bird \
	libpython3.11-testsuite:/usr/lib/python3.11/test/test_socketserver.py \
	python3-jsonschema:/usr/lib/python3/dist-packages/jsonschema abigail-tools:abidiff \
	prometheus:promtool curl:curl tmux:tmux chromium:chromium chromium-driver:chromedriver \
	python3-selenium:/usr/lib/python3/dist-packages/selenium/__init__.py \
	g++:g++ 'libsqlite3-dev:$(PKG_CONFIG) --exists sqlite3'
RIVALS := libuv1-dev:/usr/include/uv.h golang-go:go xinetd:/usr/sbin/xinetd
CLANG := clang:clang 'libclang-rt-dev:/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.tsan*'
LINTERS := clang:clang clang-format:clang-format clang-tidy:clang-tidy cppcheck:cppcheck \
	shellcheck:shellcheck mandoc:mandoc libuv1-dev:/usr/include/uv.h

RUN := $(PYTHON) tests/support/run
CONF ?= conf/server.json
in = DGRAMD=.build/$1/dgramd $(unit_src:%.c=.build/$1/%)
# The sanitizers' fixed mappings do not bear all of the kernel's address randomization.
NO_ASLR := $(shell setarch -R true 2>/dev/null && echo setarch -R)
SANITIZED := CMOCKA_TEST_ABORT=1 DGRAM_SLOW=4 DGRAM_UNDER='$(NO_ASLR)' \
	ASAN_OPTIONS=handle_segv=2:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible

# Nothing is compiled before this; the targets that install what they need have done so by then.
.PHONY: builders testers
builders:
	@$(NEED) --check run 'to build dgramd' $(BUILDERS)
testers: builders
	@$(NEED) --check test 'to build and test dgramd' $(TESTERS)

.PHONY: run test test-interop model bench bench-access bench-bursts bench-children bench-queue bench-scaling figures stress respawns overload fuzz fuzzers check-fuzz bench-admin
run: ## build dgramd and serve conf/server.json in the foreground (CONF=FILE for another)
	@$(NEED) 'to build dgramd' $(BUILDERS)
	@$(MAKE) $B/dgramd
	@exec $B/dgramd -c $(CONF)

test: ## run the unit, simulation, end-to-end and fault tests
	@$(NEED) 'to build and test dgramd' $(TESTERS) valgrind:valgrind
	@$(MAKE) all tests mutants
	@$(RUN) --suite $@ --jobs $(TEST_JOBS) $(call in,$(VARIANT)) $(house) $(sim) $(mutants) \
		$(instructions) $(e2e) $(fault)

REPEAT ?= 20
BUSY_LOOP := timeout 3h taskset -c 0 sh -c 'while :; do :; done'
.PHONY: test-again
test-again: ## run the unit, end-to-end and fault tests REPEAT (20) times (BUSY=1: beside a busy core)
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) all tests
	@$(if $(BUSY),$(BUSY_LOOP) & trap "kill $$!" EXIT; trap 'exit 1' INT TERM;) $(RUN) --suite $@ \
		--jobs $(TEST_JOBS) --repeat $(REPEAT) $(call in,$(VARIANT)) $(e2e) $(fault)

KILLS ?= 2000
.PHONY: kills
kills: ## kill children at KILLS (2000) random moments, which takes minutes, because they are replaced 10 in a second
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) $B/dgramd $B/dgram-child
	@KILLS=$(KILLS) DGRAMD=$B/dgramd PYTHONPATH=tests/support $(PYTHON) tests/e2e/test_process.py Kills

.PHONY: test-upgrades
test-upgrades: ## UPGRADES (200) upgrades under load, where make test has 20, and one that hangs
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) all
	@$(RUN) --suite $@ --limit 1800 DGRAMD=$B/dgramd UPGRADES=$(or $(UPGRADES),200) tests/e2e/test_upgrade.py

test-interop: ## try other people's clients and supervisors, installing them (none is started)
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(NEED) --try 'to test with other clients and supervisors' $(PEERS)
	@$(MAKE) all tests
	@$(RUN) --suite $@ DGRAMD=$B/dgramd $(interop)

SEEDS ?= 100000
TIMES ?= 32
.PHONY: sim curves mutants instructions walk
sim: ## simulate SEEDS (100000) random worlds, each with its clients, faults and end, and as many with children
	@$(NEED) 'to build and simulate dgramd' $(BUILDERS)
	@$(MAKE) $(sim_bin)
	@$(sim_bin) --seeds 1:$(SEEDS)
	@$(sim_bin) --children 1:$(SEEDS)

curves: ## simulate what the rules of queues and pool are worth under overload
	@$(NEED) 'to build and simulate dgramd' $(BUILDERS)
	@$(MAKE) $(sim_bin)
	@$(sim_bin) --curves

mutants: $(mutant_bin) $(guard_mutant_bin)

instructions: ## count what a request costs, by function, and write it down for the test
	@$(NEED) 'to build dgramd and count instructions' $(TESTERS) valgrind:valgrind
	@$(MAKE) $B/dgramd $(sim_bin)
	@DGRAMD=$B/dgramd PYTHONPATH=tests/support $(PYTHON) -B tests/sim/instructions.py --record

walk: ## follow one datagram through the files of src, which must be few (WALK=workers, assisted, inline: print it)
	@$(NEED) 'to build and simulate dgramd' $(BUILDERS) binutils:addr2line $(PYTHONS)
	@$(MAKE) VARIANT=walk .build/walk/tests/sim/sim
	@$(if $(WALK),DGRAMD=.build/walk/dgramd PYTHONPATH=tests/support $(PYTHON) -B tests/sim/test_walk.py $(WALK), \
		$(RUN) --suite $@ DGRAMD=.build/walk/dgramd tests/sim/test_walk.py)

model: ## search the models of the protocols, and see that their mutants fail
	@$(NEED) 'to search the models' gcc:gcc libc6-dev:/usr/include/stdio.h spin:spin $(PYTHONS)
	@$(RUN) --suite $@ --jobs $(JOBS) --limit 1800 $(model)

stress: ## the real queue with real threads, 10^8 datagrams by each of three rules (TIMES x 3.2 million)
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) $B/tests/unit/queue/test_queue_threads
	@DGRAM_MORE=$(TIMES) $(RUN) --suite $@ --limit 3000 $B/tests/unit/queue/test_queue_threads

RESPAWNS ?= 10000
respawns: ## start and end RESPAWNS (10000) children beside threads that are in malloc(3) and localtime_r(3)
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) $B/tests/unit/process/test_children_respawn
	@RESPAWNS=$(RESPAWNS) $(RUN) --suite $@ --limit 3000 $B/tests/unit/process/test_children_respawn

bench-queue: ## measure: what the queue itself costs, a datagram
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) $B/tests/bench/queue_cost
	@$B/tests/bench/queue_cost

bench-access: ## measure: what a look-up in access costs, with 100,000 prefixes
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) $B/tests/bench/access_cost
	@$B/tests/bench/access_cost

in_bench = DGRAMD=$B/dgramd PYTHONPATH=tests/support $(PYTHON) -B
# A peer that cannot be installed or built is reported as one that failed to start.
bench: ## measure: echo side by side with others, who are installed or built, and memory
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(NEED) --try 'to measure dgramd against them' $(RIVALS)
	@$(MAKE) all tests
	@$(MAKE) -k peers || true
	@status=0; for script in tests/bench/bench_*.py; do \
		$(in_bench) $$script || status=1; done; exit $$status

bench-admin: ## measure: a scrape of 64 services and 64 workers, and resident memory with the endpoint
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) all
	@$(in_bench) tests/bench/bench_admin.py

bench-scaling: ## measure: requests a second by workers, for handlers that block and that burn
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) all $B/tests/bench/peers/sleepers
	@$(in_bench) tests/bench/scaling.py

bench-children: ## measure: handlers as children, beside the pool and socketserver's classes (TURNS, SECONDS_EACH)
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) all $(patsubst %,$B/tests/bench/peers/%,sleepers time_once)
	@$(in_bench) tests/bench/children.py

bench-bursts: ## measure: CPU time for an echo beside that of another dgramd (BASE=PATH, SETTINGS, BASE_SETTINGS, NETWORK)
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) all
	@BASE='$(BASE)' SETTINGS='$(SETTINGS)' BASE_SETTINGS='$(BASE_SETTINGS)' NETWORK='$(NETWORK)' \
		$(in_bench) tests/bench/bursts.py

profile: ## measure: where the CPU time of an echo goes, by perf(1)
	@$(NEED) 'to build and profile dgramd' $(TESTERS) linux-perf:perf golang-go:go
	@$(MAKE) all $(patsubst %,$B/tests/bench/peers/%,bare_echo segment_echo go_echo)
	@$(in_bench) tests/bench/profile.py

figures: ## copy the tables of tests/bench/results into the README.md there, where it quotes them
	@$(NEED) 'to copy the figures' $(PYTHONS)
	@$(PYTHON) -B tests/bench/figures.py

SCRAPES ?= 10000
RELOADS ?= 2000
.PHONY: operate-long
operate-long: ## compare SCRAPES (10000) of the metrics with the books under load, and reload RELOADS (2000) times
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) all tests
	@SCRAPES=$(SCRAPES) RELOADS=$(RELOADS) $(RUN) --suite $@ --limit 3000 DGRAMD=$B/dgramd \
		tests/e2e/test_admin_load.py tests/e2e/test_reload_often.py

overload: ## draw what becomes of the answers under overload (FULL=1: longer) in tests/bench/results
	@$(NEED) 'to build and measure dgramd' $(TESTERS)
	@$(MAKE) all tests $B/tests/bench/peers/textbook_echo
	@FULL=$(FULL) $(in_bench) tests/bench/overload.py

fuzzers: $(fuzz_bin)
in_fuzz = DGRAMD=.build/fuzz/dgramd DGRAM_FUZZ_SECONDS=$1 $2 tests/fuzz/test_fuzz.py
FUZZ_NEEDS := $(BUILDERS) $(CLANG) llvm:llvm-cov $(PYTHONS)
check-fuzz: ## the parsers and the server over their corpora, which cover them, and 10 s each of random input
	@$(NEED) 'to build and fuzz dgramd' $(FUZZ_NEEDS)
	@$(MAKE) VARIANT=fuzz fuzzers
	@$(RUN) --suite $@ --limit 1800 $(call in_fuzz,10)

FUZZ_SECONDS ?= 60
FUZZ_KEEP := $(abspath .build/fuzz/found)
fuzz: ## the same for FUZZ_SECONDS (60) each; what is found stays in .build/fuzz/found
	@$(NEED) 'to build and fuzz dgramd' $(FUZZ_NEEDS)
	@$(MAKE) VARIANT=fuzz fuzzers
	@$(RUN) --suite $@ --limit 100000 $(call in_fuzz,$(FUZZ_SECONDS),DGRAM_FUZZ_KEEP=$(FUZZ_KEEP))

SOAK_SECONDS ?= 3600
.PHONY: sweep soak
sweep: ## a whole life of dgramd for each call that can fail, each time it is made and each error of it
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) all tests
	@$(RUN) --suite $@ --limit 36000 DGRAMD=$B/dgramd DGRAM_SWEEP=all \
		DGRAM_SWEEP_SECONDS=$(SWEEP_SECONDS) tests/fault/test_sweep.py

# This again and again, numbered from 1, for so long.
soaked = end=$$(($$(date +%s) + $(SOAK_SECONDS))) turn=0; \
	while turn=$$((turn + 1)); $1 || exit 1; [ $$(date +%s) -lt $$end ]; do :; done

soak: ## for hours, SOAK_SECONDS (3600) each: random input by parser, lives of make sweep, make sim, stress and respawns
	@$(MAKE) fuzz FUZZ_SECONDS=$(SOAK_SECONDS)
	@$(MAKE) sweep SWEEP_SECONDS=$(SOAK_SECONDS)
	@$(MAKE) $(sim_bin)
	@$(call soaked,$(sim_bin) --seeds $$((turn * 1000 - 999)):1000)
	@$(MAKE) $B/tests/unit/queue/test_queue_threads
	@$(call soaked,$(RUN) --suite $@ $B/tests/unit/queue/test_queue_threads)
	@$(MAKE) $B/tests/unit/process/test_children_respawn
	@$(call soaked,$(RUN) --suite $@ $B/tests/unit/process/test_children_respawn)

.PHONY: check-asan check-tsan check-valgrind coverage lint
check-asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) VARIANT=asan tests
	@$(RUN) --suite $@ --jobs $(TEST_JOBS) $(SANITIZED) $(call in,asan) $(sim) $(e2e)

check-tsan: ## the tests under ThreadSanitizer, clang's and gcc's, which has the unit tests alone (ALL=1: all)
	@$(NEED) 'to build and test dgramd with two compilers' $(TESTERS) $(CLANG)
	@$(MAKE) VARIANT=tsan tests
	@$(MAKE) VARIANT=tsan-clang tests
	@$(RUN) --suite $@ --jobs $(TEST_JOBS) $(SANITIZED) \
		$(call in,tsan) $(if $(ALL),$(e2e)) $(call in,tsan-clang) $(e2e)

# Valgrind 3.19 does not bear processes that are started as spawn.c does, by clone(2) with CLONE_VM and CLONE_PIDFD.
unvalgrinded := %/daemon/test_successor %/process/test_once %/process/test_children_respawn %/process/test_spawn %/server/test_outside
check-valgrind: ## the unit tests, and the end-to-end tests that say "# valgrind", under memcheck
	@$(NEED) 'to build and test dgramd under valgrind' $(TESTERS) valgrind:valgrind
	@$(MAKE) VARIANT=debug tests
	@$(RUN) --suite $@ --jobs $(TEST_JOBS) --limit 600 DGRAM_SLOW=20 DGRAM_UNDER='$(VALGRIND)' \
		$(filter-out $(unvalgrinded),$(call in,debug)) \
		$(if $(e2e),$(shell grep -l '^# valgrind' $(e2e)))

coverage: ## lines that the unit and end-to-end tests ran, by file
	@$(NEED) 'to build and test dgramd' $(TESTERS)
	@$(MAKE) VARIANT=coverage tests
	@find .build/coverage -name '*.gcda' -delete
	@$(RUN) --suite $@ --jobs $(TEST_JOBS) $(call in,coverage) $(e2e); status=$$?; \
		$(PYTHON) tests/support/coverage .build/coverage && exit $$status

lint: ## format, clang-tidy, cppcheck, shellcheck, manual pages, a build with clang; counts the lines of code
	@$(NEED) 'to check the source' $(TESTERS) $(LINTERS)
	@$(PYTHON) tests/support/code_lines
	@$(RUN) --suite $@ --limit 1800 LINT_FLAGS='$(subst ','\'',$(cppflags))' tests/support/lint

# Of the types those that the headers show.
ABIDW := abidw --headers-dir include --drop-private-types --exported-interfaces-only --no-show-locs \
	--no-corpus-path --no-comp-dir-path --no-elf-needed --no-write-default-sizes --type-id-style hash
ABI ?= tests/interop/abi
.PHONY: abi
abi: ## record the binary interface of the libraries, with which make test-interop compares it
	@$(NEED) 'to record the binary interface' $(BUILDERS) abigail-tools:abidw
	@$(MAKE) all
	@mkdir -p $(ABI)
	@set -e; for library in $(libraries); do $(ABIDW) --out-file $(ABI)/$$library.abi $B/$$library.so; done

.PHONY: schema format
schema: $B/dgramd ## write conf/server.schema.json
	$B/dgramd --schema >$B/server.schema.json
	cp $B/server.schema.json conf/server.schema.json

format: ## format all C files in place
	@$(NEED) 'to format the source' clang-format:clang-format
	find include src conf tests -name '*.[ch]' -exec clang-format -i {} +

# --- install

page_path = $(DESTDIR)$(mandir)/man$(subst .,,$(suffix $1))/$(notdir $1)
pages := $(foreach page,$(man_src),$(call page_path,$(page)))
# Units and pages name the paths of a default installation: put the right ones there.
OUR_PATHS := -e 's,/usr/local/sbin,$(sbindir),g' -e 's,/etc/dgramd,$(sysconfdir)/dgramd,g'

# Shells, and where each looks for what completes a command.
completions := bash:bash-completion/completions/dgramctl zsh:zsh/site-functions/_dgramctl \
	fish:fish/vendor_completions.d/dgramctl.fish
shell_of = $(firstword $(subst :, ,$(each)))
file_of = $(lastword $(subst :, ,$(each)))
headers := $(wildcard include/*.h)
modules := $(patsubst include/%.in,%,$(wildcard include/*.pc.in))
PC_PATHS := -e 's,@prefix@,$(prefix),; s,@libdir@,$(libdir),; s,@includedir@,$(includedir),' \
	-e 's,@version@,$(VERSION),'
define install_shared
$(INSTALL) -m 755 $B/$1.so $(DESTDIR)$(libdir)/$1.so.$(VERSION)
	ln -sf $1.so.$(VERSION) $(DESTDIR)$(libdir)/$1.so.$(SOVERSION)
	ln -sf $1.so.$(SOVERSION) $(DESTDIR)$(libdir)/$1.so

endef

.PHONY: install uninstall
install: all ## install under DESTDIR and prefix (/usr/local)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(bindir) $(sbindir) $(libdir)/pkgconfig $(includedir) \
		$(childdir) $(pythondir) $(datadir)/dgramd $(unitdir) $(sysconfdir)/dgramd) $(sort $(dir $(pages))) \
		$(foreach each,$(completions),$(DESTDIR)$(datadir)/$(dir $(file_of)))
	$(INSTALL) -m 755 $B/dgramd $(DESTDIR)$(sbindir)/
	$(INSTALL) -m 755 $B/dgram-child $(DESTDIR)$(childdir)/
	$(INSTALL) -m 644 src/process/dgramserver.py $(DESTDIR)$(pythondir)/
	$(INSTALL) -m 755 $(tools_bin) $(DESTDIR)$(bindir)/
	$(foreach each,$(completions),$B/dgramctl --completions $(shell_of) >$(DESTDIR)$(datadir)/$(file_of);)
	$(INSTALL) -m 644 $(headers) $(DESTDIR)$(includedir)/
	$(INSTALL) -m 644 $(libraries:%=$B/%.a) $(DESTDIR)$(libdir)/
	$(foreach library,$(libraries),$(call install_shared,$(library)))
	$(foreach module,$(modules),sed $(PC_PATHS) include/$(module).in >$(DESTDIR)$(libdir)/pkgconfig/$(module);)
	$(foreach page,$(man_src),$(INSTALL) -m 644 $(page) $(call page_path,$(page));)
	cp -R conf/. $(DESTDIR)$(datadir)/dgramd/
	sed -i $(OUR_PATHS) $(pages) \
		$(addprefix $(DESTDIR)$(datadir)/dgramd/,systemd/* supervisor/* */dgramd/run)
	$(INSTALL) -m 644 $(DESTDIR)$(datadir)/dgramd/systemd/dgramd.service \
		$(DESTDIR)$(datadir)/dgramd/systemd/dgramd.socket $(DESTDIR)$(unitdir)/
	chmod -R a+rX $(DESTDIR)$(datadir)/dgramd
	chmod 644 $(modules:%=$(DESTDIR)$(libdir)/pkgconfig/%)
	$(INSTALL) -m 644 conf/server.schema.json $(DESTDIR)$(sysconfdir)/dgramd/
	test -e $(DESTDIR)$(sysconfdir)/dgramd/server.json || \
		$(INSTALL) -m 644 conf/server.json $(DESTDIR)$(sysconfdir)/dgramd/
	if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

uninstall: ## remove what install put there, but not the configuration
	rm -f $(addprefix $(DESTDIR),$(sbindir)/dgramd $(tools:%=$(bindir)/%) \
		$(headers:include/%=$(includedir)/%) $(modules:%=$(libdir)/pkgconfig/%) \
		$(foreach end,a so so.$(SOVERSION) so.$(VERSION),$(libraries:%=$(libdir)/%.$(end))) \
		$(unitdir)/dgramd.service $(unitdir)/dgramd.socket $(pythondir)/dgramserver.py \
		$(sysconfdir)/dgramd/server.schema.json) $(pages) \
		$(foreach each,$(completions),$(DESTDIR)$(datadir)/$(file_of))
	rm -rf $(DESTDIR)$(datadir)/dgramd $(DESTDIR)$(childdir)

.PHONY: clean help
clean: ## remove .build
	rm -rf .build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16
	@echo 'Variables: VARIANT, CC, CFLAGS, prefix, DESTDIR ...; V=1 shows the commands.'
