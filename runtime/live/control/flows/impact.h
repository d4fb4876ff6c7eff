/* The effect that another program would have on the present flows. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/live/control/state.h"

enum {
    IMPACT_JUDGED_MOST =
        1 << 20 /* of more flows every second one, every third one … is judged, and counts for those between */
};

struct impact {
    const struct control *control;
    struct program *now, *next; /* held; next as workers would have it, with the past */
    struct remap *remap;
    struct facts_iface *ifaces; /* of next */
    unsigned ifaces_count;
    struct facts_device *devices; /* of next, too, as it was asked last */
    bool patterns;                /* as in struct facts */
    uint64_t every;               /* of so many flows one is judged */
    uint64_t live, judged;        /* flows */
    uint64_t drain, move;         /* of those, as their servers go */
    struct impact_server {
        uint64_t drain, move;
    } * of_server; /* [now->servers_count] */
    /* Judged otherwise, by what would decide: rules, then defaults of firewalls, then what no firewall judges. */
    struct impact_change {
        uint8_t action;       /* enum action, that they would get */
        uint64_t flows, anew; /* their next packet; their first alone: they go on, and could not begin now */
    } * changes;
    uint64_t refused; /* of those judged: their next packet would not be let through */
};

/* `flows`: how many there are, about. False: memory is out. impact_fini in any case. */
bool impact_init(struct impact *im, const struct control *control, struct program *next, uint64_t flows);
/* Some flows of the running program. */
void impact_flows(struct impact *im, const struct flow_record flows[], unsigned count);
/* Some sessions of its proxy services. */
struct session_record;
void impact_sessions(struct impact *im, const struct session_record *sessions, unsigned count);
/* All that was found, into an object. */
void impact_json(const struct impact *im, cJSON *to);
void impact_fini(struct impact *im);
