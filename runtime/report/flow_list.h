/* --flows: the list of a replay's flows, and how each ended. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "vm/flow/flow.h"
#include "vm/vm.h"

/* Most flows that are listed, at about 120 bytes each; the rest is counted. */
enum { FLOWS_LISTED_MOST = 1 << 24 };

/* began_ns of a flow that began before the known time. */
#define FLOW_BEGAN_EARLIER UINT64_MAX

struct flow_list {
    struct flow_record *flows;
    uint32_t count, room;
    uint64_t left_out;    /* flows beyond FLOWS_LISTED_MOST or the memory */
    uint64_t ended;       /* flows added that have ended, left out or not */
    char *const *servers; /* "POOL/SERVER" by index, owned by the caller; NULL: no flow has a server */
};

void flow_list_add(struct flow_list *l, const struct flow_record *f);
/* Add the continuing flows; called once, at the end. */
void flow_list_rest(struct flow_list *l, const struct vm *vm);
void flow_list_fini(struct flow_list *l);

/* Sort by beginning, then by content, so that the order is always the same. */
void flow_list_sort(struct flow_list *l);

/* Write a table that ends in a line of totals. remembered: number of packets with a remembered verdict. */
void flow_list_text(FILE *out, const struct flow_list *l, const struct flow_counters *c, uint64_t remembered);
/* Write the same table after a summary; without flows, write the reason why there are none. */
void flow_list_behind(FILE *out, const struct flow_list *l, const struct vm_counters *c);
/* Write a JSON array with an object per line, without a newline at its end. */
void flow_list_json(FILE *out, const struct flow_list *l);
/* Write one flow. server: its name, or NULL. */
void flow_json(FILE *out, const struct flow_record *f, const char *server);
/* Write a flow's members without braces: the protocol and the two sides; `vlans`, behind other members; all members
 * (three functions). */
void flow_json_sides(FILE *out, const struct flow_record *f);
void flow_json_vlans(FILE *out, const struct flow_record *f);
void flow_json_members(FILE *out, const struct flow_record *f, const char *server);

/* Write "tcp", "gre" or "proto 200". */
const char *flow_protocol(const struct flow_record *f, char *buf, size_t len);
enum { FLOW_SIDE_TEXT = 64 };
/* Write "10.0.0.1:5000", "[2001:db8::1]:443", "10.0.0.1 id 7" or "10.0.0.1" for the opening side or the other. */
const char *flow_side(const struct flow_record *f, enum flow_dir side, char buf[FLOW_SIDE_TEXT]);

/* Write "3 closed, 1 idle" or "3 half-open, 1 established", without kinds of 0; "" for none. */
const char *flow_ends_words(const uint64_t ended[FLOW_ENDS], char *buf, size_t len);
const char *flow_classes_words(const uint64_t live[FLOW_CLASSES], char *buf, size_t len);
const char *flow_class_name(enum flow_class c);
