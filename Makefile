# dgramd and libdgram. `make help` lists the targets.
#
# One pass over the whole tree (no recursion); every variant (release, asan, tsan, debug, coverage) is
# built from the same rules into .build/VARIANT.

VERSION := 0.1.0
SOVERSION := 0

CC ?= gcc
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3
DESTDIR ?=
prefix ?= /usr/local

VARIANT ?= release
B := .build/$(VARIANT)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection
FLAGS_release := -O2 -D_FORTIFY_SOURCE=2 $(HARDENING)
FLAGS_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_debug := -Og
FLAGS_coverage := -O0 --coverage

CPPFLAGS += -D_GNU_SOURCE -DDGRAM_VERSION='"$(VERSION)"' -Iinclude -Isrc
CFLAGS += -std=c11 -g -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(FLAGS_$(VARIANT))
LDFLAGS += -pthread $(filter -fsanitize=% --coverage,$(FLAGS_$(VARIANT)))
LDFLAGS_PROGRAM := -pie -Wl,-z,relro,-z,now
CJSON_CFLAGS = $(shell $(PKG_CONFIG) --cflags libcjson)
CJSON_LIBS = $(shell $(PKG_CONFIG) --libs libcjson)
CMOCKA_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)

engine_src := $(wildcard src/base/*.c src/core/*.c src/pipeline/*.c src/handlers/*.c)
daemon_src := $(wildcard src/config/*.c src/daemon/*.c)
unit_src := $(wildcard tests/unit/*/*.c)

engine_obj := $(engine_src:%.c=$B/%.o)
daemon_obj := $(filter-out $B/src/daemon/main.o,$(daemon_src:%.c=$B/%.o))
unit_bin := $(unit_src:%.c=$B/%)

.PHONY: all
all: $B/dgramd

$B/dgramd: $B/src/daemon/main.o $(daemon_obj) $(engine_obj)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_PROGRAM) -o $@ $^ $(CJSON_LIBS)

$B/libengine.a: $(daemon_obj) $(engine_obj)
	rm -f $@
	$(AR) rcs $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(unit_bin): $B/%: $B/%.o $B/libengine.a
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_PROGRAM) -o $@ $< $B/libengine.a $(CJSON_LIBS) $(CMOCKA_LIBS)

.PHONY: unit
unit: $(unit_bin)

.PHONY: clean
clean:
	rm -rf .build

-include $(shell find .build -name '*.d' 2>/dev/null)
