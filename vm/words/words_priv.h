/* Shared by the files of this room: text, the listing, files of addresses. */
#pragma once

#include <stdio.h>

#include "vm/vm.h"
#include "vm/words/words.h"

/* Words for people: addresses, fields and conditions, worded alike by the listing and cond_failed.c. */

/* A bounded line, always terminated; the excess is cut off. */
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

enum { LINE = 1024 };

void add_place(struct text *t, const struct program *p, const struct pbc_place *place);
void add_quoted(struct text *t, const char *s);
/* Add "pool 3 (web)". */
void add_named(struct text *t, const struct program *p, const char *what, uint32_t index, uint32_t name);
/* Add "rule 4 (noisy:3)". */
void add_rule(struct text *t, const struct program *p, uint32_t rule);
void dump_line(const struct text *t, FILE *out);
void dump_cond(const struct program *p, const struct pbc_cond *c, FILE *out);

const char *endpoint_proto_name(uint8_t proto); /* name of an enum pbc_endpoint_proto: "tcp" */
void dump_rules(const struct program *p, FILE *out);
void dump_services(const struct program *p, FILE *out); /* checks, pools, services */
void dump_observes(const struct program *p, FILE *out); /* observe services */
void dump_classifiers(const struct program *p, FILE *out);
void dump_endpoint(const struct program *p, const struct pbc_endpoint *e, FILE *out);
void dump_nats(const struct program *p, FILE *out);
void dump_memos(const struct program *p, FILE *out); /* remembered verdicts */
void dump_code(const struct program *p, FILE *out);

/* Shared by the readers of address files (words.h): the place in the file, faults, and the set that members come
 * from. */
/* A stretch of the file, within one line. */
struct addr_word {
    const char *s, *line_start;
    size_t len;
    uint32_t line; /* number of the line, from 1 */
};

/* The identity of a set; in nft, tables may have sets of the same name. */
struct addr_set_name {
    struct addr_word name, family, table; /* len 0: not given */
};

struct addr_scan {
    const struct addr_reader *reader;
    const char *at, *end; /* the unread rest of the file */
    const char *line_start;
    uint32_t line;
    struct addr_set_name set[2]; /* sets that the IPv4 and the IPv6 members come from; name.len 0: no member yet */
};

bool addr_word_is(const struct addr_word *w, const char *text);
/* True if the word is in the list, which ends in NULL. */
bool addr_word_in(const struct addr_word *w, const char *const *list);
bool addr_same_word(const struct addr_word *a, const struct addr_word *b);
bool addr_is_blank(char ch);

/* Read the next line, without its end; false at the end of the file. */
bool addr_next_line(struct addr_scan *s, struct addr_word *line);
/* Read the next word of the line from *at on and move *at behind it; false at the end of the line. */
bool addr_next_word(const struct addr_word *line, size_t *at, struct addr_word *word);

void addr_bad(const struct addr_scan *s, const struct addr_word *w, enum addr_fault fault);
/* Take an entry of that set. *refused: the user has been told that this is a second set, and gets no other report. */
void addr_take(struct addr_scan *s, const struct addr_word *entry, const struct addr_set_name *set, bool *refused);

/* Read a complete file, from its first line on. */
void addr_read_plain(struct addr_scan *s);
void addr_read_ipset(struct addr_scan *s); /* addr_ipset.c */
void addr_read_nft(struct addr_scan *s);   /* addr_nft.c */
