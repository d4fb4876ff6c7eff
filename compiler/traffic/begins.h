/* Connections that begin in a capture: their sources and destinations. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/keyed/keyed.h"
#include "vm/packet/key.h"

struct begin {
    uint32_t src[4], dst[4]; /* as in struct key; dst is 0 for this machine */
    bool to_self;
    uint8_t family; /* 4 or 6; 0: no entry */
    uint8_t proto;
    bool has_port;
    uint16_t port; /* port of the destination; for ICMP the type */
    uint16_t src_port;
    uint16_t iface; /* the capture's port by which the first packet came */
    bool answered;
    uint64_t seen, first_frame; /* number of packets that began it; number of the first of them */
};

enum { BEGINS_MOST = 1 << 20 };

struct begins {
    struct hash_key key;
    struct begin *slots; /* [room], a hash table; begins_sort makes it a list */
    size_t count, room;
    bool any_answer; /* TCP: the capture has both directions */
    bool full;       /* true if there were more than BEGINS_MOST */
    uint64_t late;   /* packets that look like replies to unseen packets */
    uint64_t other;  /* frames that are not IP, or malformed */
};

void begins_init(struct begins *b);
/* Add a frame from the capture's port `iface`. malformed: its key is not valid; sent: preyrun made the frame, so it
 * may be a reply but does not begin a connection. False: out of memory. */
bool begins_add(struct begins *b, const struct key *key, bool malformed, bool sent, uint64_t frame, uint16_t iface);
/* Turn the table into a list, ordered by destination, then by source. */
void begins_sort(struct begins *b);
void begins_fini(struct begins *b);
