#include "compiler/command/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/say.h"
#include "lang/heap.h"
#include "vm/program/program.h"

static void input_add(struct inputs *in, const char *folder, const char *name)
{
    const size_t len = strlen(folder);
    const char *between = len && folder[len - 1] != '/' ? "/" : "";
    const size_t bytes = len + strlen(name) + 2;
    char *path = heap_resized(NULL, bytes, 1);
    snprintf(path, bytes, "%s%s%s", folder, between, name);
    in->names = heap_grown(in->names, (size_t)in->count + 1, sizeof(*in->names), &in->room);
    in->names[in->count++] = path;
}

/* True for a `*.prey` file that is not hidden: editors leave hidden files behind. */
static int is_rules(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return d->d_name[0] != '.' && dot && strcmp(dot, ".prey") == 0;
}

static int bytewise(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int add_folder(struct inputs *in, const char *folder)
{
    struct dirent **found;
    const int n = scandir(folder, &found, is_rules, bytewise);
    if (n < 0) {
        say(stderr, "preyc: can't read `%s`: %s", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < n; i++) {
        input_add(in, folder, found[i]->d_name);
        free(found[i]);
    }
    free(found);
    if (n == 0) say(stderr, "preyc: `%s` has no rule file: their names end in .prey", folder);
    return n ? 0 : -1;
}

int inputs_expand(struct inputs *in, char *const *given, int count)
{
    struct stat st;
    int rc = 0;
    *in = (struct inputs){0};
    for (int i = 0; i < count; i++)
        if (stat(given[i], &st) == 0 && S_ISDIR(st.st_mode))
            rc |= add_folder(in, given[i]);
        else
            input_add(in, "", given[i]);
    return rc;
}

void inputs_free(struct inputs *in)
{
    for (uint32_t i = 0; i < in->count; i++) free(in->names[i]);
    free(in->names);
    *in = (struct inputs){0};
}

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

/* Warn of a firewall `on` an interface that is not served. */
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
