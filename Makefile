# SPDX-License-Identifier: BSD-2-Clause
# Builds Holdfast and runs its tests.
#
#   make                   all programs, into build/
#   make DEV=1             warnings are errors
#   make check             unit tests, fuzz corpora, golden files, style
#   make check SAN=1       the same under ASan and UBSan
#   make fuzz FUZZ_S=10    libFuzzer (clang), FUZZ_S seconds a target
#   make soak N=10000     kills the processes of relays at work, N in all
#   make model             checks the model of the lease protocol (spin)
#   make bench             the load generator, the sink and their kin
#   make install           into prefix (/usr/local), below DESTDIR
#   make uninstall         takes that away; configuration and spool stay
#
# O=DIR builds elsewhere; V=1 shows the commands.

CC       = gcc
FUZZ_CC  = clang
FUZZ_S   = 10
O        = build
B        = $O/obj$(if $(SAN),-san)
BIN      = $O$(if $(SAN),/san)/bin
LIBEXEC  = $O$(if $(SAN),/san)/libexec

# Where things go; docs/packaging.md.
prefix      = /usr/local
sbindir     = $(prefix)/sbin
libexecdir  = $(prefix)/libexec
sysconfdir  = /etc
datadir     = $(prefix)/share/holdfast
docdir      = $(prefix)/share/doc/holdfast
mandir      = $(prefix)/share/man
unitdir     = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
INSTALL_ENV = DESTDIR='$(DESTDIR)' sbindir='$(sbindir)' \
              libexecdir='$(libexecdir)' sysconfdir='$(sysconfdir)' \
              datadir='$(datadir)' docdir='$(docdir)' mandir='$(mandir)' \
              unitdir='$(unitdir)' sysusersdir='$(sysusersdir)' \
              tmpfilesdir='$(tmpfilesdir)'

Q        = $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),,@echo '  $(1)  $@')

# _GNU_SOURCE: Linux is the target, and the source should not guess at less.
CPPFLAGS = -I. -D_GNU_SOURCE
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
HARDEN   = $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
CFLAGS   = -std=c11 -O2 -g -fno-common -pthread $(WARN) $(HARDEN) \
           $(if $(filter 1,$(DEV)),-Werror) $(if $(SAN),$(SANITIZE))
LDFLAGS  = -pie -pthread $(if $(SAN),$(SANITIZE))

PKGS     = libevent_core jansson libseccomp libsystemd libunbound
LDLIBS  := -Wl,--as-needed $(shell pkg-config --libs $(PKGS)) -lresolv
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)

PROGRAMS = master smtpd qmgr deliver shaper

sources  = $(sort $(wildcard $(1)/*.c $(1)/core/*.c))
objects  = $(patsubst %.c,$B/%.o,$(call sources,$(1)))

UTIL_SRC  = $(sort $(wildcard util/*/*.c))
UTIL_LIB  = $B/libutil.a
CORE_LIB  = $B/libcore.a
CORE_SRC  = $(sort $(wildcard */core/*.c))
CORE_OBJ  = $(CORE_SRC:%.c=$B/%.o)
UNITS     = $(patsubst tests/unit/%.c,$B/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
SIMS      = $(patsubst tests/sim/%.c,$B/tests/%,$(sort $(wildcard tests/sim/sim_*.c)))
FUZZ      = $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
BUILT     = $(foreach p,$(PROGRAMS),$(if $(wildcard $p/main.c),$(LIBEXEC)/$p)) \
            $(if $(wildcard ctl/main.c),$(BIN)/holdfast $(BIN)/sendmail $(BIN)/mailq)

all: $(BUILT) bench $O/bench/record.so

# --- programs ---------------------------------------------------------------

$B/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(UTIL_LIB): $(UTIL_SRC:%.c=$B/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(CORE_LIB): $(CORE_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

define program_rule
$(LIBEXEC)/$(1): $(call objects,$(1)) $(UTIL_LIB)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$p)))

$(BIN)/holdfast: $(call objects,ctl) $(UTIL_LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BIN)/sendmail $(BIN)/mailq: $(BIN)/holdfast
	$(Q)ln -sf holdfast $@

# --- tests ------------------------------------------------------------------

tests: all $(UNITS) $(SIMS) $(FUZZ:%=$B/tests/replay-%)

# Preloaded into what is built without sanitizers, by tests/crash/power_log.py.
$O/bench/record.so: tests/crash/record.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CPPFLAGS) -std=c11 -O2 -g -fPIC $(WARN) \
		$(if $(filter 1,$(DEV)),-Werror) -shared -o $@ $<

$B/tests/test_%: $B/tests/unit/test_%.o $(CORE_LIB) $(UTIL_LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(LDLIBS)

# tests/unit/test_PROGRAM_*.c has all of PROGRAM but its main, out of a library:
# what a test defines itself takes the place of the real thing.
define program_test_rule
$B/lib-$(1).a: $(filter-out $B/$(1)/main.o,$(call objects,$(1)))
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^

$B/tests/test_$(1)_%: $B/tests/unit/test_$(1)_%.o $B/lib-$(1).a $(UTIL_LIB)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(CHECK_LIBS) $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS) ctl,$(eval $(call program_test_rule,$p)))

$B/tests/sim_%: $B/tests/sim/sim_%.o $(CORE_LIB) $(UTIL_LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/tests/replay-%: $B/tests/fuzz/%.o $B/tests/fuzz/replay.o $(CORE_LIB) $(UTIL_LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

check: tests
	@O=$O B=$B SAN=$(SAN) sh tests/check.sh $(UNITS) -- $(SIMS) -- $(FUZZ)

fuzz-build: $(FUZZ:%=$B/fuzz/%)

fuzz: fuzz-build
	sh tests/fuzz.sh $(FUZZ_S)

FUZZ_CFLAGS = -std=c11 -O1 -g -fno-common -pthread
$B/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) \
		-fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$B/fuzz/libutil.a: $(UTIL_SRC:%.c=$B/fuzz/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

$B/fuzz/libcore.a: $(CORE_SRC:%.c=$B/fuzz/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

$B/fuzz/fuzz_%: $B/fuzz/tests/fuzz/fuzz_%.o $B/fuzz/libcore.a $B/fuzz/libutil.a
	$(call say,LD)
	$(Q)$(FUZZ_CC) -pthread -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)

# N processes are killed, in rounds that begin with SEED; JOBS relays at a time.
N ?= 1000
SEED ?= 1
JOBS ?= 4
soak: all
	python3 tests/crash/soak.py $N --seed $(SEED) --jobs $(JOBS)

# The lease protocol, with spin; by hand.
model:
	sh tests/model/run.sh

bench:
	@$(MAKE) -s -C tests/bench O=$(abspath $O)/bench

format-check:
	clang-format --dry-run -Werror $$(git ls-files -co --exclude-standard \
		'*.c' '*.h' | grep -v '^tests/bench/')

style: format-check
	tools/check-style
	tools/check-layers

# --- in place ---------------------------------------------------------------

install: $(BUILT)
	@$(INSTALL_ENV) sh tools/install $(BIN)/holdfast \
		$(filter $(LIBEXEC)/%,$(BUILT))

uninstall:
	@$(INSTALL_ENV) sh tools/install --remove

clean:
	rm -rf $O

.PHONY: all tests check fuzz fuzz-build soak model bench format-check style clean \
	install uninstall
.SECONDARY:
-include $(shell find $O -name '*.d' 2>/dev/null)
