/* What this instance changes on the host while it runs: its name, the guard rules, reserved ports. All of it is in the
 * state file before it is made, and undone at the end; what a killed one left is undone at the start. */
#include "runtime/live/claim.h"

#include <string.h>

#include "runtime/host/guarded.h"
#include "runtime/host/state.h"

static void say(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "preyrun: %s\n", line);
}

static void say_nothing(void *arg, const char *line) { (void)arg, (void)line; }

const char *claim_name(const struct options *o) { return o->name ? o->name : o->ifaces[0]; }

static int put(struct live *l, const struct guarded *g)
{
    char err[400];
    const char *bridged[PORTS_MOST];
    unsigned bridged_count = 0;
    for (unsigned i = 0; i < l->o->iface_count; i++)
        if (l->o->peer[i] != OPTIONS_NO_PEER) bridged[bridged_count++] = l->o->ifaces[i];
    const struct guard rules = {.ports = l->o->ifaces,
                                .port_count = l->o->iface_count,
                                .bridged = bridged,
                                .bridged_count = bridged_count,
                                .matches = g->matches,
                                .match_count = g->match_count};
    if (g->port_count && ports_reserve(l->state, g->ports, g->port_count, err, sizeof err))
        return live_complain("%s", err);
    const bool needed = g->match_count || bridged_count || l->guarded;
    if (needed && guard_set(l->state, claim_name(l->o), &rules, err, sizeof err)) return live_complain("%s", err);
    l->guarded = needed;
    return 0;
}

int claim_guard(struct live *l, struct program *p, struct program *before)
{
    struct guarded g;
    const bool made = guarded_init(&g, p, before);
    const int status = made ? put(l, &g) : live_complain("out of memory");
    guarded_fini(&g);
    return status;
}

int claim_host(struct live *l)
{
    char err[400];
    l->state = state_open(STATE_RUN, claim_name(l->o), say, NULL, err, sizeof err);
    if (!l->state) return live_complain("%s", err);
    return claim_guard(l, l->now.program, NULL);
}

void claim_end(struct live *l)
{
    if (!l->state) return;
    if (state_undo(l->state, say_nothing, NULL)) state_undo(l->state, say, NULL);
    state_close(l->state);
}

int claim_cleanup(const struct options *o)
{
    const int left = state_cleanup(STATE_RUN, o->name, say, NULL);
    if (left < 0) return live_complain("--cleanup: %s", strerror(-left));
    return left ? 2 : 0;
}
