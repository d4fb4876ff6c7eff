/* Words for people: addresses, fields and conditions, worded alike by the listing and explain. */
#pragma once

#include <stdio.h>

#include "vm/vm.h"
#include "vm/words/words.h"

/* A bounded line, always terminated; what does not fit is cut off. */
struct text {
    char *buf;
    size_t len, used;
};

static inline struct text text_of(char *buf, size_t len)
{
    if (len) buf[0] = '\0';
    return (struct text){.buf = buf, .len = len};
}

__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);
/* Add a name. Names come from a file that may be hostile: bytes that could steer a terminal become `?`. */
void text_add_name(struct text *t, const char *name);
void text_put_name(const char *name, FILE *out);
void text_add_mac(struct text *t, uint64_t mac);
void text_add_address(struct text *t, const uint32_t a[4], bool v6);
void text_add_range4(struct text *t, const struct pbc_range *r); /* adds an address, prefix or range */
void text_add_range6(struct text *t, const struct pbc_range6 *r);
void text_add_set(struct text *t, const struct program *p, uint32_t set); /* adds name, only member, or "set N" */
void text_add_macset(struct text *t, const struct program *p, uint32_t set);
void text_add_iface(struct text *t, const struct program *p, uint32_t iface);
/* Add interface and tags that the endpoint asks for: " on "eth0" vlan 7". */
void text_add_wire(struct text *t, const struct program *p, const struct pbc_endpoint *e);
void text_add_pattern(struct text *t, const struct pbc_pattern *pattern);
/* Add "200/s burst 400 per source entries 65536". */
void text_add_meter(struct text *t, const struct pbc_meter *m);
/* Add "100 per source/24,/56". */
void text_add_flows_over(struct text *t, uint32_t flows, const struct pbc_grain *g);
/* Add "mon-fri 08:00-18:00, sat 10:00-14:00 zone Europe/Paris". */
void text_add_schedule(struct text *t, const struct program *p, const struct pbc_schedule *s);
void text_add_duration(struct text *t, uint64_t ns); /* adds "2h4m" */
void text_add_bytes(struct text *t, uint64_t bytes); /* adds "256MiB" */
/* Add TCP flags: "syn, ack". */
void text_add_flags(struct text *t, uint32_t flags);
/* Add names of flow states: "new|established". */
void text_add_states(struct text *t, uint32_t marks);
/* Add names of key.kind's bits: "tcp or udp". */
void text_add_kind(struct text *t, uint32_t kind, const char *between);
/* Add a value of the field that a condition compares: "80", "echo-request", "gre", "0x88cc". */
void text_add_value(struct text *t, const struct program *p, const struct pbc_cond *c, uint32_t value);

/* Add the i-th item of the condition's list, as it may have been written; false past the last. */
bool text_add_item(struct text *t, const struct program *p, const struct pbc_cond *c, uint32_t i);
/* Print the members of the sets: "10.0.0.0/8, 2001:db8::1". */
void sets_print(const struct program *p, uint32_t first, uint32_t count, FILE *out);
