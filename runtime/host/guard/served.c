/* See served.h. Only one instance at a time checks and records, so if two start at the same time, the second sees
 * the first. */
#include "runtime/host/guard/served.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/state.h"

struct search {
    const char *interface;
    const char *but; /* an instance that is skipped, or NULL */
    char owner[80];
};

static bool is_other(void *arg, const char *name, const char *what, const char *before, const char *after)
{
    struct search *s = arg;
    if (strcmp(what, s->interface) != 0 || (s->but && !strcmp(name, s->but))) return true;
    snprintf(s->owner, sizeof s->owner, "%s", name);
    return false;
}

static void name_owner(const struct search *s, char *err, size_t err_len)
{
    snprintf(err, err_len, "the running instance `%s` also serves %s: give each instance its own interfaces", s->owner,
             s->interface);
}

/* Reserve one interface, while no other instance reserves one. */
static int reserve_one(struct state *s, const char *interface, char *err, size_t err_len)
{
    struct search search = {.interface = interface};
    int failed = state_others(s, CHANGE_SERVED, is_other, &search);
    if (!failed && !*search.owner) failed = state_note(s, CHANGE_SERVED, interface, "", "");
    if (failed) snprintf(err, err_len, "%s: %s", interface, strerror(-failed));
    if (failed || !*search.owner) return failed;
    name_owner(&search, err, err_len);
    return -EADDRINUSE;
}

int served_reserve(struct state *s, const char *const interfaces[], unsigned count, char *err, size_t err_len)
{
    const int alone = state_alone(s);
    int failed = alone < 0 ? alone : 0;
    if (failed) snprintf(err, err_len, "%s: %s", state_path(s), strerror(-failed));
    for (unsigned i = 0; i < count && !failed; i++) failed = reserve_one(s, interfaces[i], err, err_len);
    if (alone >= 0) close(alone);
    return failed;
}

bool served_already(const char *run, const char *interface, char *err, size_t err_len)
{
    struct search search = {.interface = interface};
    if (state_all(run, CHANGE_SERVED, is_other, &search) || !*search.owner) return false;
    name_owner(&search, err, err_len);
    return true;
}

bool served_by(const char *run, const char *interface, const char *name)
{
    struct search search = {.interface = interface};
    return !state_all(run, CHANGE_SERVED, is_other, &search) && !strcmp(search.owner, name);
}

bool served_by_others(const char *run, const char *interface, const char *name)
{
    struct search search = {.interface = interface, .but = name};
    return !state_all(run, CHANGE_SERVED, is_other, &search) && *search.owner;
}

int served_undo(const char *what, const char *before, const char *after) { return 0; }
