/* Reload: a program is looked at aside, everything is made for it, and each worker takes it at a batch boundary
 * (vm_swap). One that fails leaves the one that runs. */
#include "runtime/live/rules/reload.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steer_rules.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/leftover.h"
#include "runtime/live/rules/look_at.h"
#include "runtime/live/tell/notified.h"
#include "runtime/live/world/announced.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/world.h"

struct reload {
    struct reload_wish wish;
    struct remap *remap;
    uint16_t *ids; /* what it was made of */
    unsigned ids_count;
    uint8_t *gone; /* likewise; NULL: nothing is */
    uint64_t begun_ns;
    struct next_program changes[WORKERS_MOST];
    struct proxied_change *proxied;
    bool hidden;           /* guard rules may be of both */
    struct ruling other;   /* the one that ran, until the change is made */
    struct lingering left; /* that of it */
};

static void refuse(struct live *l, const struct reload_wish *w, const char *why)
{
    events_tell(&l->tell.events, TOLD_REFUSED, "%s: %s; the program that runs goes on", w->what, why);
    l->tell.changes++;
    notified_ready(&l->tell);
    if (w->over) w->over(w->with, why);
}

/* By old id, the one that each interface has in the new program. */
static struct remap *remap_make(const struct live *l, struct reload *r, struct program *fresh)
{
    uint16_t *ids = r->ids = calloc(l->carry.now.ifaces_count + 1u, sizeof *ids);
    if (!ids) return NULL;
    for (uint32_t i = 0; i < l->carry.now.program->ifaces_count; i++) {
        const char *device = program_str(l->carry.now.program, l->carry.now.program->ifaces[i].device);
        const uint16_t id = port_iface_id(fresh, device, 0);
        ids[i] = id < fresh->ifaces_count ? id : IFACE_NONE;
    }
    for (unsigned at = 0; at < l->o->iface_count; at++)
        ids[l->carry.now.iface[at]] = port_iface_id(fresh, l->o->ifaces[at], at);
    r->ids_count = l->carry.now.ifaces_count;
    r->gone = leftover_gone(l);
    r->begun_ns = clock_ns(CLOCK_MONOTONIC);
    return remap_new(l->carry.now.program, fresh, ids, r->ids_count, r->gone, r->begun_ns);
}

/* The old ruling aside, and one for the new program in its place. */
static bool change_places(struct live *l, struct reload *r, char *err, size_t err_len)
{
    r->other = l->carry.now;
    l->carry.before = &r->other;
    l->carry.now = (struct ruling){.program = program_get(r->remap->program), .name = strdup(r->wish.name)};
    if (!ruling_init(&l->carry.now, l->o->ifaces, l->o->iface_count)) return false;
    by_hand_apply(l, &l->carry.now);
    if (!health_follow(l, &r->other, r->remap, err, err_len)) return false;
    if (!r->other.owners) return true;
    const struct owners_cfg cfg = {.workers = l->carry.worker_count}; /* the seed stays that of the owners before */
    l->carry.now.owners = owners_new(l->carry.now.program, &cfg, r->other.owners, clock_ns(CLOCK_MONOTONIC));
    l->carry.now.shared = shared_new(l->carry.now.program, r->other.shared, r->remap, clock_ns(CLOCK_MONOTONIC));
    return l->carry.now.owners && l->carry.now.shared;
}

/* Guard rules and steering of both, for flows of the one drain: what they cannot say is refused. */
static bool hide(struct live *l, struct reload *r, char *err, size_t err_len)
{
    const struct program *before = r->other.program;
    const bool of[LINGERS] = {[LINGERS_ROUTED] = enforce_routes(&l->carry, before),
                              [LINGERS_STEERED] = steered_routes(before),
                              [LINGERS_TRANSLATED] = steered_translates(before)};
    struct lingering next;
    shared_ports_widen(&l->carry, before, l->carry.now.program);
    if (shared_ports_claim(&l->carry, l->carry.now.program, err, err_len)) return false;
    snprintf(err, err_len, "out of memory");
    if (!lingering_after(&l->carry.lingering, l->carry.now.program, before, of, &l->carry.ports.host,
                         clock_ns(CLOCK_MONOTONIC), &next))
        return false;
    r->left = l->carry.lingering;
    l->carry.lingering = next;
    r->hidden = true;
    return in_kernel_prepare(&l->carry, l->carry.now.program, err, err_len) && !hide_rules(&l->carry, err, err_len) &&
           !steered_take(&l->carry, err, err_len);
}

static bool prepare_all(struct live *l, struct reload *r, char *err, size_t err_len)
{
    routing_stale(&l->world); /* `limits { routes }` may be another */
    routing_renew(&l->world);
    struct snapshot *s = world_snapshot(&l->world, true);
    if (!s) return false;
    r->proxied = proxied_prepare(&l->carry, r->remap, s, err, err_len);
    if (!r->proxied) {
        snapshot_free(s);
        return false;
    }
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &s->facts};
    /* Numbers the change; one that is not made is one that no worker takes. */
    recorded_change(&l->carry, &(struct record_change){.ids = r->ids,
                                                       .count = r->ids_count,
                                                       .gone = r->gone,
                                                       .gone_count = r->gone ? remap_gone_count(r->other.program) : 0,
                                                       .remap_ns = r->begun_ns,
                                                       .prepare_ns = in.mono_ns,
                                                       .world = s->number});
    for (unsigned i = 0; i < l->carry.worker_count; i++) {
        struct vm_cfg cfg = worker_vm_cfg(l->carry.workers[i]);
        cfg.share.all = l->carry.now.shared;
        r->changes[i] = (struct next_program){.fresh = vm_prepare(&cfg, r->remap, &in),
                                              .remap = r->remap,
                                              .snapshot = s,
                                              .owners = l->carry.now.owners,
                                              .shared = l->carry.now.shared,
                                              .iface = l->carry.now.iface,
                                              .opened = l->carry.now.opened,
                                              .routes = enforce_routes(&l->carry, l->carry.now.program),
                                              .tun = l->carry.tun,
                                              .number = l->carry.now.number,
                                              .put_in_force = l->carry.in_kernel ? in_kernel_swap : NULL,
                                              .arg = &l->carry,
                                              .cuts = enforce_cuts(l->carry.now.program)};
        if (r->changes[i].fresh) continue;
        snapshot_free(s);
        return false;
    }
    world_give(&l->world, s);
    return true;
}

/* The ruling that is not in its place. */
static void drop_other(struct live *l, struct reload *r)
{
    ruling_fini(&r->other);
    for (unsigned i = 0; i < WORKERS_MOST; i++) vm_free(r->changes[i].fresh);
    memset(r->changes, 0, sizeof r->changes);
    proxied_end(&l->carry, r->proxied);
    r->proxied = NULL;
    l->carry.before = NULL;
    l->carry.loops_change = NULL;
}

/* The old one in its place again. */
static void change_back(struct live *l, struct reload *r)
{
    const struct ruling fresh = l->carry.now;
    l->carry.now = r->other;
    r->other = fresh;
    if (!r->hidden) return;
    const struct lingering next = l->carry.lingering;
    l->carry.lingering = r->left;
    r->left = next;
    if (!hide_guard(&l->carry)) steered_rules(&l->carry);
}

static void end(struct live *l)
{
    remap_free(l->rules.reload->remap);
    lingering_fini(&l->rules.reload->left);
    free(l->rules.reload->ids);
    free(l->rules.reload->gone);
    free(l->rules.reload);
    l->rules.reload = NULL;
    l->carry.offered = l->carry.reloading = false;
}

void reload_fini(struct live *l)
{
    if (!l->rules.reload) return;
    drop_other(l, l->rules.reload);
    end(l);
}

static void make(struct live *l, const struct reload_wish *w)
{
    struct reload *r = l->rules.reload = calloc(1, sizeof *r);
    if (!r) {
        refuse(l, w, "out of memory");
        return;
    }
    char err[500] = "out of memory";
    l->carry.reloading = true;
    r->wish = *w;
    r->remap = remap_make(l, r, w->program);
    if (!r->remap || !change_places(l, r, err, sizeof err) || !hide(l, r, err, sizeof err) ||
        !prepare_all(l, r, err, sizeof err)) {
        if (r->other.program) change_back(l, r);
        drop_other(l, r);
        end(l);
        l->world.stale = true; /* when a schedule changes next was reckoned for the other */
        refuse(l, w, err);
        return;
    }
    l->carry.loops_change = r->proxied;
    l->carry.offered = true;
    for (unsigned i = 0; i < l->carry.worker_count; i++) worker_change(l->carry.workers[i], &r->changes[i]);
    proxied_offer(&l->carry, r->proxied);
}

void reload_to(struct live *l, const struct reload_wish *w)
{
    char err[600];
    const bool same = !memcmp(w->program->digest, l->carry.now.program->digest, sizeof w->program->digest);
    if (!look_at_program(l, w->program, w->name, same || w->again, err, sizeof err) ||
        (!w->unjudged && !judged_all(l, w->program, err, sizeof err)) ||
        steered_tun(&l->carry, w->program, err, sizeof err))
        refuse(l, w, err);
    else
        make(l, w);
}

static struct reload_wish file_wish(const struct live *l)
{
    return (struct reload_wish){.name = l->o->program, .what = "reload", .by = ""};
}

/* err: why it holds no program. */
static void take_file(struct live *l, const struct reload_wish *w, const char *err)
{
    if (!w->program) {
        refuse(l, w, err);
        return;
    }
    memcpy(l->rules.file_digest, w->program->digest, sizeof l->rules.file_digest);
    reload_to(l, w);
}

static const char unconfirmed[] = "what runs waits for `preyctl confirm`";

void reload_begin(struct live *l)
{
    char err[600];
    struct reload_wish w = file_wish(l);
    if (l->rules.on_trial) {
        refuse(l, &w, unconfirmed);
        return;
    }
    l->rules.wanted = l->rules.reload;
    if (l->rules.wanted) return;
    notified_reloading(&l->tell);
    w.program = look_again(l, err, sizeof err);
    take_file(l, &w, err);
    program_put(w.program);
}

void reload_changed(struct live *l)
{
    char err[600];
    struct reload_wish w = file_wish(l);
    w.program = look_again(l, err, sizeof err);
    if (w.program && !memcmp(l->rules.file_digest, w.program->digest, sizeof l->rules.file_digest)) {
        program_put(w.program);
        return;
    }
    notified_reloading(&l->tell);
    if (l->rules.on_trial)
        refuse(l, &w, unconfirmed);
    else
        take_file(l, &w, err);
    program_put(w.program);
}

static void say_reloaded(struct live *l, const struct reload *r)
{
    const struct program *p = l->carry.now.program;
    const uint32_t services = p->past ? p->past->services : p->services_count; /* without those that drain */
    events_tell(&l->tell.events, TOLD_RELOADED, "%s: %u rule%s, %u service%s%s%s", l->carry.now.name, p->rules_count,
                p->rules_count == 1 ? "" : "s", services, services == 1 ? "" : "s", r->wish.by,
                r->remap->limits ? "; what `limits` changed waits for a restart" : "");
    in_kernel_why(&l->carry);
    judged_tell(l);
    notified_ready(&l->tell);
}

/* All workers have answered: the same, for they run the same program. */
static void made(struct live *l)
{
    struct reload *r = l->rules.reload;
    const int refused = l->carry.workers[0]->refused;
    if (refused) {
        change_back(l, r);
        by_hand_apply(l, &l->carry.now); /* something may have been set meanwhile */
        health_agree(&l->carry.now, clock_ns(CLOCK_MONOTONIC));
        refuse(l, &r->wish, strerror(-refused));
    } else {
        say_reloaded(l, r);
        announced_again(&l->world, r->other.program);
        l->carry.watched = false;
        enforce_watched_now(&l->carry);
        if (r->wish.over) r->wish.over(r->wish.with, NULL);
    }
    if (!l->rules.on_trial) by_hand_forget(l); /* else their servers may come back */
    drop_other(l, r);
    l->tell.changes++;
    l->world.stale = true;
}

void reload_step(struct live *l)
{
    struct reload *r = l->rules.reload;
    if (change_pending(&l->carry)) return;
    if (r->other.program) made(l);
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        if (__atomic_load_n(&l->carry.workers[i]->swapping, __ATOMIC_ACQUIRE)) return;
    end(l);
}
