# prey: build, test, install. `make` builds; `make help` lists the targets.
#   CC=clang, SAN=1 (clang's ASan and UBSan; CC=gcc: gcc's), TSAN=1 (threads), COV=1 (coverage), FUZZ=1 (libFuzzer), KERNEL=0 (no clang, no XDP) choose a variant, each in a folder of its own; V=1 prints commands.
ifeq ($(origin CC),default)
CC      := $(if $(SAN)$(FUZZ),clang,gcc)
endif
B       ?= build$(if $(FUZZ),/fuzz,$(if $(SAN),$(if $(filter clang%,$(CC)),/san,/gcc-san),$(if $(filter clang%,$(CC)),/clang))$(if $(TSAN),/tsan)$(if $(COV),/cov)$(if $(filter 0,$(KERNEL)),/nokernel))
PREFIX  ?= /usr/local
VERSION := 0.1

comma   := ,
WARN    := -Wall -Wextra -Wno-unused-parameter -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
# clang does not say in the compiler's own macros that they are on; gcc does. And it names the start of an empty list, NULL + 0,
# which gcc does not and the next C allows: only the build for fuzzing asks for that.
SANFLAGS := -fsanitize=address$(comma)undefined $(if $(FUZZ),,-fno-sanitize=pointer-overflow) -fno-sanitize-recover=all -fno-omit-frame-pointer -D__SANITIZE_ADDRESS__=1
OPT     := $(if $(FUZZ),-O1 -fsanitize=fuzzer-no-link $(SANFLAGS),$(if $(SAN),-O1 $(SANFLAGS),$(if $(TSAN),-O1 -fsanitize=thread -fno-omit-frame-pointer $(if $(filter clang%,$(CC)),,-Wno-tsan),$(if $(COV),-O0 --coverage,-O2))))
CPPFLAGS = -I. $(if $(filter $(B),$(BPF)),,-I$(BPF)) -I$(B) -D_GNU_SOURCE -DPREY_VERSION='"$(VERSION)"' $(if $(SAN)$(TSAN)$(COV),-DPREY_LOOSE) -MMD -MP
CFLAGS  ?= $(if $(SAN)$(TSAN)$(FUZZ)$(CHECK),-g1,-g)
ALL_CFLAGS = -std=gnu11 $(WARN) $(OPT) $(CFLAGS)
# Programs with sanitizers are large, and tests are many: where LLVM's linker is, it takes a third of the time.
LDFLAGS += $(if $(SAN)$(FUZZ)$(CHECK),$(if $(shell command -v ld.lld),-fuse-ld=lld))
# Where the kernel's programs are made: they are the same in all builds, so one may take another's.
BPF     ?= $(B)
LIBS    := -lpcap -lcjson -lz -llzma -lzstd -llz4 -lm
# What preyrun alone, and its tests, ask the kernel with.
HOST_LIBS := -lmnl -lnftables -lcap-ng -lseccomp -lcares -lresolv$(if $(filter 0,$(KERNEL)),, -lbpf)
# TLS of health checks.
HOST_LIBS += -lssl -lcrypto
# What the service manager is told.
HOST_LIBS += -lsystemd
# Statistics over HTTP.
HOST_LIBS += -lmicrohttpd

LANG_SRC     := $(wildcard lang/*.c lang/*/*.c)
VM_SRC       := $(filter-out %.bpf.c,$(wildcard vm/*.c vm/*/*.c vm/*/*/*.c))
COMPILER_SRC := $(filter-out compiler/command/preyc.c,$(wildcard compiler/*.c compiler/*/*.c compiler/*/*/*.c))
# Without the kernel's programs one file says in their place that they are not there.
NOT_BUILT    := $(if $(filter 0,$(KERNEL)),$(patsubst %,runtime/io/%.c,raised ringed xdp xdp_hand xdp_make xdp_open) $(patsubst %,runtime/io/steer/%.c,steer filter gate own deal object) $(patsubst %,runtime/host/hook/%.c,across clsact clsact_look programs xdp hooks xmit) $(filter-out $(wildcard runtime/kernel/no_*.c) runtime/kernel/executor.c runtime/kernel/loaded.c,$(wildcard runtime/kernel/*.c runtime/kernel/*/*.c)),runtime/io/steer/no_steer.c runtime/host/hook/no_hooks.c $(wildcard runtime/kernel/no_*.c))
PREYCTL_SRC  := $(wildcard runtime/preyctl/*.c runtime/preyctl/*/*.c runtime/preyctl/*/*/*.c)
RUNTIME_SRC  := $(filter-out runtime/preyrun/preyrun.c %.bpf.c $(NOT_BUILT) $(PREYCTL_SRC),$(wildcard runtime/*/*.c runtime/*/*/*.c runtime/*/*/*/*.c))
TESTLIB_SRC  := $(filter-out tests/lib/$(if $(filter 0,$(KERNEL)),,no_)one_kernel.c,$(wildcard tests/lib/*.c))

run = @[ -d $(@D) ] || mkdir -p $(@D); $(if $(V),set -x,printf '%-6s %s\n' $(1) $@);
obj = $(patsubst %.c,$(B)/%.o,$(1))
GEN := $(B)/lang/parse/parse.tab.o $(B)/lang/lex/lex.yy.o

all:
	@sh tests/deps.sh build
	@+$(MAKE) --no-print-directory programs
programs: $(B)/preyc $(B)/preyrun $(B)/preyctl

$(B)/liblang.a: $(call obj,$(LANG_SRC)) $(GEN)
$(B)/libvm.a: $(call obj,$(VM_SRC))
$(B)/libcompiler.a: $(call obj,$(COMPILER_SRC))
$(B)/libruntime.a: $(call obj,$(RUNTIME_SRC))
$(B)/libtest.a: $(call obj,$(TESTLIB_SRC))
%.a:
	@rm -f $@
	$(call run,AR)$(AR) rcs $@ $^

# The low rooms of runtime/, which the compiler's tests of rule files and the client use, too: each takes of them what it calls.
REPORT_SRC := $(wildcard $(patsubst %,runtime/%/*.c,base counters capture schedule report report/*)) runtime/record/own.c
$(B)/libreport.a: $(call obj,$(REPORT_SRC))
$(B)/preyc: $(B)/compiler/command/preyc.o $(B)/libcompiler.a $(B)/libreport.a $(B)/liblang.a $(B)/libvm.a
$(B)/preyrun: $(B)/runtime/preyrun/preyrun.o $(B)/libruntime.a $(B)/liblang.a $(B)/libvm.a
$(B)/preyrun: LIBS += $(HOST_LIBS)
# The client; the compiler, for filters.
$(B)/preyctl: $(call obj,$(PREYCTL_SRC) runtime/ctl/message.c) $(B)/libcompiler.a $(B)/libreport.a $(B)/liblang.a $(B)/libvm.a
$(B)/preyc $(B)/preyrun $(B)/preyctl:
	$(call run,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: %.c
	$(call run,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# The kernel's programs, as bytes of the program that loads them. libc's headers ask for a machine that they know.
BPF_CLANG ?= clang
compile_bpf = $(call run,BPF)$(BPF_CLANG) -target bpf -O2 -g -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror $(BPF_FLAGS) -I. -D__$(shell uname -m)__ -isystem /usr/include/$(shell gcc -dumpmachine) -MMD -MP -c -o $@ $<
# Verifiers before Linux 6.4 refuse a loop that is entered by falling into it, as clang would lay some out.
$(BPF)/runtime/%.bpf.o: BPF_FLAGS := -mllvm -disable-block-placement
$(BPF)/%.bpf.o: %.bpf.c
	$(compile_bpf)
$(addprefix $(B)/runtime/,io/steer/steer.o io/steer/filter.o io/steer/deal.o host/hook/across.o): $(B)/%.o: $(BPF)/%.bpf.o

# The page's files, as bytes of the program that serves them.
$(B)/%.inc: %
	@mkdir -p $(@D)
	@od -An -v -tu1 $< | sed 's/ *\([0-9][0-9]*\)/\1,/g' >$@
$(B)/runtime/stats/page.o: $(B)/runtime/stats/page.css.inc $(B)/runtime/stats/page.js.inc

# The lexer and the parser exist only under the build folder: this build's own, also where BPF= names one that has them, too.
$(B)/lang/parse/parse.tab.c: lang/parse/parse.y lang/words/word.def lang/words/words.awk
	@mkdir -p $(@D) $(B)/lang/lex
	awk -f lang/words/words.awk lang/words/word.def lang/parse/parse.y >$(B)/lang/parse/parse.y
	$(call run,BISON)bison -Wall -Werror -M $(B)/lang/=lang/ -o $@ --defines=$(B)/lang/lex/tokens.tab.h $(B)/lang/parse/parse.y
$(B)/lang/lex/lex.yy.c: lang/lex/lex.l $(B)/lang/parse/parse.tab.c
	$(call run,FLEX)flex -o $@ --header-file=$(B)/lang/lex/lex.yy.h $<
$(B)/lang/%.o: $(B)/lang/%.c
	$(call run,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Wno-conversion -Wno-unused-function -Wno-missing-prototypes -c -o $@ $<
$(B)/lang/%.o $(B)/runtime/stats/page.o $(B)/tests/unit/lang/%.o: override BPF := $(B)
$(call obj,$(LANG_SRC)): $(B)/lang/lex/lex.yy.c

clean:
	rm -rf build
help:
	@sed -n 's/^#: *//p' $(firstword $(MAKEFILE_LIST)) systemd/install.mk docs/site/site.mk tests/tests.mk
#: make            build build/preyc and build/preyrun; CC=clang, SAN=1, COV=1 choose a variant
#: make clean      remove build/

include vm/kernel/objects.mk
include systemd/install.mk
include docs/site/site.mk
include tests/tests.mk
include tests/sudo.mk
-include $(wildcard $(B)/*/*.d $(B)/lang/*/*.d $(B)/compiler/*/*.d $(B)/compiler/*/*/*.d $(B)/vm/*/*.d $(B)/vm/*/*/*.d $(B)/vm/*/*/*/*.d $(B)/runtime/*/*.d $(B)/runtime/*/*/*.d $(B)/runtime/*/*/*/*.d $(B)/tests/*/*.d $(B)/tests/*/*/*.d)
# A variant contains the same stages, and is made anew when one of their headers changes.
-include $(if $(filter $(B),$(BPF)),,$(wildcard $(BPF)/runtime/*/*/*.bpf.d $(BPF)/vm/kernel/*.bpf.d $(BPF)/vm/kernel/*/*.bpf.d $(BPF)/vm/kernel/counted/*/*.bpf.d))
.PHONY: all programs clean help
.DELETE_ON_ERROR .SECONDARY:
