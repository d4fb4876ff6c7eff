# The stages in the kernel: how they are compiled, and their objects as bytes of the program that loads them.
# Of the stages' functions those marked GLOBAL alone are known outside their file.
$(BPF)/vm/kernel/%.bpf.o: BPF_FLAGS := -mcpu=v3 -fvisibility=hidden
# Of recipes, too, each call would cost as much as what is called.
$(BPF)/vm/kernel/act.bpf.o: BPF_FLAGS += -mllvm -inline-threshold=1000

# The stages: one table of all objects. Their DWARF stays behind; types and lines for the kernel are in sections of their own.
STAGES := $(patsubst %.c,$(BPF)/%.inc,$(wildcard vm/kernel/*.bpf.c))
$(BPF)/vm/kernel/objects.inc: $(STAGES)
	@for f in $^; do n=$$(basename $$f .bpf.inc); echo "static const uint8_t object_$$n[] __attribute__((aligned(8))) = {"; cat $$f; echo "};"; done >$@
	@echo "static const struct { const char *name; const uint8_t *bytes; } objects[] = {" >>$@
	@for f in $^; do n=$$(basename $$f .bpf.inc); echo "{\"$$n\", object_$$n},"; done >>$@
	@echo "};" >>$@
$(B)/runtime/kernel/object.o: $(BPF)/vm/kernel/objects.inc
