/* Lists of ports and of MAC addresses: declared ones, resolved on first use, and those in a condition */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/values/values.h"

/* Return the values of a declaration, whose second child is the LIST. */
static const struct node *values_of(const struct symbol *s)
{
    const struct node *list = s->decl->first->next;
    return list ? list->first : NULL;
}

bool ports_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at)
{
    if (s->state == STATE_NEW || s->state == STATE_VISITING) {
        if (!symbol_enter(c, s, from, at)) return false;
        symbol_leave(c, s, numbers_of(c, values_of(s), &listed_port_kind, s, &s->ports, NULL));
    }
    return s->state == STATE_DONE;
}

static void mac_add(struct compile *c, struct mac_set *s, uint64_t mac)
{
    if (s->n == s->cap) {
        const uint32_t cap = s->cap ? s->cap * 2 : 8;
        uint64_t *macs = arena_alloc(c->arena, cap * sizeof(*macs));
        if (s->n) memcpy(macs, s->macs, s->n * sizeof(*macs));
        s->macs = macs;
        s->cap = cap;
    }
    s->macs[s->n++] = mac;
}

static int compare_macs(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void macs_normalise(struct mac_set *s)
{
    uint32_t kept = 0;
    if (s->n > 1) qsort(s->macs, s->n, sizeof(*s->macs), compare_macs);
    for (uint32_t i = 0; i < s->n; i++)
        if (!kept || s->macs[kept - 1] != s->macs[i]) s->macs[kept++] = s->macs[i];
    s->n = kept;
}

static bool add_mac_list(struct compile *c, struct symbol *sym, struct symbol *from, struct span at,
                         struct mac_set *out)
{
    sym->used = true;
    if (!macs_resolve(c, sym, from, at) || !expand(c, at, sym->macs.n)) return false;
    if (out->cap == 0) {
        /* Share the array, which is in order; adding to it makes a copy. */
        *out = (struct mac_set){.macs = sym->macs.macs, .n = sym->macs.n, .cap = sym->macs.n};
        return true;
    }
    for (uint32_t i = 0; i < sym->macs.n; i++) mac_add(c, out, sym->macs.macs[i]);
    return true;
}

static bool add_mac(struct compile *c, const struct node *n, struct symbol *from, struct mac_set *out, uint32_t *words,
                    const struct symbol **name)
{
    if (n->kind == N_NAME && words && (str_is(n->v.str, "multicast") || str_is(n->v.str, "broadcast"))) {
        *words |= str_is(n->v.str, "multicast") ? MAC_MULTICAST : MAC_BROADCAST;
        return true;
    }
    struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;
    if (sym && sym->kind == SYM_MACS) {
        *name = sym;
        return add_mac_list(c, sym, from, n->span, out);
    }
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(MACS) | SYM(CONST), "macs list");
        return false;
    }
    uint64_t mac;
    if (!mac_one(c, n, &mac)) return false;
    mac_add(c, out, mac);
    return true;
}

bool macs_of(struct compile *c, const struct node *first, struct symbol *from, struct mac_set *out, uint32_t *words,
             const struct symbol **name)
{
    const struct symbol *list = NULL;
    bool good = true;
    unsigned count = 0;
    for (const struct node *n = first; n; n = n->next, count++) good = add_mac(c, n, from, out, words, &list) && good;
    macs_normalise(out);
    if (name) *name = count == 1 ? list : NULL;
    return good;
}

bool macs_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at)
{
    if (s->state == STATE_NEW || s->state == STATE_VISITING) {
        if (!symbol_enter(c, s, from, at)) return false;
        symbol_leave(c, s, macs_of(c, values_of(s), s, &s->macs, NULL, NULL));
    }
    return s->state == STATE_DONE;
}
