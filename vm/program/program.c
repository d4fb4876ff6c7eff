/* A program's life and its names. */
#include "vm/program/program.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "vm/keyed/large.h"
#include "vm/program/remap.h"
#include "vm/tables.h"

struct program *program_get(struct program *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

uint64_t program_serial(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

void program_put(struct program *p)
{
    if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL)) return;
    if (p->past) {
        program_past_free(p);
        free(p);
        return;
    }
    large_free(p->memory, p->memory_bytes);
    if (p->lookup) munmap((void *)(uintptr_t)p->lookup, p->lookup_bytes);
    free(p);
}

const char *program_str(const struct program *p, uint32_t offset)
{
    return offset < p->strings_count ? p->strings + offset : "";
}

const char *rule_name(const struct program *p, uint32_t rule, char *buf, size_t len)
{
    const struct pbc_rule *r = &p->rules[rule];
    uint32_t list = r->list & ~PBC_LIST_CHAIN;
    uint32_t of = r->list & PBC_LIST_CHAIN ? p->chains[list].name : p->firewalls[list].name;
    if (r->name)
        snprintf(buf, len, "%s", program_str(p, r->name));
    else
        snprintf(buf, len, "%s:%u", program_str(p, of), r->place.line);
    return buf;
}

bool program_begins_flows(const struct program *p)
{
    bool any = p->nats_count > 0;
    for (uint32_t i = 0; i < p->services_count; i++) any |= !mode_is(p->services[i].mode, MODE_PROXIES);
    for (uint32_t i = 0; i < p->conds_count; i++)
        any |= p->conds[i].kind == COND_STATE || p->conds[i].kind == COND_FLOWS_OVER;
    return any;
}

uint32_t firewall_find(const struct pbc_firewall *firewalls, uint32_t count, enum pbc_direction d, uint32_t iface)
{
    uint32_t general = PBC_NONE;

    for (uint32_t i = 0; i < count; i++) {
        const struct pbc_firewall *f = &firewalls[i];

        if (!firewall_judges(f, d)) continue;
        if (f->iface != PBC_NONE && f->iface == iface) return i;
        if (f->iface == PBC_NONE && general == PBC_NONE) general = i;
    }
    return general;
}
