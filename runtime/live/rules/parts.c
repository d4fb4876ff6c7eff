/* All parts that take part in a change of programs, in their order */
#include "runtime/live/rules/parts.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/host/guard/program/narrowed.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steer_rules.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/members/part_members.h"
#include "runtime/live/world/world.h"
#include "runtime/schedule/schedule.h"

static bool zones_look(const struct program_change *c)
{
    const char *zone = schedules_unknown_zone(c->program);
    if (!zone) return true;
    snprintf(c->err, c->err_len,
             "%.200s: this machine doesn't know the time zone `%s`; to fix it, run: apt-get install tzdata", c->name,
             zone);
    return false;
}

static const struct part part_zones = {.admits = zones_look};

/* Refuse a bridge whose firewalls have no `forward` rules: it would pass all frames and seem to judge them. */
static bool bridge_look(const struct program_change *c)
{
    const struct program *p = c->program;
    bool judges = !p->firewalls_count || !c->carry->o->bridge_count;
    for (uint32_t i = 0; i < p->firewalls_count; i++) judges |= firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD);
    if (judges) return true;
    snprintf(c->err, c->err_len,
             "--bridge: `forward` rules judge crossing frames, and `%.60s` has none; to judge them, write: firewall "
             "%.60s forward",
             program_str(p, p->firewalls[0].name), program_str(p, p->firewalls[0].name));
    return false;
}

static const struct part part_bridge = {.admits = bridge_look};

static bool judged_look(const struct program_change *c)
{
    return c->unjudged || judged_all(c->rules, c->program, c->allows, c->err, c->err_len);
}

static const struct part part_judged = {.admits = judged_look};

/* ---- the ruling ---- */

/* Keep the old ruling in `leaving`, and put one for the new program in its place. */
static bool ruling_prepare(struct program_change *c)
{
    struct carry *carry = c->carry;
    struct ruling *now = &carry->now;
    c->leaving = *now;
    *now = (struct ruling){.program = program_get(c->remap->program), .lives = c->lives, .name = strdup(c->name)};
    c->lives = NULL;
    if (c->allows && !(now->allows = strdup(c->allows))) return false;
    return ruling_init(now, carry->o->ifaces, carry->o->iface_count);
}

static void ruling_undo(struct program_change *c)
{
    const struct ruling fresh = c->carry->now;
    c->carry->now = c->leaving;
    c->leaving = fresh;
}

static void ruling_end(struct program_change *c) { ruling_fini(&c->leaving); }

static const struct part part_ruling = {.prepares = ruling_prepare, .undoes = ruling_undo, .ends = ruling_end};

static bool owners_prepare(struct program_change *c)
{
    struct ruling *now = &c->carry->now;
    if (!c->leaving.owners) return true;
    const struct owners_cfg cfg = {.workers = c->carry->worker_count}; /* the seed of the old owners is kept */
    now->owners = owners_new(now->program, &cfg, c->leaving.owners, clock_ns(CLOCK_MONOTONIC));
    now->shared = shared_new(now->program, c->leaving.shared, c->remap, clock_ns(CLOCK_MONOTONIC));
    if (!now->owners || !now->shared) return false;
    if (!owners_part_answers(now->owners)) return true;
    snprintf(c->err, c->err_len,
             "these rules use pools in `mode proxy inline`, and the rules at the start didn't: with several workers, "
             "this change needs a restart");
    return false;
}

static const struct part part_owners = {.prepares = owners_prepare};

/* ---- flows of the old program ---- */

/* Let flows of the old program drain: guard rules and steering cover both programs. */
static bool lingering_prepare(struct program_change *c)
{
    struct carry *carry = c->carry;
    const struct program *before = c->leaving.program;
    const bool of[LINGERS] = {[LINGERS_ROUTED] = enforce_routes(carry, before),
                              [LINGERS_STEERED] = steered_routes(before),
                              [LINGERS_TRANSLATED] = steered_translates(before)};
    struct lingering next;
    if (!lingering_after(&carry->guard.lingering, carry->now.program, before, of, &carry->guard.ports.host,
                         clock_ns(CLOCK_MONOTONIC), &next))
        return false;
    c->left = carry->guard.lingering;
    carry->guard.lingering = next;
    c->hidden = true;
    return true;
}

static void lingering_undo(struct program_change *c)
{
    if (!c->hidden) return;
    const struct lingering next = c->carry->guard.lingering;
    c->carry->guard.lingering = c->left;
    c->left = next;
}

static void lingering_drop(struct program_change *c) { lingering_fini(&c->left); }

static const struct part part_lingering = {
    .prepares = lingering_prepare, .undoes = lingering_undo, .ends = lingering_drop};

/* ---- workers and loops ---- */

static bool workers_prepare(struct program_change *c)
{
    struct carry *carry = c->carry;
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &c->snapshot->facts};
    recorded_change(carry, &(struct record_change){.ids = c->ids,
                                                   .count = c->ids_count,
                                                   .gone = c->gone,
                                                   .gone_count = c->gone ? remap_gone_count(c->leaving.program) : 0,
                                                   .remap_ns = c->begun_ns,
                                                   .prepare_ns = in.mono_ns,
                                                   .world = c->snapshot->number});
    for (unsigned i = 0; i < carry->worker_count; i++) {
        struct vm_cfg cfg = worker_vm_cfg(carry->workers[i]);
        cfg.share.all = carry->now.shared;
        c->to[i] = (struct next_program){.fresh = vm_prepare(&cfg, c->remap, &in),
                                         .remap = c->remap,
                                         .snapshot = c->snapshot,
                                         .owners = carry->now.owners,
                                         .shared = carry->now.shared,
                                         .iface = carry->now.iface,
                                         .opened = carry->now.opened,
                                         .routes = enforce_routed(carry, carry->now.program),
                                         .tun = carry->tun.fd,
                                         .inline_tun = inline_stack_tun(carry, i),
                                         .copies = carry->now.copies,
                                         .number = carry->now.number,
                                         .put_in_force = carry->in_kernel ? in_kernel_swap : NULL,
                                         .arg = carry,
                                         .cuts = enforce_cuts(carry->now.program)};
        if (!c->to[i].fresh) return false;
    }
    return true;
}

static void workers_offer(struct program_change *c)
{
    c->offered = true;
    for (unsigned i = 0; i < c->carry->worker_count; i++) worker_change(c->carry->workers[i], &c->to[i]);
}

static void workers_end(struct program_change *c)
{
    for (unsigned i = 0; i < WORKERS_MOST; i++) vm_free(c->to[i].fresh);
    memset(c->to, 0, sizeof c->to);
}

static const struct part part_workers = {.prepares = workers_prepare, .offers = workers_offer, .ends = workers_end};

static bool narrowed_look(const struct program_change *c)
{
    return narrowed_fits(c->program, c->carry->in_kernel, c->err, c->err_len);
}

static const struct part part_narrowed = {.admits = narrowed_look};

static bool enforce_look(const struct program_change *c)
{
    return c->again || enforce_all(c->carry, c->program, c->err, c->err_len);
}

static const struct part part_enforce = {.admits = enforce_look};

/* Apply settings by hand again, because they may have changed meanwhile. Set guard rules and steering again if they
 * may belong to both programs. */
static void former_undo(struct program_change *c)
{
    struct ruling *now = &c->carry->now;
    by_hand_apply(c->rules, now);
    drained_apply(c->rules, now);
    health_agree(now, clock_ns(CLOCK_MONOTONIC));
    if (c->hidden && !hide_guard(c->carry)) steered_rules(c->carry);
}

/* The last undo, when everything else belongs to the former program again */
static const struct part part_former = {.undoes = former_undo};

static bool by_hand_prepare(struct program_change *c)
{
    by_hand_apply(c->rules, &c->carry->now);
    drained_apply(c->rules, &c->carry->now);
    return true;
}

static const struct part part_by_hand = {.prepares = by_hand_prepare};

static bool health_prepare(struct program_change *c)
{
    return health_follow(c->rules, &c->leaving, c->remap, c->err, c->err_len);
}

static const struct part part_health = {.prepares = health_prepare};

/* All parts, in their order. The first check is reported first. Guard rules and steering cover both programs before
 * the new one is offered, because flows of the old one may drain. The ruling takes the live sets; snapshot, loops
 * and copies come after it; the workers' vms need all of them. */
static const struct part *const parts[] = {
    &part_zones,    &part_tun,          &part_former,    &part_members,   &part_ruling, &part_by_hand, &part_health,
    &part_owners,   &part_shared_ports, &part_lingering, &part_in_kernel, &part_ports,  &part_hide,    &part_steered,
    &part_world,    &part_inline_stack, &part_observed,  &part_proxied,   &part_way,    &part_bridge,  &part_copied,
    &part_narrowed, &part_enforce,      &part_judged,    &part_workers,   &part_loops,
};
enum { PARTS_LISTED = sizeof parts / sizeof *parts };

bool parts_look(const struct program_change *c)
{
    for (unsigned i = 0; i < PARTS_LISTED; i++)
        if (parts[i]->admits && !parts[i]->admits(c)) return false;
    return true;
}

bool parts_prepare(struct program_change *c)
{
    while (c->prepared < PARTS_LISTED) {
        const struct part *p = parts[c->prepared++];
        snprintf(c->err, c->err_len, "out of memory");
        if (p->prepares && !p->prepares(c)) return false;
    }
    return true;
}

void parts_offer(struct program_change *c)
{
    for (unsigned i = 0; i < PARTS_LISTED; i++)
        if (parts[i]->offers) parts[i]->offers(c);
}

void parts_undo(struct program_change *c)
{
    for (; c->prepared; c->prepared--)
        if (parts[c->prepared - 1]->undoes) parts[c->prepared - 1]->undoes(c);
}

void parts_end(struct program_change *c)
{
    for (unsigned i = 0; i < PARTS_LISTED; i++)
        if (parts[i]->ends) parts[i]->ends(c);
}
