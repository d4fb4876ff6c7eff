/* Devices that rules name, and directions on a device that no firewall judges (program.h). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/program/program.h"
#include "vm/tables.h"

static bool ranges_have(const struct program *p, const struct pbc_cond *c, uint32_t iface)
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
    while (around < t.count && ranges_have(p, c, around) != listed) around = iface_around(&t, around);
    if (around >= t.count) named[iface] = true;
}

/* Mark all ids that the condition names. The list of an `on not` has all other ids, also those past the table; the
 * ids missing from it are those that the rule names. */
static void name_all(const struct program *p, const struct pbc_cond *c, bool *named)
{
    const bool listed = !ranges_have(p, c, p->ifaces_count);
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
    for (uint32_t k = 0; k < p->ifaces_count; k++) /* `*` means all devices, so it names none */
        named[k] &= strcmp(program_str(p, p->ifaces[k].device), "*") != 0;
}

static const struct {
    enum pbc_direction direction;
    enum served_gap gap;
} directions[] = {{PBC_DIR_IN, GAP_IN}, {PBC_DIR_OUT, GAP_OUT}, {PBC_DIR_FORWARD, GAP_FORWARD}};
enum { DIRECTIONS = sizeof directions / sizeof directions[0] };

static bool judges_device(const struct pbc_firewall *f, enum pbc_direction d, enum served_by by)
{
    if (by == SERVED_PORT && d == PBC_DIR_FORWARD) return f->direction == PBC_DIR_FORWARD;
    return firewall_judges(f, d) && (d == PBC_DIR_FORWARD || by != SERVED_BRIDGED);
}

/* Return the first firewall that judges direction d; PBC_NONE: none does. */
static uint32_t first_judge(const struct program *p, enum pbc_direction d, enum served_by by)
{
    uint32_t first = 0;
    while (first < p->firewalls_count && !judges_device(&p->firewalls[first], d, by)) first++;
    return first < p->firewalls_count ? first : PBC_NONE;
}

/* Return the firewall that judges direction d on the interface. */
static uint32_t judge_of(const struct program *p, enum pbc_direction d, uint32_t iface)
{
    const struct iface_table t = program_ifaces(p);
    return firewall_find(&t, p->firewalls, p->firewalls_count, d, iface);
}

/* Return the gap for packets forwarded from a device that is not a port. Its firewall judges them as they leave by a
 * port. */
static unsigned gap_across(const struct program *p, uint32_t iface, enum served_by by)
{
    const bool judged = judge_of(p, PBC_DIR_FORWARD, iface) != PBC_NONE;
    return by == SERVED_NOT_KERNEL && judged ? GAP_PAST : GAP_FORWARD;
}

/* True if a nat's statement asks for packets that leave by the device. */
static bool translates(const struct program *p, uint32_t iface)
{
    const struct iface_table t = program_ifaces(p);
    bool any = false;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind == PBC_NAT_FORWARD) continue;
        any |= n->iface != PBC_NONE && iface_is_of(&t, iface, n->iface);
        for (uint32_t k = n->conds; k < n->conds + n->cond_count; k++)
            any |= p->conds[k].kind == COND_OUT_ON &&
                   ranges_have(p, &p->conds[k], iface) != ((p->conds[k].flags & PBC_COND_NOT) != 0);
    }
    return any;
}

unsigned served_gaps(const struct program *p, const char *device, enum served_by by)
{
    const struct iface_table t = program_ifaces(p);
    const uint32_t known = iface_match(&t, device), iface = known == PBC_NONE ? t.count : known;
    const bool served = by == SERVED_PORT || by == SERVED_BRIDGED;
    unsigned gaps = 0;
    for (unsigned i = 0; i < DIRECTIONS; i++) {
        const enum pbc_direction d = directions[i].direction;
        if (first_judge(p, d, by) == PBC_NONE) continue;
        if (!served)
            gaps |= d == PBC_DIR_FORWARD ? gap_across(p, iface, by) : directions[i].gap;
        else if (judge_of(p, d, iface) == PBC_NONE)
            gaps |= directions[i].gap;
    }
    return gaps | (!served && translates(p, iface) ? GAP_NAT : 0);
}

bool served_listed(const char *names, const char *device)
{
    for (const char *at = names; at && *at;) {
        char one[16];
        const size_t len = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", len < sizeof one ? (int)len : 0, at);
        if (!strcmp(one, device) || iface_holds(one, device)) return true;
        at += len + (at[len] == ',');
    }
    return false;
}

/* True if a pattern holds one of the names. */
static bool is_any_of(const char *names, const char *pattern)
{
    char one[16];
    for (const char *at = names; *at; at += *at == ',') {
        const size_t len = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", len < sizeof one ? (int)len : 0, at);
        if (iface_holds(pattern, one)) return true;
        at += len;
    }
    return false;
}

/* Append to a text of `used` bytes, as far as there is room. */
__attribute__((format(printf, 4, 5))) static void add(char *buf, size_t len, size_t *used, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    const int n = *used < len ? vsnprintf(buf + *used, len - *used, format, more) : 0;
    va_end(more);
    *used += n > 0 ? (size_t)n : 0;
}

/* Write the directions: "arrive on wg0, leave by it or are forwarded from it". */
static void add_directions(char *buf, size_t len, size_t *used, const char *device, unsigned gaps)
{
    static const struct {
        unsigned gap;
        const char *words, *past;
    } said[] = {{GAP_IN, "arrive on", ""},
                {GAP_OUT, "leave by", ""},
                {GAP_FORWARD, "are forwarded from", ""},
                {GAP_PAST, "are forwarded from", " to an unserved interface"}};
    const char *who = device;
    for (unsigned i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (!(gaps & said[i].gap)) continue;
        gaps &= ~said[i].gap;
        add(buf, len, used, "%s%s %s%s",
            who == device               ? ""
            : gaps & ~(unsigned)GAP_NAT ? ", "
                                        : " or ",
            said[i].words, who, said[i].past);
        who = "it";
    }
}

/* Write the firewall that judges packets of these directions elsewhere, and its interface. */
static void add_elsewhere(char *buf, size_t len, size_t *used, const struct program *p, unsigned gaps)
{
    for (unsigned i = 0; i < DIRECTIONS; i++) {
        if (!(gaps & directions[i].gap)) continue;
        uint32_t at = first_judge(p, directions[i].direction, SERVED_PORT);
        if (at == PBC_NONE) at = first_judge(p, directions[i].direction, SERVED_BRIDGED);
        if (at == PBC_NONE || p->firewalls[at].iface == PBC_NONE) return;
        const struct pbc_firewall *f = &p->firewalls[at];
        add(buf, len, used, ", as `%.40s` (%.80s:%u) does for %s", program_str(p, f->name),
            program_str(p, f->place.file), f->place.line, program_str(p, p->ifaces[f->iface].device));
        return;
    }
}

void served_text(const struct program *p, const char *device, unsigned gaps, enum served_why why, char *buf, size_t len)
{
    static const char *const whys[] = {
        [WHY_NO_FIREWALL] = "",
        [WHY_NOT_GIVEN] = ": -i doesn't name it",
        [WHY_UNREADABLE] = ": the interface carries neither Ethernet nor bare IP packets, and prey reads nothing else",
        [WHY_ABSENT] = ""};
    const unsigned judged = gaps & ~(unsigned)GAP_NAT;
    size_t used = 0;
    *buf = 0;
    if (why == WHY_ABSENT)
        add(buf, len, &used, "this machine has no interface %s, which the rules name%s", device, gaps ? ": " : "");
    if (judged) add(buf, len, &used, "no firewall judges packets that ");
    if (judged) add_directions(buf, len, &used, device, gaps);
    if (gaps & GAP_NAT)
        add(buf, len, &used, "%spackets for a nat are lost when they leave by %s", judged ? ", and " : "", device);
    add(buf, len, &used, "%s", whys[why]);
    if (why == WHY_NO_FIREWALL) add_elsewhere(buf, len, &used, p, gaps);
}

const char *served_becomes(bool shut) { return shut ? "shut except for ARP, ND and DHCP" : "open"; }

/* Return the first device of a condition, if none of them is served; NULL: one is served, or the condition holds
 * devices that it doesn't name. */
static const char *first_unserved(const struct program *p, const struct pbc_cond *c, const char *serves)
{
    const char *first = NULL;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        for (uint32_t id = p->ranges[i].lo; id <= p->ranges[i].hi; id++) {
            if (id >= p->ifaces_count) return NULL;
            const char *device = program_str(p, p->ifaces[id].device);
            if (served_listed(serves, device) || is_any_of(serves, device)) return NULL;
            if (!first) first = device;
        }
    return first;
}

/* True if packets forwarded from that device may meet the rule. */
static bool may_cross(const struct program *p, const struct pbc_rule *r, const char *device)
{
    const struct iface_table t = program_ifaces(p);
    const struct pbc_firewall *f = r->list & PBC_LIST_CHAIN ? NULL : &p->firewalls[r->list];
    if (f && f->iface != PBC_NONE && !iface_is_of(&t, iface_match(&t, device), f->iface)) return false;
    return !f || firewall_judges(f, PBC_DIR_FORWARD);
}

bool served_never(const struct program *p, const struct pbc_rule *r, const char *serves, enum served_by by, char *buf,
                  size_t len)
{
    const char *device = NULL;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count && !device; i++)
        if (p->conds[i].kind == COND_ON) device = first_unserved(p, &p->conds[i], serves);
    const bool crosses = device && may_cross(p, r, device);
    if (!device || (crosses && by == SERVED_NOT_KERNEL)) return false;
    snprintf(buf, len, "%.80s:%u never matches%s: the rule needs packets from %s, which -i doesn't name%s",
             program_str(p, r->place.file), r->place.line, crosses ? " in user space" : "", device,
             crosses ? "; the kernel executor judges forwarded packets from there where they leave" : "");
    return true;
}

/* True if a list of Ethernet types has one of IP's, which a packet without Ethernet has by its first nibble. */
static bool has_ip_type(const struct program *p, const struct pbc_cond *c)
{
    bool has = false;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        has |= (p->ranges[i].lo <= ETHER_IP4 && p->ranges[i].hi >= ETHER_IP4) ||
               (p->ranges[i].lo <= ETHER_IP6 && p->ranges[i].hi >= ETHER_IP6);
    return has;
}

/* Return the word of a condition that is false of all packets without Ethernet; NULL: the condition may be true. */
static const char *link_word(const struct program *p, const struct pbc_cond *c)
{
    const bool negated = c->flags & PBC_COND_NOT;
    switch (c->kind) {
    case COND_FAMILY: return c->arg == KIND_ARP && !negated ? "arp" : NULL;
    case COND_ETHER: return negated || has_ip_type(p, c) ? NULL : "ether";
    case COND_ETHER_FROM: return "ether from";
    case COND_ETHER_TO: return "ether to";
    case COND_VLAN: return c->arg & (negated ? VLAN_ANY : VLAN_NONE) ? NULL : "vlan";
    case COND_VLAN_INNER: return "vlan inner";
    default: return NULL;
    }
}

/* True if the names have a device of this id in rules. */
static bool is_one_of(const struct program *p, uint32_t id, const char *names)
{
    const char *device = program_str(p, p->ifaces[id].device);
    return served_listed(names, device) || is_any_of(names, device);
}

/* Return the first device of a condition if served devices are within it, and none of these has Ethernet; else NULL. */
static const char *first_bare(const struct program *p, const struct pbc_cond *c, const char *ethernet, const char *bare)
{
    const char *first = NULL;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        for (uint32_t id = p->ranges[i].lo; id <= p->ranges[i].hi; id++) {
            if (id >= p->ifaces_count || is_one_of(p, id, ethernet)) return NULL;
            if (!first && is_one_of(p, id, bare)) first = program_str(p, p->ifaces[id].device);
        }
    return first;
}

bool served_linkless(const struct program *p, const struct pbc_rule *r, const char *ethernet, const char *bare,
                     char *buf, size_t len)
{
    const char *device = NULL, *word = NULL;
    const struct pbc_firewall *f = r->list & PBC_LIST_CHAIN ? NULL : &p->firewalls[r->list];
    if (f && f->iface != PBC_NONE && is_one_of(p, f->iface, bare) && !is_one_of(p, f->iface, ethernet))
        device = program_str(p, p->ifaces[f->iface].device);
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        if (p->conds[i].kind == COND_ON && !device) device = first_bare(p, &p->conds[i], ethernet, bare);
        if (!word) word = link_word(p, &p->conds[i]);
    }
    if (!device || !word) return false;
    snprintf(buf, len, "%.80s:%u never matches: the rule tests `%s` of packets from %s, which carries no Ethernet",
             program_str(p, r->place.file), r->place.line, word, device);
    return true;
}
