/* A program's life and names. */
#include "vm/program/program.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vm/keyed/large.h"
#include "vm/program/remap.h"
#include "vm/tables.h"

struct program *program_get(struct program *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

static uint64_t last_serial;

uint64_t program_serial(void) { return __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED); }

void program_go_on(struct program *p, uint64_t serial)
{
    uint64_t last = __atomic_load_n(&last_serial, __ATOMIC_RELAXED);
    while (last < serial &&
           !__atomic_compare_exchange_n(&last_serial, &last, serial, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    p->serial = serial;
}

void program_put(struct program *p)
{
    if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL)) return;
    if (p->past) {
        program_past_free(p);
        free(p);
        return;
    }
    if (p->memory) large_free(p->memory, p->memory_bytes);
    free((void *)(uintptr_t)p->would);
    if (p->lookup) munmap((void *)(uintptr_t)p->lookup, p->lookup_bytes);
    free(p);
}

void program_bound(struct program *p, uint64_t flows, uint64_t half_open)
{
    if (!p->settings_count || !flows || !half_open) return;
    if (!program_says_flows(p)) p->flows = flows;
    if (!(p->settings->written >> PBC_SETTING_half_open & 1)) p->half_open = half_open;
}

bool program_bounds_fit(uint64_t flows, uint64_t half_open)
{
    return flows <= PBC_FLOWS_MOST && half_open <= PBC_FLOWS_MOST && !flows == !half_open;
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

bool iface_is_pattern(const char *device) { return *device && device[strlen(device) - 1] == '*'; }

bool iface_holds(const char *pattern, const char *device)
{
    const size_t len = strlen(pattern), of = strlen(device);
    if (!iface_is_pattern(pattern) || (iface_is_pattern(device) && of <= len)) return false;
    return strncmp(pattern, device, len - 1) == 0;
}

/* Return the longest pattern that matches the device, or PBC_NONE. */
static uint32_t pattern_around(const struct iface_table *t, const char *device)
{
    uint32_t found = PBC_NONE;
    size_t longest = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const char *pattern = t->strings + t->ifaces[i].device;
        if (!iface_holds(pattern, device) || strlen(pattern) <= longest) continue;
        longest = strlen(pattern);
        found = i;
    }
    return found;
}

uint32_t iface_match(const struct iface_table *t, const char *device)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (strcmp(t->strings + t->ifaces[i].device, device) == 0) return i;
    return pattern_around(t, device);
}

uint32_t iface_nest(const struct iface_table *t, uint32_t iface)
{
    return pattern_around(t, t->strings + t->ifaces[iface].device);
}

bool iface_is_of(const struct iface_table *t, uint32_t iface, uint32_t other)
{
    while (iface != other && iface < t->count) iface = iface_around(t, iface);
    return iface == other;
}

static uint32_t firewall_on(const struct pbc_firewall *firewalls, uint32_t count, enum pbc_direction d, uint32_t iface)
{
    uint32_t i = 0;
    while (i < count && !(firewalls[i].iface == iface && firewall_judges(&firewalls[i], d))) i++;
    return i < count ? i : PBC_NONE;
}

uint32_t firewall_find(const struct iface_table *t, const struct pbc_firewall *firewalls, uint32_t count,
                       enum pbc_direction d, uint32_t iface)
{
    uint32_t found = PBC_NONE;
    for (; iface < t->count && found == PBC_NONE; iface = iface_around(t, iface))
        found = firewall_on(firewalls, count, d, iface);
    return found != PBC_NONE ? found : firewall_on(firewalls, count, d, PBC_NONE);
}

uint32_t program_holds(const struct program *p)
{
    for (uint32_t i = 0; i < p->choices_count; i++)
        if (pbc_does_hold(p->choices[i].does)) return i;
    return PBC_NONE;
}

void program_named_place(const char *host, const struct pbc_named *row, uint8_t family, uint32_t addr[4])
{
    uint32_t hash = 2166136261u;
    for (const char *c = host; *c; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
    hash = (hash ^ row->nth) * 16777619u;
    for (unsigned i = 0; i < 4; i++) addr[i] = 0;
    const uint32_t probe = row->flags >> PBC_NAMED_PROBE;
    addr[0] = family == 6 ? 0x01000000 : ((hash ^ hash >> 24) + probe) & 0xffffff;
    if (family == 6) addr[3] = hash + probe;
}

const struct pbc_named *program_named(const struct program *p, uint32_t server)
{
    uint32_t lo = 0, hi = p->named_count;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (p->named[mid].server < server)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->named_count && p->named[lo].server == server ? &p->named[lo] : NULL;
}

bool program_is_service(const char *text, size_t len)
{
    static const char may[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t at = 0, labels = 0;
    while (at < len && len <= HOST_MAX) {
        const bool marked = text[at] == '_';
        const size_t begin = at + marked, most = begin + HOST_LABEL_MAX - marked;
        for (at = begin; at < len && text[at] && strchr(may, text[at]); at++) {}
        if (at == begin || at > most || marked != (labels < 2)) return false;
        labels++;
        if (at == len) return labels > 2;
        if (text[at++] != '.') return false;
    }
    return false;
}
