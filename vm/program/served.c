/* Devices that rules name, and directions on a device that no firewall judges (program.h). */
#include <string.h>

#include "vm/program/program.h"
#include "vm/tables.h"

static bool has(const struct program *p, const struct pbc_cond *c, uint32_t iface)
{
    bool is = false;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        is |= p->ranges[i].lo <= iface && iface <= p->ranges[i].hi;
    return is;
}

/* Mark an id that the condition names, unless a pattern of the same condition holds it. */
static void name_one(const struct program *p, const struct pbc_cond *c, bool listed, uint32_t iface, bool *named)
{
    const struct iface_table t = program_ifaces(p);
    uint32_t around = iface_around(&t, iface);
    while (around < t.count && has(p, c, around) != listed) around = iface_around(&t, around);
    if (around >= t.count) named[iface] = true;
}

/* Mark all ids that the condition names. The list of an `on not` has all other ids, also those past the table; the ids
 * missing from it were written. */
static void name_all(const struct program *p, const struct pbc_cond *c, bool *named)
{
    const bool listed = !has(p, c, p->ifaces_count);
    uint32_t from = 0; /* start of a gap */
    for (uint32_t i = c->first; i < c->first + c->count; i++) {
        const struct pbc_range *r = &p->ranges[i];
        const uint32_t first = listed ? r->lo : from, end = listed ? r->hi + 1 : r->lo;
        for (uint32_t id = first; id < end && id < p->ifaces_count; id++) name_one(p, c, listed, id, named);
        from = r->hi + 1;
    }
}

void served_named(const struct program *p, bool *named)
{
    memset(named, 0, p->ifaces_count);
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].iface < p->ifaces_count) named[p->firewalls[i].iface] = true;
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (p->nats[i].iface < p->ifaces_count) named[p->nats[i].iface] = true;
    for (uint32_t i = 0; i < p->endpoints_count; i++)
        if (p->endpoints[i].iface) named[p->endpoints[i].iface - 1] = true;
    for (uint32_t i = 0; i < p->conds_count; i++)
        if (cond_info[p->conds[i].kind].traits & COND_IFACES) name_all(p, &p->conds[i], named);
    for (uint32_t k = 0; k < p->ifaces_count; k++) named[k] &= !iface_is_pattern(program_str(p, p->ifaces[k].device));
}

static bool judges(const struct pbc_firewall *f, enum pbc_direction d, bool bridged)
{
    if (d == PBC_DIR_FORWARD && !bridged) return f->direction == PBC_DIR_FORWARD;
    return firewall_judges(f, d) && (d == PBC_DIR_FORWARD || !bridged);
}

uint32_t served_unjudged(const struct program *p, const char *device, enum pbc_direction d, bool bridged)
{
    const struct iface_table t = program_ifaces(p);
    const uint32_t known = iface_match(&t, device), iface = known == PBC_NONE ? t.count : known;
    uint32_t first = 0;
    while (first < p->firewalls_count && !judges(&p->firewalls[first], d, bridged)) first++;
    if (first == p->firewalls_count || firewall_find(&t, p->firewalls, p->firewalls_count, d, iface) != PBC_NONE)
        return PBC_NONE;
    return first;
}

const char *served_words(enum pbc_direction d)
{
    return d == PBC_DIR_OUT ? "leaves by" : d == PBC_DIR_FORWARD ? "crosses from" : "comes in by";
}
