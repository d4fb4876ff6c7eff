#include "runtime/live/rules/judged.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "vm/program/program.h"

enum { NAMES_TOLD = 5 };

struct clauses {
    char *text;
    size_t len, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct clauses *c, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    if (c->used < c->len) c->used += (size_t)vsnprintf(c->text + c->used, c->len - c->used, format, more);
    va_end(more);
}

static bool is_served(const struct rules *rules, const char *device)
{
    bool is = false;
    for (unsigned i = 0; i < rules->o->iface_count; i++) is |= !strcmp(rules->o->ifaces[i], device);
    return is;
}

/* True if the device exists, or is served and may be away for a moment. */
static bool is_here(const struct rules *rules, const char *device)
{
    return is_served(rules, device) || host_link_named(rules->carry->host, device);
}

/* Find names in the rules that no device bears. False: out of memory. */
static bool find_nameless(const struct rules *rules, const struct program *p, struct clauses *c)
{
    unsigned found = 0;
    bool *named = calloc(p->ifaces_count + 1u, sizeof *named);
    if (!named) return false;
    served_named(p, named);
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        const char *device = program_str(p, p->ifaces[i].device);
        if (!named[i] || is_here(rules, device) || found++ >= NAMES_TOLD) continue;
        add(c, "%s%s", found == 1 ? "this machine has no interface " : ", ", device);
    }
    free(named);
    if (found > NAMES_TOLD) add(c, " and %u more", found - NAMES_TOLD);
    if (found) add(c, ", which the rules name");
    return true;
}

/* Find interfaces where direction d is not judged, while a firewall judges it on others. */
static void find_open(const struct rules *rules, const struct program *p, enum pbc_direction d, struct clauses *c)
{
    uint32_t elsewhere = PBC_NONE;
    for (unsigned i = 0; i < rules->o->iface_count; i++) {
        const uint32_t f = served_unjudged(p, rules->o->ifaces[i], d, rules->o->peer[i] != OPTIONS_NO_PEER);
        if (f == PBC_NONE) continue;
        if (elsewhere == PBC_NONE)
            add(c, "%sno firewall judges what %s ", c->used ? "; " : "", served_words(d));
        else
            add(c, ", ");
        add(c, "%s", rules->o->ifaces[i]);
        elsewhere = f;
    }
    if (elsewhere == PBC_NONE) return;
    const struct pbc_firewall *f = &p->firewalls[elsewhere];
    add(c, ", as `%.40s` (%.80s:%u) does for %s", program_str(p, f->name), program_str(p, f->place.file), f->place.line,
        program_str(p, p->ifaces[f->iface].device));
}

/* Write what is not judged; empty: all is judged. */
static void find(const struct rules *rules, const struct program *p, char *text, size_t len)
{
    static const enum pbc_direction directions[] = {PBC_DIR_IN, PBC_DIR_FORWARD, PBC_DIR_OUT};
    struct clauses c = {text, len, 0};
    *text = 0;
    if (!find_nameless(rules, p, &c)) add(&c, "out of memory");
    for (size_t i = 0; i < sizeof directions / sizeof directions[0]; i++) find_open(rules, p, directions[i], &c);
}

static bool is_allowed(const struct rules *rules) { return rules->o->allow_unjudged || rules->o->monitor; }

bool judged_all(const struct rules *rules, const struct program *p, char *why, size_t len)
{
    char open[sizeof rules->unjudged];
    if (is_allowed(rules)) return true;
    find(rules, p, open, sizeof open);
    if (*open) snprintf(why, len, "%s: mend the rules, or allow it by --allow-unjudged", open);
    return !*open;
}

void judged_notice(const struct rules *rules)
{
    const struct program *p = rules->carry->now.program;
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        const struct pbc_firewall *f = &p->firewalls[i];
        const char *device = f->iface == PBC_NONE ? NULL : program_str(p, p->ifaces[f->iface].device);
        if (device && !is_served(rules, device) && host_link_named(rules->carry->host, device))
            complain("notice: firewall %.40s (%.80s:%u) judges nothing: %s is not served; this mends it: -i %s",
                     program_str(p, f->name), program_str(p, f->place.file), f->place.line, device, device);
    }
}

void judged_tell(struct rules *rules)
{
    find(rules, rules->carry->now.program, rules->unjudged, sizeof rules->unjudged);
    if (*rules->unjudged)
        events_tell(&rules->tell->events, TOLD_UNJUDGED, "notice: not judged: %s%s", rules->unjudged,
                    rules->o->monitor ? "; --monitor enforces nothing, so it starts" : "");
}
