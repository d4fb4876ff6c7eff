/* From one program to the next: what of the one goes on in the other, by name. Made aside, once for all workers.
 *
 * Flows hold numbers of servers, services and nats. What the next program has not, flows may still use: so workers get
 * a program with those behind its own, which are in no pool and take nothing new. Numbers of the past are from here on
 * those of this program:
 *
 *      pools, servers, services, branches, nats    | of the file ...   | of the past ... |
 *
 * Facts that speak of servers (down, server_out) are made for this program, past ones included. What of the past no
 * flow uses any more is left out, if who asks says so; what it counted goes with it.
 *
 * The same is: a server of the same POOL/SERVER, family and address; a service of the same name that sends on alike; a
 * branch of it that sends to the same pools, and where there is none the one in its place; a nat's statement that says
 * the same; a meter of equal definition; a rule of the same name and verdict. */
#pragma once

#include "vm/program/program.h"

/* The past that a program begins with. */
struct program_past {
    struct program *under; /* of the file alone */
    uint32_t pools, servers, services, branches, nats;
    uint32_t nats_count;      /* statements of the past, behind `nats` */
    const uint64_t *until_ns; /* [past servers] how long their TCP flows drain */
    /* Numbers that outlive programs, by which clients are remembered: of each service whose clients are counted or keep
     * servers alike, and of each server; and back. */
    const uint32_t *service_id, *server_id, *server_of;
    uint32_t server_ids, service_ids;
};

struct remap {
    struct program *program; /* with the past; the remap holds one reference */
    struct program *from;    /* likewise */
    /* By the number that it had, the one that it has; PBC_NONE: it was left out. */
    uint32_t *server, *service, *branch, *nat;
    uint32_t *rule, *firewall; /* by name and verdict: what they counted goes on (program/remap_names.h) */
    uint16_t *iface;           /* IFACE_NONE: the program names it no more, and nobody said which it is */
    uint32_t ifaces;
    /* By the number that it has, the one that it had; PBC_NONE: it is new, or changed. */
    uint32_t *pool;      /* balancing goes on where it was */
    uint32_t *pool_out;  /* source ports, too */
    uint32_t *pool_past; /* of a past pool: the one that it was */
    uint32_t *meter;
    bool nats;   /* all statements are the same, in order */
    bool limits; /* `limits` changed: that waits for a restart */
};

/* From what workers run (a program, or one of a remap) to another of a file. ifaces: by old id, count of them, as who
 * reads packets knows them; NULL: by device, where both programs name it. gone: [remap_gone_count] of `from`: 1, it is
 * of the past and no flow of any worker uses it; NULL: there is none. NULL: out of memory. */
struct remap *remap_new(struct program *from, struct program *to, const uint16_t *ifaces, uint32_t ifaces_count,
                        const uint8_t *gone, uint64_t now_ns);
void remap_free(struct remap *r);
/* Does what `branch` of the program before has become send to the same pools? */
bool remap_keeps_branch(const struct remap *r, uint32_t branch);

static inline bool program_is_past(const struct program *p, uint32_t server)
{
    return p->past && server >= p->past->servers;
}
/* Nats of the file and of the past. */
static inline uint32_t program_all_nats(const struct program *p)
{
    return p->nats_count + (p->past ? p->past->nats_count : 0);
}
/* Number of services, servers and nats, one after the other. */
static inline uint32_t remap_gone_count(const struct program *from)
{
    return from->services_count + from->servers_count + program_all_nats(from);
}
static inline uint32_t program_service_id(const struct program *p, uint32_t service)
{
    return p->past ? p->past->service_id[service] : service;
}
static inline uint32_t program_server_id(const struct program *p, uint32_t server)
{
    return p->past && server != PBC_NONE ? p->past->server_id[server] : server;
}
/* PBC_NONE: none has it any more. */
static inline uint32_t program_server_of(const struct program *p, uint32_t id)
{
    if (!p->past || id == PBC_NONE) return id;
    return id < p->past->server_ids ? p->past->server_of[id] : PBC_NONE;
}

/* Is it what its file alone would be: nothing of the past is left in it, and numbers are as if it were the first? */
bool program_is_plain(const struct program *p);

/* program.c: give back what program_put finds there. */
void program_past_free(const struct program *p);
