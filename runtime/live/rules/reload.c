/* Reload: the new program is checked, each part of the state prepares for it, and each worker takes it at a batch
 * boundary (vm_swap). After a failure the running program goes on. */
#include "runtime/live/rules/reload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/leased.h"
#include "runtime/live/rules/leftover.h"
#include "runtime/live/rules/members/granted.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/live/rules/parts.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/rules/servers/named_servers.h"
#include "runtime/live/tell/notified.h"
#include "runtime/live/world/announced.h"

#define SECOND_NS UINT64_C(1000000000)
enum { NAMED_AGAIN_S = 30 /* seconds until servers by name are tried again after a refused reload */ };

struct reload {
    struct program_change change;
    struct reload_wish wish;
};

static void refuse_reload(struct rules *rules, const struct reload_wish *w, const char *why)
{
    events_tell(&rules->tell->events, TOLD_REFUSED, "%s: %s; the old program keeps running", w->what, why);
    rules->tell->changes++;
    notified_ready(rules->tell);
    if (w->over) w->over(w->with, why);
}

/* Map each old interface id to its id in the new program. */
static struct remap *remap_make(const struct rules *rules, struct program_change *c)
{
    const struct carry *carry = rules->carry;
    uint16_t *ids = c->ids = calloc(carry->now.ifaces_count + 1u, sizeof *ids);
    if (!ids) return NULL;
    for (uint32_t i = 0; i < carry->now.program->ifaces_count; i++) {
        const char *device = program_str(carry->now.program, carry->now.program->ifaces[i].device);
        const uint16_t id = port_iface_id(c->program, device, 0);
        ids[i] = id < c->program->ifaces_count ? id : IFACE_NONE;
    }
    for (unsigned at = 0; at < carry->o->iface_count; at++)
        ids[carry->now.iface[at]] = port_iface_id(c->program, carry->o->ifaces[at], at);
    c->ids_count = carry->now.ifaces_count;
    c->gone = leftover_gone(rules);
    c->begun_ns = clock_ns(CLOCK_MONOTONIC);
    return remap_new(carry->now.program, c->program, ids, c->ids_count, c->gone, c->begun_ns);
}

static void reload_end(struct rules *rules)
{
    struct program_change *c = &rules->reload->change;
    rules->carry->change = NULL;
    remap_free(c->remap);
    free(c->ids);
    free(c->gone);
    free(rules->reload);
    rules->reload = NULL;
}

void reload_fini(struct rules *rules)
{
    if (!rules->reload) return;
    parts_end(&rules->reload->change);
    reload_end(rules);
}

static void reload_make(struct rules *rules, const struct reload_wish *w, struct program_change *seen)
{
    struct reload *r = calloc(1, sizeof *r);
    if (!r) {
        refuse_reload(rules, w, "out of memory");
        return;
    }
    *r = (struct reload){.change = *seen, .wish = *w};
    struct program_change *c = &r->change;
    rules->reload = r;
    rules->carry->change = c;
    snprintf(c->err, c->err_len, "out of memory");
    c->remap = remap_make(rules, c);
    if (c->remap && parts_prepare(c)) {
        parts_offer(c);
        c->err = NULL;
        c->err_len = 0;
        return;
    }
    parts_undo(c);
    parts_end(c);
    reload_end(rules);
    refuse_reload(rules, w, seen->err);
}

void reload_to(struct rules *rules, const struct reload_wish *wish)
{
    char err[600];
    struct reload_wish with_names = *wish;
    const struct reload_wish *w = &with_names;
    with_names.program = wish->by_names ? program_get(wish->program) : named_program(rules, wish->program);
    const bool same = !memcmp(w->program->digest, rules->carry->now.program->digest, sizeof w->program->digest);
    struct program_change c = {.carry = rules->carry,
                               .world = rules->world,
                               .rules = rules,
                               .program = w->program,
                               .name = w->name,
                               .allows = w->allows,
                               .again = same || w->again,
                               .unjudged = w->unjudged,
                               .err = err,
                               .err_len = sizeof err};
    if (parts_look(&c))
        reload_make(rules, w, &c);
    else
        refuse_reload(rules, w, err);
    program_put(with_names.program);
}

/* Try a refused reload again, because the names may never change again. */
static void named_over(void *with, const char *why)
{
    struct rules *rules = with;
    if (!why) return;
    rules->servers_heard = 0;
    rules->servers_ns = clock_ns(CLOCK_MONOTONIC) + NAMED_AGAIN_S * SECOND_NS;
}

void reload_named(struct rules *rules, uint64_t now_ns)
{
    const struct ruling *now = &rules->carry->now;
    if (rules->reload || now_ns < rules->servers_ns || names_heard(rules) == rules->servers_heard) return;
    rules->servers_heard = names_heard(rules);
    rules->servers_ns = now_ns + SECOND_NS;
    struct program *next = named_program(rules, now->program);
    if (next != now->program)
        reload_to(rules, &(struct reload_wish){.program = next,
                                               .name = now->name,
                                               .what = "servers by name",
                                               .by = "",
                                               .allows = now->allows,
                                               .began = rules->began,
                                               .unjudged = true,
                                               .again = true,
                                               .by_names = true,
                                               .over = named_over,
                                               .with = rules});
    program_put(next);
}

struct program *reload_file(const struct rules *rules, char *err, size_t err_len)
{
    int fd;
    if (ask_RULES(rules->tell->channel, &fd, err, err_len)) return NULL;
    struct program *p = program_load_open(fd, rules->o->program, err, err_len);
    close(fd);
    if (p) room_bound(rules, p);
    return p;
}

static struct reload_wish file_wish(const struct rules *rules, enum began_way way)
{
    return (struct reload_wish){.name = rules->o->program, .what = "reload", .by = "", .began.way = way};
}

/* Begin a reload from the file. If there is no program, err has the reason. */
static void take_file(struct rules *rules, const struct reload_wish *w, const char *err)
{
    if (!w->program) {
        refuse_reload(rules, w, err);
        return;
    }
    memcpy(rules->file_digest, w->program->digest, sizeof rules->file_digest);
    reload_to(rules, w);
}

static const char unconfirmed[] = "the running program isn't confirmed yet: run preyctl confirm first";

void reload_begin(struct rules *rules)
{
    char err[600];
    struct reload_wish w = file_wish(rules, BEGAN_RELOAD);
    if (rules->on_trial) {
        refuse_reload(rules, &w, unconfirmed);
        return;
    }
    rules->wanted = rules->reload;
    if (rules->wanted) return;
    notified_reloading(rules->tell);
    w.program = reload_file(rules, err, sizeof err);
    take_file(rules, &w, err);
    program_put(w.program);
}

void reload_start(struct rules *rules, void (*over)(void *with, const char *why), void *with)
{
    char err[600];
    struct reload_wish w = file_wish(rules, BEGAN_START);
    w.over = over;
    w.with = with;
    w.program = reload_file(rules, err, sizeof err);
    if (w.program && !memcmp(w.program->digest, rules->carry->now.program->digest, sizeof w.program->digest))
        over(with, NULL);
    else
        take_file(rules, &w, err);
    program_put(w.program);
}

void reload_changed(struct rules *rules)
{
    char err[600];
    struct reload_wish w = file_wish(rules, BEGAN_WATCH);
    w.program = reload_file(rules, err, sizeof err);
    if (w.program && !memcmp(rules->file_digest, w.program->digest, sizeof rules->file_digest)) {
        program_put(w.program);
        return;
    }
    notified_reloading(rules->tell);
    if (rules->on_trial)
        refuse_reload(rules, &w, unconfirmed);
    else
        take_file(rules, &w, err);
    program_put(w.program);
}

/* Note the limit on flows that is now in force. */
static void flows_follow(struct rules *rules, const struct reload *r)
{
    if (!(r->change.remap->from->meta->flags & PBC_KEEPS_FLOWS)) rules->carry->flows = rules->carry->now.program->flows;
}

static void say_reloaded(struct rules *rules, const struct reload *r)
{
    const struct program *p = rules->carry->now.program;
    flows_follow(rules, r);
    const uint32_t services = p->past ? p->past->services : p->services_count; /* without past services, which drain */
    events_tell(
        &rules->tell->events, TOLD_RELOADED, "%s: %u rule%s, %u service%s%s%s%s%s%s%s", rules->carry->now.name,
        p->rules_count, p->rules_count == 1 ? "" : "s", services, services == 1 ? "" : "s", r->wish.by,
        r->change.remap->limits ? "; changed `limits` take effect after a stop and a start" : "",
        in_kernel_tunnels_rise(rules->carry) ? "; preyrun puts packets into tunnels until a restart uses XDP" : "",
        ports_miss_questions(rules->carry) ? "; prey sees this machine's own DNS questions only after a restart" : "",
        *rules->fell_out ? "; " : "", rules->fell_out);
    in_kernel_why(rules->carry);
    judged_tell(rules);
    leased_notice(rules);
    granted_notice(rules);
    notified_ready(rules->tell);
}

/* Finish the change. All workers have the same result, because they run the same program. */
static void change_finish(struct rules *rules)
{
    struct carry *carry = rules->carry;
    struct reload *r = rules->reload;
    const int refused = carry->workers[0]->refused;
    if (refused) {
        parts_undo(&r->change);
        refuse_reload(rules, &r->wish, strerror(-refused));
    } else {
        /* Crossing packets are left to the host if prey forwarded them under the former program, but not under this
         * one. They do not drain: flows that prey forwards have their own guard rules. */
        if (carry->guard.lingering.whole_ns[LINGERS_ROUTED]) {
            carry->guard.lingering.whole_ns[LINGERS_ROUTED] = 0;
            if (!enforce_routes(carry, carry->now.program)) hide_guard(carry);
        }
        rules->began = r->wish.began;
        rules->begun += !r->wish.by_names;
        in_kernel_hear_all(carry); /* takes over members that rules of the former program have added */
        members_settle(rules, &r->change);
        if (r->wish.by_names)
            flows_follow(rules, r);
        else
            say_reloaded(rules, r);
        named_tell(rules, r->change.leaving.program);
        announced_again(rules->world, r->change.leaving.program);
        carry->watched = false;
        enforce_watched_now(carry);
        if (r->wish.over) r->wish.over(r->wish.with, NULL);
    }
    if (!rules->on_trial) { /* a trial may end with the old program, its servers and services */
        by_hand_forget(rules);
        drained_forget(rules);
    }
    parts_end(&r->change);
    rules->tell->changes++;
}

void reload_step(struct rules *rules)
{
    const struct reload *r = rules->reload;
    if (change_pending(rules->carry)) return;
    if (r->change.leaving.program) change_finish(rules);
    for (unsigned i = 0; i < rules->carry->worker_count; i++)
        if (__atomic_load_n(&rules->carry->workers[i]->swapping, __ATOMIC_ACQUIRE)) return;
    reload_end(rules);
}
