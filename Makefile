# keytop: one non-recursive GNU Makefile.
#
#   make            build ./keytop, optimised and hardened
#   make run        install what is missing, build, open the live demo
#   make test       install what is missing, build and run all tests
#   make prove      the tests that take longer than minutes
#   make memcheck   the unit and screen tests under valgrind
#   make install    PREFIX=/usr/local DESTDIR=   (and uninstall)
#   make SANITIZE=address,undefined test
#   make fuzz       libFuzzer targets (clang); FUZZ_SECONDS=60 each
#   make bench      speed beside other programs, in the same run
#   make bench-check   fails where it is less than README.md states
#   make lint       banned functions, layering, man pages
#   make pictures   the SVGs of the README, drawn from real screens
#   make deb        a Debian package, in build/deb
#   make static     a program for hosts without packages, in build/static
#
# Files are found by their place: core/*/*.c is the library, tui/*.c the
# program, tests/LAYER/test_*.c one cmocka program each. Nothing is listed by
# hand, so adding a file is adding a file.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
ifeq ($(origin CC),default)
CC       := gcc
endif
SANITIZE ?=
JOBS     := $(shell nproc 2>/dev/null || echo 2)
V        ?=
Q        := $(if $(V),,@)

comma    := ,
COMPILER := $(notdir $(firstword $(CC)))
VARIANT  := $(COMPILER)$(if $(SANITIZE),-san-$(subst $(comma),-,$(SANITIZE)))
B        := build/$(VARIANT)

PKGS      := ncursesw jansson sqlite3 libzstd zlib libdeflate yaml-0.1 libutf8proc libxxhash libcrypto libpcre2-8 libcurl libmaxminddb
TEST_PKGS := cmocka vterm libssl

# --- flags -------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 \
        -Werror=format-security -Werror=implicit-function-declaration
HARD := -fstack-protector-strong -fstack-clash-protection -fPIE \
        -fno-strict-aliasing
ifneq ($(filter x86_64 i686,$(shell uname -m)),)
HARD += -fcf-protection=full
endif
ifneq ($(findstring gcc,$(COMPILER)),)
HARD += -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
endif
ifeq ($(SANITIZE),)
OPT  := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(findstring gcc,$(COMPILER)),3,2)
SAN  :=
else
OPT  := -O1 -g -fno-omit-frame-pointer
SAN  := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif
CPPFLAGS += -D_GNU_SOURCE -DKEYTOP_VERSION='"$(VERSION)"' -Icore -I.
CFLAGS   ?=
LDFLAGS  ?=
ALL_CFLAGS  = -std=c17 $(OPT) $(WARN) $(HARD) $(SAN) -pthread $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack $(SAN) $(LDFLAGS)

ifneq ($(wildcard /usr/bin/pkg-config)$(shell command -v pkg-config),)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))
TEST_LIBS  = $(shell pkg-config --libs $(TEST_PKGS))
endif

# --- what there is -----------------------------------------------------------

CORE_SRC := $(sort $(wildcard core/*.c core/*/*.c))
TUI_SRC  := $(sort $(wildcard tui/*.c))
RULES    := $(sort $(wildcard core/rules/*.yml))
THEMES   := $(sort $(wildcard themes/*.yaml))
GEN_SRC  := build/gen/rules_builtin.c build/gen/themes_builtin.c
LIB      := $(B)/libkeytop.a
CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o) $(B)/build/gen/rules_builtin.o
TUI_OBJ  := $(TUI_SRC:%.c=$(B)/%.o) $(B)/build/gen/themes_builtin.o
# the program without its main(): what tests of the front end link with
TUI_LIB_OBJ := $(filter-out $(B)/tui/main.o,$(TUI_OBJ))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(B)/%.o)

LAYERS     := unit screen pty e2e
TEST_SRC   := $(sort $(foreach l,$(LAYERS),$(wildcard tests/$(l)/test_*.c)))
TEST_BIN   := $(TEST_SRC:%.c=$(B)/%)
PROVE_SRC  := $(sort $(wildcard tests/prove/prove_*.c))
PROVE_BIN  := $(PROVE_SRC:%.c=$(B)/%)
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/bench_*.c))
BENCH_BIN  := $(BENCH_SRC:%.c=$(B)/%)
REPLAY_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/replay/%)
# what a target looks at of the front end: files that know nothing of the screen
FUZZ_SESSION := tui/session_text tui/setup tui/column_plan

.PHONY: deb static pictures all run test check prove memcheck fuzz bench bench-check lint format install uninstall \
        clean compile_commands.json need-build need-test FORCE

all: keytop

# The program of the default variant is put where a person looks for it.
keytop: $(B)/keytop
	$(Q)cp -f $< $@

$(LIB): $(CORE_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/keytop: $(TUI_OBJ) $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(TUI_OBJ) $(LIB) $(PKG_LIBS) -lm

$(B)/%.o: %.c $(B)/flags
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/build/gen/%.o: build/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Objects are made again when the flags change, not only when sources do.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(ALL_CFLAGS)' > $@

# embed NAME FILES: a C file with the bytes of each file, and a table of them
define embed
	@mkdir -p build/gen
	@{ echo '/* made by the Makefile from $(2): do not edit */'; \
	   echo '#include "base/embedded.h"'; \
	   n=0; for f in $(3); do \
	     echo "static const char data_$$n[] = {"; \
	     od -An -v -tx1 "$$f" | sed 's/ \(..\)/0x\1,/g'; echo "0};"; n=$$((n+1)); done; \
	   echo "const struct kt_embedded $(1)[] = {"; \
	   n=0; for f in $(3); do \
	     echo "{\"$$(basename $$f)\", data_$$n, sizeof data_$$n - 1},"; n=$$((n+1)); done; \
	   echo "{0, 0, 0}};"; } > $@.tmp && mv $@.tmp $@
endef
build/gen/rules_builtin.c: $(RULES) Makefile
	$(call embed,kt_rules_builtin,core/rules,$(RULES))
build/gen/themes_builtin.c: $(THEMES) Makefile
	$(call embed,kt_themes_builtin,themes,$(THEMES))

# --- tests -------------------------------------------------------------------

$(B)/tests/%: $(B)/tests/%.o $(SUPPORT_OBJ) $(TUI_LIB_OBJ) $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(SUPPORT_OBJ) $(TUI_LIB_OBJ) $(LIB) $(PKG_LIBS) $(TEST_LIBS) -lutil -lm

$(B)/tests/pictures/draw: $(B)/tests/pictures/draw.o $(TUI_LIB_OBJ) $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm
pictures: $(B)/tests/pictures/draw
	@mkdir -p man/pictures
	@TZ=UTC $(B)/tests/pictures/draw man/pictures && ls -l man/pictures

# A fuzz target replayed over its corpus without libFuzzer: any compiler.
$(B)/replay/fuzz_session: $(FUZZ_SESSION:%=$(B)/%.o)
$(B)/replay/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS) -lm

need-build:
	@sh .ci/need build
need-test:
	@sh .ci/need test

# What installs comes first and alone: pkg-config is asked anew by the second make.
run: need-build
	@$(MAKE) --no-print-directory -j$(JOBS) keytop >&2
	@if [ -t 0 ] && [ -t 1 ]; then exec ./keytop demo:; else exec ./keytop -o table --once demo:; fi

test: need-test
	@$(MAKE) --no-print-directory -j$(JOBS) check

check: keytop $(TEST_BIN) $(REPLAY_BIN)
	@KEYTOP=$(CURDIR)/$(B)/keytop BUILD=$(B) sh tests/run.sh $(TEST_BIN) -- $(REPLAY_BIN)
	@$(MAKE) --no-print-directory lint

prove: need-test
	@$(MAKE) --no-print-directory -j$(JOBS) prove-all
prove-all: keytop $(PROVE_BIN)
	@KEYTOP=$(CURDIR)/$(B)/keytop BUILD=$(B) TEST_TIMEOUT=$${TEST_TIMEOUT:-3600} sh tests/run.sh $(PROVE_BIN) --

memcheck: keytop $(filter $(B)/tests/unit/% $(B)/tests/screen/%,$(TEST_BIN))
	@KEYTOP=$(CURDIR)/$(B)/keytop sh tests/memcheck.sh $(JOBS) $(filter-out keytop,$^)

# --- fuzz (clang, libFuzzer) -------------------------------------------------

FB := build/fuzz
FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -std=c17 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=all -pthread
FUZZ_OBJ := $(CORE_SRC:%.c=$(FB)/%.o) $(FB)/build/gen/rules_builtin.o
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(FB)/%)
$(FB)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CLANG   $<"
	$(Q)clang $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZ_FLAGS) $(WARN) -MMD -MP -c -o $@ $<
$(FB)/libkeytop.a: $(FUZZ_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^
$(FB)/fuzz_session: $(FUZZ_SESSION:%=$(FB)/%.o)
$(FB)/fuzz_%: $(FB)/tests/fuzz/fuzz_%.o $(FB)/libkeytop.a
	@echo "  LINK    $@"
	$(Q)clang -fsanitize=fuzzer,address,undefined -pthread -o $@ $(filter %.o,$^) $(FB)/libkeytop.a $(PKG_LIBS) -lm
fuzz: $(FUZZ_BIN)
	@sh tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_BIN)

# --- bench, lint, install ----------------------------------------------------

bench: keytop $(BENCH_BIN)
	@KEYTOP=$(CURDIR)/$(B)/keytop sh tests/bench/run.sh
	@KEYTOP=$(CURDIR)/$(B)/keytop sh tests/bench/rules.sh
	@for b in $(BENCH_BIN); do $$b || exit 1; done

# fails where a ratio is below what README.md states
bench-check: keytop
	@KEYTOP=$(CURDIR)/$(B)/keytop sh tests/bench/check.sh

lint:
	@sh tests/lint.sh

compile_commands.json:
	@sh tests/compile_commands.sh '$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS)' $(CORE_SRC) $(TUI_SRC) $(SUPPORT_SRC) $(TEST_SRC) > $@

MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
MAN7 := $(wildcard man/*.7)
COMPLETIONS := share/bash-completion/completions/keytop share/zsh/site-functions/_keytop \
               share/fish/vendor_completions.d/keytop.fish
install: keytop
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' '$(DESTDIR)$(PREFIX)/share/keytop/themes' '$(DESTDIR)$(PREFIX)/share/keytop/rules'
	install -m 755 keytop '$(DESTDIR)$(PREFIX)/bin/keytop'
	install -m 644 $(MAN1) '$(DESTDIR)$(PREFIX)/share/man/man1/'
	$(if $(MAN5),install -d '$(DESTDIR)$(PREFIX)/share/man/man5' && install -m 644 $(MAN5) '$(DESTDIR)$(PREFIX)/share/man/man5/')
	$(if $(MAN7),install -d '$(DESTDIR)$(PREFIX)/share/man/man7' && install -m 644 $(MAN7) '$(DESTDIR)$(PREFIX)/share/man/man7/')
	install -m 644 $(THEMES) '$(DESTDIR)$(PREFIX)/share/keytop/themes/'
	install -m 644 $(RULES) '$(DESTDIR)$(PREFIX)/share/keytop/rules/'
	install -d $(foreach c,$(COMPLETIONS),'$(DESTDIR)$(PREFIX)/$(dir $(c))')
	umask 022; ./keytop --completion bash > '$(DESTDIR)$(PREFIX)/$(word 1,$(COMPLETIONS))'
	umask 022; ./keytop --completion zsh > '$(DESTDIR)$(PREFIX)/$(word 2,$(COMPLETIONS))'
	umask 022; ./keytop --completion fish > '$(DESTDIR)$(PREFIX)/$(word 3,$(COMPLETIONS))'
uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/keytop' $(MAN1:man/%='$(DESTDIR)$(PREFIX)/share/man/man1/%') \
	      $(MAN5:man/%='$(DESTDIR)$(PREFIX)/share/man/man5/%') $(MAN7:man/%='$(DESTDIR)$(PREFIX)/share/man/man7/%') \
	      $(foreach c,$(COMPLETIONS),'$(DESTDIR)$(PREFIX)/$(c)')
	rm -rf '$(DESTDIR)$(PREFIX)/share/keytop'

# --- packages ------------------------------------------------------------------

deb: keytop
	@sh .ci/deb '$(VERSION)' '$(MAKE)'

# All that there is as an archive is linked in. libcurl's knows more protocols
# than keytop speaks, by libraries that Debian has no archives of (Kerberos) or
# that nobody needs here (LDAP, RTMP, SSH): what it would call of them is put in
# as calls that end the program; none is reachable by http and https.
static: keytop
	@sh .ci/static '$(CC)' '$(B)' '$(TUI_OBJ) $(LIB)' '$(filter-out libcurl,$(PKGS))'

clean:
	rm -rf build keytop compile_commands.json

FORCE:
-include $(shell find build -name '*.d' -type f 2>/dev/null)
