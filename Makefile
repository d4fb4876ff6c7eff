# prey: build, test, install. `make` builds; `make help` lists the targets.
#   CC=clang, SAN=1 (ASan and UBSan), COV=1 (coverage) choose a variant; each has its own folder under build/.
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
B       ?= build$(if $(filter clang%,$(CC)),/clang)$(if $(SAN),/san)$(if $(COV),/cov)
PREFIX  ?= /usr/local
VERSION := 0.1

WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
OPT     := $(if $(SAN),-O1 -fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer,$(if $(COV),-O0 --coverage,-O2))
comma   := ,
CPPFLAGS = -I. -I$(B) -D_GNU_SOURCE -DPREY_VERSION='"$(VERSION)"' -MMD -MP
CFLAGS  ?= -g
ALL_CFLAGS = -std=gnu11 $(WARN) $(OPT) $(CFLAGS)

LANG_SRC     := $(wildcard lang/*.c)
VM_SRC       := $(wildcard vm/*.c vm/*/*.c)
COMPILER_SRC := $(filter-out compiler/preyc.c,$(wildcard compiler/*.c))
RUNTIME_SRC  := $(filter-out runtime/preyrun.c,$(wildcard runtime/*.c runtime/*/*.c))
TESTLIB_SRC  := $(wildcard tests/lib/*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
GEN := $(B)/lang/parse.tab.o $(B)/lang/lex.yy.o

all: $(B)/preyc $(B)/preyrun

$(B)/liblang.a: $(call obj,$(LANG_SRC)) $(GEN)
$(B)/libvm.a: $(call obj,$(VM_SRC))
$(B)/libcompiler.a: $(call obj,$(COMPILER_SRC))
$(B)/libruntime.a: $(call obj,$(RUNTIME_SRC))
$(B)/libtest.a: $(call obj,$(TESTLIB_SRC))
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/preyc: $(B)/compiler/preyc.o $(B)/libcompiler.a $(B)/liblang.a $(B)/libvm.a
	$(CC) $(ALL_CFLAGS) -o $@ $^
$(B)/preyrun: $(B)/runtime/preyrun.o $(B)/libruntime.a $(B)/libvm.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ -lpcap -lcjson

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# The lexer and the parser exist only under build/.
$(B)/lang/parse.tab.c: lang/parse.y
	@mkdir -p $(@D)
	bison -Wall -Werror -o $@ --defines=$(B)/lang/parse.tab.h $<
$(B)/lang/lex.yy.c: lang/lex.l $(B)/lang/parse.tab.c
	flex -o $@ --header-file=$(B)/lang/lex.yy.h $<
$(B)/lang/%.o: $(B)/lang/%.c
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Wno-conversion -Wno-unused-function -Wno-missing-prototypes -c -o $@ $<
$(call obj,$(LANG_SRC)): $(B)/lang/lex.yy.c

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all clean
.DELETE_ON_ERROR:
