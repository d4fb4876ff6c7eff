/* The owner of a conversation: the decision of owner.h as inline functions over flat tables, so that the vm and the
 * kernel program that deals out frames (runtime/io/steer/deal.bpf.c) decide alike.
 *
 * The including file first defines access to the tables: WHOSE_T, the type of the argument `t`; WHOSE_NUMBERS(t), a
 * struct whose; WHOSE_SLOT, WHOSE_ADDRESS, WHOSE_PART, WHOSE_MASQUERADE, WHOSE_ANY, WHOSE_FROM4 and WHOSE_FROM6 (t, i),
 * an entry; WHOSE_MASQUERADES_MOST and WHOSE_ANYS_MOST, the greatest number of those; WHOSE_HALVINGS, how
 * often the longest table can be halved; whose_ours(t, out, v6, high,
 * low), true if this machine has the address for traffic that leaves by an interface; whose_taken(t, port), true if a
 * worker has that port (vm/shared/shared.h). Every loop is bounded. */
#pragma once

#include "vm/packet/loop.h"
#include "vm/worker/owner.h"

enum { WHOSE_BOTH = 2, WHOSE_NEITHER = 3 };
enum { WHOSE_OF_PORT = 1 << 16 }; /* in place of a worker: the one that has this port (vm/shared/shared.h) */

/* Linkage of functions; WHOSE_ALONE: for functions that take only numbers. For a verifier: WHOSE_GIVEN begins the
 * others and returns if `s` is NULL; WHOSE_ANYTHING hides a number's value from the compiler. */
#ifndef WHOSE_FN
#define WHOSE_FN    static
#define WHOSE_ALONE static
#define WHOSE_GIVEN(s)
#define WHOSE_ANYTHING(number) (number)
#endif

/* Compare as roles.c sorts the parts of one address. */
static inline int whose_order(const struct role_part *part, unsigned role, unsigned proto)
{
    if (part->role != role) return part->role < role ? -1 : 1;
    return part->proto == proto ? 0 : part->proto < proto ? -1 : 1;
}

/* Return the index of the address, for whose_is; ROLE_NONE: no role. */
WHOSE_ALONE uint32_t whose_find(WHOSE_T t, unsigned family, uint64_t high, uint64_t low)
{
    const uint32_t mask = WHOSE_NUMBERS(t)->mask;
    uint32_t at = whose_slot(mask, family, high, low);
    for (unsigned n = 0; n < WHOSE_PROBES; n++, at = LOOSE(at + 1) & mask) {
        const uint32_t found = WHOSE_SLOT(t, at);
        if (!found) return ROLE_NONE;
        const struct role_part *part = WHOSE_PART(t, WHOSE_ADDRESS(t, found - 1)->first);
        if (part->family == family && whose_high(part->addr) == high && whose_low(part->addr) == low) return found - 1;
    }
    return ROLE_NONE;
}

/* True if the address (or ROLE_NONE) has the role at that port. */
WHOSE_ALONE bool whose_is(WHOSE_T t, uint32_t found, unsigned role, unsigned proto, uint16_t port)
{
    if (found == ROLE_NONE) return false;
    const struct role_address *a = WHOSE_ADDRESS(t, found);
    if (!(a->roles & role)) return false;
    uint32_t lo = a->first, hi = lo + a->count;
    for (unsigned n = 0; n < WHOSE_HALVINGS && lo < hi; n++) { /* finds the first part behind that port */
        const uint32_t mid = lo + (hi - lo) / 2;
        const struct role_part *part = WHOSE_PART(t, mid);
        const int order = whose_order(part, role, proto);
        if (order < 0 || (order == 0 && part->lo <= port))
            lo = LOOSE(mid + 1);
        else
            hi = LOOSE(mid);
    }
    if (lo == a->first) return false;
    const struct role_part *last = WHOSE_PART(t, lo - 1);
    return whose_order(last, role, proto) == 0 && last->hi >= port;
}

static inline bool whose_asked(const struct whose_talk *s, unsigned side) { return s->asked >> side & 1; }

static inline bool whose_has(WHOSE_T t, const struct whose_talk *s, unsigned side, unsigned role)
{
    return whose_is(t, s->role[side & 1], role, s->proto, s->port[side & 1]);
}

/* True if every address, or every one of this machine's, has the role. */
static inline bool whose_has_any(WHOSE_T t, const struct whose_talk *s, unsigned side, unsigned family, unsigned role)
{
    return whose_is(t, whose_find(t, family, 0, 0), role, s->proto, s->port[side & 1]);
}

WHOSE_FN bool whose_service(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    WHOSE_GIVEN(s)
    if (!whose_asked(s, side)) return false;
    if (whose_has(t, s, side, ROLE_SERVICE)) return true;
    if (s->own[side & 1] && whose_has_any(t, s, side, s->family == 4 ? ROLE_SELF4 : ROLE_SELF6, ROLE_SERVICE))
        return true;
    return whose_has_any(t, s, side, ROLE_ANY, ROLE_SERVICE);
}

static inline bool whose_mapped(const struct whose_talk *s)
{
    return s->proto == ROLE_TCP || s->proto == ROLE_UDP || s->proto == ROLE_QUERY;
}

/* True for a port below the range for translation to this machine's own addresses, while a flow has it; else the
 * port is this machine's own. */
static inline bool whose_below(WHOSE_T t, unsigned lo, uint16_t port)
{
    return lo == PBC_OWN_PORT_LO && port < PBC_OWN_PORT_LO && whose_taken(t, port);
}

WHOSE_FN bool whose_masqueraded(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    WHOSE_GIVEN(s)
    const uint32_t count = WHOSE_NUMBERS(t)->masquerades;
    const bool ranged = s->proto == ROLE_TCP || s->proto == ROLE_UDP;
    for (uint32_t i = 0; i < WHOSE_MASQUERADES_MOST && i < count; i++) {
        const struct role_masquerade *m = WHOSE_MASQUERADE(t, i);
        const uint16_t port = s->port[side & 1];
        if (ranged && (port < m->lo || port > m->hi) && !whose_below(t, m->lo, port)) continue;
        if (m->out == PBC_NONE && s->own[side & 1]) return true;
        if (m->out != PBC_NONE && whose_ours(t, (uint16_t)m->out, s->family == 6, whose_high(s->addr[side & 1]),
                                             whose_low(s->addr[side & 1])))
            return true;
    }
    return false;
}

/* True for a port of this machine that a pool without `source` uses for one of its servers. */
static inline bool whose_own_pool(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    const uint16_t port = s->port[side & 1];
    if (port < PBC_OWN_PORT_LO && !whose_below(t, PBC_OWN_PORT_LO, port)) return false;
    if (!whose_has(t, s, !side, ROLE_OWN_POOL)) return false;
    return s->own[side & 1] ||
           whose_ours(t, UINT16_MAX, s->family == 6, whose_high(s->addr[side & 1]), whose_low(s->addr[side & 1]));
}

WHOSE_FN bool whose_outside(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    WHOSE_GIVEN(s)
    if (s->proto == ROLE_QUERY && whose_asked(s, side)) return false;
    if (whose_has(t, s, side, ROLE_OUTSIDE) || whose_own_pool(t, s, side)) return true;
    return whose_mapped(s) && whose_masqueraded(t, s, side);
}

WHOSE_FN bool whose_kept(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    WHOSE_GIVEN(s)
    return whose_has(t, s, side, ROLE_KEPT) || (!whose_mapped(s) && whose_masqueraded(t, s, side));
}

WHOSE_FN bool whose_server(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    WHOSE_GIVEN(s)
    return whose_asked(s, side) && whose_has(t, s, side, ROLE_SERVER);
}

/* True if a nat forwards packets to that port at any address. */
static inline bool whose_led(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    return whose_asked(s, side) && whose_has_any(t, s, side, ROLE_ANY, ROLE_LED);
}

WHOSE_ALONE bool whose_in4(WHOSE_T t, uint32_t addr)
{
    uint32_t lo = 0, hi = WHOSE_NUMBERS(t)->froms4;
    for (unsigned n = 0; n < WHOSE_HALVINGS && lo < hi; n++) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const struct whose_from4 *r = WHOSE_FROM4(t, mid);
        if (addr >= r->lo && addr <= r->hi) return true;
        if (addr < r->lo)
            hi = LOOSE(mid);
        else
            lo = LOOSE(mid + 1);
    }
    return false;
}

WHOSE_ALONE bool whose_in6(WHOSE_T t, uint64_t high, uint64_t low)
{
    uint32_t lo = 0, hi = WHOSE_NUMBERS(t)->froms6;
    for (unsigned n = 0; n < WHOSE_HALVINGS && lo < hi; n++) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const struct whose_from6 *r = WHOSE_FROM6(t, mid);
        if (high < r->lo_hi || (high == r->lo_hi && low < r->lo_lo))
            hi = LOOSE(mid);
        else if (high > r->hi_hi || (high == r->hi_hi && low > r->hi_lo))
            lo = LOOSE(mid + 1);
        else
            return true;
    }
    return false;
}

/* True if a statement translates packets from that side's address. A statement for any source translates packets that
 * did not arrive on its outgoing interface. */
WHOSE_FN bool whose_inside(WHOSE_T t, const struct whose_talk *s, unsigned side)
{
    WHOSE_GIVEN(s)
    const uint32_t count = WHOSE_NUMBERS(t)->anys;
    for (uint32_t i = 0; i < WHOSE_ANYS_MOST && i < count; i++) {
        const struct whose_any *any = WHOSE_ANY(t, i);
        if (any->family && any->family != s->family) continue;
        if ((s->iface == any->out) == (side == 1)) return true;
    }
    return s->family == 4 ? whose_in4(t, s->addr[side & 1][0])
                          : whose_in6(t, whose_high(s->addr[side & 1]), whose_low(s->addr[side & 1]));
}

static inline uint32_t whose_cut(const struct whose_talk *s, unsigned side, unsigned i, unsigned bits)
{
    if (32 * i >= bits) return 0;
    const unsigned left = bits - 32 * i;
    return s->addr[side & 1][i] & (left >= 32 ? UINT32_MAX : ~(UINT32_MAX >> left));
}

/* Hash one side: the counting bits of its address, and its port if that counts. */
static inline uint64_t whose_hash(const struct whose *w, const struct whose_talk *s, unsigned side, bool ports)
{
    const unsigned bits = s->family == 4 ? w->len4 : w->len6;
    const bool counts = ports && w->ports && s->proto < ROLE_QUERY;
    struct hash_sum sum = {0, 0};
    hash_two(&sum, &w->hash, 0, hash_pair(whose_cut(s, side, 0, bits), whose_cut(s, side, 1, bits)),
             hash_pair(whose_cut(s, side, 2, bits), whose_cut(s, side, 3, bits)));
    hash_two(&sum, &w->hash, 2, hash_pair(s->family, counts ? s->port[side & 1] : 0), 0);
    return hash_close(&w->hash, &sum);
}

static inline unsigned whose_client(const struct whose *w, const struct whose_talk *s, unsigned side)
{
    return whose_one_of(w, whose_hash(w, s, side, true));
}

/* Return the worker of the peer, by its address only. */
static inline unsigned whose_other(const struct whose *w, const struct whose_talk *s, unsigned side)
{
    return whose_one_of(w, whose_hash(w, s, !side, false));
}

/* Return the worker of both ends, with the same result from either side. If no part of an address counts, each
 * family has one worker. */
static inline unsigned whose_both(const struct whose *w, const struct whose_talk *s)
{
    if (!(s->family == 4 ? w->len4 : w->len6) && !w->ports) return whose_client(w, s, 0);
    struct hash_sum sum = {0, 0};
    hash_two(&sum, &w->hash, 0, whose_hash(w, s, 0, true) + whose_hash(w, s, 1, true), 0);
    return whose_one_of(w, hash_close(&w->hash, &sum));
}

/* Return the side for which the condition is true, WHOSE_BOTH or WHOSE_NEITHER. */
static inline unsigned whose_which(bool first, bool second)
{
    if (first && second) return WHOSE_BOTH;
    return first ? 0 : second ? 1 : WHOSE_NEITHER;
}
#define WHOSE_WHICH(fn) WHOSE_ANYTHING(whose_which(fn(t, s, 0), fn(t, s, 1)))

/* Return the worker, or WHOSE_OF_PORT | port, by the tests in the order that owner.h lists. */
WHOSE_FN unsigned whose_owner(WHOSE_T t, const struct whose_talk *s)
{
    WHOSE_GIVEN(s)
    const struct whose *w = WHOSE_NUMBERS(t);
    unsigned side = WHOSE_WHICH(whose_service);
    if (side < WHOSE_BOTH) return whose_client(w, s, !side);
    if (side == WHOSE_NEITHER) side = WHOSE_WHICH(whose_outside);
    if (side < WHOSE_BOTH) return WHOSE_OF_PORT | s->port[side & 1];
    if (side == WHOSE_NEITHER) side = WHOSE_WHICH(whose_server);
    if (side < WHOSE_BOTH) return whose_client(w, s, !side);
    if (side == WHOSE_NEITHER) side = WHOSE_WHICH(whose_led);
    if (side < WHOSE_BOTH) return whose_client(w, s, !side);
    if (side == WHOSE_NEITHER) side = WHOSE_WHICH(whose_kept);
    if (side < WHOSE_BOTH) return whose_other(w, s, side);
    if (side == WHOSE_NEITHER) side = whose_which(s->own[0], s->own[1]);
    if (side < WHOSE_BOTH) return whose_client(w, s, !side);
    if (side == WHOSE_NEITHER) side = WHOSE_WHICH(whose_inside);
    if (side < WHOSE_BOTH) return whose_mapped(s) ? whose_client(w, s, side) : whose_other(w, s, side);
    return whose_both(w, s);
}
#undef WHOSE_WHICH
