/* The change from one program to the next: which parts continue in the new one, by name. It is made once for all
 * workers, while they run.
 *
 * Flows hold numbers of servers, services and nats, some of which the next program may lack. So workers get a
 * program that has those parts behind its own. Such parts belong to no pool and take nothing new. The numbers are
 * those of the new program:
 *
 *      pools, servers, services, branches, nats    | of the file ...   | of the past ... |
 *
 * Facts about servers (down, server_out) are made for this program, past servers included. Parts of the past that no
 * flow uses are left out if the caller asks for it (gone); their counts go with them.
 *
 * These parts are equal: servers with the same POOL/SERVER, family and address; services with the same name that
 * send on alike; branches of a service that send to the same pools (else the branch in the same place); nat
 * statements with the same contents; meters of equal definition; rules of the same name and verdict. */
#pragma once

#include "vm/program/program.h"

/* Numbers at which the past begins, and parts of the past. */
struct program_past {
    struct program *under; /* the program without its past */
    uint32_t pools, servers, services, branches, nats;
    uint32_t nats_count;      /* number of the past's nat statements, behind `nats` */
    const uint64_t *until_ns; /* [past server]: time at which draining of its TCP flows ends */
    /* Numbers that outlive programs and by which clients are remembered: id of each service (kept while its client
     * counting and affinity stay the same) and of each server; server_of leads from id to server. */
    const uint32_t *service_id, *server_id, *server_of;
    uint32_t server_ids, service_ids;
};

struct remap {
    struct program *program; /* the new program, with its past; the remap holds one reference */
    struct program *from;    /* the program before; the remap holds one reference */
    uint32_t *maps;          /* block of all maps below but iface */
    /* New number by old number; PBC_NONE: left out. */
    uint32_t *server, *service, *branch, *nat;
    uint32_t *rule, *firewall;             /* by name and verdict: their counts continue (program/remap_names.c) */
    uint32_t *would_rule, *would_firewall; /* the same without the word `audit`, if both programs have it */
    uint16_t *iface; /* new id by old id; IFACE_NONE: the new program has no name for it, and no id was given */
    uint32_t ifaces;
    /* Old number by new number; PBC_NONE: new, or changed. */
    uint32_t *pool;      /* pools whose balancing continues */
    uint32_t *pool_out;  /* pools whose source ports also continue */
    uint32_t *pool_past; /* for a past pool: its number before */
    uint32_t *meter;
    bool nats;   /* true if all statements are the same, in order */
    bool limits; /* true if `limits` changed, which waits for a restart */
};

/* Make the remap from the program that workers run (loaded, or made by a remap) to one of a file. ifaces: new ids of
 * ifaces_count old ids; NULL: matched by device. gone, [remap_gone_count] of `from`: 1 for a part of the past that no
 * flow of any worker uses; NULL: keep all. Return NULL if out of memory. */
struct remap *remap_new(struct program *from, struct program *to, const uint16_t *ifaces, uint32_t ifaces_count,
                        const uint8_t *gone, uint64_t now_ns);
void remap_free(struct remap *r);
/* True if the continuation of `branch`, a number of the program before, sends to the same pools. */
bool remap_keeps_branch(const struct remap *r, uint32_t branch);

static inline bool program_is_past(const struct program *p, uint32_t server)
{
    return p->past && server >= p->past->servers;
}
/* Return the program of the file only, without a past. */
static inline struct program *program_of_file(struct program *p) { return p->past ? p->past->under : p; }
/* Return the number of nats of the file and of the past. */
static inline uint32_t program_all_nats(const struct program *p)
{
    return p->nats_count + (p->past ? p->past->nats_count : 0);
}
/* Return the number of services, servers and nats together, in this order. */
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
/* Return the number of ids that servers have or had. */
static inline uint32_t program_server_ids(const struct program *p)
{
    return p->past ? p->past->server_ids : p->servers_count;
}
/* Return the server with that id; PBC_NONE: no server has it now. */
static inline uint32_t program_server_of(const struct program *p, uint32_t id)
{
    if (!p->past || id == PBC_NONE) return id;
    return id < p->past->server_ids ? p->past->server_of[id] : PBC_NONE;
}

/* True if the program equals that of its file: it has no past, and ids equal numbers. */
bool program_is_plain(const struct program *p);

struct archive;
/* Write the parts of the program that its file lacks: its past, and its ids. */
void program_past_write(const struct program *p, struct archive *a);
/* Make the program again from that of the file and those bytes, which are hostile. Return it with a new reference
 * (`file` itself if there are no further parts), or NULL, with one line in err. */
struct program *program_past_read(struct program *file, struct archive *a, char *err, size_t err_len);

/* Free the extra memory of a program with a past; for program_put. */
void program_past_free(const struct program *p);
