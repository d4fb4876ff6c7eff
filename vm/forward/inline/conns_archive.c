/* Connections as bytes: input is checked, because it is not trusted (keyed/archive.h). */
#include <string.h>

#include "vm/flow/flow.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/forward/inline/cut.h"

static bool is_sound_iface(uint16_t iface, uint32_t ifaces) { return iface == IFACE_NONE || iface < ifaces; }

static bool is_sound_side(const struct inline_side *s, uint32_t ifaces)
{
    return s->stack < STACK_MOST && is_sound_iface(s->iface, ifaces) && s->bridged <= 1;
}

/* True if the value read is a bool. */
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

static bool conn_is_sound(const struct inlines *all, uint32_t number, uint32_t services, uint32_t ifaces)
{
    const struct inline_conn *c = &all->at[number];
    if (c->state == INLINE_FREE) return true;
    if (c->state == INLINE_RETIRED)
        return c->over == OVER_RESET && c->index[0] == KEYED_NONE && c->index[1] == KEYED_NONE &&
               c->hold == HOLD_NONE && !c->cut && !c->side[AT_CLIENT].stack && !c->side[AT_SERVER].stack;
    return c->state <= INLINE_SPLICED && (c->service < services || c->service == PBC_NONE) && c->v6 <= 1 &&
           c->server_first <= 1 && c->answered <= 1 && c->hold == HOLD_NONE && is_sound_leg(&c->side[AT_CLIENT].leg) &&
           is_sound_leg(&c->side[AT_SERVER].leg) && inline_sound_end(&c->splice.end[0]) &&
           inline_sound_end(&c->splice.end[1]) && is_sound_bool(&c->options.sack_ok) &&
           is_sound_bool(&c->options.has_scale) && is_sound_bool(&c->options.has_stamps) &&
           numbered_has(&all->numbers, c->index[0], number) &&
           (c->index[1] == KEYED_NONE ||
            (c->index[1] != c->index[0] && numbered_has(&all->numbers, c->index[1], number))) &&
           is_sound_iface(c->original_iface, ifaces) && is_sound_side(&c->side[AT_CLIENT], ifaces) &&
           is_sound_side(&c->side[AT_SERVER], ifaces);
}

static bool is_half_open(const struct inline_conn *c) { return c->state != INLINE_FREE && c->state < INLINE_OPEN; }

/* Take the list of half-open connections by their links, so that in a replay the same one gives way. False: not a
 * list of all of them. None comes twice in it: each names the one before, and the first names none. */
static bool take_half_open(struct inlines *all)
{
    struct half_open *list = &all->half_open;
    uint32_t there = 0, before = NUMBER_NONE;
    for (uint32_t n = 0; n < all->numbers.high; n++) {
        if (!is_half_open(&all->at[n])) continue;
        there++;
        if (all->at[n].before == NUMBER_NONE) list->first = n;
    }
    for (uint32_t n = list->first; n != NUMBER_NONE; n = all->at[n].next) {
        if (n >= all->numbers.high || !is_half_open(&all->at[n]) || all->at[n].before != before) return false;
        before = n;
        list->count++;
    }
    list->last = before;
    return list->count == there;
}

/* Count the tuples of all connections. */
static uint32_t tuples_of(const struct inlines *all)
{
    uint32_t tuples = 0;
    for (uint32_t n = 0; n < all->numbers.high; n++)
        for (unsigned i = 0; all->at[n].state != INLINE_FREE && i < 2; i++) tuples += all->at[n].index[i] != KEYED_NONE;
    return tuples;
}

bool inlines_archive(struct inlines *all, struct archive *a, uint32_t services, uint32_t ifaces)
{
    struct numbered *numbers = &all->numbers;
    if (!keyed_archive(&numbers->index, a) || !stacks_archive(all->stacks, a) || !numbered_archive(numbers, a))
        return false;
    for (uint32_t n = 0; n < numbers->high && !a->bad; n++) {
        ARCHIVE(a, all->at[n]);
        ARCHIVE(a, all->uses[n]);
        if (!archive_sound(a, conn_is_sound(all, n, services, ifaces)) || !cuts_archive(all, n, a)) return false;
        if (a->reads && all->at[n].state != INLINE_FREE) numbers->due_s[n] = inlines_due_s(all, &all->at[n]);
    }
    if (!archive_sound(a, numbered_sound(numbers, tuples_of(all)) && (!a->reads || take_half_open(all)))) return false;
    if (a->reads) inlines_remember(all, a->beside);
    return true;
}
