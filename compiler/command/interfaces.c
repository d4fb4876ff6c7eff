/* See interfaces.h. What preyrun finds at a start, as far as the names of interfaces tell it. */
#include "compiler/command/interfaces.h"

#include <string.h>

#include "vm/program/program.h"

static void check_one(struct compile *c, const struct program *p, const char *device, bool bridged)
{
    for (enum pbc_direction d = PBC_DIR_IN; d <= PBC_DIR_FORWARD; d++) {
        const uint32_t i = served_unjudged(p, device, d, bridged);
        if (i == PBC_NONE) continue;
        const struct pbc_firewall *f = &p->firewalls[i];
        diag(c->diags, E_UNJUDGED, SPAN_NONE, "no firewall judges what %s %s, as `%s` (%s:%u) does for %s",
             served_words(d), device, program_str(p, f->name), program_str(p, f->place.file), f->place.line,
             program_str(p, p->ifaces[f->iface].device));
    }
}

static bool is_served(const struct options *o, const char *device)
{
    bool is = false;
    for (unsigned i = 0; i < o->served_count; i++)
        is |= strcmp(o->served[i], device) == 0 || iface_holds(device, o->served[i]);
    return is;
}

/* A firewall of one interface that is not served. */
static void check_firewall(const struct options *o, struct compile *c, const struct program *p,
                           const struct pbc_firewall *f)
{
    const char *device = f->iface == PBC_NONE ? NULL : program_str(p, p->ifaces[f->iface].device);
    if (device && !is_served(o, device))
        diag(c->diags, W_NOT_SERVED, SPAN_NONE, "firewall `%s` (%s:%u) judges nothing: %s is not among the interfaces",
             program_str(p, f->name), program_str(p, f->place.file), f->place.line, device);
}

void interfaces_check(const struct options *o, struct compile *c)
{
    char err[256];
    struct program *p = o->served_count ? program_load(c->pbc, c->pbc_len, err, sizeof(err)) : NULL;
    if (!p) return;
    for (unsigned i = 0; i < o->served_count; i++) check_one(c, p, o->served[i], o->bridged[i]);
    for (uint32_t i = 0; i < p->firewalls_count; i++) check_firewall(o, c, p, &p->firewalls[i]);
    program_put(p);
}
