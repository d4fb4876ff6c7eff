/* All that has the shape of one program; a reload puts another whole in its place. */
#pragma once

#include "runtime/check/checks.h"
#include "runtime/host/guard/opened.h"
#include "runtime/report/text.h"
#include "runtime/worker/egress.h"
#include "vm/vm.h"

struct ruling {
    struct program *program; /* held */
    char *name;              /* of the file that it came from, as it was said; on the heap */
    uint64_t number;         /* of it, in the recording */
    struct labels labels;
    struct owners *owners; /* NULL: there is one worker */
    struct shared *shared; /* likewise */
    struct opened *opened; /* on the heap: workers read it until they have changed, wherever the ruling lies then */
    uint16_t iface[PORTS_MOST]; /* ids of the ports, those beside the first of each interface, too */
    struct facts_iface *ifaces; /* [ifaces_count], as published last */
    unsigned ifaces_count;
    uint16_t *server_out, *target_out;
    uint32_t *server_mtu;
    uint8_t *down;                  /* [servers_count] as in struct facts */
    uint64_t *up_since_ns;          /* likewise */
    uint16_t *weights;              /* likewise */
    const struct by_hand **by_hand; /* [servers_count] NULL: all of it is as the file says */
    struct checks *checks;          /* NULL: no server names one */
    struct health_told *told;       /* [servers_count], where there are checks */
};

/* Arrays, labels and ids for the program, which r->program holds, and these ports. False: memory is out. */
bool ruling_init(struct ruling *r, const char *const devices[], unsigned count);
void ruling_fini(struct ruling *r);
