/* Ports shared with sockets. A socket bound before the start keeps its port: no mapping can have it yet. A socket
 * bound later would conflict with a mapping at its port, so guard rules keep hiding the port. No mapping draws it
 * while the socket exists.
 *
 * In the lower ports by which ranges have grown, a socket always keeps its port. The user executor hides packets
 * that no socket takes, and gives back packets without a mapping (`given`). A lasting socket's port is taken out of
 * both, so that its packets cost nothing. The port of a short-lived socket is not, because guard rules would change
 * all the time. */
#include "runtime/live/carry/guard/shared_ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/host/guard/program/opened.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/tell/log.h"
#include "runtime/parent/ask.h"

enum { SELDOM = 500 };                         /* looks take at most one part in SELDOM of the time */
#define LONGEST_NS (UINT64_C(60) * 1000000000) /* longest pause between two looks, however long they take */

static bool has(const struct facts_port *all, unsigned count, const struct facts_port *one)
{
    bool found = false;
    for (unsigned i = 0; i < count; i++) found |= all[i].port == one->port && all[i].udp == one->udp;
    return found;
}

/* List the ports of masquerade; `ranges` has room. Return the number of ranges. */
static unsigned drawn(const struct program *p, struct host_ports *ranges)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind != PBC_NAT_MASQUERADE) continue;
        if (!n->port_count) ranges[count++] = (struct host_ports){n->port_lo, n->port_hi, 1, 0};
        for (const struct pbc_range *r = p->ranges + n->ports, *end = r + n->port_count; r < end; r++)
            ranges[count++] = (struct host_ports){(uint16_t)r->lo, (uint16_t)r->hi, 1, 0};
    }
    return count;
}

static bool draws(const struct program *p, unsigned port)
{
    bool may = false;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind != PBC_NAT_MASQUERADE) continue;
        may |= !n->port_count && n->port_lo <= port && port <= n->port_hi;
        for (const struct pbc_range *r = p->ranges + n->ports, *end = r + n->port_count; r < end; r++)
            may |= r->lo <= port && port <= r->hi;
    }
    return may;
}

/* Find the sockets on masquerade's ports. */
static void look(struct carry *carry, const struct program *p, bool udp)
{
    struct ports_look *to = &carry->guard.ports.looks[udp];
    struct host_ports *ranges = calloc((size_t)p->nats_count + PBC_NAT_PORTS_MAX + 1, sizeof *ranges);
    const unsigned count = ranges ? drawn(p, ranges) : 0;
    to->count = count ? sockets_ports(&carry->guard.ports.sockets, udp, ranges, count, to->all, SHARED_PORTS_MOST) : 0;
    free(ranges);
}

static bool bit_has(const uint64_t *bits, unsigned port) { return bits[port / 64] >> port % 64 & 1; }

static void bit_set(uint64_t *bits, unsigned port) { bits[port / 64] |= UINT64_C(1) << port % 64; }

/* Find the ports that sockets have. False: out of memory. */
static bool look_at_all(const struct shared_ports *s, uint64_t now[SHARED_WORDS])
{
    struct facts_port *all = calloc(65536, sizeof *all);
    memset(now, 0, SHARED_WORDS * sizeof *now);
    for (unsigned udp = 0; udp < 2 && all; udp++) {
        const struct host_ports any = {.lo = PORTS_MORE_LO, .hi = UINT16_MAX};
        const unsigned count = sockets_ports(&s->sockets, udp, &any, 1, all, 65536);
        for (unsigned i = 0; i < count; i++) bit_set(now, all[i].port);
    }
    free(all);
    return all;
}

/* Note the ports whose packets the program decides: guard rules hide them, or leave them to sockets. */
static void note_named(struct carry *carry, const struct guarded *g)
{
    struct shared_ports *s = &carry->guard.ports;
    memset(s->named, 0, sizeof s->named);
    for (const struct guard_match *m = g->matches; m < g->matches + g->match_count; m++) {
        const bool one = host_addr_same(&m->to.lo, &m->to.hi) && !host_owns(carry->host, &m->to.lo);
        const bool any = m->to_ports.lo == GUARD_ANY_PORT.lo && m->to_ports.hi == GUARD_ANY_PORT.hi;
        if (m->hides || any || m->reach > GUARD_OWN || (m->to.lo.family && one)) continue;
        for (unsigned port = m->to_ports.lo; port <= m->to_ports.hi; port++) bit_set(s->named, port);
    }
}

/* List the ports that are given back: those of `ever`, except the first of the ports that had a socket both now and
 * at the previous look. Return the number of ranges. */
static unsigned list_given(const struct shared_ports *s, const uint64_t *now, struct facts_range *all)
{
    unsigned count = 0, lasting = 0;
    bool was = false;
    for (unsigned port = PORTS_MORE_LO; port <= UINT16_MAX && !s->opens; port++) {
        bool is = bit_has(s->ever, port) && !bit_has(s->named, port);
        if (is && bit_has(now, port) && bit_has(s->had, port)) is = lasting++ >= 2 * SHARED_PORTS_MOST;
        if (is && !was) all[count++].lo = (uint16_t)port;
        if (is) all[count - 1].hi = (uint16_t)port;
        was = is;
    }
    return count;
}

/* Find the ports that are given back. True: they have changed. */
static bool look_at_given(struct shared_ports *s, const uint64_t *now)
{
    struct facts_range *next = calloc(GIVEN_MOST, sizeof *next);
    if (!next) return false;
    for (unsigned i = 0; i < s->spare_count; i++)
        for (unsigned port = s->spare[i].lo; port <= s->spare[i].hi; port++) {
            if (!bit_has(s->ever, port) && bit_has(now, port)) bit_set(s->had, port); /* the socket existed before */
            bit_set(s->ever, port);
        }
    const unsigned count = list_given(s, now, next);
    memcpy(s->had, now, sizeof s->had);
    const bool same = count == s->given_count && (!count || !memcmp(next, s->given, count * sizeof *next));
    free(same ? next : s->given);
    if (same) return false;
    s->given = next;
    s->given_count = count;
    s->given_anew = true;
    return true;
}

/* True if a mapping may draw the spare port: no socket has it and, in user space, guard rules in force hide it. */
static bool may_draw(const struct carry *carry, const uint64_t *now, unsigned port)
{
    const struct shared_ports *s = &carry->guard.ports;
    return !bit_has(now, port) && !bit_has(s->named, port) && (carry->in_kernel || bit_has(s->hidden, port));
}

/* List the ports that may be drawn while sockets have the ports in `now`. True: they have changed. */
static bool list_more(struct carry *carry, const uint64_t *now)
{
    struct shared_ports *s = &carry->guard.ports;
    struct facts_ports next = {.number = 0};
    for (unsigned i = 0; i < s->spare_count; i++)
        for (unsigned lo = s->spare[i].lo, hi; lo <= s->spare[i].hi; lo = hi + 1) {
            for (hi = lo; hi <= s->spare[i].hi && may_draw(carry, now, hi);) hi++;
            if (hi > lo)
                ports_keep_longest(next.more, &next.more_count, FACTS_PORTS_MORE,
                                   (struct facts_range){(uint16_t)lo, (uint16_t)(hi - 1)});
        }
    if (next.more_count == s->host.more_count && !memcmp(next.more, s->host.more, sizeof next.more)) return false;
    memcpy(s->host.more, next.more, sizeof next.more);
    s->host.more_count = next.more_count;
    s->host.number++;
    return true;
}

/* Find the spare ports that no socket has. True: they have changed. */
static bool look_at_spare(struct carry *carry)
{
    struct shared_ports *s = &carry->guard.ports;
    uint64_t now[SHARED_WORDS];
    if ((!s->spare_count && !s->host.more_count && !s->given_count) || !look_at_all(s, now)) return false;
    const bool given = !carry->in_kernel && look_at_given(s, now);
    return list_more(carry, now) || given;
}

void shared_ports_hidden(struct carry *carry)
{
    struct shared_ports *s = &carry->guard.ports;
    s->given_anew = false;
    memset(s->hidden, 0, sizeof s->hidden);
    for (unsigned i = 0; i < s->given_count; i++)
        for (unsigned port = s->given[i].lo; port <= s->given[i].hi; port++) bit_set(s->hidden, port);
    s->more_anew |= !carry->in_kernel && list_more(carry, s->had);
}

/* True if the program opens tunnels. The host stack gets their packets by the same device as packets that no socket
 * takes, and a guard rule could not distinguish them there. */
static bool opens_tunnels(const struct program *p)
{
    struct opened o = {.count = 0};
    const bool opens = !opened_init(&o, p) || o.count;
    opened_fini(&o);
    return opens;
}

bool shared_ports_grow(const struct carry *carry, const struct program *p)
{
    struct guarded g;
    bool any = false;
    if (carry->in_kernel || carry->io != &io_PACKET || carry->guard.ports.ungiven || opens_tunnels(p)) return false;
    const bool made = guarded_init(&g, p, NULL, NULL, true);
    for (unsigned i = 0; i < g.port_count && made; i++) any |= g.ports[i].grows;
    guarded_fini(&g);
    return any;
}

void shared_ports_stay(struct carry *carry)
{
    struct shared_ports *s = &carry->guard.ports;
    s->ungiven = true;
    s->spare_count = s->given_count = s->host.more_count = 0;
    memset(s->host.more, 0, sizeof s->host.more);
    s->host.number++;
    s->more_anew = true;
}

void shared_ports_look(struct carry *carry, const struct program *p)
{
    struct shared_ports *s = &carry->guard.ports;
    sockets_open(&s->sockets);
    s->host.bound = s->bound;
    for (unsigned udp = 0; udp < 2; udp++) {
        look(carry, p, udp);
        const struct ports_look *found = &s->looks[udp];
        memcpy(s->bound + s->host.bound_count, found->all, found->count * sizeof *found->all);
        s->host.bound_count += found->count;
        s->crowded[udp] = found->count == SHARED_PORTS_MOST;
        if (s->crowded[udp])
            complain("notice: more than %u %s sockets of this machine use ports of `masquerade`; sockets from port %u "
                     "on receive nothing; to fix it, give `masquerade` fewer `ports`",
                     SHARED_PORTS_MOST, udp ? "UDP" : "TCP", found->all[found->count - 1].port + 1u);
    }
    memcpy(s->all, s->bound, s->host.bound_count * sizeof *s->all);
    s->all_count = s->host.bound_count;
    s->host.number = 1;
}

/* Compare for qsort: TCP first, then by port. */
static int by_place(const void *a, const void *b)
{
    const struct facts_port *x = a, *y = b;
    return x->udp != y->udp ? x->udp - y->udp : x->port - y->port;
}

void shared_ports_widen(struct carry *carry, const struct program *before, const struct program *next)
{
    struct shared_ports *s = &carry->guard.ports;
    struct facts_port fresh[2 * SHARED_PORTS_MOST];
    const unsigned were = s->host.bound_count;
    unsigned n = 0;
    for (unsigned udp = 0; udp < 2; udp++) {
        look(carry, next, udp);
        for (unsigned i = 0; i < s->looks[udp].count && s->host.bound_count < 2 * SHARED_PORTS_MOST; i++) {
            const struct facts_port *one = &s->looks[udp].all[i];
            if (!draws(before, one->port) && !has(s->bound, were, one)) s->bound[s->host.bound_count++] = *one;
        }
    }
    qsort(s->bound, s->host.bound_count, sizeof *s->bound, by_place);
    for (unsigned i = were; i < s->all_count; i++)
        if (!has(s->bound, s->host.bound_count, &s->all[i])) fresh[n++] = s->all[i];
    memcpy(s->all, s->bound, s->host.bound_count * sizeof *s->all);
    memcpy(s->all + s->host.bound_count, fresh, n * sizeof *fresh);
    s->all_count = s->host.bound_count + n;
    s->host.number += s->host.bound_count != were;
}

int shared_ports_reserve(struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    struct guarded g;
    struct answer a = {0};
    struct facts_ports *host = &carry->guard.ports.host;
    snprintf(err, err_len, "out of memory");
    int failed = guarded_init(&g, p, NULL, NULL, true) ? 0 : -ENOMEM;
    const unsigned asked = g.port_count;
    carry->guard.ports.opens = !carry->in_kernel && opens_tunnels(p);
    const bool hides =
        carry->io == &io_PACKET && carry->tun.fd >= 0 && !carry->guard.ports.ungiven && !carry->guard.ports.opens;
    for (unsigned i = 0; i < asked && !carry->in_kernel && !hides; i++) g.ports[i].grows = 0;
    if (!failed) note_named(carry, &g);
    if (!failed && asked) failed = ask_PORTS(carry->tell->channel, g.ports, asked, &a, NULL, err, err_len);
    guarded_fini(&g);
    if (!failed && !asked) look_at_spare(carry);
    if (failed || !asked) return failed;
    const struct host_kept kept = a.kept;
    const struct facts_ports before = *host;
    if (carry->tell->ready &&
        (kept.lo != before.kept_lo || kept.hi != before.kept_hi)) /* the start reports this change itself */
        complain("notice: " PORTS_STAY, kept.lo, kept.hi);
    host->kept_lo = kept.lo;
    host->kept_hi = kept.hi;
    host->chosen_lo = kept.chosen_lo;
    host->chosen_hi = kept.chosen_hi;
    host->number += memcmp(&before, host, sizeof before) != 0;
    carry->guard.ports.spare_count = kept.more_count < PORTS_MORE ? kept.more_count : PORTS_MORE;
    memcpy(carry->guard.ports.spare, kept.more, sizeof kept.more);
    look_at_spare(carry);
    return 0;
}

int shared_ports_would(const struct carry *carry, const struct program *p, char *err, size_t err_len)
{
    struct guarded g;
    const bool made = guarded_init(&g, p, NULL, NULL, true);
    if (!made) snprintf(err, err_len, "out of memory");
    int failed = made ? 0 : -ENOMEM;
    if (!failed && g.port_count) failed = ask_PORTS_LOOK(carry->tell->channel, g.ports, g.port_count, err, err_len);
    guarded_fini(&g);
    return failed;
}

struct facts_ports shared_ports_facts(const struct carry *carry)
{
    struct facts_ports f = carry->guard.ports.host;
    f.bound = carry->guard.ports.all;
    f.bound_count = carry->guard.ports.all_count;
    f.given = carry->guard.ports.given;
    f.given_count = carry->guard.ports.given_count;
    return f;
}

static bool is_hosts(const struct facts_ports *host, const struct facts_port *one)
{
    return (host->kept_hi && host->kept_lo <= one->port && one->port <= host->kept_hi) ||
           has(host->bound, host->bound_count, one);
}

/* Count and keep the ports of the latest looks. True: they have changed. */
static bool take_bound(struct shared_ports *s)
{
    const unsigned kept = s->host.bound_count, were = s->all_count - kept;
    struct facts_port fresh[2 * SHARED_PORTS_MOST];
    unsigned n = 0;
    for (unsigned udp = 0; udp < 2; udp++)
        for (unsigned i = 0; i < s->looks[udp].count && !s->crowded[udp]; i++)
            if (!is_hosts(&s->host, &s->looks[udp].all[i])) fresh[n++] = s->looks[udp].all[i];
    if (n == were && !memcmp(fresh, s->all + kept, n * sizeof *fresh)) return false;
    for (unsigned i = 0; i < n; i++) s->lost += !has(s->all + kept, were, &fresh[i]);
    memcpy(s->all + kept, fresh, n * sizeof *fresh);
    s->all_count = kept + n;
    s->host.number++;
    return true;
}

bool shared_ports_tick(struct carry *carry, uint64_t now_ns)
{
    struct shared_ports *s = &carry->guard.ports;
    bool looked = false;
    for (unsigned udp = 0; udp < 2 && !carry->change; udp++) {
        if (now_ns < s->looks[udp].due_ns) continue;
        const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
        look(carry, carry->now.program, udp);
        const uint64_t rests_ns = (clock_ns(CLOCK_MONOTONIC) - begun_ns) * SELDOM;
        s->looks[udp].due_ns = now_ns + (rests_ns < LONGEST_NS ? rests_ns : LONGEST_NS);
        looked = true;
    }
    bool others = s->more_anew;
    s->more_anew = false;
    if (!looked) return others;
    others |= take_bound(s);
    return look_at_spare(carry) || others;
}

void shared_ports_fini(struct carry *carry)
{
    if (carry->guard.ports.host.number) sockets_close(&carry->guard.ports.sockets);
    free(carry->guard.ports.given);
}

static bool shared_ports_prepare(struct program_change *c)
{
    const struct program *now = c->carry->now.program;
    shared_ports_widen(c->carry, c->leaving.program, now);
    return !shared_ports_reserve(c->carry, now, c->err, c->err_len);
}

/* Give the ports back to the former program. Other reservations stay until the end. */
static void shared_ports_undo(struct program_change *c)
{
    char err[500];
    const int failed = shared_ports_reserve(c->carry, c->leaving.program, err, sizeof err);
    if (failed) tell_fault(c->carry->tell, "%s", err);
}

const struct part part_shared_ports = {.prepares = shared_ports_prepare, .undoes = shared_ports_undo};
