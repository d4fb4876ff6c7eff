/* --flows: the list of a replay's flows and how each ended. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "vm/flow/flow.h"
#include "vm/vm.h"

/* At most that many are listed, about 120 bytes each; the rest is counted. */
enum { FLOWS_LISTED_MOST = 1 << 24 };

/* began_ns of one that began before anything is known. */
#define FLOW_BEGAN_EARLIER UINT64_MAX

struct flow_list {
    struct flow_record *flows;
    size_t count, room;
    uint64_t left_out;    /* past FLOWS_LISTED_MOST or the memory that there is */
    uint64_t ended;       /* added ones that have ended, left out or not */
    char *const *servers; /* "POOL/SERVER" by index, the caller's; NULL: no flow has one */
};

void flow_list_add(struct flow_list *l, const struct flow_record *f);
/* The flows that go on. Once, at the end. */
void flow_list_rest(struct flow_list *l, const struct vm *vm);
void flow_list_fini(struct flow_list *l);

/* Sorted by when they began; where that is equal by what they are, so that the order is the same everywhere. */
void flow_list_sort(struct flow_list *l);

/* A table that ends in a line of totals; `remembered`: packets whose verdict was. */
void flow_list_text(FILE *out, const struct flow_list *l, const struct flow_counters *c, uint64_t remembered);
/* A JSON array, an object a line, without a newline at its end. */
void flow_list_json(FILE *out, const struct flow_list *l);
/* One of them. server: its name, NULL: none. */
void flow_json(FILE *out, const struct flow_record *f, const char *server);
/* Its members alone, without braces; and of these the protocol and the two sides alone. */
void flow_json_sides(FILE *out, const struct flow_record *f);
void flow_json_members(FILE *out, const struct flow_record *f, const char *server);

/* "tcp", "gre" or "proto 200". */
const char *flow_protocol(const struct flow_record *f, char *buf, size_t len);
enum { FLOW_SIDE_TEXT = 64 };
/* "10.0.0.1:5000", "[2001:db8::1]:443", "10.0.0.1 id 7", "10.0.0.1": of the side that opened the flow, or the other. */
const char *flow_side(const struct flow_record *f, enum flow_dir side, char buf[FLOW_SIDE_TEXT]);

/* "3 closed, 1 idle"; "3 half-open, 1 established": kinds that there are; "" for none. */
const char *flow_ends_words(const uint64_t ended[FLOW_ENDS], char *buf, size_t len);
const char *flow_classes_words(const uint64_t live[FLOW_CLASSES], char *buf, size_t len);
const char *flow_class_name(enum flow_class c);
