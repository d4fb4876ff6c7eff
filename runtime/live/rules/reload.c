/* Reload: the new program is checked, everything is made for it, and each worker takes it at a batch boundary
 * (vm_swap). After a failure the running program goes on. */
#include "runtime/live/rules/reload.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/ports.h"
#include "runtime/live/carry/proxy/inside.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steer_rules.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/leased.h"
#include "runtime/live/rules/leftover.h"
#include "runtime/live/rules/look_at.h"
#include "runtime/live/tell/notified.h"
#include "runtime/live/world/announced.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/world.h"

struct reload {
    struct reload_wish wish;
    struct remap *remap;
    uint16_t *ids; /* ids from which `remap` was made */
    unsigned ids_count;
    uint8_t *gone; /* leftovers from which it was made; NULL: none */
    uint64_t begun_ns;
    struct next_program changes[WORKERS_MOST];
    struct proxied_change *proxied;
    bool hidden;           /* guard rules may cover both programs */
    struct ruling other;   /* the old ruling; after a failed change, the new one */
    struct lingering left; /* lingering matches that belong to `other` */
};

static void refuse(struct rules *rules, const struct reload_wish *w, const char *why)
{
    events_tell(&rules->tell->events, TOLD_REFUSED, "%s: %s; the program that runs goes on", w->what, why);
    rules->tell->changes++;
    notified_ready(rules->tell);
    if (w->over) w->over(w->with, why);
}

/* Map each old interface id to its id in the new program. */
static struct remap *remap_make(const struct rules *rules, struct reload *r, struct program *fresh)
{
    const struct carry *carry = rules->carry;
    uint16_t *ids = r->ids = calloc(carry->now.ifaces_count + 1u, sizeof *ids);
    if (!ids) return NULL;
    for (uint32_t i = 0; i < carry->now.program->ifaces_count; i++) {
        const char *device = program_str(carry->now.program, carry->now.program->ifaces[i].device);
        const uint16_t id = port_iface_id(fresh, device, 0);
        ids[i] = id < fresh->ifaces_count ? id : IFACE_NONE;
    }
    for (unsigned at = 0; at < rules->o->iface_count; at++)
        ids[carry->now.iface[at]] = port_iface_id(fresh, rules->o->ifaces[at], at);
    r->ids_count = carry->now.ifaces_count;
    r->gone = leftover_gone(rules);
    r->begun_ns = clock_ns(CLOCK_MONOTONIC);
    return remap_new(carry->now.program, fresh, ids, r->ids_count, r->gone, r->begun_ns);
}

/* Set the old ruling aside and put a ruling for the new program in its place. */
static bool change_places(struct rules *rules, struct reload *r, char *err, size_t err_len)
{
    struct carry *carry = rules->carry;
    r->other = carry->now;
    carry->before = &r->other;
    carry->now = (struct ruling){.program = program_get(r->remap->program), .name = strdup(r->wish.name)};
    if (r->wish.allows && !(carry->now.allows = strdup(r->wish.allows))) return false;
    if (!ruling_init(&carry->now, rules->o->ifaces, rules->o->iface_count)) return false;
    by_hand_apply(rules, &carry->now);
    drained_apply(rules, &carry->now);
    if (!health_follow(rules, &r->other, r->remap, err, err_len)) return false;
    if (!r->other.owners) return true;
    const struct owners_cfg cfg = {.workers = carry->worker_count}; /* the seed of the old owners is kept */
    carry->now.owners = owners_new(carry->now.program, &cfg, r->other.owners, clock_ns(CLOCK_MONOTONIC));
    carry->now.shared = shared_new(carry->now.program, r->other.shared, r->remap, clock_ns(CLOCK_MONOTONIC));
    if (!carry->now.owners || !carry->now.shared) return false;
    if (!owners_part_answers(carry->now.owners)) return true;
    snprintf(err, err_len,
             "`mode proxy inline` goes on to pools, which the rules at the start did not: with several workers "
             "a restart is needed for that");
    return false;
}

/* Make guard rules and steering cover both programs, since flows of the old one drain. False: one of them refuses. */
static bool hide(struct rules *rules, struct reload *r, char *err, size_t err_len)
{
    struct carry *carry = rules->carry;
    const struct program *before = r->other.program;
    const bool of[LINGERS] = {[LINGERS_ROUTED] = enforce_routes(carry, before),
                              [LINGERS_STEERED] = steered_routes(before),
                              [LINGERS_TRANSLATED] = steered_translates(before)};
    struct lingering next;
    shared_ports_widen(carry, before, carry->now.program);
    if (shared_ports_claim(carry, carry->now.program, err, err_len)) return false;
    snprintf(err, err_len, "out of memory");
    if (!lingering_after(&carry->lingering, carry->now.program, before, of, &carry->ports.host,
                         clock_ns(CLOCK_MONOTONIC), &next))
        return false;
    r->left = carry->lingering;
    carry->lingering = next;
    r->hidden = true;
    return in_kernel_prepare(carry, carry->now.program, err, err_len) && ports_rings(carry, err, err_len) &&
           ports_part(carry, err, err_len) && !hide_rules(carry, err, err_len) && !steered_take(carry, err, err_len);
}

static bool prepare_all(struct rules *rules, struct reload *r, char *err, size_t err_len)
{
    struct carry *carry = rules->carry;
    routing_stale(rules->world); /* `limits { routes }` may have changed */
    routing_renew(rules->world);
    struct snapshot *s = world_snapshot(rules->world, true);
    if (!s) return false;
    if (inside_follow(carry, carry->now.program, err, err_len)) {
        snapshot_free(s);
        return false;
    }
    if (!observed_program(carry, r->remap->program, err, err_len)) {
        snapshot_free(s);
        return false;
    }
    r->proxied = proxied_prepare(carry, r->remap, s, err, err_len);
    if (!r->proxied) {
        snapshot_free(s);
        return false;
    }
    if (!copied_prepare(carry, carry->now.program, &carry->now.copies, err, err_len)) {
        snapshot_free(s);
        return false;
    }
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &s->facts};
    /* Give the change its number. A failed change is one that no worker takes. */
    recorded_change(carry, &(struct record_change){.ids = r->ids,
                                                   .count = r->ids_count,
                                                   .gone = r->gone,
                                                   .gone_count = r->gone ? remap_gone_count(r->other.program) : 0,
                                                   .remap_ns = r->begun_ns,
                                                   .prepare_ns = in.mono_ns,
                                                   .world = s->number});
    for (unsigned i = 0; i < carry->worker_count; i++) {
        struct vm_cfg cfg = worker_vm_cfg(carry->workers[i]);
        cfg.share.all = carry->now.shared;
        r->changes[i] = (struct next_program){.fresh = vm_prepare(&cfg, r->remap, &in),
                                              .remap = r->remap,
                                              .snapshot = s,
                                              .owners = carry->now.owners,
                                              .shared = carry->now.shared,
                                              .iface = carry->now.iface,
                                              .opened = carry->now.opened,
                                              .routes = enforce_routed(carry, carry->now.program),
                                              .tun = carry->tun,
                                              .inside = inside_tun(carry, i),
                                              .copies = carry->now.copies,
                                              .number = carry->now.number,
                                              .put_in_force = carry->in_kernel ? in_kernel_swap : NULL,
                                              .arg = carry,
                                              .cuts = enforce_cuts(carry->now.program)};
        if (r->changes[i].fresh) continue;
        snapshot_free(s);
        return false;
    }
    world_give(rules->world, s);
    return true;
}

/* Free the ruling that is not in force. */
static void drop_other(struct rules *rules, struct reload *r)
{
    ruling_fini(&r->other);
    for (unsigned i = 0; i < WORKERS_MOST; i++) vm_free(r->changes[i].fresh);
    memset(r->changes, 0, sizeof r->changes);
    proxied_end(rules->carry, r->proxied);
    r->proxied = NULL;
    rules->carry->before = NULL;
    rules->carry->loops_change = NULL;
}

/* Put the old ruling back in its place. */
static void change_back(struct rules *rules, struct reload *r)
{
    struct carry *carry = rules->carry;
    const struct ruling fresh = carry->now;
    carry->now = r->other;
    r->other = fresh;
    if (!r->hidden) return;
    const struct lingering next = carry->lingering;
    carry->lingering = r->left;
    r->left = next;
    if (!hide_guard(carry)) steered_rules(carry);
}

static void end(struct rules *rules)
{
    remap_free(rules->reload->remap);
    lingering_fini(&rules->reload->left);
    free(rules->reload->ids);
    free(rules->reload->gone);
    free(rules->reload);
    rules->reload = NULL;
    rules->carry->offered = rules->carry->reloading = false;
}

void reload_fini(struct rules *rules)
{
    if (!rules->reload) return;
    drop_other(rules, rules->reload);
    end(rules);
}

static void make(struct rules *rules, const struct reload_wish *w)
{
    struct carry *carry = rules->carry;
    struct reload *r = rules->reload = calloc(1, sizeof *r);
    if (!r) {
        refuse(rules, w, "out of memory");
        return;
    }
    char err[500] = "out of memory";
    carry->reloading = true;
    r->wish = *w;
    r->remap = remap_make(rules, r, w->program);
    if (!r->remap || !change_places(rules, r, err, sizeof err) || !hide(rules, r, err, sizeof err) ||
        !prepare_all(rules, r, err, sizeof err)) {
        if (r->other.program) change_back(rules, r);
        drop_other(rules, r);
        end(rules);
        rules->world->stale = true; /* the time of the next schedule change was computed for the other program */
        refuse(rules, w, err);
        return;
    }
    carry->loops_change = r->proxied;
    carry->offered = true;
    for (unsigned i = 0; i < carry->worker_count; i++) worker_change(carry->workers[i], &r->changes[i]);
    proxied_offer(carry, r->proxied);
}

void reload_to(struct rules *rules, const struct reload_wish *w)
{
    char err[600];
    const bool same = !memcmp(w->program->digest, rules->carry->now.program->digest, sizeof w->program->digest);
    if (!look_at_program(rules, w->program, w->name, same || w->again, err, sizeof err) ||
        (!w->unjudged && !judged_all(rules, w->program, w->allows, err, sizeof err)) ||
        steered_tun(rules->carry, w->program, err, sizeof err))
        refuse(rules, w, err);
    else
        make(rules, w);
}

static struct reload_wish file_wish(const struct rules *rules, enum began_way way)
{
    return (struct reload_wish){.name = rules->o->program, .what = "reload", .by = "", .began.way = way};
}

/* Begin a reload from the file; err: the reason if there is no program. */
static void take_file(struct rules *rules, const struct reload_wish *w, const char *err)
{
    if (!w->program) {
        refuse(rules, w, err);
        return;
    }
    memcpy(rules->file_digest, w->program->digest, sizeof rules->file_digest);
    reload_to(rules, w);
}

static const char unconfirmed[] = "the running program waits to be confirmed: preyctl confirm";

void reload_begin(struct rules *rules)
{
    char err[600];
    struct reload_wish w = file_wish(rules, BEGAN_RELOAD);
    if (rules->on_trial) {
        refuse(rules, &w, unconfirmed);
        return;
    }
    rules->wanted = rules->reload;
    if (rules->wanted) return;
    notified_reloading(rules->tell);
    w.program = look_again(rules, err, sizeof err);
    take_file(rules, &w, err);
    program_put(w.program);
}

void reload_changed(struct rules *rules)
{
    char err[600];
    struct reload_wish w = file_wish(rules, BEGAN_WATCH);
    w.program = look_again(rules, err, sizeof err);
    if (w.program && !memcmp(rules->file_digest, w.program->digest, sizeof rules->file_digest)) {
        program_put(w.program);
        return;
    }
    notified_reloading(rules->tell);
    if (rules->on_trial)
        refuse(rules, &w, unconfirmed);
    else
        take_file(rules, &w, err);
    program_put(w.program);
}

static void say_reloaded(struct rules *rules, const struct reload *r)
{
    const struct program *p = rules->carry->now.program;
    const uint32_t services = p->past ? p->past->services : p->services_count; /* without services that drain */
    events_tell(&rules->tell->events, TOLD_RELOADED, "%s: %u rule%s, %u service%s%s%s%s", rules->carry->now.name,
                p->rules_count, p->rules_count == 1 ? "" : "s", services, services == 1 ? "" : "s", r->wish.by,
                r->remap->limits ? "; changed `limits` wait for a restart" : "",
                in_kernel_tunnels_rise(rules->carry)
                    ? "; this process puts packets into tunnels, until a restart takes XDP"
                    : "");
    in_kernel_why(rules->carry);
    judged_tell(rules);
    leased_notice(rules);
    notified_ready(rules->tell);
}

/* Leave packets that cross to the host, if prey sent them on by the program before and leaves them to the host now.
 * None of them drain: flows that are sent on have guard rules of their own. */
static void leave_routed(struct carry *carry)
{
    if (!carry->lingering.whole_ns[LINGERS_ROUTED]) return;
    carry->lingering.whole_ns[LINGERS_ROUTED] = 0;
    if (!enforce_routes(carry, carry->now.program)) hide_guard(carry);
}

/* Finish the change. All workers gave the same answer, because they run the same program. */
static void made(struct rules *rules)
{
    struct carry *carry = rules->carry;
    struct reload *r = rules->reload;
    const int refused = carry->workers[0]->refused;
    if (refused) {
        change_back(rules, r);
        by_hand_apply(rules, &carry->now); /* settings by hand may have changed meanwhile */
        drained_apply(rules, &carry->now);
        health_agree(&carry->now, clock_ns(CLOCK_MONOTONIC));
        refuse(rules, &r->wish, strerror(-refused));
    } else {
        leave_routed(carry);
        rules->began = r->wish.began;
        rules->begun++;
        say_reloaded(rules, r);
        announced_again(rules->world, r->other.program);
        carry->watched = false;
        enforce_watched_now(carry);
        if (r->wish.over) r->wish.over(r->wish.with, NULL);
    }
    if (!rules->on_trial) { /* a trial may end with the old program, its servers and services */
        by_hand_forget(rules);
        drained_forget(rules);
    }
    drop_other(rules, r);
    rules->tell->changes++;
    rules->world->stale = true;
}

void reload_step(struct rules *rules)
{
    struct reload *r = rules->reload;
    if (change_pending(rules->carry)) return;
    if (r->other.program) made(rules);
    for (unsigned i = 0; i < rules->carry->worker_count; i++)
        if (__atomic_load_n(&rules->carry->workers[i]->swapping, __ATOMIC_ACQUIRE)) return;
    end(rules);
}
