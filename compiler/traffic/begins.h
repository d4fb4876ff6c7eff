/* Connections that begin in a capture: who opened them, and to what. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/keyed/keyed.h"
#include "vm/packet/key.h"

struct begin {
    uint32_t src[4], dst[4]; /* as in struct key; dst is 0 where it is this machine */
    bool to_self;
    uint8_t family; /* 4 or 6; 0: no entry */
    uint8_t proto;
    bool has_port;
    uint16_t port; /* of the destination; of ICMP the type */
    uint16_t src_port;
    uint16_t iface; /* the capture's port by which its first packet came */
    bool answered;
    uint64_t seen, first_frame; /* packets that began it, the first of them */
};

enum { BEGINS_MOST = 1 << 20 };

struct begins {
    struct hash_key key;
    struct begin *slots; /* [room], a hash table; begins_sort makes a list of it */
    size_t count, room;
    bool any_answer; /* TCP: the capture has both directions */
    bool full;       /* there were more than BEGINS_MOST */
    uint64_t late;   /* packets that look like answers to what was not seen */
    uint64_t other;  /* frames that are no IP, or malformed */
};

void begins_init(struct begins *b);
/* A frame, and the capture's port that it came by; malformed: its key says nothing; sent: preyrun made it of another,
 * so that it may answer, and begins nothing. False: no memory. */
bool begins_add(struct begins *b, const struct key *key, bool malformed, bool sent, uint64_t frame, uint16_t iface);
/* Turn the table into a list, ordered by destination, then by source. */
void begins_sort(struct begins *b);
void begins_fini(struct begins *b);
