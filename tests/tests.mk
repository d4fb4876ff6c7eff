# Test programs and what runs them. Included by the Makefile; tests/README.md says which test belongs where.
#: make check      every test, some minutes; last line `N passed, N failed, N skipped`
#: make quick      units, packets, goldens and lints, built with gcc alone: a minute and a half; before make check
#: make check-long all tests in all builds (tests/left.list), with longer fuzz and differential campaigns
#: make check-live live traffic whole, by each executor: transfers of a GiB, 100,000 connections at once, floods, the proxy with all at once for MINUTES=5; LIVE=1 sets those sizes; COUNT, RATE, IDLE, SHORT
#: make check-machines packet tests, differs and live scripts on Debian's kernels, each in an emulated machine (tests/machines/), an hour and more a kernel on two cores; KERNEL=6.1, ONLY='live-nat…', EXECS=user; POWER=1: boots, upgrades, restarts and kills with systemd as process 1; UNITS=1: takeovers by its units and the tutorial Get started, here; DRIVERS=1: network cards of three drivers
#: make soak       live traffic of all kinds at once, for MINUTES=10, with reloads: nothing fails, memory stays; then COUNT=200000
#:                 connections through each mode by each executor, one after the other and 50 at once: none is lost
#: make check-tsan workers, reload, start and proxy of live traffic with ThreadSanitizer
#: make demo       compile an example, replay a capture, print the summary
#: make demo-live  as root: prey between a client and two nginx servers, in network namespaces
#: make bench      speed and memory beside their peers; never passes or fails on time; SMALL=1 only tries it, or another bench, on small sizes
#: make bench-live a forwarded packet live, and how long it takes, beside what else could forward it; RUNS=5, COUNT, FLOWS, ONLY='NAME…'
#: make bench-kernel as root: nanoseconds a packet in the kernel, beside user space, programs by hand and nftables; how long programs load; ONLY='PART…'
#: make bench-proxy connections, requests, handshakes and bulk through the proxy, beside HAProxy and nginx; RUNS=5, TIME, ONLY='NAME…'
#: make bench-splice a spliced connection in the kernel, beside passthrough there and the proxy; RUNS=7, BYTES, ONLY='NAME…'
#: make bench-plot cost against the number of rules, as build/bench/rules.svg
#: make mutate     small changes in vm/ and compiler/, N=100 of them: those that no test notices are listed
#: make golden     rewrite the golden files: read the diff
#: make coverage   lines of lang, compiler and vm that the tests reach; 90 % or more
#: make tidy       clang-tidy over the sources; make format-check: clang-format

# Development: TEST_LIBS="vm" links a test with some libraries only, while others do not build.
TEST_LIBS ?= test runtime compiler lang vm
TEST_ARCHIVES := $(patsubst %,$(B)/lib%.a,$(TEST_LIBS))
LINKED    = -Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group $(LIBS) $(HOST_LIBS)
LINK_TEST = $(call run,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(LINKED)

UNIT_SRC := $(filter-out $(if $(filter 0,$(KERNEL)),$(patsubst %,tests/unit/runtime/test_%.c,gate hooks kernel kernel_% raised)),$(wildcard tests/unit/*/test_*.c))
UNIT     := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
TOOL_SRC := $(filter-out $(if $(filter 0,$(KERNEL)),tests/bench/by_hand.c tests/bench/bare_xdp.c tests/bench/kernel.c tests/bench/kernel_%.c tests/diff/kernel_%.c tests/diff/owners.c tests/machines/%.c),$(wildcard tests/packets/*.c tests/diff/*.c tests/corpus/*.c tests/bench/*.c tests/machines/*.c))
$(B)/tests/bench/by_hand $(B)/tests/bench/bare_xdp: LIBS += -lxdp -lbpf
$(patsubst %,$(B)/tests/bench/%,by_hand kernel kernel_flows kernel_shapes kernel_veth): $(B)/tests/bench/peers/kernel_frames.bpf.o $(B)/tests/bench/peers/kernel_hand.bpf.o
TOOLS    := $(patsubst %.c,$(B)/%,$(TOOL_SRC))
FUZZERS  := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

# Their own code runs briefly, but for models: to optimise it took an eighth of what a whole build takes.
$(addsuffix .o,$(filter-out %_model,$(UNIT))): OPT += -O0
# So is the runtime's with sanitizers, which mostly waits, but for what reads captures, and that of those of the compiler's rooms which
# see each statement once: a tenth of what all builds take. Of bison's function alone it took clang five to eight seconds.
ifneq ($(SAN),)
$(call obj,$(filter-out runtime/capture/%,$(RUNTIME_SRC)) $(PREYCTL_SRC) $(filter $(patsubst %,compiler/%/%,command image resolve ruletest setup),$(COMPILER_SRC))) $(GEN): OPT += -O0
endif
# Some read the parser's header, which is generated.
$(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/lang/*.c)): | $(B)/lang/parse/parse.tab.c
# Tests of a room are one program, linked once, and each test is a link to it (tests/lib/mains.h); but for those that put
# functions of their own in the place of a library's.
ALONE  := $(patsubst %,tests/unit/runtime/%.c,test_gate test_hooks test_kernel_refused)
JOINED := $(filter-out $(ALONE),$(UNIT_SRC)) $(filter tests/diff/% tests/corpus/%,$(TOOL_SRC))
$(patsubst %.c,$(B)/%.o,$(JOINED)): CPPFLAGS += -Dmain=$(*F)_main
$(patsubst %.c,$(B)/%.o,$(JOINED)): WARN += -Wno-missing-prototypes
$(patsubst %.c,$(B)/%.o,$(JOINED)): tests/lib/mains.awk
define joined_room
$(B)/$(1)all.c: $(filter $(1)%,$(JOINED)) tests/lib/mains.awk
	@mkdir -p $$(@D)
	@awk -f tests/lib/mains.awk $$(filter %.c,$$^) >$$@
$(B)/$(1)all: $(patsubst %.c,$(B)/%.o,$(filter $(1)%,$(JOINED)))
endef
ROOMS := $(sort $(dir $(JOINED)))
$(foreach room,$(ROOMS),$(eval $(call joined_room,$(room))))
# What the client prints.
$(B)/tests/unit/runtime/all: $(call obj,runtime/preyctl/print_json.c runtime/preyctl/screen.c)
# One test of diff/ is a room of its own.
$(B)/tests/diff/all: $(patsubst %.c,$(B)/%.o,$(wildcard tests/diff/routers/*.c))
$(patsubst %,$(B)/%all.o,$(ROOMS)): %.o: %.c
	$(call run,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<
$(patsubst %,$(B)/%all,$(ROOMS)): %/all: %/all.o $(B)/tests/lib/mains.o $(TEST_ARCHIVES)
	$(call run,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINKED) -lcmocka
$(patsubst %.c,$(B)/%,$(JOINED)):
	@ln -sf all $@
$(foreach room,$(ROOMS),$(eval $(patsubst %.c,$(B)/%,$(filter $(room)%,$(JOINED))): $(B)/$(room)all))
$(patsubst %.c,$(B)/%,$(ALONE)): $(B)/tests/%: $(B)/tests/%.o $(TEST_ARCHIVES)
	$(LINK_TEST) -lcmocka
$(patsubst %.c,$(B)/%,$(filter-out $(JOINED),$(TOOL_SRC))): $(B)/tests/%: $(B)/tests/%.o $(TEST_ARCHIVES)
	$(LINK_TEST)
$(addsuffix .o,$(FUZZERS)): OPT += -fsanitize=fuzzer-no-link
$(FUZZERS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(TEST_ARCHIVES)
	$(LINK_TEST) -fsanitize=fuzzer
# The rivals of the classifier; DPDK's only where it is installed.
RIVALS := $(patsubst %.c,$(B)/%.o,$(filter-out %.bpf.c,$(wildcard tests/bench/peers/*.c)))
DPDK    = $(shell pkg-config --exists libdpdk 2>/dev/null && echo yes)
$(B)/tests/bench/peers/acl.o: CPPFLAGS += $(if $(DPDK),-DHAVE_DPDK $(patsubst -I%,-isystem %,$(filter-out -march=%,$(shell pkg-config --cflags libdpdk))))
$(B)/tests/bench/classify $(B)/tests/bench/plot: $(RIVALS)
$(B)/tests/bench/classify $(B)/tests/bench/plot: LINK_TEST = $(call run,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(RIVALS) -Wl,--start-group $(TEST_ARCHIVES) -Wl,--end-group \
	$(if $(DPDK),-lrte_acl $(shell pkg-config --libs libdpdk)) $(LIBS)
# Makes a capture of packet notation; needs nothing but the notation, so the demo runs without the test tools.
MKCAP := $(B)/tests/tools/mkcap
$(MKCAP): $(B)/tests/tools/mkcap.o $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/note*.c)) $(B)/libvm.a
DAMAGE := $(B)/tests/tools/damage
$(DAMAGE): $(B)/tests/tools/damage.o $(B)/libvm.a
# Puts errors into what a program gives the kernel.
TAMPER := $(B)/tests/tools/tamper
$(TAMPER): $(B)/tests/tools/tamper.o
FLOOD := $(B)/tests/tools/flood
$(FLOOD): $(B)/tests/tools/flood.o $(B)/libvm.a
ASKS := $(B)/tests/tools/asks
$(ASKS): $(B)/tests/tools/asks.o
INSTRUCT := $(B)/tests/tools/instruct
$(INSTRUCT): $(B)/tests/tools/instruct.o
# What a live script asks many times over: a datagram, a figure of what preyrun printed.
UDP := $(B)/tests/tools/udp
$(UDP): $(B)/tests/tools/udp.o
# How long answers stayed away, for tests/load/takeover.sh.
GAPS := $(B)/tests/tools/gaps
$(GAPS): $(B)/tests/tools/gaps.o
FIGURES := $(B)/tests/tools/figures
$(FIGURES): $(B)/tests/tools/figures.o
$(FIGURES): TOOL_LIBS := -lcjson
$(MKCAP) $(DAMAGE) $(FLOOD) $(TAMPER) $(ASKS) $(INSTRUCT) $(UDP) $(GAPS) $(FIGURES):
	$(call run,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)
LIVE_TOOLS := $(MKCAP) $(FLOOD) $(TAMPER) $(ASKS) $(INSTRUCT) $(UDP) $(GAPS) $(FIGURES)
# Makes a recording of a capture.
MKREC := $(B)/tests/tools/mkrec
$(MKREC): $(B)/tests/tools/mkrec.o $(TEST_ARCHIVES)
	$(LINK_TEST)
# Writes the halves of observed connections.
HALVES := $(B)/tests/tools/halves
$(HALVES): $(B)/tests/tools/halves.o $(TEST_ARCHIVES)
	$(LINK_TEST)
# preyrun as another version would be, whose maps in the kernel and tables of the dealing program are laid out otherwise, whose messages
# of a takeover have more fields, and which counts more of proxied connections.
OTHER := $(B)/tests/tools/preyrun_other
$(B)/tests/tools/layout_other.o: runtime/kernel/pass/layout.c
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -DKERNEL_LAYOUT=0 -c -o $@ $<
$(B)/tests/tools/deal_other.o: runtime/io/steer/deal.c
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -DDEAL_FORM=1000 -c -o $@ $<
$(B)/tests/tools/taken_other.o: runtime/live/carry/proxy/taken.c
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -DCOUNTED_MORE=8 -c -o $@ $<
$(OTHER): LIBS += $(HOST_LIBS)
$(OTHER): $(B)/runtime/preyrun/preyrun.o $(B)/tests/tools/layout_other.o $(B)/tests/tools/deal_other.o $(B)/tests/tools/taken_other.o $(B)/tests/tools/message_other.o $(B)/libruntime.a $(B)/liblang.a $(B)/libvm.a
	$(call run,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
LIVE_TOOLS += $(OTHER)
tests: programs $(LIVE_TOOLS) $(DAMAGE) $(MKREC) $(HALVES) $(UNIT) $(TOOLS)
# What tests/run.sh runs of the other builds: with sanitizers all but benches, with clang (LONG=1) what needs no capture.
# Sanitizers are clang's, and so its warnings are asked of all but benches.
tests-san: programs $(LIVE_TOOLS) $(DAMAGE) $(MKREC) $(HALVES) $(UNIT) $(filter-out $(B)/tests/bench/%,$(TOOLS)) $(if $(filter clang%,$(CC)),$(FUZZERS))
live-tools: $(LIVE_TOOLS)
tests-clang: $(UNIT) $(B)/tests/packets/run
tests-quick: programs $(LIVE_TOOLS) $(DAMAGE) $(UNIT) $(B)/tests/packets/run
fuzzers: $(FUZZERS)

PART = $(MAKE) --no-print-directory $(if $(findstring j,$(MAKEFLAGS)),,-j$(shell nproc))
# For tests/lint/not_built.sh.
runtime-objects: ; @printf '%s\n' $(call obj,$(RUNTIME_SRC))
# KERNEL=0 is a build; to the lab (tests/machines/) KERNEL is the name of a kernel.
LAB  = env $(if $(filter 0,$(KERNEL)),-u KERNEL)
# CHECK=1: line numbers are all that is known of the code, and LLVM's linker: an eighth of what a build takes.
check-build:
	@echo 'make check builds twice, then runs all tests: a quarter of an hour on two idle cores; on a fresh Debian some 400 packages, 6 GB in all'
	@sh tests/deps.sh build tests
	@+$(PART) B=$(B) CHECK=1 tests
	@+$(PART) B=$(B)/san BPF=$(B) SAN=1 tests-san
quick:
	@sh tests/deps.sh build tests
	@+$(PART) B=$(B) CHECK=1 tests-quick
	@B=$(B) bash tests/run.sh --quick
check: check-build
	@sh tests/deps.sh machines || echo 'check: it goes on without those' >&2
	@B=$(B) $(LAB) bash tests/run.sh
check-long: check-build
	@+$(PART) B=$(B)/fuzz BPF=$(B) FUZZ=1 fuzzers
	@+$(PART) B=$(B)/clang BPF=$(B) CC=clang tests-clang
	@B=$(B) LONG=1 $(LAB) bash tests/run.sh
check-live:
	@sh tests/deps.sh build tests
	@+$(PART) programs $(LIVE_TOOLS)
	@B=$(B) LIVE=1 JOBS=1 bash tests/run.sh
ifdef POWER
check-machines: deb
	@sh tests/deps.sh machines check-deb
	@B=$(B) KERNEL="$(KERNEL)" bash tests/machines/power/run.sh
else ifdef UNITS
check-machines: deb
	@sh tests/deps.sh machines check-deb
	@[ -z "$(BEFORE)" ] || { rm -rf $(B)/before && mkdir -p $(B)/before && git archive $(BEFORE) | tar -x -C $(B)/before && cd $(B)/before && git init -q && git add -A && $(MAKE) deb B=build; }
	@B=$(B) EXEC=$(or $(EXECS),user) BEFORE_DEBS=$(if $(BEFORE),$(CURDIR)/$(B)/before/build/deb) bash tests/machines/units/run.sh; status=$$?; for t in integrations get-started; do B=$(B) EXEC=$(or $(EXECS),user) bash tests/machines/units/$$t.sh || status=1; done; exit $$status
else ifdef DRIVERS
check-machines:
	@sh tests/deps.sh build tests machines
	@+$(PART) programs $(LIVE_TOOLS)
	@B=$(B) KERNEL="$(KERNEL)" bash tests/machines/drivers/run.sh; status=$$?; python3 tests/machines/results.py $(B)/machines/run; exit $$status
else
check-machines:
	@sh tests/deps.sh build tests
	@sh tests/deps.sh machines || echo 'check-machines: it goes on without those' >&2
	@+$(PART) tests
	@B=$(B) KERNEL="$(KERNEL)" LONG=$(LONG) bash tests/machines/run.sh; status=$$?; python3 tests/machines/results.py $(B)/machines/run; exit $$status
endif
soak:
	@sh tests/deps.sh build tests
	@+$(PART) programs $(LIVE_TOOLS)
	@B=$(B) MINUTES=$(MINUTES) bash tests/load/soak.sh
	@B=$(B) TAKEOVERS=200 bash tests/e2e/live-takeover-hard.sh
	@B=$(B) COUNT=$(COUNT) bash tests/load/connections.sh

# Threads that look at each other's memory: workers, the proxy's loops, reload and start of live traffic, built with ThreadSanitizer.
TSAN_TESTS := live-sets-kernel live-workers live-reload live-start live-proxy live-proxy-http live-proxy-tls live-proxy-firewall live-proxy-ends live-proxy-reload live-inline live-inline-routed live-inline-options live-inline-program live-splice live-splice-served live-cut live-kernel-services live-takeover live-takeover-proxy live-takeover-record live-takeover-copies
check-tsan:
	@sh tests/deps.sh build tests
	@+$(PART) B=$(B)/tsan TSAN=1 programs live-tools
	@for t in $(TSAN_TESTS); do echo "$$t"; B=$(B)/tsan bash tests/e2e/$$t.sh || exit 1; done
demo:
	@sh tests/deps.sh build demo
	@+$(PART) -s programs $(MKCAP)
	@B=$(B) bash tests/demo.sh
demo-live:
	@+bash tests/demo-live.sh allowed && $(if $(wildcard $(B)/preyrun),,echo 'the first time some five minutes; on a fresh Debian a hundred packages, 0.6 GB' &&) sh tests/deps.sh build demo-live && $(PART) -s programs && B=$(B) bash tests/demo-live.sh
bench:
	@sh tests/deps.sh build bench
	@sh tests/deps.sh peers || echo 'bench: it goes on without those' >&2
	@+$(PART) programs $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
	@B=$(B) bash tests/bench/run.sh
bench-live:
	@sh tests/deps.sh build tests
	@+$(PART) programs $(patsubst %,$(B)/tests/bench/%,live bare by_hand bare_xdp)
	@B=$(B) bash tests/bench/live.sh
bench-kernel:
	@sh tests/deps.sh build tests
	@sh tests/deps.sh peers || echo 'bench-kernel: it goes on without those' >&2
	@+$(PART) programs $(patsubst %,$(B)/tests/bench/%,kernel kernel_flows kernel_shapes kernel_load kernel_tun kernel_veth)
	@B=$(B) bash tests/bench/kernel.sh
bench-proxy:
	@sh tests/deps.sh build tests
	@sh tests/deps.sh peers || echo 'bench-proxy: it goes on without those' >&2
	@+$(PART) programs $(patsubst %,$(B)/tests/bench/%,proxy_client proxy_server)
	@B=$(B) bash tests/bench/proxy.sh
bench-splice:
	@sh tests/deps.sh build tests
	@sh tests/deps.sh peers || echo 'bench-splice: it goes on without those' >&2
	@+$(PART) programs $(B)/tests/bench/proxy_client
	@B=$(B) bash tests/bench/splice.sh
bench-plot:
	@sh tests/deps.sh build bench
	@sh tests/deps.sh peers || echo 'bench-plot: it goes on without those' >&2
	@+$(PART) $(B)/tests/bench/plot
	@B=$(B) bash tests/bench/plot.sh
mutate:
	@sh tests/deps.sh build tests
	@B=$(B) N=$(N) SEED=$(SEED) SECONDS=$(SECONDS) JOBS=$(JOBS) python3 tests/mutate/mutate.py $(FILES)
golden: programs $(MKCAP)
	@for t in tests/golden/*/run.sh tests/examples/run.sh; do UPDATE=1 B=$(B) bash $$t; done
	@UPDATE=1 B=$(B) python3 tests/lint/docs.py; UPDATE=1 python3 tests/lint/reference.py; UPDATE=1 B=$(B) python3 tests/lint/counters.py; UPDATE=1 python3 tests/lint/metrics.py; UPDATE=1 python3 tests/lint/formats.py
coverage:
	@sh tests/deps.sh build tests coverage
	@+$(PART) B=$(B)/cov COV=1 tests
	@B=$(B) bash tests/coverage.sh
format-check:
	@clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')
tidy:
	@clang-tidy --quiet $$(git ls-files '*.c' | grep -v ^tests/) -- -std=gnu11 -I. -I$(B) -D_GNU_SOURCE -DPREY_VERSION='""'
.PHONY: runtime-objects tests live-tools tests-san tests-clang tests-quick fuzzers quick check check-build check-long check-live check-machines check-tsan soak demo demo-live bench bench-kernel bench-live bench-proxy bench-splice bench-plot golden mutate coverage format-check tidy
