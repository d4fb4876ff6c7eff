# The stages in the kernel: how they are compiled, and their objects as bytes of the program that loads them.
# Of the stages' functions those marked GLOBAL alone are known outside their file.
STAGE_FLAGS := -mcpu=v3 -DHALF_REGISTERS -fvisibility=hidden
$(BPF)/vm/kernel/%.bpf.o: BPF_FLAGS := $(STAGE_FLAGS)
# Once more with loops that are counted, for kernels without may_goto (loop.bpf.h). Their verifiers refuse a loop that is
# entered by falling into it, as clang would lay some out.
$(BPF)/vm/kernel/counted/%.bpf.o: BPF_FLAGS := $(STAGE_FLAGS) -DCOUNTED -mllvm -disable-block-placement
# Of recipes, too, each call would cost as much as what is called.
$(BPF)/vm/kernel/act/act.bpf.o $(BPF)/vm/kernel/counted/act/act.bpf.o: BPF_FLAGS += -mllvm -inline-threshold=1000
$(BPF)/vm/kernel/counted/%.bpf.o: vm/kernel/%.bpf.c
	$(compile_bpf)

# The stages: one table of all objects, in either form. Their DWARF stays behind; types and lines for the kernel are in
# sections of their own.
STAGES := $(patsubst vm/kernel/%.bpf.c,%,$(wildcard vm/kernel/*.bpf.c vm/kernel/*/*.bpf.c))
$(BPF)/vm/kernel/objects.inc: $(foreach form,kernel kernel/counted,$(patsubst %,$(BPF)/vm/$(form)/%.bpf.o,$(STAGES)))
	@for form in kernel kernel/counted; do \
		for n in $(STAGES); do echo "EMBED($${form##*/}_$${n##*/}, \"vm/$$form/$$n.bpf.o\");"; done; \
		echo "static const struct object $${form##*/}_objects[] = {"; for n in $(sort $(notdir $(STAGES))); do echo "{\"$$n\", $${form##*/}_$$n},"; done; echo "};"; \
	done >$@
$(B)/runtime/kernel/object/object.o: $(BPF)/vm/kernel/objects.inc
