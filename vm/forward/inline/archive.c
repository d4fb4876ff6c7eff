/* Connections as bytes: what is read is checked, as anybody may have written it (keyed/archive.h). */
#include <string.h>

#include "vm/flow/flow.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/forward/inline/cut.h"

static bool is_sound_iface(uint16_t iface, uint32_t ifaces) { return iface == IFACE_NONE || iface < ifaces; }

static bool is_sound_side(const struct inline_side *s, uint32_t ifaces)
{
    return s->stack < STACK_MOST && is_sound_iface(s->iface, ifaces) && s->bridged <= 1;
}

/* True if what was read is a bool. */
static bool is_sound_bool(const bool *read)
{
    uint8_t byte;
    memcpy(&byte, read, sizeof byte);
    return byte <= 1;
}

static bool is_sound_leg(const struct inline_leg *l) { return l->scale <= SCALE_MOST && l->our_scale <= SCALE_MOST; }

bool inline_sound_end(const struct splice_end *e)
{
    return e->scale_in <= SCALE_MOST && e->scale_out <= SCALE_MOST && is_sound_bool(&e->keeps_edge);
}

static bool is_sound_options(const struct tcp_options *o)
{
    return is_sound_bool(&o->sack_ok) && is_sound_bool(&o->has_scale) && is_sound_bool(&o->has_stamps);
}

/* True if the slot of a tuple names that connection. */
static bool is_sound_index(const struct inlines *all, uint32_t slot, uint32_t number)
{
    return slot < all->index.groups * (uint32_t)GROUP && all->index.tags[slot] &&
           ((const struct entry *)keyed_at(&all->index, slot))->number == number;
}

static bool is_sound_retired(const struct inline_conn *c)
{
    return c->over == OVER_RESET && c->index[0] == KEYED_NONE && c->index[1] == KEYED_NONE && c->hold == HOLD_NONE &&
           !c->cut && !c->side[AT_CLIENT].stack && !c->side[AT_SERVER].stack;
}

static bool is_sound(const struct inlines *all, uint32_t number, uint32_t services, uint32_t ifaces)
{
    const struct inline_conn *c = &all->at[number];
    if (c->state == INLINE_FREE) return true;
    if (c->state == INLINE_RETIRED) return is_sound_retired(c);
    return c->state <= INLINE_SPLICED && (c->service < services || c->service == PBC_NONE) && c->v6 <= 1 &&
           c->server_first <= 1 && c->answered <= 1 && c->hold == HOLD_NONE && is_sound_leg(&c->side[AT_CLIENT].leg) &&
           is_sound_leg(&c->side[AT_SERVER].leg) && inline_sound_end(&c->splice.end[0]) &&
           inline_sound_end(&c->splice.end[1]) && is_sound_options(&c->options) &&
           is_sound_index(all, c->index[0], number) &&
           (c->index[1] == KEYED_NONE || (c->index[1] != c->index[0] && is_sound_index(all, c->index[1], number))) &&
           is_sound_iface(c->original_iface, ifaces) && is_sound_side(&c->side[AT_CLIENT], ifaces) &&
           is_sound_side(&c->side[AT_SERVER], ifaces);
}

static bool is_half_open(const struct inline_conn *c) { return c->state != INLINE_FREE && c->state < INLINE_OPEN; }

/* Take the list of half-open connections as their links say it, so that in a replay the same one gives way. False: it
 * is no list of all of them. None comes twice in it: each names the one before, and the first names nobody. */
static bool take_half_open(struct inlines *all)
{
    struct half_open *list = &all->half_open;
    uint32_t there = 0, before = NOBODY;
    for (uint32_t n = 0; n < all->high; n++) {
        if (!is_half_open(&all->at[n])) continue;
        there++;
        if (all->at[n].before == NOBODY) list->first = n;
    }
    for (uint32_t n = list->first; n != NOBODY; n = all->at[n].next) {
        if (n >= all->high || !is_half_open(&all->at[n]) || all->at[n].before != before) return false;
        before = n;
        list->count++;
    }
    list->last = before;
    return list->count == there;
}

/* True if the list of free numbers has each of them once, and every tuple is a connection's. */
static bool is_sound_whole(const struct inlines *all)
{
    uint32_t free_numbers = 0, live = 0, tuples = 0;
    for (uint32_t n = 0; n < all->high; n++) {
        const struct inline_conn *c = &all->at[n];
        if (c->state == INLINE_FREE) continue;
        live++;
        for (unsigned i = 0; i < 2; i++) tuples += c->index[i] != KEYED_NONE;
    }
    for (uint32_t n = all->spare; n != NOBODY; n = all->at[n].next)
        if (n >= all->high || all->at[n].state != INLINE_FREE || ++free_numbers > all->high - live) return false;
    return live == all->live && free_numbers == all->high - live && tuples == all->index.used;
}

bool inlines_archive(struct inlines *all, struct archive *a, uint32_t services, uint32_t ifaces)
{
    if (!keyed_archive(&all->index, a) || !stacks_archive(all->stacks, a)) return false;
    ARCHIVE(a, all->high);
    ARCHIVE(a, all->spare);
    ARCHIVE(a, all->live);
    ARCHIVE(a, all->hand);
    if (!archive_sound(a, all->high <= all->most && all->hand <= all->high)) return false;
    for (uint32_t n = 0; n < all->high && !a->bad; n++) {
        ARCHIVE(a, all->at[n]);
        ARCHIVE(a, all->uses[n]);
        if (!archive_sound(a, is_sound(all, n, services, ifaces)) || !cuts_archive(all, n, a)) return false;
        if (a->reads) all->due_s[n] = all->at[n].state == INLINE_FREE ? 0 : inlines_due_s(all, &all->at[n]);
    }
    return archive_sound(a, is_sound_whole(all) && (!a->reads || take_half_open(all)));
}
