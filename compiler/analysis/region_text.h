/* A region as a reader says it: "tcp from any to 203.0.113.10 port 8080". */
#pragma once

#include <stdio.h>

#include "compiler/normal/region.h"

struct compile;

/* Says some of ir->moments. */
typedef void region_times_fn(const void *arg, uint32_t moments, FILE *out);

/* What a set of addresses is called, of packets of these families; NULL: it is nobody's. */
typedef const char *region_set_fn(const void *arg, uint32_t addrs, unsigned families);

struct region_text {
    struct compile *c;
    uint32_t groups, come_in; /* sets of addresses: multicast and broadcast; these and those of c's services */
    region_times_fn *times;   /* NULL where schedules are independent (ir->moments is 0) */
    region_set_fn *set_name;  /* NULL: addresses are written out */
    const void *arg;
};

struct region_text region_text_of(struct compile *c);
/* One product. dirs: 1 << enum pbc_direction, how its packets travel; only what they may be anyway is left out. */
void region_text_print(const struct region_text *text, const struct ir_product *p, uint8_t dirs, FILE *out);
/* Of it by which interfaces and from which sources it comes, ` on "eth0" from NAME`; nothing of what is any. families:
 * IR_V4, IR_V6 that its packets have. */
void region_text_whence(const struct region_text *text, const struct ir_product *p, unsigned families, FILE *out);
/* A name on one line. */
void put_name(const char *name, FILE *out);
