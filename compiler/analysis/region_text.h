/* Regions as text: "tcp from any to 203.0.113.10 port 8080" */
#pragma once

#include <stdio.h>

#include "compiler/normal/region.h"

struct compile;

/* Print some of ir->moments. */
typedef void region_times_fn(const void *arg, uint32_t moments, FILE *out);

/* Return the name of a set of addresses, for packets of these families; NULL: no name. */
typedef const char *region_set_fn(const void *arg, uint32_t addrs, unsigned families);

struct region_text {
    struct compile *c;
    uint32_t groups, come_in; /* multicast and broadcast addresses; these and the addresses of c's services */
    region_times_fn *times;   /* NULL if schedules are independent (ir->moments is 0) */
    region_set_fn *set_name;  /* NULL: addresses are written out */
    bool compared; /* texts are compared, so a shortened list has a number that distinguishes it from others */
    const void *arg;
};

struct region_text region_text_of(struct compile *c);
/* Print one product. dirs: its directions, bits 1 << enum pbc_direction; parts that follow from them are left out. */
void region_text_print(const struct region_text *text, const struct ir_product *p, uint8_t dirs, FILE *out);
/* Print what a statement of a nat asks for, each part after a blank: ` from NAME to not 10.8.0.0/16 udp port 500 out
 * on "eth0"`. family_shows: the rest of the statement shows the family. Second function: the way out only. */
void region_text_conditions(const struct region_text *text, const struct ir_product *p, bool family_shows, FILE *out);
void region_text_way_out(const struct region_text *text, const struct ir_product *p, FILE *out);
/* Print an IP protocol by the language's word for it, or by `proto`. */
void put_protocol(unsigned number, FILE *out);
/* Print interfaces and sources only, ` on "eth0" from NAME`; nothing if both are any. families: IR_V4, IR_V6 of its
 * packets. */
void region_text_whence(const struct region_text *text, const struct ir_product *p, unsigned families, FILE *out);
/* Print a name on one line. */
void put_name(const char *name, FILE *out);
