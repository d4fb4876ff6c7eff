/* The values of IR_WHAT: what a frame is, and of IP what it carries.
 *
 * IPv6 is there twice: without an authentication header among those before the protocol (WHAT_IP6), and with one
 * (WHAT_AH6). So `ah` is a set of values like any other protocol, in lists and after `not`, though its packets have a
 * protocol besides. Over IPv4 AH is protocol 51, and what it covers is not looked at. */
#pragma once

#include "compiler/normal/ir.h"

enum { WHAT_BASES = 3, WHAT_AH_NUMBER = 51 };
extern const uint16_t what_bases[WHAT_BASES]; /* WHAT_IP4, WHAT_IP6, WHAT_AH6 */

static inline bool what_is_ip(uint32_t what) { return what <= WHAT_AH6_UNKNOWN; }
static inline bool what_is_six(uint32_t what) { return what >= WHAT_IP6 && what <= WHAT_AH6_UNKNOWN; }
/* A later fragment of IPv6 that hides its protocol. */
static inline bool what_is_unknown(uint32_t what) { return what == WHAT_IP6_UNKNOWN || what == WHAT_AH6_UNKNOWN; }
/* Does the packet have AH among its headers, over IPv6? */
static inline bool what_has_ah6(uint32_t what)
{
    return what == WHAT_AH6_UNKNOWN || (what >= WHAT_AH6 && what < WHAT_IP6_UNKNOWN);
}
/* The value of the packet without AH. */
static inline uint32_t what_without_ah(uint32_t what)
{
    return what == WHAT_AH6_UNKNOWN ? WHAT_IP6_UNKNOWN : what_has_ah6(what) ? what - WHAT_AH6 + WHAT_IP6 : what;
}

/* The number of an IPv6 header that others follow: no packet has it for its protocol. */
bool what_is_walked(uint32_t what);

/* The protocols of one base (of what_bases) that are in the set, as sorted numbers 0..255; returns how many ranges. */
uint32_t what_numbers(const struct ir *ir, uint32_t set, uint32_t base, struct pbc_range out[128]);

/* Has the set some IPv6 packets with AH and not the same without it, or the other way round? */
bool what_asks_ah(const struct ir *ir, uint32_t set);
/* The set, and what it has with AH also without it, and the other way round. */
uint32_t what_either(struct ir *ir, uint32_t set);
