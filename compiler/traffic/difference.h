/* Frames that two programs treat differently, in regions: one for each pair of rules or defaults that decided. */
#pragma once

#include "compiler/traffic/player.h"
#include "vm/keyed/keyed.h"

struct compared {
    uint64_t number, time_ns, flow; /* flow: from differences_flow */
    uint32_t bytes;
    bool v6;
    struct outcome fate[2]; /* by the old program, by the new program */
    char what[160];         /* the packet as text, if it may be shown */
};

struct doubts;

struct differences {
    const struct labels *labels[2];
    struct hash_key key;
    struct region *regions; /* [count] regions */
    uint32_t count, room;
    uint32_t *region_slots;               /* a hash table of the region's index + 1; 0: free */
    uint64_t frames, differing, left_out; /* left_out: frames of regions past REGIONS_MOST */
    struct flow_seen *seen;               /* flows of each region, and of all frames */
    size_t seen_count, seen_room;
    uint64_t flows, differing_flows;
    bool flows_at_least;   /* true if there were too many flows to distinguish */
    uint64_t ways_unknown; /* frames whose unknown way out a program asks for; the larger of both counts */
};

/* Return 0 or -ENOMEM; call differences_fini in either case. The caller keeps the labels. */
int differences_init(struct differences *d);
/* Return a number for the packet's flow, equal in both directions; 0 for a malformed packet. */
uint64_t differences_flow(const struct differences *d, const struct key *key, bool malformed);
/* True if the programs judge or send this frame differently. */
bool differences_is(const struct differences *d, const struct compared *c);
/* Count a frame. Return 0 or -ENOMEM. */
int differences_add(struct differences *d, const struct compared *c);
/* Print the differences. unread: a clause with the reason why part of the capture was not compared, or "". True: a
 * difference, or doubt. */
bool differences_print(struct differences *d, const struct doubts *doubts, bool json, const char *unread, FILE *out);
void differences_fini(struct differences *d);
