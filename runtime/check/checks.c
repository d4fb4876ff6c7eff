/* The loop: turns of servers, results of probes, and changes of state */
#include "runtime/check/checks_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "runtime/check/steps.h"
#include "vm/keyed/keyed.h"
#include "vm/vm.h"

enum { READY_AT_ONCE = 256, DUE_AT_ONCE = 256, ICMP_AT_ONCE = 256 };
#define ASK_AGAIN_NS UINT64_C(20000000)
#define LATE_NS      UINT64_C(50000000)

/* Count a result. `rise` or `fall` results in a row against `up` change `up`; with `decides`, one result is enough. */
static void result_count(struct checks *c, uint32_t server, bool good, bool decides, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    struct check_state *s = &t->state;
    s->good += good;
    s->bad += !good;
    s->row = good == s->up ? 0 : (uint16_t)(s->row + 1);
    if (good == s->up || (!decides && s->row < (good ? t->check->rise : t->check->fall))) return;
    s->up = good;
    s->row = 0;
    s->since_ns = now_ns;
    s->changes++;
    if (t->changed) return;
    t->changed = true;
    c->changes[c->change_count++] = server;
}

static struct probe *probe_new(struct checks *c, uint32_t server)
{
    struct probe *p = calloc(1, sizeof *p);
    struct target *t = &c->targets[server];
    if (!p) return NULL;
    const struct kind *k = &c->kinds[t->check - c->program->checks];
    const struct check_way *w = &t->ways[t->way];
    p->program = c->program;
    p->check = t->check;
    /* A probe begins with the PROXY header that connections to the server have. If the check has its own port,
     * another program answers there. */
    const bool speaks = !t->check->port && !(t->check->flags & PBC_CHECK_WITHOUT_PROXY);
    p->header = speaks ? c->program->pools[c->program->servers[server].pool].send_proxy : 0;
    p->request = k->request;
    p->request_len = k->request_len;
    p->tls = k->tls;
    p->seeks = k->seeks;
    p->fd = -1;
    p->icmp = w->family == 4 ? c->cfg.icmp4 : c->cfg.icmp6;
    p->id = (uint16_t)(c->id + (server >> 16));
    p->seq = (uint16_t)server;
    sockaddr_of(&p->to, w->family, w->addr,
                t->check->kind == PBC_CHECK_ICMP ? 0 : w->port); /* raw sockets take no port */
    if (t->check->from_family == w->family) sockaddr_of(&p->from, w->family, t->check->from, 0);
    return p;
}

/* Give a probe through a service the next number, and its source address */
static int speak_as(struct checks *c, uint32_t server)
{
    struct target *t = &c->targets[server];
    const struct check_way *w = &t->ways[t->way];
    struct probe *p = t->probe;
    struct host_addr from;
    const int failed = c->cfg.stack.ready(c->cfg.stack.with, server, w, &from);
    if (failed) return failed;
    if (t->check->from_family == w->family) memcpy(from.word, t->check->from, sizeof from.word);
    c->number = (uint16_t)((c->number + 1) % NUMBERS);
    c->whose[c->number] = (struct whose){.server = server, .way = t->way};
    p->id = (uint16_t)(PBC_OWN_PORT_LO + c->number);
    p->stack = &c->cfg.stack;
    sockaddr_of(&p->from, w->family, from.word, t->check->kind == PBC_CHECK_ICMP ? 0 : p->id);
    return 0;
}

/* Set the events that epoll reports for the probe. False on failure. */
static bool probe_watch(struct checks *c, uint32_t server, int how)
{
    const struct probe *p = c->targets[server].probe;
    struct epoll_event e = {.events = (p->reads ? EPOLLIN : 0u) | (p->writes ? EPOLLOUT : 0u), .data.u64 = server};
    return p->fd < 0 || !epoll_ctl(c->epoll, how, p->fd, &e);
}

static void begin_way(struct checks *c, uint32_t server, uint64_t now_ns);

static void say_result(struct check_state *s, const struct target *t, const struct program *p, enum probe_result r)
{
    const uint32_t service = t->ways[t->way].service;
    if (r == PROBE_GOOD)
        snprintf(s->why, sizeof s->why, "good");
    else if (t->probe && service != PBC_NONE)
        snprintf(s->why, sizeof s->why, "through %.30s: %s", program_str(p, p->services[service].name), t->probe->why);
    else if (t->probe)
        snprintf(s->why, sizeof s->why, "%s", t->probe->why);
}

/* End a probe. After a good probe the next way is tried; after the last way, or a bad probe, the turn ends. */
static void result_take(struct checks *c, uint32_t server, enum probe_result r, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    struct check_state *s = &t->state;
    const bool goes_on = r == PROBE_GOOD && t->way + 1 < t->way_count;
    if (!goes_on) say_result(s, t, c->program, r);
    if (t->probe) {
        /* The parent, which bound the socket, may keep it open longer; closing it here then does not end its events */
        if (t->probe->fd >= 0) epoll_ctl(c->epoll, EPOLL_CTL_DEL, t->probe->fd, NULL);
        probe_end(t->probe);
    }
    free(t->probe);
    t->probe = NULL;
    t->waits = false;
    if (goes_on) {
        t->way++;
        begin_way(c, server, now_ns);
        return;
    }
    t->way = 0;
    if (r == PROBE_CANNOT) c->not_begun++;
    if (r == PROBE_GOOD) s->latency_us = (uint32_t)((now_ns - t->began_ns) / 1000);
    const bool first = !s->known; /* the first probe after the start decides by itself */
    s->known |= r != PROBE_CANNOT;
    if (r != PROBE_CANNOT) result_count(c, server, r == PROBE_GOOD, first, now_ns);
    /* Set the next turn, with a jitter of a tenth so that thousands of probes spread, and never before now. */
    const uint64_t every = t->check->every_ms * UINT64_C(1000000);
    t->turn_ns += every - every / 10 + random_next(&c->random) % (every / 5 + 1);
    if (t->turn_ns < now_ns) t->turn_ns = now_ns; /* the probe took longer, or the machine slept */
    due_set(&c->due, server, t->turn_ns);
}

static uint64_t time_is_over(const struct target *t) { return t->began_ns + t->check->timeout_ms * UINT64_C(1000000); }

/* Begin a probe; through a service only once the way to the server is known */
static enum probe_result begin_probe(struct checks *c, uint32_t server, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    if (t->ways[t->way].service != PBC_NONE) {
        const int failed = speak_as(c, server);
        t->waits = failed == -EAGAIN && now_ns < time_is_over(t);
        if (t->waits) return PROBE_GOES_ON;
        if (failed)
            return probe_bad(t->probe, failed == -EAGAIN ? "the next hop to the server didn't reply to ARP or ND"
                                       : failed == -EADDRNOTAVAIL
                                           ? "this machine has no address to probe the server from"
                                           : "prey can't reach the server by an interface of -i");
    }
    const enum probe_result r = probe_ops(t->check->kind)->begin(t->probe);
    return r == PROBE_GOES_ON && !probe_watch(c, server, EPOLL_CTL_ADD) ? probe_errno(t->probe, errno) : r;
}

static void begin_way(struct checks *c, uint32_t server, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    if (!t->waits) {
        t->probe = probe_new(c, server);
        t->began_ns = now_ns;
        t->spared = false;
    }
    const enum probe_result r = t->probe ? begin_probe(c, server, now_ns) : PROBE_CANNOT;
    if (r != PROBE_GOES_ON)
        result_take(c, server, r, now_ns);
    else
        due_set(&c->due, server, t->waits ? now_ns + ASK_AGAIN_NS : time_is_over(t));
}

/* Grant one extension if the loop itself was late, because the reply may have come in time and be half read */
static bool spare(struct checks *c, uint32_t server, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    const uint64_t late_ns = now_ns - time_is_over(t);
    if (t->spared || late_ns < LATE_NS) return false;
    t->spared = true;
    due_set(&c->due, server, now_ns + late_ns);
    return true;
}

static void too_late(struct checks *c, uint32_t server, uint64_t now_ns)
{
    struct probe *p = c->targets[server].probe;
    char within[32];
    if (spare(c, server, now_ns)) return;
    const bool ms = p->check->timeout_ms % 1000;
    snprintf(within, sizeof within, "%u %s", ms ? p->check->timeout_ms : p->check->timeout_ms / 1000, ms ? "ms" : "s");
    result_take(c, server,
                p->check->kind == PBC_CHECK_TCP ? steps_late(p, within) : probe_bad(p, "no reply within %s", within),
                now_ns);
}

static void probe_go_on(struct checks *c, uint32_t server, uint64_t now_ns)
{
    struct probe *p = c->targets[server].probe;
    if (!p || c->targets[server].waits) return; /* the probe ended in this turn */
    const bool reads = p->reads, writes = p->writes;
    enum probe_result r = probe_ops(p->check->kind)->step(p);
    if (r == PROBE_GOES_ON && (reads != p->reads || writes != p->writes) && !probe_watch(c, server, EPOLL_CTL_MOD))
        r = probe_errno(p, errno);
    if (r != PROBE_GOES_ON) result_take(c, server, r, now_ns);
}

static bool is_from(const struct probe *p, const struct sockaddr *a)
{
    if (a->sa_family != p->to.any.sa_family) return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == p->to.v4.sin_addr.s_addr;
    return !memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, &p->to.v6.sin6_addr, 16);
}

static void hear_echoes(struct checks *c, int fd, int family, uint64_t now_ns)
{
    for (unsigned i = 0; i < ICMP_AT_ONCE; i++) {
        uint8_t bytes[128];
        uint16_t id, seq;
        struct sockaddr_in6 from;
        socklen_t len = sizeof from;
        const ssize_t n = recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
        if (n < 0) return;
        if (!icmp_reply(family, bytes, (size_t)n, &id, &seq)) continue;
        const uint32_t server = (uint32_t)(uint16_t)(id - c->id) << 16 | seq;
        if (server >= c->program->servers_count) continue;
        const struct probe *p = c->targets[server].probe;
        if (p && p->check->kind == PBC_CHECK_ICMP && !p->stack && is_from(p, (struct sockaddr *)&from))
            result_take(c, server, PROBE_GOOD, now_ns);
    }
}

void checks_step(struct checks *c, uint64_t now_ns)
{
    struct epoll_event ready[READY_AT_ONCE];
    const int n = epoll_wait(c->epoll, ready, READY_AT_ONCE, 0);
    for (int i = 0; i < n; i++) {
        const int64_t what = (int64_t)ready[i].data.u64;
        if (what == FD_ICMP4)
            hear_echoes(c, c->cfg.icmp4, AF_INET, now_ns);
        else if (what == FD_ICMP6)
            hear_echoes(c, c->cfg.icmp6, AF_INET6, now_ns);
        else
            probe_go_on(c, (uint32_t)what, now_ns);
    }
    for (unsigned i = 0; i < DUE_AT_ONCE && due_first_ns(&c->due) <= now_ns; i++) {
        const uint32_t server = due_first(&c->due);
        const struct target *t = &c->targets[server];
        if (t->probe && !t->waits)
            too_late(c, server, now_ns);
        else
            begin_way(c, server, now_ns);
    }
}

int checks_fd(const struct checks *c) { return c->epoll; }
uint64_t checks_due(const struct checks *c) { return due_first_ns(&c->due); }
const struct check_state *checks_of(const struct checks *c, uint32_t server) { return &c->targets[server].state; }
uint64_t checks_not_begun(const struct checks *c) { return c->not_begun; }

uint32_t checks_next_change(struct checks *c)
{
    if (!c->change_count) return UINT32_MAX;
    const uint32_t server = c->changes[--c->change_count];
    c->targets[server].changed = false;
    return server;
}

const struct check_way *checks_whose(const struct checks *c, uint16_t number, uint32_t *server)
{
    if (!c->whose || number < PBC_OWN_PORT_LO) return NULL;
    const struct whose *w = &c->whose[number - PBC_OWN_PORT_LO];
    const struct target *t = w->server < c->program->servers_count ? &c->targets[w->server] : NULL;
    if (!t || w->way >= t->way_count) return NULL;
    *server = w->server;
    return &t->ways[w->way];
}

void checks_restore(struct checks *c, uint32_t server, const struct check_state *s)
{
    struct target *t = &c->targets[server];
    if (!t->check) return;
    t->state = *s;
    t->state.checked = true;
}

void checks_hint(struct checks *c, uint32_t server, const char *why, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    if (!t->check || !(t->check->flags & PBC_CHECK_PASSIVE)) return;
    snprintf(t->state.why, sizeof t->state.why, "%s", why);
    result_count(c, server, false, false, now_ns);
    t->state.known |= !t->state.up; /* a server that traffic took down needs `rise` good probes */
}
