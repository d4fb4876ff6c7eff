/* The effect that another program would have on the present flows. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/live/control/control_state.h"

enum {
    IMPACT_JUDGED_MOST = 1 << 20 /* beyond this number, one flow in `every` is judged and counts for all of them */
};

struct impact {
    const struct control *control;
    struct program *now, *next; /* counted references; next: as workers would have it, with its past */
    struct remap *remap;
    struct facts_iface *ifaces; /* facts of next */
    unsigned ifaces_count;
    struct facts_device *devices; /* devices of next, from the last judging */
    bool patterns;                /* `patterns` in the facts of `next` */
    struct lives *lives;          /* room for the members used by `next`; NULL: it has no live sets */
    struct live_set *none;        /* an empty live set, for sets that only `next` has */
    uint64_t every;               /* one flow in `every` is judged */
    uint64_t live, judged;        /* number of flows, and of judged flows */
    uint64_t drain, move;         /* flows that would lose their servers */
    struct impact_server {
        uint64_t drain, move;
    } * of_server; /* [now->servers_count] flows that each server would lose */
    /* Flows that a decider of the next program judges differently: a rule, a firewall's default, or no firewall. */
    struct impact_change {
        uint8_t action;       /* enum action of the new verdict */
        uint64_t flows, anew; /* flows whose next packet is judged differently; flows that go on, but whose first packet
                                 is now judged differently */
    } * changes;
    uint64_t refused; /* judged flows whose next packet would be refused */
};

/* Begin the comparison. flows: their approximate number. False: out of memory. Call impact_fini in any case. */
bool impact_init(struct impact *im, const struct control *control, struct program *next, uint64_t flows);
/* Judge some flows of the running program. */
void impact_flows(struct impact *im, const struct flow_record flows[], unsigned count);
struct session_record;
/* Judge some sessions of the running program's proxy services. */
void impact_sessions(struct impact *im, const struct session_record *sessions, unsigned count);
/* Add all results to an object. */
void impact_json(const struct impact *im, cJSON *to);
void impact_fini(struct impact *im);
