/* See shared_ports.h. A socket that has its port before the start keeps it: no mapping can have it yet. One that binds
 * later would take it from a mapping, or be taken for one: guard rules go on hiding the port, and nobody draws it any
 * more while the socket is there. */
#include "runtime/live/shared_ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/live/state.h"
#include "runtime/live/world.h"
#include "runtime/parent/ask.h"

#define EVERY_NS UINT64_C(1000000000)
enum { SELDOM = 1000 }; /* a look takes a thousandth of the time at most */

/* What sockets have of masquerade's ports. */
static unsigned bound(const struct live *l, const struct program *p, struct facts_port *all, unsigned most)
{
    struct host_ports *ranges = calloc((size_t)p->nats_count + 1, sizeof *ranges);
    unsigned count = 0;
    for (uint32_t i = 0; i < p->nats_count && ranges; i++)
        if (p->nats[i].kind == PBC_NAT_MASQUERADE)
            ranges[count++] = (struct host_ports){p->nats[i].port_lo, p->nats[i].port_hi, 1, 0};
    const unsigned n = count ? sockets_ports(&l->ports.sockets, ranges, count, all, most) : 0;
    free(ranges);
    return n;
}

void shared_ports_look(struct live *l, const struct program *p)
{
    struct shared_ports *s = &l->ports;
    sockets_open(&s->sockets);
    s->host.bound = s->bound;
    s->host.bound_count = bound(l, p, s->bound, SHARED_PORTS_MOST);
    memcpy(s->all, s->bound, s->host.bound_count * sizeof *s->all);
    s->all_count = s->host.bound_count;
    s->host.number = 1;
}

int shared_ports_claim(struct live *l, const struct program *p, char *err, size_t err_len)
{
    struct guarded g;
    struct host_kept kept = {0};
    struct facts_ports *host = &l->ports.host;
    snprintf(err, err_len, "out of memory");
    int failed = guarded_init(&g, p, NULL, NULL, true) ? 0 : -ENOMEM;
    const unsigned asked = g.port_count;
    if (!failed) failed = ask_ports(l->channel, &g, &kept, err, err_len);
    guarded_fini(&g);
    if (failed || !asked) return failed;
    const struct facts_ports before = *host;
    host->kept_lo = kept.lo;
    host->kept_hi = kept.hi;
    host->chosen_lo = kept.chosen_lo;
    host->chosen_hi = kept.chosen_hi;
    host->number += memcmp(&before, host, sizeof before) != 0;
    return 0;
}

struct facts_ports shared_ports_facts(const struct live *l)
{
    struct facts_ports f = l->ports.host;
    f.bound = l->ports.all;
    f.bound_count = l->ports.all_count;
    return f;
}

/* ---- later ---- */

static bool has(const struct facts_port *all, unsigned count, const struct facts_port *one)
{
    bool found = false;
    for (unsigned i = 0; i < count; i++) found |= all[i].port == one->port && all[i].udp == one->udp;
    return found;
}

static bool is_hosts(const struct facts_ports *host, const struct facts_port *one)
{
    return (host->kept_hi && host->kept_lo <= one->port && one->port <= host->kept_hi) ||
           has(host->bound, host->bound_count, one);
}

/* Of the latest look: counted, and so remembered. True: they are others than before. */
static bool take_bound(struct shared_ports *s, const struct facts_port *now, unsigned count)
{
    const unsigned kept = s->host.bound_count, were = s->all_count - kept;
    struct facts_port fresh[SHARED_PORTS_MOST];
    unsigned n = 0;
    for (unsigned i = 0; i < count && n < SHARED_PORTS_MOST; i++)
        if (!is_hosts(&s->host, &now[i])) fresh[n++] = now[i];
    if (n == were && !memcmp(fresh, s->all + kept, n * sizeof *fresh)) return false;
    for (unsigned i = 0; i < n; i++) s->lost += !has(s->all + kept, were, &fresh[i]);
    memcpy(s->all + kept, fresh, n * sizeof *fresh);
    s->all_count = kept + n;
    s->host.number++;
    return true;
}

void shared_ports_tick(struct live *l, uint64_t now_ns)
{
    struct shared_ports *s = &l->ports;
    struct facts_port now[2 * SHARED_PORTS_MOST];
    if (now_ns < s->due_ns || l->reload) return;
    const unsigned n = bound(l, l->now.program, now, 2 * SHARED_PORTS_MOST);
    const uint64_t took_ns = clock_ns(CLOCK_MONOTONIC) - now_ns;
    s->due_ns = now_ns + (took_ns * SELDOM > EVERY_NS ? took_ns * SELDOM : EVERY_NS);
    if (take_bound(s, now, n)) l->stale = true;
}

void shared_ports_fini(struct live *l)
{
    if (l->ports.host.number) sockets_close(&l->ports.sockets);
}
