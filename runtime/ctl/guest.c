/* Guests: users who are neither root nor the owner, and whom a group lets ask about some live sets (--sets-group).
 * They are known only by the kernel's data about the peer. They can't hold up others: they have fewer places, less
 * room for answers, and a share of the time. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/ctl/client_priv.h"

enum {
    GROUPS_MOST = 65536 /* most groups of a process (NGROUPS_MAX) */,
    SHARE = 5 /* guests get one part in this many of the time */
};
#define BURST_NS UINT64_C(200000000) /* most time that may be taken at once */

/* Return the bits of the groups of that number. */
static uint32_t group_bits(const struct ctl *s, gid_t gid)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < s->cfg.group_count; i++)
        if (s->cfg.groups[i].gid == gid) bits |= 1u << i;
    return bits;
}

uint32_t guest_groups(const struct ctl *s, int fd, const struct ucred *who)
{
    static_assert(SETS_GROUPS <= 32, "a bit for each");
    socklen_t len = 0;
    if (!s->cfg.group_count) return 0;
    uint32_t bits = group_bits(s, who->gid);
    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len); /* the call gives the needed length */
    gid_t *more = len && len <= GROUPS_MOST * sizeof *more ? malloc(len) : NULL;
    if (more && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, more, &len))
        for (size_t i = 0; i < len / sizeof *more; i++) bits |= group_bits(s, more[i]);
    free(more);
    return bits;
}

const char *guest_crowd(const struct ctl *s, uid_t uid)
{
    unsigned guests = 0, own = 0;
    for (unsigned i = 0; i < s->count; i++) {
        if (!call_is_guest(s->clients[i])) continue;
        guests++;
        own += s->clients[i]->who.uid == uid;
    }
    if (own >= CTL_GUESTS_OF_USER)
        return "this user has 3 connections to the control socket, which is the limit: run the command again when one "
               "has ended";
    if (guests >= CTL_GUESTS)
        return "users of --sets-group have 12 connections to the control socket, which is the limit: run the command "
               "again when one has ended";
    return NULL;
}

bool guest_waits(const struct call *c) { return call_is_guest(c) && c->server->guests_wait; }

void guests_pay(struct ctl *s, uint64_t took_ns)
{
    s->guests_debt_ns += took_ns;
    if (s->guests_debt_ns > BURST_NS) s->guests_wait = true;
}

void guests_step(struct ctl *s)
{
    const uint64_t paid_ns = (s->now_ns - s->guests_ns) / SHARE;
    s->guests_ns = s->now_ns;
    s->guests_debt_ns -= paid_ns < s->guests_debt_ns ? paid_ns : s->guests_debt_ns;
    if (!s->guests_wait || s->guests_debt_ns > BURST_NS) return;
    s->guests_wait = false;
    for (unsigned i = 0; i < s->count; i++) {
        struct call *c = s->clients[i];
        if (!call_is_guest(c)) continue;
        if (!outbox_waits(&c->out)) c->until_ns = s->now_ns + CTL_PATIENCE_NS;
        client_watch(c);
    }
}

bool call_is_guest(const struct call *c) { return c->groups != 0; }

bool call_may_set(const struct call *c, const char *set)
{
    const struct ctl_cfg *cfg = &c->server->cfg;
    bool may = !call_is_guest(c);
    for (unsigned i = 0; i < cfg->group_count && !may; i++)
        may = c->groups >> i & 1 && sets_group_has(&cfg->groups[i], set);
    return may;
}

void call_refuse_guest(struct call *c)
{
    const struct ctl_cfg *cfg = &c->server->cfg;
    char sets[600] = "";
    size_t used = 0;
    for (unsigned i = 0; i < cfg->group_count && used < sizeof sets; i++)
        if (c->groups >> i & 1)
            used += (size_t)snprintf(sets + used, sizeof sets - used, "%s%s", used ? "," : "", cfg->groups[i].sets);
    call_end(c, 2, "user %u may only ask about and change these live sets: %s", (unsigned)c->who.uid, sets);
}
