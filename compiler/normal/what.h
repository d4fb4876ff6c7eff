/* The values of IR_WHAT: the kind of a frame, and for IP its protocol.
 *
 * IPv6 has two values: without an authentication header among those before the protocol (WHAT_IP6), and with one
 * (WHAT_AH6). So `ah` is a set of values like any other protocol, in lists and after `not`, though its packets have
 * a protocol besides. Over IPv4 AH is protocol 51, and the packet that it covers is not looked at. */
#pragma once

#include "compiler/normal/ir.h"

enum { WHAT_BASES = 3, WHAT_AH_NUMBER = 51 };
extern const uint16_t what_bases[WHAT_BASES]; /* WHAT_IP4, WHAT_IP6, WHAT_AH6 */

static inline bool what_is_ip(uint32_t what) { return what <= WHAT_AH6_UNKNOWN; }
static inline bool what_is_six(uint32_t what) { return what >= WHAT_IP6 && what <= WHAT_AH6_UNKNOWN; }
/* True for a later fragment of IPv6 that hides its protocol. */
static inline bool what_is_unknown(uint32_t what) { return what == WHAT_IP6_UNKNOWN || what == WHAT_AH6_UNKNOWN; }
/* True if the packet has AH among its headers, over IPv6. */
static inline bool what_has_ah6(uint32_t what)
{
    return what == WHAT_AH6_UNKNOWN || (what >= WHAT_AH6 && what < WHAT_IP6_UNKNOWN);
}
/* Return the value of the packet without AH. */
static inline uint32_t what_without_ah(uint32_t what)
{
    return what == WHAT_AH6_UNKNOWN ? WHAT_IP6_UNKNOWN : what_has_ah6(what) ? what - WHAT_AH6 + WHAT_IP6 : what;
}

/* True for the number of an IPv6 extension header, which is never a packet's protocol. */
bool what_is_walked(uint32_t what);

/* Write the protocols of one base (of what_bases) in the set, as sorted numbers 0..255. Return the number of ranges. */
uint32_t what_numbers(const struct ir *ir, uint32_t set, uint32_t base, struct pbc_range out[128]);

/* True if the set differs between IPv6 packets with and without AH. */
bool what_asks_ah(const struct ir *ir, uint32_t set);
/* Return the set with its members with AH also without it, and the other way round. */
uint32_t what_either(struct ir *ir, uint32_t set);
