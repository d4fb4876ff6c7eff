/* Everything that has the shape of one program; a reload replaces all of it. */
#pragma once

#include "runtime/check/checks.h"
#include "runtime/host/guard/program/opened.h"
#include "runtime/report/text.h"
#include "runtime/worker/egress.h"
#include "vm/vm.h"

struct ruling {
    struct program *program; /* a counted reference */
    char *name;              /* name of its file, as given; on the heap */
    char *allows;            /* devices that the program may leave unjudged, with commas; on the heap; NULL: none */
    uint64_t number;         /* the program's number in the recording */
    struct lives *lives;     /* members of its live sets; NULL: none */
    struct labels labels;
    const struct copies_table *copies; /* slots of its mirrors; NULL: it has none */
    struct owners *owners;             /* finds the worker that a packet belongs to; NULL: there is one worker */
    struct shared *shared;             /* numbers that workers count together; NULL: there is one worker */
    struct opened *opened;      /* on the heap: workers read it until they have changed, even if the ruling moves */
    uint16_t iface[PORTS_MOST]; /* ids of the ports, including an interface's second port */
    struct facts_iface *ifaces; /* [ifaces_count], as last published */
    unsigned ifaces_count;
    uint16_t *server_out, *target_out;
    uint32_t *server_mtu;
    uint8_t *down;                  /* [servers_count], as in struct facts */
    uint64_t *up_since_ns;          /* [servers_count], as in struct facts */
    uint16_t *weights;              /* [servers_count], as in struct facts */
    const struct by_hand **by_hand; /* [servers_count] settings by hand; NULL: none */
    uint8_t *drains;                /* [services_count], as in struct facts */
    struct checks *checks;          /* health checks; NULL: no server has one */
    struct health_told *told;       /* [servers_count] last lines about servers, if there are checks */
};

/* Make arrays, labels and ids for r->program and these ports. False: out of memory. */
bool ruling_init(struct ruling *r, const char *const devices[], unsigned count);
void ruling_fini(struct ruling *r);
