/* Frames that two programs treat differently, in regions: one for each pair of rules or defaults that decided. */
#pragma once

#include "compiler/traffic/player.h"
#include "vm/keyed/keyed.h"

struct compared {
    uint64_t number, time_ns, flow; /* flow: differences_flow */
    uint32_t bytes;
    bool v6;
    struct outcome fate[2]; /* by the old one, by the new one */
    char what[160];         /* the packet, where it may be shown */
};

struct doubts;

struct differences {
    const struct labels *labels[2];
    struct hash_key key;
    struct region *regions; /* [count] */
    uint32_t count, room;
    uint32_t *region_slots;               /* a hash table: one more than the region's index; 0: free */
    uint64_t frames, differing, left_out; /* left_out: of more regions than are told apart */
    struct flow_seen *seen;               /* flows of each region, and of all frames */
    size_t seen_count, seen_room;
    uint64_t flows, differing_flows;
    bool flows_at_least;   /* more than are told apart */
    uint64_t ways_unknown; /* frames of which no route said a way that a program asked for, by the one with more */
};

/* 0 or -ENOMEM; differences_fini in either case. The labels stay the caller's. */
int differences_init(struct differences *d);
/* A number for the packet's flow, the same in both directions; 0 for a malformed packet, which has none. */
uint64_t differences_flow(const struct differences *d, const struct key *key, bool malformed);
/* Do the programs judge or send this frame differently? */
bool differences_is(const struct differences *d, const struct compared *c);
/* Count a frame. 0 or -ENOMEM. */
int differences_add(struct differences *d, const struct compared *c);
/* unread: why not the whole capture was compared, as a clause, or "". Returns whether there is any difference, or
 * doubt. */
bool differences_print(struct differences *d, const struct doubts *doubts, bool json, const char *unread, FILE *out);
void differences_fini(struct differences *d);
