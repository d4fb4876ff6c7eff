/* Structures of address translation, shared by nat.c, nat_choose.c, nat_spaces.c and nat_statement.c */
#pragma once

#include "vm/forward/balance/lb.h"
#include "vm/forward/bind/nat.h"
#include "vm/judge/ways.h"

/* An outside address and its space of ports */
struct nat_outside {
    uint32_t addr[4];
    uint8_t family;
};

/* An outgoing interface of `masquerade`; IFACE_NONE: a place for one. own: space of its address, by family (0: IPv4);
 * SPACE_NONE: address unknown. */
struct outside_way {
    uint16_t iface;
    uint32_t own[2];
};

/* The outside addresses: first those written in the program, sorted; then two for each way, one per family, whose
 * addresses come with the facts. Equal addresses share one space. The ways are the interfaces that statements name,
 * `named` of them; then, if a statement leaves by several, places for those that the facts know. */
struct outsides {
    struct nat_outside *all;
    struct outside_way *way;
    uint32_t written, ways, named;
};
#define SPACE_NONE UINT32_MAX
enum { WAYS_FOUND_MOST = 128 }; /* most interfaces with addresses of their own for statements that leave by several */

struct nat {
    const struct program *p;
    const struct facts *facts; /* latest facts; NULL: none yet */
    struct mappings *mappings;
    uint32_t ports_number;                   /* number of the facts from which reserved and further ports were taken */
    struct pbc_range more[FACTS_PORTS_MORE]; /* [more_count] ports of `masquerade` once its own are taken, ascending */
    unsigned more_count;
    struct outsides outsides;
    struct statement_spaces {
        uint32_t first, count;
    } * spaces;        /* [nats_count]; SOURCE: range in `written`; MASQUERADE of one interface: first is the way */
    uint32_t *written; /* spaces of all SOURCE statements, one after the other */
    struct lb_hash_key key; /* key of the hash that chooses a client's outside address */
    struct nat_counters counters;
    struct counter *statements; /* [program_all_nats]; `counters` points there */
    uint32_t *flows;            /* [program_all_nats]; `counters` points there */
};

static inline uint8_t family_of(const struct key *key) { return key->kind & KIND_IP6 ? 6 : 4; }
/* nat_choose.c: true for an address of this machine: a translated host would collide with its own connections. */
bool nat_is_own(const struct nat *n, uint8_t family, const uint32_t addr[4]);
/* nat_choose.c: set the key's destination to the translated one, for the look-up of the way out. */
void nat_lead_to(struct key *key, const struct flow_bind *b);
/* nat_statement.c: return the statement that translates the destination to an inside end; PBC_NONE: none. */
uint32_t nat_statement_in(const struct program *p, const struct key *key);
/* A packet on its way out */
struct nat_leaving {
    const struct key *key; /* with the translated destination if `turned` */
    const struct pkt *pkt;
    const struct facts *facts;
    bool turned;   /* the destination was translated, from an outside end to an inside one */
    bool routed;   /* as in struct nat_asker */
    bool blind;    /* result: a statement asks for the packet's incoming interface, but that is unknown */
    bool unknown;  /* result: a statement may take the packet, but its way is unknown */
    bool asked;    /* `way` is set */
    bool untold;   /* with `asked`: `way` is unknown, because a replay has no routes, or a test does not give the way */
    bool unmarked; /* with `asked`: `way` holds for packets without a mark; marked packets may have another way */
    struct way_found way;
};
/* Find the packet's way, once, in l->way. prey itself sends a packet with a translated destination on, past this
 * machine's stack, so it also chooses among several ways. */
const struct way_found *nat_leaving_way(struct nat_leaving *l);
/* True if a translated destination is on the side that the packet came from (hairpin: RFC 4787, REQ-9). Then the
 * source must be translated, too, or replies would not pass prey. If a replay or a test gives neither interface, a
 * source that a statement names is taken to be there. False for a packet that came in by an interface of the
 * statement: its source is outside. */
bool nat_is_hairpin(const struct program *p, const struct pbc_nat *n, struct nat_leaving *l);
/* Return the first statement that gives the source an outside end, by the way of the routes; PBC_NONE: none, or
 * l->unknown. An ICMP error without a flow also shows the receiver of the quoted packet, so that end is looked up,
 * too (RFC 5508, REQ-4). */
uint32_t nat_statement_out(const struct program *p, struct nat_leaving *l);

/* Return the number of addresses of the program's SOURCE statements. */
uint32_t outsides_written(const struct program *p);
/* List the outside addresses of the program. False: out of memory. */
bool outsides_init(struct outsides *o, const struct program *p);
void outsides_fini(struct outsides *o);
static inline uint32_t outsides_count(const struct outsides *o) { return o->written + 2 * o->ways; }

/* Return the space of an address that is in use, or SPACE_NONE. */
uint32_t outside_space(const struct outsides *o, const uint32_t addr[4], uint8_t family);
/* The same for a written address */
uint32_t outside_written(const struct outsides *o, const uint32_t addr[4], uint8_t family);
/* Reserve the ports of written addresses at which services and `forward` receive: they are never given out. */
void outsides_reserve(const struct outsides *o, const struct program *p, struct mappings *m);
/* The same for the ways' own addresses, and the ports that `host` keeps for this machine (NULL: unknown) */
void outsides_reserve_own(const struct outsides *o, const struct program *p, struct mappings *m,
                          const struct facts_ports *host);
/* Return the way of an interface; o->ways: the interface has none. */
uint32_t outsides_way(const struct outsides *o, uint32_t iface);
/* Give places, while there are any, to the interfaces of the facts by which statements with several interfaces send. */
void outsides_find(struct outsides *o, const struct program *p, const struct facts *facts);
/* Set this machine's address of that family on that way to `addr`; all 0: unknown. */
void outsides_own(struct outsides *o, const struct program *p, struct mappings *m, const struct facts_ports *host,
                  uint32_t way, uint8_t family, const uint32_t addr[4]);
