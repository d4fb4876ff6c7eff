/* Shared by the parts that draw rule files. */
#ifndef TESTS_LIB_DRAW_PRIV_H
#define TESTS_LIB_DRAW_PRIV_H

#include "tests/lib/draw.h"

/* A rule file while it is drawn. Each call draws once at most, because the order in which a compiler evaluates
 * arguments must not change the text. */
struct draw {
    struct text *out;
    const struct stock *s;
    struct rng *r;
    unsigned sets, ports, macs, ifaces, chains;
    unsigned meters, schedules;
    bool flows;   /* the file tracks connections */
    bool proxies; /* services may terminate connections; then no pool has a `source` */
    bool sends;   /* the current list judges packets that the host sends */
    bool leaves;  /* the current list judges sent or forwarded packets */
    unsigned rules, names;
    bool services, is_long; /* the current list has only service rules; the list is long */
    unsigned calls, starts; /* `do`s still allowed in chains and in firewalls; each multiplies the longest path */
};

static inline bool one_in(struct draw *d, unsigned n) { return rng_one_in(d->r, n); }
static inline unsigned below(struct draw *d, unsigned n) { return rng_below(d->r, n); }

void put(struct draw *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void begin(struct draw *d, const char *keyword) { put(d, "%c%s", DRAW_SPLIT, keyword); }
void put_v4(struct draw *d, uint32_t a);
void put_v6(struct draw *d, const uint8_t a[16]);
void put_addresses(struct draw *d, const char *keyword);
void put_ports(struct draw *d, const char *keyword);
void put_ip_fields(struct draw *d);
void put_link_fields(struct draw *d);
void put_set_atom(struct draw *d);
void put_services(struct draw *d); /* draw_services.c */

/* draw_tunnels.c: verdict and conditions of a rule, and the statements of a nat */
void put_decap(struct draw *d);
void put_nats(struct draw *d);

/* draw_state.c: conditions of a rule, and a firewall's first rules */
void put_state_conditions(struct draw *d);
void put_state_rules(struct draw *d);

/* draw_meters.c: declarations, and conditions of a rule */
void put_meters(struct draw *d);
void put_meter_conditions(struct draw *d);

#endif
