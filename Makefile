# pgtandem. `make help` lists the targets.
#
# Floors: base <- dnsupdate, proto <- controller | agent. Each directory is one archive; a program is
# its main.o, its own archive and those below. A new file in a directory is found by itself.

BUILD  ?= build
PREFIX ?= /usr/local

# make's own lists are parted by blanks, rules by colons, and the shell has its own letters
odd := $(shell printf '%s' '$(subst ','\'',$(CURDIR)$(BUILD))' | tr -d 'A-Za-z0-9/._+@,=\200-\377-')
ifneq ($(or $(odd),$(word 2,$(CURDIR)),$(word 2,$(BUILD))),)
$(error pgtandem cannot be built below a path with a blank or one of :%#$$&;()*?[]<>|~!"'\, move the \
  checkout elsewhere: CURDIR is "$(CURDIR)", BUILD is "$(BUILD)")
endif
ifeq ($(origin CC),default)
CC := gcc
endif

# as many jobs as processors, unless it was said otherwise; a make below this one shares them
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

# V=1 shows the commands themselves, make -s nothing
say = $(if $(filter 1,$(V))$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $(1)  $(patsubst $(BUILD)/%,%,$(2))';)

DIRS     := base dnsupdate proto controller agent
PROGRAMS := $(if $(wildcard controller/main.c),$(BUILD)/pgtandem) \
            $(if $(wildcard agent/main.c),$(BUILD)/pgtandem-agent)
LIBS     := $(DIRS:%=$(BUILD)/lib%.a)
PAGES    := $(addprefix $(BUILD)/pages/,pgtandem.1 pgtandem.conf.5 pgtandem.bash \
              pgtandem-agent.8 pgtandem-agent.conf.5 pgtandem-agent.bash)
TESTS    := $(patsubst %.c,$(BUILD)/%,$(sort $(shell find tests/unit -name 'test_*.c')))
SIM      := $(if $(wildcard tests/sim/*.c),$(BUILD)/sim)
FUZZ     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REFERENCE := $(patsubst tests/reference/%.c,$(BUILD)/tests/reference/%,\
               $(filter-out %/markdown.c,$(wildcard tests/reference/*.c)))
REPLAY   := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# ---- flags ---------------------------------------------------------------------------------------

PACKAGES := ldns libssl libcrypto libpq libuv jansson
pkg       = $(shell pkg-config $(1) $(2) 2>/dev/null)

# level 3 came with gcc 12; older ones would warn and fall back
FORTIFY := $(shell echo __GNUC__ __clang_major__ | $(CC) -E -P - 2>/dev/null | \
             awk '{ print ($$1 + 0 >= 12 || $$2 + 0 >= 12) ? 3 : 2 }')
X86     := $(filter x86_64% i386% i486% i586% i686%,$(shell $(CC) -dumpmachine 2>/dev/null))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
            -Wnull-dereference -Wimplicit-fallthrough
HARDEN   := -fstack-protector-strong -fstack-clash-protection $(if $(X86),-fcf-protection=full) -fPIE
CPPFLAGS := -D_GNU_SOURCE -I. $(patsubst -I%,-isystem %,$(call pkg,--cflags,$(PACKAGES)))
CFLAGS   := -std=gnu11 -g -O2 -D_FORTIFY_SOURCE=$(FORTIFY) $(HARDEN)
LDFLAGS  := -pie -Wl,-z,relro,-z,now
LDLIBS    = $(call pkg,--libs,$(PACKAGES))

# SAN=1: AddressSanitizer and UndefinedBehaviorSanitizer; FUZZING=1: libFuzzer's counters; COV=1:
# coverage; WERROR=1: for CI and lint
ifeq ($(SAN),1)
CFLAGS  := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
           -fno-sanitize-recover=all -fPIE
LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(FUZZING),1)
CFLAGS += -fsanitize=fuzzer-no-link
endif
ifeq ($(COV),1)
CFLAGS  := -std=gnu11 -g -O0 --coverage -fprofile-update=atomic -fPIE
LDFLAGS += --coverage
COUNTER := $(BUILD)/tests/lab/coverage/keep_counts.o
endif

COMPILE   = $(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS)
WERROR_FLAG := $(if $(filter 1,$(WERROR)),-Werror)

.PHONY: all units deps test test-all check reference lint sanitize fuzz coverage bench demo install uninstall clean help \
        install-controller install-agent format sim fuzzers fuzzers-here print-cppflags FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(LIBS) $(PAGES)

help:
	@echo 'make            build the two programs in $(BUILD)/'
	@echo 'make check      unit tests: no root, seconds'
	@echo 'make reference  docs/configuration.md, messages.md, transitions.md from the tables'
	@echo 'make test       everything, on a lab of namespaces: as root, a quarter of an hour'
	@echo 'make test-all   the same, and what costs much for a second look: twice as long'
	@echo 'make lint       format, compiler and static analysis, floors, banned calls'
	@echo 'make format     clang-format in place'
	@echo 'make sanitize   unit tests under ASan + UBSan, and under valgrind'
	@echo 'make fuzz       libFuzzer on each parser, FUZZ_SECONDS each (default 60)'
	@echo 'make coverage   what decides: each branch by units and explorer; each folder: 90 % of its lines, with the lab'
	@echo 'make bench      outage of planned and unplanned moves, measured: as root'
	@echo 'make demo       the whole story in a minute and a half: as root'
	@echo 'make install    DESTDIR= PREFIX=$(PREFIX) ROLES="controller agent"; make uninstall'
	@echo 'make clean'
	@echo 'Variables: CC=clang  BUILD=DIR  V=1 (show commands)  WERROR=1  SAN=1  COV=1'

# ---- objects, archives, programs -------------------------------------------------------------------

# Rewritten only when the compiler or a flag has changed: then everything is built again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@pkg-config --exists $(PACKAGES) || \
	    { echo 'a library is missing: run deploy/install-deps (as root)' >&2; exit 1; }
	@echo '$(COMPILE) $(LDFLAGS)' | cmp -s - $@ || echo '$(COMPILE) $(LDFLAGS)' >$@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) $(WERROR_FLAG) -MMD -MP -c -o $@ $<

objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard $(1)/*.c $(1)/*/*.c)))

# the list of members is a dependency of its own, or a deleted source would stay in the archive
define ARCHIVE
$(BUILD)/lib$(1).a: $(call objects,$(1)) $(BUILD)/lib$(1).members
	@rm -f $$@
	$$(call say,AR,$$@)ar rcs $$@ $(call objects,$(1))
$(BUILD)/lib$(1).members: FORCE
	@mkdir -p $$(@D)
	@echo '$(call objects,$(1))' | cmp -s - $$@ || echo '$(call objects,$(1))' >$$@
endef
$(foreach dir,$(DIRS),$(eval $(call ARCHIVE,$(dir))))

FLOORS := $(BUILD)/libproto.a $(BUILD)/libdnsupdate.a $(BUILD)/libbase.a

$(BUILD)/pgtandem: $(BUILD)/controller/main.o $(COUNTER) $(BUILD)/libcontroller.a $(FLOORS)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/pgtandem-agent: $(BUILD)/agent/main.o $(COUNTER) $(BUILD)/libagent.a $(FLOORS)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Manual pages and completion, from the tables that the programs run by.
$(BUILD)/pages-%: $(BUILD)/%/pages/main.o $(BUILD)/lib%.a $(FLOORS)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/pages/pgtandem-agent%: $(BUILD)/pages-agent
	@mkdir -p $(@D)
	$(call say,PAGE,$@)$< $(@F) >$@

$(BUILD)/pages/pgtandem.%: $(BUILD)/pages-controller
	@mkdir -p $(@D)
	$(call say,PAGE,$@)$< $(@F) >$@

# ---- tests -----------------------------------------------------------------------------------------

# A test program gets the archives of the directories that it includes from, and those below them: of
# controller and agent it looks into one only, both may have a `config_load`.
above_base      := dnsupdate proto controller agent tests
above_dnsupdate := proto controller agent
above_proto     := controller agent
included := $(shell grep -Ho '^.include "[a-z]*/' $(TESTS:$(BUILD)/%=%.c) tests/fuzz/*.c tests/reference/*.c | \
              sed 's|:.include "\(.*\)/$$|:\1|')
includes = $(patsubst $(1):%,%,$(filter $(1):%,$(included)))
archives = $(foreach dir,controller agent proto dnsupdate base,\
             $(if $(filter $(dir) $(above_$(dir)),$(call includes,$(1))),$(BUILD)/lib$(dir).a))

define TEST
$(1): $(1).o $(call archives,$(1:$(BUILD)/%=%.c))
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$(call pkg,--libs,cmocka)
endef
$(foreach test,$(TESTS),$(eval $(call TEST,$(test))))

# A fuzz harness with a main() of ours: it runs what tests/fuzz/corpus holds, once.
define REPLAYS
$(BUILD)/tests/fuzz/$(1): $(BUILD)/tests/fuzz/$(1).o $(BUILD)/tests/fuzz/replay.o \
        $(call archives,tests/fuzz/$(1).c)
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach harness,$(notdir $(REPLAY)),$(eval $(call REPLAYS,$(harness))))

# The reference pages of docs/, from the tables that the programs run by; test_docs.py compares them.
define REFERENCES
$(BUILD)/tests/reference/$(1): $(BUILD)/tests/reference/$(1).o $(BUILD)/tests/reference/markdown.o \
        $(call archives,tests/reference/$(1).c)
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach page,$(notdir $(REFERENCE)),$(eval $(call REFERENCES,$(page))))

reference: $(REFERENCE)
	BUILD=$(BUILD) tests/reference/pages --write

units: $(TESTS) $(REPLAY) $(REFERENCE)

# The explorer plays the three pure parts; that they link without the rest shows that they are pure.
PURE := $(wildcard dnsupdate/register.c controller/decide/*.c agent/decide/*.c)

$(BUILD)/sim: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c) $(PURE)) $(BUILD)/libbase.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Rules for what the lab needs besides our programs: each tests/lab/*/*.mk adds to LAB_PROGRAMS.
LAB_PROGRAMS :=
-include $(wildcard tests/lab/*/*.mk)
LAB_PROGRAMS += $(LAB_CLIENTS)

check: units
	tests/run --build $(BUILD) units

deps:
	@[ -x tests/run ] || { echo 'nothing can be run in $(CURDIR): its file system is mounted noexec.' \
	    'Move the checkout elsewhere' >&2; exit 1; }
	@deploy/install-deps

# In a second make: only now the libraries' flags can be asked for. clang's warnings are seen where it
# builds the fuzzers. `more` are second looks that cost much (tests/lab/labkit/tap.py).
test test-all: deps
	$(MAKE) WERROR=1 all units sim $(LAB_PROGRAMS)
	$(MAKE) WERROR=1 fuzzers
	FUZZ_SECONDS=5 tests/run --build $(BUILD) $(if $(filter test-all,$@),--more) units sim fuzz lab

sim: $(SIM)

lint:
	tests/lint

print-cppflags:
	@echo '$(CPPFLAGS)'

format:
	clang-format -i $(foreach dir,$(DIRS) $(DIRS:%=%/*) tests/sim tests/fuzz tests/reference tests/lab/*,$(wildcard $(dir)/*.[ch])) \
          $(shell find tests/unit -name '*.[ch]')

sanitize:
	$(MAKE) SAN=1 BUILD=$(BUILD)/asan all units
	tests/run --build $(BUILD)/asan units
	$(MAKE) BUILD=$(BUILD) all units
	tests/run --build $(BUILD) --valgrind units

FUZZ_SECONDS ?= 60
export FUZZ_SECONDS

fuzz: fuzzers
	tests/run --build $(BUILD) fuzz

# with clang's sanitizers and libFuzzer, in a build directory of their own
fuzzers:
	$(MAKE) CC=clang SAN=1 FUZZING=1 BUILD=$(BUILD)/fuzzing fuzzers-here

fuzzers-here: $(FUZZ)

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< \
	    $(call archives,tests/fuzz/$*.c) $(LDLIBS)

# Users other than root count into files that are there. Slow programs may fail a test that measures:
# `make test` is the judge of those.
coverage: deps
	$(MAKE) COV=1 BUILD=$(BUILD)/coverage all units sim $(LAB_PROGRAMS:$(BUILD)/%=$(BUILD)/coverage/%)
	find $(BUILD)/coverage -name '*.gcda' -delete
	find $(BUILD)/coverage -name '*.gcno' | sed 's/gcno$$/gcda/' | xargs sh -c 'umask 0; touch "$$@"' sh
	tests/run --build $(BUILD)/coverage units sim
	tests/coverage --pure $(BUILD)/coverage
	-LAB_BUILD=$(BUILD)/coverage tests/run --build $(BUILD)/coverage lab
	tests/coverage $(BUILD)/coverage

bench: deps
	$(MAKE) all $(LAB_PROGRAMS)
	tests/lab/bench

demo: deps
	$(MAKE) all $(LAB_PROGRAMS)
	tests/lab/demo

# ---- install ---------------------------------------------------------------------------------------

# ROLES: what this host is to be; SYSCONFDIR and LOCALSTATEDIR are where configuration and state lie
ROLES         ?= controller agent
SYSCONFDIR    ?= /etc
LOCALSTATEDIR ?= /var

BIN      := $(DESTDIR)$(PREFIX)/bin
SHARE    := $(DESTDIR)$(PREFIX)/share/pgtandem
DOCS     := $(DESTDIR)$(PREFIX)/share/doc/pgtandem
UNITS    := $(DESTDIR)$(PREFIX)/lib/systemd/system
TMPFILES := $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
MAN      := $(DESTDIR)$(PREFIX)/share/man
BASH     := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ETC      := $(DESTDIR)$(SYSCONFDIR)/pgtandem
STATE    := $(DESTDIR)$(LOCALSTATEDIR)/lib
DROPINS  := $(wildcard deploy/systemd/*/*.conf)
# the units name the program by its full path
placed   := sed -e 's|^\(Exec[A-Za-z]*=\)pgtandem-agent|\1$(PREFIX)/bin/pgtandem-agent|' \
                -e 's|/usr/share/doc|$(PREFIX)/share/doc|' \
                -e 's|^d /etc/|d $(SYSCONFDIR)/|; s|^d /var/|d $(LOCALSTATEDIR)/|'

# Nothing takes effect by being installed: drop-ins and the polkit rule wait in share/pgtandem until
# somebody copies them to /etc (docs/installing.md). No configuration is written or overwritten. On
# the host itself the directories get their owners at once, in a package (DESTDIR) at the next boot.
install: all $(ROLES:%=install-%)
	install -d $(DOCS) $(ETC)
	chmod 0750 $(ETC)
	install -m 0644 docs/*.md $(DOCS)
	install -d $(DOCS)/json
	install -m 0644 docs/json/*.json $(DOCS)/json
ifeq ($(DESTDIR),)
	-@! command -v systemd-tmpfiles >/dev/null || \
	    systemd-tmpfiles --create $(ROLES:%=$(TMPFILES)/pgtandem-%.conf)
endif

install-controller:
	install -d $(BIN) $(SHARE) $(TMPFILES) $(MAN)/man1 $(MAN)/man5 $(BASH)
	install -m 0644 $(BUILD)/pages/pgtandem.1 $(MAN)/man1
	install -m 0644 $(BUILD)/pages/pgtandem.conf.5 $(MAN)/man5
	install -m 0644 $(BUILD)/pages/pgtandem.bash $(BASH)/pgtandem
	install -d -m 0700 $(STATE)/pgtandem $(STATE)/pgtandem/journal
	install -m 0755 $(BUILD)/pgtandem $(BIN)
	install -m 0755 deploy/make-certs $(SHARE)
	install -m 0644 deploy/pgtandem.conf.sample $(SHARE)
	$(placed) deploy/tmpfiles.d/pgtandem-controller.conf | \
	    install -m 0644 /dev/stdin $(TMPFILES)/pgtandem-controller.conf

install-agent:
	install -d $(BIN) $(SHARE) $(UNITS) $(TMPFILES) $(MAN)/man5 $(MAN)/man8 $(BASH)
	install -m 0644 $(BUILD)/pages/pgtandem-agent.8 $(MAN)/man8
	install -m 0644 $(BUILD)/pages/pgtandem-agent.conf.5 $(MAN)/man5
	install -m 0644 $(BUILD)/pages/pgtandem-agent.bash $(BASH)/pgtandem-agent
	install -d -m 0700 $(STATE)/pgtandem-agent
	install -m 0755 $(BUILD)/pgtandem-agent $(BIN)
	install -m 0644 deploy/agent.conf.sample $(SHARE)
	install -D -m 0644 deploy/polkit/50-pgtandem.rules $(SHARE)/polkit/50-pgtandem.rules
	$(placed) deploy/tmpfiles.d/pgtandem-agent.conf | \
	    install -m 0644 /dev/stdin $(TMPFILES)/pgtandem-agent.conf
	$(placed) deploy/systemd/pgtandem-agent.service | \
	    install -m 0644 /dev/stdin $(UNITS)/pgtandem-agent.service
	for f in $(DROPINS); do \
	    $(placed) $$f | install -D -m 0644 /dev/stdin $(SHARE)/$${f#deploy/} || exit 1; done

# Configuration, keys, journals and the agent's durable state stay: a fence is not a file to be lost
# with a package. So does what was copied to /etc: docs/installing.md, "Take it away again".
uninstall:
	rm -f $(BIN)/pgtandem $(BIN)/pgtandem-agent $(UNITS)/pgtandem-agent.service \
	    $(TMPFILES)/pgtandem-controller.conf $(TMPFILES)/pgtandem-agent.conf \
	    $(MAN)/man1/pgtandem.1 $(MAN)/man5/pgtandem.conf.5 $(MAN)/man8/pgtandem-agent.8 \
	    $(MAN)/man5/pgtandem-agent.conf.5 $(BASH)/pgtandem \
	    $(BASH)/pgtandem-agent
	rm -rf $(SHARE) $(DOCS)
	-@rmdir $(ETC) $(STATE)/pgtandem/journal $(STATE)/pgtandem $(STATE)/pgtandem-agent 2>/dev/null || true

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
