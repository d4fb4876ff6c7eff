/* Expand folders into their files, sorted bytewise; then compare -i's devices with those in the rules */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/command/command_priv.h"
#include "compiler/device.h"
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
    if (n == 0) say(stderr, "preyc: the folder `%s` has no rule file (*.prey)", folder);
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

static bool is_device_served(const struct options *o, const char *device)
{
    bool is = false;
    for (unsigned i = 0; i < o->served_count; i++)
        is |= strcmp(o->served[i], device) == 0 || iface_holds(device, o->served[i]);
    return is;
}

/* Return the name by which the file calls a device, if -i has that name in place of the device's; else NULL. */
static const char *served_by_name(const struct options *o, const struct program *p, const char *device)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        const char *name = p->ifaces[i].name ? program_str(p, p->ifaces[i].name) : device;
        if (strcmp(program_str(p, p->ifaces[i].device), device) == 0 && strcmp(name, device) != 0 &&
            is_device_served(o, name))
            return name;
    }
    return NULL;
}

/* Advise on remedies for a device that no firewall judges. */
static void advise_one(struct compile *c, const char *name, const char *device, bool served)
{
    if (name)
        diag_advise(c->diags, "`%s` is a name in the rules, but -i takes the device's name: -i %s", name, device);
    else if (served)
        diag_advise(c->diags,
                    "write a firewall on \"%s\", even one that accepts everything; or leave the device open with "
                    "--allow-unjudged %s",
                    device, device);
    else if (device_link(device) == DEVICE_UNREADABLE)
        diag_advise(c->diags, "remove the device from the rules; or leave the device open with --allow-unjudged %s",
                    device);
    else
        diag_advise(c->diags, "serve the device with -i %s; or leave the device open with --allow-unjudged %s", device,
                    device);
}

/* Report the parts of a device's traffic that no firewall judges, in the words that preyrun prints at its start. */
static void check_one(const struct options *o, struct compile *c, const struct program *p, const char *device,
                      enum served_by by)
{
    char text[SERVED_TEXT];
    const bool served = by == SERVED_PORT || by == SERVED_BRIDGED;
    const enum served_why left = device_link(device) == DEVICE_UNREADABLE ? WHY_UNREADABLE : WHY_NOT_GIVEN;
    const unsigned gaps = served_gaps(p, device, by);
    if (!gaps) return;
    served_text(p, device, gaps, served ? WHY_NO_FIREWALL : left, text, sizeof(text));
    const bool doubt = gaps == GAP_PAST || iface_is_pattern(device);
    diag(c->diags, doubt ? W_NOT_SERVED : E_UNJUDGED, SPAN_NONE, "%s", text);
    if (!iface_is_pattern(device)) advise_one(c, served ? NULL : served_by_name(o, p, device), device, served);
}

/* True if a list of --allow-unjudged has the device, or a pattern that holds it. */
static bool is_allowed(const struct options *o, const char *device)
{
    bool is = false;
    for (unsigned i = 0; i < o->allow_count; i++) is |= served_listed(o->allows[i], device);
    return is;
}

/* Write the devices of -i without Ethernet, or the others, with commas. */
static void names_of(const struct options *o, bool bare, char *to, size_t len)
{
    size_t used = 0;
    for (unsigned i = 0; i < o->served_count; i++)
        if ((device_link(o->served[i]) == DEVICE_BARE) == bare)
            used += (size_t)snprintf(to + used, len - used, "%s%s", used ? "," : "", o->served[i]);
}

/* Warn of rules that ask for packets from an unserved device, or for properties that a device lacks. */
static void check_rules(const struct options *o, struct compile *c, const struct program *p)
{
    char serves[OPTIONS_SERVED * (DEVICE_MOST + 1)] = "", text[SERVED_TEXT];
    char ethernet[sizeof(serves)] = "", bare[sizeof(serves)] = "";
    size_t used = 0;
    for (unsigned i = 0; i < o->served_count; i++)
        used += (size_t)snprintf(serves + used, sizeof(serves) - used, "%s%s", i ? "," : "", o->served[i]);
    names_of(o, false, ethernet, sizeof(ethernet));
    names_of(o, true, bare, sizeof(bare));
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (served_never(p, &p->rules[i], serves, SERVED_NOT, text, sizeof(text)) ||
            served_linkless(p, &p->rules[i], ethernet, bare, text, sizeof(text)))
            diag(c->diags, W_NOT_SERVED, SPAN_NONE, "%s", text);
}

void interfaces_check(const struct options *o, struct compile *c)
{
    char err[256];
    struct program *p = o->served_count ? program_load(c->pbc, c->pbc_len, err, sizeof(err)) : NULL;
    if (!p) return;
    bool *named = heap_resized(NULL, p->ifaces_count + 1u, sizeof(*named));
    served_named(p, named);
    for (unsigned i = 0; i < o->served_count; i++)
        if (device_link(o->served[i]) == DEVICE_UNREADABLE)
            diag(c->diags, W_NOT_SERVED, SPAN_NONE,
                 "preyrun rejects -i %s: on this machine, the device carries neither Ethernet frames nor bare IP "
                 "packets",
                 o->served[i]);
    for (unsigned i = 0; i < o->served_count; i++)
        if (!is_allowed(o, o->served[i]))
            check_one(o, c, p, o->served[i], o->bridged[i] ? SERVED_BRIDGED : SERVED_PORT);
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        const char *device = program_str(p, p->ifaces[i].device);
        if (named[i] && strcmp(device, "lo") != 0 && !is_device_served(o, device) && !is_allowed(o, device))
            check_one(o, c, p, device, SERVED_NOT_KERNEL);
    }
    check_rules(o, c, p);
    free(named);
    program_put(p);
}
