/* The inside of address translation: what nat.c, nat_choose.c, nat_spaces.c and nat_statement.c share. */
#pragma once

#include "vm/forward/balance/lb.h"
#include "vm/forward/bind/nat.h"

/* An outside address and its space of ports. */
struct outside {
    uint32_t addr[4];
    uint8_t family;
};

/* An interface that `masquerade` goes out by. own: space of its address, by family (0: IPv4); SPACE_NONE: none is
 * known. */
struct outside_way {
    uint16_t iface;
    uint32_t own[2];
};

/* Those that are written stand first, sorted; then two for each way, of either family, whose addresses come with the
 * facts. Where such a one is written, or another way's too, its space is that one's. */
struct outsides {
    struct outside *all;
    struct outside_way *way;
    uint32_t written, ways;
};
#define SPACE_NONE UINT32_MAX

struct nat {
    const struct program *p;
    const struct facts *facts; /* seen last; NULL: none yet */
    struct mappings *mappings;
    uint32_t ports_number; /* of the facts: what of this machine's ports is reserved */
    struct outsides outsides;
    struct statement_spaces {
        uint32_t first, count;
    } * spaces;             /* [nats_count] of SOURCE statements, in `written`; of MASQUERADE first is their way */
    uint32_t *written;      /* spaces, a SOURCE statement's behind the other's */
    struct lb_hash_key key; /* by which a client has its one of them */
    struct nat_counters counters;
    struct counter *statements; /* [program_all_nats]: counters point there */
    uint32_t *flows;            /* likewise */
};

static inline uint8_t family_of(const struct key *key) { return key->kind & KIND_IP6 ? 6 : 4; }
/* nat_statement.c: the statement that turns the destination to an inside end; PBC_NONE: none does. */
uint32_t nat_statement_in(const struct program *p, const struct key *key);
/* The statement that gives the source an outside end. turned: the destination was. */
uint32_t nat_statement_out(const struct program *p, const struct key *key, bool turned);

/* Number of addresses that the program's SOURCE statements have. */
uint32_t outsides_written(const struct program *p);
/* Outside addresses of the program. False: out of memory. */
bool outsides_init(struct outsides *o, const struct program *p);
void outsides_fini(struct outsides *o);
static inline uint32_t outsides_count(const struct outsides *o) { return o->written + 2 * o->ways; }

/* The space of an address that is in use, SPACE_NONE. */
uint32_t outside_space(const struct outsides *o, const uint32_t addr[4], uint8_t family);
/* The same of a written address. */
uint32_t outside_written(const struct outsides *o, const uint32_t addr[4], uint8_t family);
/* Keep ports that services and `forward` answer on from being given out: of the written addresses. */
void outsides_reserve(const struct outsides *o, const struct program *p, struct mappings *m);
/* The same of the ways' own addresses; and the ports that stay with this machine, as `host` says (NULL: not known). */
void outsides_reserve_own(const struct outsides *o, const struct program *p, struct mappings *m,
                          const struct facts_ports *host);
/* The way of an interface. */
uint32_t outsides_way(const struct outsides *o, uint32_t iface);
/* This machine's address of that family on that way is now `addr`, all 0: not known. */
void outsides_own(struct outsides *o, const struct program *p, struct mappings *m, const struct facts_ports *host,
                  uint32_t way, uint8_t family, const uint32_t addr[4]);
