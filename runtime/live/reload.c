/* Reload: the program's file is read and looked at aside, everything is made for it, and each worker takes it at a
 * batch boundary (vm_swap). A file that fails leaves the one that runs. */
#include "runtime/live/reload.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/live/announced.h"
#include "runtime/live/claim.h"
#include "runtime/live/confirm.h"
#include "runtime/live/document.h"
#include "runtime/live/health.h"
#include "runtime/live/notified.h"
#include "runtime/live/recorded.h"
#include "runtime/live/routing.h"
#include "runtime/live/start.h"
#include "runtime/live/steered.h"
#include "runtime/live/world.h"

struct reload {
    struct remap *remap;
    uint16_t *ids; /* what it was made of */
    unsigned ids_count;
    uint64_t begun_ns;
    struct next_program changes[WORKERS_MOST];
    bool offered;          /* workers may have it */
    bool hidden;           /* guard rules may be of both */
    struct ruling other;   /* the one that ran, until the change is made */
    struct lingering left; /* that of it */
};

static void refuse(struct live *l, const char *why)
{
    events_tell(&l->events, TOLD_REFUSED, "reload: %s; the program that runs goes on", why);
    notified_ready(l);
}

/* ---- making ---- */

/* By old id, the one that each interface has in the new program. */
static struct remap *remap_make(const struct live *l, struct reload *r, struct program *fresh)
{
    uint16_t *ids = r->ids = calloc(l->now.ifaces_count + 1u, sizeof *ids);
    if (!ids) return NULL;
    for (uint32_t i = 0; i < l->now.program->ifaces_count; i++) {
        const char *device = program_str(l->now.program, l->now.program->ifaces[i].device);
        const uint16_t id = port_iface_id(fresh, device, 0);
        ids[i] = id < fresh->ifaces_count ? id : IFACE_NONE;
    }
    for (unsigned at = 0; at < l->o->iface_count; at++)
        ids[l->now.iface[at]] = port_iface_id(fresh, l->o->ifaces[at], at);
    r->ids_count = l->now.ifaces_count;
    r->begun_ns = clock_ns(CLOCK_MONOTONIC);
    return remap_new(l->now.program, fresh, ids, r->ids_count, r->begun_ns);
}

/* The old ruling aside, and one for the new program in its place. */
static bool change_places(struct live *l, struct reload *r, char *err, size_t err_len)
{
    r->other = l->now;
    l->now = (struct ruling){.program = program_get(r->remap->program)};
    if (!ruling_init(&l->now, l->o->ifaces, l->o->iface_count)) return false;
    by_hand_apply(l, &l->now);
    if (!health_follow(l, &r->other, r->remap, err, err_len)) return false;
    if (!r->other.owners) return true;
    const struct owners_cfg cfg = {.workers = l->worker_count}; /* the seed stays that of the owners before */
    l->now.owners = owners_new(l->now.program, &cfg, r->other.owners, clock_ns(CLOCK_MONOTONIC));
    return l->now.owners;
}

/* Guard rules and steering of both, for flows of the one drain: what they cannot say is refused. */
static bool hide(struct live *l, struct reload *r, char *err, size_t err_len)
{
    const struct program *before = r->other.program;
    const bool of[LINGERS] = {[LINGERS_ROUTED] = start_routes(l, before),
                              [LINGERS_STEERED] = steered_routes(before),
                              [LINGERS_TRANSLATED] = before->nats_count};
    struct lingering next;
    if (!lingering_after(&l->lingering, l->now.program, before, of, clock_ns(CLOCK_MONOTONIC), &next)) return false;
    r->left = l->lingering;
    l->lingering = next;
    r->hidden = true;
    if (!claim_guard(l) && !steered_rules(l)) return true;
    snprintf(err, err_len, "guard rules or steering for it cannot be set");
    return false;
}

static bool prepare_all(struct live *l, struct reload *r)
{
    routing_stale(l); /* `limits { routes }` may be another */
    routing_renew(l);
    struct snapshot *s = world_snapshot(l, true);
    if (!s) return false;
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &s->facts};
    /* Numbers the change; one that is not made is one that no worker takes. */
    recorded_change(l, &(struct record_change){r->ids, r->ids_count, r->begun_ns, in.mono_ns, s->number});
    for (unsigned i = 0; i < l->worker_count; i++) {
        const struct vm_cfg cfg = worker_vm_cfg(l->workers[i]);
        r->changes[i] = (struct next_program){.fresh = vm_prepare(&cfg, r->remap, &in),
                                              .remap = r->remap,
                                              .snapshot = s,
                                              .owners = l->now.owners,
                                              .iface = l->now.iface,
                                              .opened = &l->now.opened,
                                              .routes = start_routes(l, l->now.program),
                                              .tun = l->tun,
                                              .number = l->now.number,
                                              .cuts = start_has_tunnels(l->now.program)};
        if (r->changes[i].fresh) continue;
        snapshot_free(s);
        return false;
    }
    world_give(l, s);
    return true;
}

/* ---- unmaking ---- */

/* The ruling that is not in its place. */
static void drop_other(struct reload *r)
{
    ruling_fini(&r->other);
    for (unsigned i = 0; i < WORKERS_MOST; i++) vm_free(r->changes[i].fresh);
    memset(r->changes, 0, sizeof r->changes);
}

/* The old one in its place again. */
static void change_back(struct live *l, struct reload *r)
{
    const struct ruling fresh = l->now;
    l->now = r->other;
    r->other = fresh;
    if (!r->hidden) return;
    const struct lingering next = l->lingering;
    l->lingering = r->left;
    r->left = next;
    if (!claim_guard(l)) steered_rules(l);
}

static void end(struct live *l)
{
    remap_free(l->reload->remap);
    lingering_fini(&l->reload->left);
    free(l->reload->ids);
    free(l->reload);
    l->reload = NULL;
}

void reload_fini(struct live *l)
{
    if (!l->reload) return;
    drop_other(l->reload);
    end(l);
}

/* ---- from the main thread ---- */

static void make(struct live *l, struct program *fresh)
{
    struct reload *r = l->reload = calloc(1, sizeof *r);
    if (!r) {
        refuse(l, "out of memory");
        return;
    }
    char err[500] = "out of memory";
    r->remap = remap_make(l, r, fresh);
    if (!r->remap || !change_places(l, r, err, sizeof err) || !hide(l, r, err, sizeof err) || !prepare_all(l, r)) {
        if (r->other.program) change_back(l, r);
        drop_other(r);
        end(l);
        l->stale = true; /* when a schedule changes next was reckoned for the other */
        refuse(l, err);
        return;
    }
    r->offered = true;
    for (unsigned i = 0; i < l->worker_count; i++) worker_change(l->workers[i], &r->changes[i]);
}

void reload_begin(struct live *l)
{
    char err[600];
    if (confirm_waits(l)) {
        refuse(l, "what runs waits for `preyctl confirm`");
        return;
    }
    l->wanted = l->reload;
    if (l->wanted) return;
    notified_reloading(l);
    struct program *fresh = start_load_again(l, err, sizeof err);
    if (!fresh) {
        refuse(l, err);
        return;
    }
    if (!start_look_at(l, fresh, err, sizeof err))
        refuse(l, err);
    else if (steered_tun(l, fresh))
        refuse(l, "the device for packets to this machine cannot be made");
    else
        make(l, fresh);
    program_put(fresh);
}

bool reload_pending(const struct live *l)
{
    if (!l->reload || !l->reload->offered) return false;
    for (unsigned i = 0; i < l->worker_count; i++)
        if (__atomic_load_n(&l->workers[i]->change, __ATOMIC_ACQUIRE)) return true;
    return false;
}

bool reload_settled(const struct live *l) { return !l->reload || !l->reload->other.program; }

const struct labels *reload_labels(const struct live *l, const struct program *p)
{
    if (p == l->now.program) return &l->now.labels;
    return l->reload && p == l->reload->other.program ? &l->reload->other.labels : NULL;
}

static void say_reloaded(struct live *l, const struct remap *r)
{
    const struct program *p = l->now.program;
    const uint32_t services = p->past ? p->past->services : p->services_count; /* without those that drain */
    events_tell(&l->events, TOLD_RELOADED, "%s: %u rule%s, %u service%s%s", l->o->program, p->rules_count,
                p->rules_count == 1 ? "" : "s", services, services == 1 ? "" : "s",
                r->limits ? "; what `limits` changed waits for a restart" : "");
    notified_ready(l);
}

/* All workers have answered: the same, for they run the same program. */
static void made(struct live *l)
{
    struct reload *r = l->reload;
    const int refused = l->workers[0]->refused;
    if (refused) {
        change_back(l, r);
        by_hand_apply(l, &l->now); /* something may have been set meanwhile */
        by_hand_forget(l);         /* even of a server that is in the refused program alone */
        health_agree(&l->now, clock_ns(CLOCK_MONOTONIC));
        refuse(l, strerror(-refused));
    } else {
        by_hand_forget(l);
        say_reloaded(l, r->remap);
        announced_again(l, r->other.program);
    }
    drop_other(r);
    document_old(l);
    l->stale = true;
}

void reload_step(struct live *l)
{
    struct reload *r = l->reload;
    if (reload_pending(l)) return;
    if (r->other.program) made(l);
    for (unsigned i = 0; i < l->worker_count; i++)
        if (__atomic_load_n(&l->workers[i]->swapping, __ATOMIC_ACQUIRE)) return;
    end(l);
    if (l->wanted) reload_begin(l);
}
