/* A list in the order of learning. When it is full, the oldest entry goes; only a smaller MTU is a change */
#include "runtime/live/world/pmtu.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"

#define KEPT_NS (UINT64_C(600) * 1000000000)

static struct learnt *learnt_find(const struct pmtu *p, const uint32_t addr[4], uint8_t family)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->all[i].is.family == family && !memcmp(p->all[i].is.addr, addr, sizeof p->all[i].is.addr))
            return &p->all[i];
    return NULL;
}

static struct learnt *learnt_add(struct pmtu *p)
{
    if (p->count == PMTU_MOST) memmove(p->all, p->all + 1, --p->count * sizeof *p->all);
    return grow(&p->all, p->count, &p->cap, 16, sizeof *p->all) ? &p->all[p->count++] : NULL;
}

bool pmtu_learn(struct pmtu *p, const struct pmtu_note *note, uint64_t now_ns)
{
    struct learnt *known = learnt_find(p, note->addr, note->family);
    const bool news = !known || note->mtu < known->is.mtu;
    if (!known) known = learnt_add(p);
    if (!known || !news) return false;
    *known = (struct learnt){*note, now_ns + KEPT_NS};
    return true;
}

bool pmtu_expire(struct pmtu *p, uint64_t now_ns)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < p->count; i++)
        if (p->all[i].until_ns > now_ns) p->all[kept++] = p->all[i];
    const bool some = kept < p->count;
    p->count = kept;
    return some;
}

uint32_t pmtu_of(const struct pmtu *p, const uint32_t addr[4], uint8_t family)
{
    const struct learnt *known = learnt_find(p, addr, family);
    return known ? known->is.mtu : 0;
}

void pmtu_fini(struct pmtu *p) { free(p->all); }
