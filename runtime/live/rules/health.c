/* Health of servers. Each has at most one line in ten seconds, with the number of unreported changes. */
#include "runtime/live/rules/health.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/via.h"
#include "runtime/live/world/here.h"
#include "runtime/live/world/world.h"
#include "vm/keyed/keyed.h"

#define TOLD_EACH_NS UINT64_C(10000000000)
#define SLACK_NS     UINT64_C(4000000) /* probes due within this time of one another are sent in one turn */

/* The last line written about a server: its time, and the changes up to then. */
struct health_told {
    uint64_t at_ns;
    uint32_t changes; /* value of check_state.changes at the last line */
};

static bool checks_any(const struct program *p, uint8_t kind)
{
    for (uint32_t s = 0; s < p->servers_count; s++) {
        const uint32_t check = program_check(p, s);
        if (check != PBC_NONE && (kind == PBC_CHECK_KINDS || p->checks[check].kind == kind)) return true;
    }
    return false;
}

static int open_certificates(void *with, const char *path)
{
    struct rules *rules = with;
    int fd;
    const int failed = ask_CERTIFICATES(rules->tell->channel, path, &fd, NULL, 0);
    return failed ? failed : fd;
}

/* Request the raw sockets when a program first has checks by echo requests. */
static bool open_echo(struct rules *rules, char *err, size_t err_len)
{
    if (rules->echo[0] >= 0 || !checks_any(rules->carry->now.program, PBC_CHECK_ICMP)) return true;
    return !ask_ECHO(rules->tell->channel, rules->echo, err, err_len);
}

static bool make_checks(struct rules *rules, const struct ruling *before, const struct remap *r, char *err,
                        size_t err_len)
{
    struct carry *carry = rules->carry;
    const struct checks_cfg cfg = {.icmp4 = rules->echo[0],
                                   .icmp6 = rules->echo[1],
                                   .seed = rules->o->seed ? rules->o->seed : clock_ns(CLOCK_MONOTONIC),
                                   .open_file = open_certificates,
                                   .with = rules,
                                   .stack = via_stack(rules)};
    carry->now.told = calloc(carry->now.program->servers_count + 1u, sizeof *carry->now.told);
    if (!carry->now.told || !via_follow(rules, carry->now.program, err, err_len)) return false;
    carry->now.checks = checks_new(carry->now.program, &cfg, before ? before->checks : NULL, r,
                                   clock_ns(CLOCK_MONOTONIC), err, err_len);
    return carry->now.checks;
}

int health_begin(struct rules *rules)
{
    char err[500] = "out of memory";
    if (!checks_any(rules->carry->now.program, PBC_CHECK_KINDS)) return 0;
    if (!open_echo(rules, err, sizeof err) || !make_checks(rules, NULL, NULL, err, sizeof err))
        return complain("%s", err);
    return 0;
}

/* Set whether a server is down by its checks or by hand. A server that becomes healthy starts slowly from now on. */
static void set_down(struct ruling *r, uint32_t server, bool down, uint64_t now_ns)
{
    const bool here = r->down[server] & FACTS_HERE, before = r->down[server] & FACTS_DOWN;
    if (before != down) r->up_since_ns[server] = down || here ? 0 : now_ns;
    r->down[server] = (uint8_t)((r->down[server] & FACTS_NOT_BY_CHECKS) | (down ? FACTS_DOWN : 0));
}

static void take_over_health(struct ruling *now, const struct ruling *before, const struct remap *r)
{
    for (uint32_t old = 0; old < before->program->servers_count; old++) {
        const uint32_t server = r->server[old];
        if (server == PBC_NONE) continue;
        now->down[server] = before->down[old];
        now->up_since_ns[server] = before->up_since_ns[old];
        if (now->told && before->told && checks_of(now->checks, server)->checked) now->told[server] = before->told[old];
    }
}

/* Set each server up or down. A server whose check was removed is up; a server that is still checked keeps its
 * state. */
void health_agree(struct ruling *now, uint64_t now_ns)
{
    for (uint32_t s = 0; s < now->program->servers_count; s++) {
        if (program_is_past(now->program, s)) continue;
        const struct check_state *state = now->checks ? checks_of(now->checks, s) : NULL;
        set_down(now, s, by_hand_down(now, s, state && state->checked && !state->up), now_ns);
    }
}

bool health_follow(struct rules *rules, const struct ruling *before, const struct remap *r, char *err, size_t err_len)
{
    if (checks_any(rules->carry->now.program, PBC_CHECK_KINDS) &&
        (!open_echo(rules, err, err_len) || !make_checks(rules, before, r, err, err_len)))
        return false;
    rules->not_begun = 0;
    take_over_health(&rules->carry->now, before, r);
    health_agree(&rules->carry->now, clock_ns(CLOCK_MONOTONIC));
    return true;
}

void health_archive(struct rules *rules, struct archive *a)
{
    struct ruling *now = &rules->carry->now;
    uint32_t count = now->program->servers_count;
    ARCHIVE(a, count);
    archive_sound(a, count == now->program->servers_count);
    for (uint32_t s = 0; s < now->program->servers_count && !a->bad; s++) {
        struct check_state state = {.up = true};
        uint64_t up_since_ns = now->up_since_ns[s];
        if (now->checks) state = *checks_of(now->checks, s);
        uint8_t flags = (uint8_t)(state.known | state.up << 1);
        ARCHIVE(a, flags);
        ARCHIVE(a, state.row);
        ARCHIVE(a, state.since_ns);
        ARCHIVE(a, state.good);
        ARCHIVE(a, state.bad);
        ARCHIVE(a, state.changes);
        ARCHIVE(a, state.latency_us);
        ARCHIVE(a, state.why);
        ARCHIVE(a, up_since_ns);
        archive_sound(a, flags < 4 && memchr(state.why, 0, sizeof state.why));
        state.known = flags & 1;
        state.up = flags & 2;
        if (!a->reads || a->bad) continue;
        now->up_since_ns[s] = up_since_ns;
        if (!now->checks) continue;
        checks_restore(now->checks, s, &state);
        now->told[s].changes = checks_of(now->checks, s)->changes;
    }
    if (!a->reads || a->bad) return;
    by_hand_apply(rules, now);
    drained_apply(rules, now);
    for (uint32_t s = 0; s < now->program->servers_count;
         s++) { /* without set_down, which would begin slow starts again */
        const struct check_state *state = now->checks ? checks_of(now->checks, s) : NULL;
        const bool down = by_hand_down(now, s, state && state->checked && !state->up);
        now->down[s] = (uint8_t)((now->down[s] & FACTS_NOT_BY_CHECKS) | (down ? FACTS_DOWN : 0));
    }
}

void health_fini(struct rules *rules)
{
    via_fini(rules);
    for (unsigned i = 0; i < 2; i++)
        if (rules->echo[i] >= 0) close(rules->echo[i]);
}

static void tell_health(struct rules *rules, uint32_t server, uint64_t now)
{
    const struct check_state *s = checks_of(rules->carry->now.checks, server);
    struct health_told *t = &rules->carry->now.told[server];
    const struct program *p = rules->carry->now.program;
    const uint32_t more = s->changes - t->changes - 1;
    char many[80] = "";
    if (more)
        snprintf(many, sizeof many, "; since the server's last line, %" PRIu32 " change%s not logged", more,
                 more == 1 ? " was" : "s were");
    t->at_ns = now;
    t->changes = s->changes;
    const bool here = rules->carry->now.down[server] & FACTS_HERE_ANY;
    events_tell(&rules->tell->events, TOLD_HEALTH, "%s/%s is %s%s%s%s",
                program_str(p, p->pools[p->servers[server].pool].name), program_str(p, p->servers[server].name),
                !s->up ? "down"
                : here ? "still down"
                       : "up",
                s->up && !here ? "" : ": ",
                !s->up ? s->why
                : here ? HERE_WHY
                       : "",
                many);
}

static bool may_tell(const struct rules *rules, uint32_t server, uint64_t now)
{
    const struct health_told *t = &rules->carry->now.told[server];
    return !t->at_ns || now - t->at_ns >= TOLD_EACH_NS;
}

static void tell_not_begun(struct rules *rules, uint64_t now)
{
    const uint64_t count = rules->carry->now.checks ? checks_not_begun(rules->carry->now.checks) : 0;
    if (count <= rules->not_begun || now - rules->not_begun_ns < TOLD_EACH_NS) return;
    events_tell(&rules->tell->events, TOLD_FAULT,
                "%" PRIu64 " health checks couldn't begin: file descriptors, ports or memory ran out, or this machine "
                "forbids the checks; the servers keep their state",
                count - rules->not_begun);
    rules->not_begun = count;
    rules->not_begun_ns = now;
}

void health_tick(struct rules *rules, uint64_t now)
{
    const struct carry *carry = rules->carry;
    tell_not_begun(rules, now);
    for (uint32_t s = 0; carry->now.checks && s < carry->now.program->servers_count; s++)
        if (checks_of(carry->now.checks, s)->changes != carry->now.told[s].changes && may_tell(rules, s, now))
            tell_health(rules, s, now);
}

int health_fd(const struct rules *rules) { return rules->carry->now.checks ? checks_fd(rules->carry->now.checks) : -1; }

uint64_t health_due_ns(const struct rules *rules, uint64_t now)
{
    const uint64_t due = rules->carry->now.checks ? checks_due(rules->carry->now.checks) : UINT64_MAX;
    return due > now && due < UINT64_MAX - SLACK_NS ? due + SLACK_NS : due;
}

void health_refused(struct rules *rules, const struct refusal *r, uint64_t now)
{
    if (r->program == rules->carry->now.program->serial && rules->carry->now.checks)
        checks_hint(rules->carry->now.checks, r->server, "new flows are refused", now);
}

bool health_step(struct rules *rules, uint64_t now)
{
    bool any = false;
    struct ruling *r = &rules->carry->now;
    if (!r->checks) return true;
    checks_step(r->checks, now);
    for (uint32_t s; (s = checks_next_change(r->checks)) != UINT32_MAX; any = true) {
        set_down(r, s, by_hand_down(r, s, !checks_of(r->checks, s)->up), now);
        if (may_tell(rules, s, now)) tell_health(rules, s, now);
    }
    return any ? world_publish(rules->world, false) : true;
}
