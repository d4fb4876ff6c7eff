/* See proxied.h. Every loop has a listener of its own at each address and port, by SO_REUSEPORT; among them the kernel
 * chooses by the client's address, as workers are dealt packets by it: so all connections of a client are in one loop,
 * which can count them and remember his server. */
#include "runtime/live/carry/proxy/proxied.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/host/hook/across.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/certified.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/proxy/proxy.h"
#include "runtime/proxy/tls/tls.h"
#include "runtime/worker/sum.h"

struct proxied {
    int call_fd;
    struct channel *channel;
    const struct openers *openers[WORKERS_MOST];
    struct tls_table *tls; /* of carry->now.program; held */
    bool running;
    unsigned count;
    struct proxy *loops[WORKERS_MOST];
};

struct proxied_change {
    bool first;            /* the first program with such services: loops were made for it */
    struct tls_table *tls; /* of the new program; held */
    unsigned count;
    struct proxy_change of[WORKERS_MOST];
};

bool proxied_any(const struct program *p)
{
    const uint32_t services = p->past ? p->past->services : p->services_count;
    for (uint32_t i = 0; i < services; i++)
        if (mode_is(p->services[i].mode, MODE_PROXIES)) return true;
    return false;
}

static bool has_source(const struct program *p, const struct pbc_service *service)
{
    for (uint32_t b = service->branches; b < service->branches + service->branch_count; b++)
        for (uint32_t i = 0; i < p->branches[b].share_count; i++)
            if (p->pools[p->shares[p->branches[b].shares + i].pool].source_count) return true;
    return false;
}

/* What the language says of a proxy service and this preyrun does not do; NULL: it does all. Servers' answers to
 * addresses of others are kept from packet sockets by programs in the kernel alone. */
static const char *not_done(const struct program *p, const struct pbc_service *service)
{
    if (!proxy_serves(service->mode)) return mode_info[service->mode].name;
    if (across_possible()) return NULL;
    if (p->proxies[service->proxy - 1].flags & PBC_PROXY_TRANSPARENT) return "transparent";
    return has_source(p, service) ? "source" : NULL;
}

bool proxied_runs(const struct program *p, char *why, size_t len)
{
    for (uint32_t i = 0; i < p->services_count; i++) {
        const struct pbc_service *service = &p->services[i];
        const char *words = service->proxy ? not_done(p, service) : NULL;
        if (!words) continue;
        snprintf(why, len, "the service `%.60s` says `%s`, which preyrun does not do yet",
                 program_str(p, service->name), words);
        return false;
    }
    return true;
}

struct places {
    struct proxy_listen *all; /* on the heap */
    unsigned count;
};

/* A place that two endpoints name is the first one's; the kernel prefers an address to any. */
static void add_place(struct places *w, const struct proxy_listen *at)
{
    for (unsigned i = 0; i < w->count; i++)
        if (!memcmp(&w->all[i].at, &at->at, sizeof at->at)) return;
    w->all[w->count++] = *at;
}

static void add_endpoint(struct places *w, const struct pbc_endpoint *e)
{
    for (uint32_t port = e->port_lo; port <= e->port_hi; port++) {
        struct proxy_listen at = {.service = e->service, .fd = -1};
        at.at.port = (uint16_t)port;
        at.at.v6 = e->family == 6;
        if (e->to == PBC_TO_ADDRESS) memcpy(at.at.addr, e->addr, sizeof at.at.addr);
        add_place(w, &at);
        if (e->family) continue;
        at.at.v6 = true;
        add_place(w, &at);
    }
}

static bool places_init(struct places *w, const struct program *p)
{
    size_t most = 0;
    *w = (struct places){0};
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < p->endpoints_count; i++) {
            const struct pbc_endpoint *e = &p->endpoints[i];
            if (e->service >= (p->past ? p->past->services : p->services_count)) continue;
            if (!mode_is(p->services[e->service].mode, MODE_PROXIES)) continue;
            if (pass)
                add_endpoint(w, e);
            else
                most += 2u * (e->port_hi - e->port_lo + 1u);
        }
        if (!pass) w->all = calloc(most + 1, sizeof *w->all);
        if (!w->all) return false;
    }
    return true;
}

static bool is_there(const struct places *w, const struct proxy_listen *at)
{
    for (unsigned i = 0; w && i < w->count; i++)
        if (!memcmp(&w->all[i].at, &at->at, sizeof at->at)) return true;
    return false;
}

static struct host_addr host_address(const struct stream_addr *a)
{
    struct host_addr h = {.family = a->v6 ? 6 : 4};
    memcpy(h.word, a->addr, sizeof h.word);
    return h;
}

/* Which of the group's sockets gets a connection: by the client's address alone. The library knows no such program. */
static int deal_by_client(int fd, bool v6, unsigned loops)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + (v6 ? 20 : 12)), /* its last word */
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 2654435761u),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, loops),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) ? -errno : 0;
}

/* One of each loop. all[loop][at]. */
static int listen_at(struct carry *carry, struct proxy_listen *all[], unsigned at, char *err, size_t err_len)
{
    const struct proxy_listen *where = &all[0][at];
    const struct host_addr addr = host_address(&where->at);
    for (unsigned i = 0; i < carry->worker_count; i++) {
        const int failed = ask_listen(carry->tell->channel, &addr, where->at.port, &all[i][at].fd, err, err_len);
        if (failed) return failed;
    }
    const int failed = carry->worker_count > 1
                           ? deal_by_client(all[carry->worker_count - 1][at].fd, where->at.v6, carry->worker_count)
                           : 0;
    if (failed) snprintf(err, err_len, "connections cannot be dealt out to workers: %s", strerror(-failed));
    return failed;
}

static void close_all(struct proxy_listen *all[], unsigned loops, unsigned count)
{
    for (unsigned i = 0; i < loops; i++) {
        for (unsigned at = 0; all[i] && at < count; at++)
            if (all[i][at].fd >= 0) close(all[i][at].fd);
        free(all[i]);
        all[i] = NULL;
    }
}

/* For each loop its listeners: all[loop][*count], on the heap; those at places of `before` (NULL: none) are not opened
 * anew. 0 or a negative errno, with one line in err. */
static int listen_all(struct carry *carry, const struct places *before, struct proxy_listen *all[], unsigned *count,
                      char *err, size_t err_len)
{
    struct places now;
    int failed = places_init(&now, carry->now.program) ? 0 : -ENOMEM;
    *count = now.count;
    for (unsigned i = 0; i < carry->worker_count && !failed; i++) {
        all[i] = calloc(now.count + 1u, sizeof *all[i]);
        if (!all[i])
            failed = -ENOMEM;
        else
            memcpy(all[i], now.all, now.count * sizeof *all[i]);
    }
    if (failed) snprintf(err, err_len, "out of memory");
    for (unsigned at = 0; at < now.count && !failed; at++)
        if (!is_there(before, &now.all[at])) failed = listen_at(carry, all, at, err, err_len);
    if (failed) close_all(all, carry->worker_count, now.count);
    free(now.all);
    return failed;
}

static void called(void *with)
{
    const struct proxied *x = with;
    const uint64_t one = 1;
    (void)!write(x->call_fd, &one, sizeof one);
}

static int foreign(void *with, unsigned family, int fds[])
{
    const struct proxied *x = with;
    return ask_transparent(x->channel, family, fds);
}

static struct vm_cfg loop_cfg(struct carry *carry, unsigned at)
{
    struct vm_cfg cfg = worker_vm_cfg(carry->workers[at]);
    cfg.share.all = carry->now.shared;
    return cfg;
}

/* A loop for each worker, in carry->proxied. 0, or a negative errno with one line in err. */
static int make_loops(struct carry *carry, struct snapshot *world, char *err, size_t err_len)
{
    struct proxy_listen *all[WORKERS_MOST] = {NULL};
    unsigned count = 0;
    struct proxied *x = carry->proxied = calloc(1, sizeof *x);
    if (!x) return snprintf(err, err_len, "out of memory"), -ENOMEM;
    x->channel = carry->tell->channel;
    for (unsigned i = 0; i < carry->worker_count; i++) x->openers[i] = carry->workers[i]->openers;
    x->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    x->tls = certified(carry, NULL, NULL, err, err_len);
    if (!x->tls) return -EINVAL;
    int failed = x->call_fd < 0 ? -errno : listen_all(carry, NULL, all, &count, err, err_len);
    if (failed) return failed;
    for (; x->count < carry->worker_count; x->count++) {
        const struct proxy_cfg cfg = {.program = carry->now.program,
                                      .tls = x->tls,
                                      .vm = loop_cfg(carry, x->count),
                                      .openers = x->openers,
                                      .moments = recorded_moments(carry, x->count),
                                      .carried = &carry->workers[x->count]->carried,
                                      .foreign = foreign,
                                      .sessions_most = (uint32_t)carry->now.program->settings->proxy_sessions,
                                      .iface = carry->now.iface,
                                      .iface_count = carry->o->iface_count,
                                      .called = called,
                                      .with = x};
        x->loops[x->count] = proxy_new(&cfg, world, all[x->count], count, &failed);
        if (!x->loops[x->count]) break;
        free(all[x->count]);
        all[x->count] = NULL;
    }
    if (!failed) return 0;
    close_all(all, carry->worker_count, count);
    snprintf(err, err_len, "a proxy cannot be made: %s", strerror(-failed));
    return failed;
}

int proxied_open(struct carry *carry)
{
    char err[500];
    if (!proxied_any(carry->now.program)) return 0;
    if (access_open(carry, carry->now.program, err, sizeof err)) return complain("%s", err);
    return make_loops(carry, carry->latest, err, sizeof err) ? complain("%s", err) : 0;
}

int proxied_start(struct carry *carry)
{
    struct proxied *x = carry->proxied;
    int err = 0;
    for (unsigned i = 0; x && i < x->count && !err; i++) {
        proxy_numbered(x->loops[i], carry->now.number);
        err = proxy_start(x->loops[i], worker_cpu(i));
        if (err) x->count = i; /* the others end here: those have no thread */
    }
    if (x) x->running = true;
    return err;
}

void proxied_stop(struct carry *carry)
{
    struct proxied *x = carry->proxied;
    for (unsigned i = 0; x && x->running && i < x->count; i++) proxy_stop(x->loops[i]);
    proxied_tick(carry);
    if (x) x->running = false;
}

void proxied_close(struct carry *carry)
{
    access_close(carry);
    struct proxied *x = carry->proxied;
    if (!x) return;
    for (unsigned i = 0; i < WORKERS_MOST; i++) proxy_free(x->loops[i]);
    if (x->call_fd >= 0) close(x->call_fd);
    tls_table_put(x->tls);
    free(x);
    carry->proxied = NULL;
}

void proxied_memory(const struct carry *carry, char *words, size_t len)
{
    uint64_t idle, most;
    *words = 0;
    if (!carry->proxied) return;
    proxy_session_bytes(carry->now.program->settings->first_bytes, &idle, &most);
    const int n = snprintf(words, len, "; a proxied connection takes %.1f KiB while idle, %.0f at most",
                           (double)idle / 1024, (double)most / 1024);
    if (tls_table_any(carry->proxied->tls))
        snprintf(words + n, len - (size_t)n, "; each end of it in TLS %d KiB more, %d at most", TLS_IDLE_BYTES >> 10,
                 TLS_MOST_BYTES >> 10);
}

void proxied_tell(struct carry *carry, struct snapshot *s)
{
    for (unsigned i = 0; carry->proxied && i < carry->proxied->count; i++) proxy_tell(carry->proxied->loops[i], s);
}

uint64_t proxied_taken(const struct carry *carry)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; carry->proxied && i < carry->proxied->count; i++) {
        const uint64_t one = proxy_taken(carry->proxied->loops[i]);
        if (one < least) least = one;
    }
    return least;
}

void proxied_tally(const struct carry *carry, struct sum *sum)
{
    for (unsigned i = 0; carry->proxied && i < carry->proxied->count; i++)
        sum_conns(sum, proxy_conns(carry->proxied->loops[i]));
}

unsigned proxied_loops(const struct carry *carry)
{
    return carry->proxied && carry->proxied->running ? carry->proxied->count : 0;
}

bool proxied_list(struct carry *carry, unsigned loop, struct session_listing *s)
{
    return proxy_list(carry->proxied->loops[loop], s);
}

bool proxied_listed(const struct carry *carry, unsigned loop, const struct session_listing *s)
{
    return proxy_listed(carry->proxied->loops[loop], s);
}

bool proxied_counters(const struct carry *carry, uint32_t service, struct proxy_counters *sum)
{
    bool any = false;
    for (unsigned i = 0; carry->proxied && i < carry->proxied->count; i++)
        any |= proxy_counted_read(proxy_counted(carry->proxied->loops[i]), service, sum);
    return any;
}

int proxied_fd(const struct carry *carry) { return carry->proxied ? carry->proxied->call_fd : -1; }

void proxied_called(struct carry *carry)
{
    struct proxied *x = carry->proxied;
    struct refusal r;
    uint64_t calls;
    (void)!read(x->call_fd, &calls, sizeof calls);
    for (unsigned i = 0; i < x->count; i++) access_write(carry, x->loops[i]);
    for (unsigned i = 0; i < x->count; i++)
        while (proxy_refused(x->loops[i], &r)) carry->refused(carry->ears, &r, clock_ns(CLOCK_MONOTONIC));
}

void proxied_tick(struct carry *carry)
{
    struct proxied *x = carry->proxied;
    uint64_t lost = 0;
    if (!x || !carry->access) return;
    for (unsigned i = 0; i < x->count; i++) {
        access_write(carry, x->loops[i]);
        lost += proxy_lines_lost(x->loops[i]);
    }
    access_tick(carry, lost);
}

static struct proxied_change *change_new(struct carry *carry, const struct remap *r, struct snapshot *s, char *err,
                                         size_t err_len)
{
    struct proxied_change *c = calloc(1, sizeof *c);
    struct proxy_listen *all[WORKERS_MOST] = {NULL};
    struct places before = {0};
    unsigned count = 0;
    snprintf(err, err_len, "out of memory");
    if (c) c->tls = certified(carry, carry->proxied->tls, r, err, err_len);
    if (!c || !c->tls || !places_init(&before, r->from) || listen_all(carry, &before, all, &count, err, err_len)) {
        if (c) tls_table_put(c->tls);
        free(before.all);
        free(c);
        return NULL;
    }
    free(before.all);
    bool fine = true;
    for (c->count = 0; c->count < carry->proxied->count; c->count++) {
        const struct vm_cfg cfg = loop_cfg(carry, c->count);
        struct chooser *fresh = chooser_new(r->program, &cfg);
        const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &s->facts};
        if (fresh) chooser_facts(fresh, &in); /* what it builds for them is built here, not in the loop */
        c->of[c->count] = (struct proxy_change){.remap = r,
                                                .fresh = fresh,
                                                .world = s,
                                                .tls = c->tls,
                                                .listens = all[c->count],
                                                .count = count,
                                                .iface = carry->now.iface,
                                                .counted = proxy_counted_new(r->program->services_count)};
        fine &= fresh && c->of[c->count].counted;
    }
    if (fine) return c;
    close_all(all, carry->worker_count, count);
    for (unsigned i = 0; i < c->count; i++) c->of[i].listens = NULL;
    proxied_end(carry, c);
    return NULL;
}

struct proxied_change *proxied_prepare(struct carry *carry, const struct remap *r, struct snapshot *s, char *err,
                                       size_t err_len)
{
    if (access_open(carry, carry->now.program, err, err_len)) return NULL;
    if (carry->proxied) return change_new(carry, r, s, err, err_len);
    struct proxied_change *c = calloc(1, sizeof *c);
    if (!c) snprintf(err, err_len, "out of memory");
    if (!c || !proxied_any(carry->now.program)) return c;
    c->first = true;
    if (!make_loops(carry, s, err, err_len)) return c;
    proxied_end(carry, c);
    return NULL;
}

void proxied_offer(struct carry *carry, struct proxied_change *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        c->of[i].number = carry->now.number;
        proxy_change(carry->proxied->loops[i], &c->of[i]);
    }
    if (c->tls) {
        tls_table_put(carry->proxied->tls); /* the loops hold what they use of it */
        carry->proxied->tls = c->tls;
        c->tls = NULL;
    }
    if (c->first && proxied_start(carry))
        events_tell(&carry->tell->events, TOLD_FAULT, "a proxy's thread cannot be started");
}

bool proxied_pending(const struct carry *carry, const struct proxied_change *c)
{
    int refused;
    for (unsigned i = 0; c && i < c->count; i++)
        if (!proxy_changed(carry->proxied->loops[i], &refused)) return true;
    return false;
}

void proxied_end(struct carry *carry, struct proxied_change *c)
{
    for (unsigned i = 0; c && i < c->count; i++) {
        struct proxy_change *one = &c->of[i];
        for (unsigned at = 0; one->listens && at < one->count; at++)
            if (one->listens[at].fd >= 0) close(one->listens[at].fd);
        chooser_free(one->fresh);
        free(one->counted);
        free(one->listens);
    }
    if (c) tls_table_put(c->tls);
    if (c && c->first && !carry->proxied->running) proxied_close(carry);
    free(c);
}
