/* Fragments as numbers, their frames, and a plain reassembler that keeps a map of every byte: slow, but independent
 * of the vm's code. It computes the fate of each fragment under these rules, with the limits of 32 ranges, 64 held
 * fragments and 30 seconds. */
#ifndef TESTS_LIB_REASSEMBLE_H
#define TESTS_LIB_REASSEMBLE_H

#include "vm/flow/fragments/frag.h"

/* Rules that the reassembler decides by, with the numbers below. */
#define PARTS_RULES                                                                                                    \
    "limits { fragments 4096 }\n"                                                                                      \
    "firewall f default drop {\n"                                                                                      \
    "  accept udp port 53\n"                                                                                           \
    "  drop udp port 54\n"                                                                                             \
    "  accept tcp port 80\n"                                                                                           \
    "}\n"
enum { RULE_DNS, RULE_54, RULE_WEB };

enum { PART_TCP = 6, PART_UDP = 17 };
struct part {
    uint8_t v6, proto, vlan, host; /* vlan: number of tags; host: number of the sender */
    uint32_t id;
    uint32_t offset, len;
    bool more;
    uint16_t port; /* port in the first fragment's header */
};
bool part_same_datagram(const struct part *a, const struct part *b);
/* Write the fragment's Ethernet frame. Returns the length: at most 62 bytes more than part.len. */
uint32_t part_frame(const struct part *f, uint8_t *out);

/* The fate of a fragment. */
struct say {
    uint8_t action, reason;
    uint32_t rule;
};

struct plain;
/* Make a reassembler. final: indexed by packet; receives the fates of held fragments when they are known. */
struct plain *plain_new(struct say *final);
void plain_free(struct plain *m);
/* Decide a fragment. fits: true if a slot can hold the frame. */
struct say plain_take(struct plain *m, const struct part *f, uint64_t packet, uint64_t now, bool fits);
unsigned plain_waiting(const struct plain *m);

#endif
