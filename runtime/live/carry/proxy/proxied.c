/* Loops with functions that ask the parent for sockets. A reload prepares and offers loops, and ends removed ones */
#include "runtime/live/carry/proxy/proxied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/host/hook/across.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/certified.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/listeners.h"
#include "runtime/live/carry/proxy/middle.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/proxy/proxy.h"
#include "runtime/proxy/tls/tls.h"
#include "runtime/worker/sum.h"

struct proxied {
    int call_fd;
    struct carry *carry;
    struct channel *channel;
    const struct openers *openers[WORKERS_MOST];
    struct tls_table *tls; /* table of carry->now.program; a counted reference */
    bool running;
    unsigned count;
    struct proxy *loops[WORKERS_MOST];
};

struct proxied_change {
    bool first;            /* the first program with such services, for which loops were made */
    struct tls_table *tls; /* table of the new program; a counted reference */
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
        for (uint32_t i = 0; i < branch_shares(&p->branches[b]); i++)
            if (p->pools[p->shares[p->branches[b].shares + i].pool].source_count) return true;
    return false;
}

/* Return the feature that a proxy service needs and this preyrun lacks, or NULL. Only kernel programs can hide
 * servers' replies to foreign addresses from packet sockets. */
static const char *not_done(const struct program *p, const struct pbc_service *service)
{
    if (!proxy_serves(service->mode)) return mode_info[service->mode].name;
    if (across_possible()) return NULL;
    if (p->proxies[service->proxy - 1].flags & PBC_PROXY_TRANSPARENT) return "transparent";
    return has_source(p, service) ? "source" : NULL;
}

/* Refuse a program whose proxy services need more than this preyrun has. */
static bool proxied_look(const struct program_change *c)
{
    const struct program *p = c->program;
    for (uint32_t i = 0; i < p->services_count; i++) {
        const struct pbc_service *service = &p->services[i];
        const char *words = service->proxy ? not_done(p, service) : NULL;
        if (!words) continue;
        snprintf(c->err, c->err_len, "the service `%.60s` has `%s`, which this preyrun doesn't support",
                 program_str(p, service->name), words);
        return false;
    }
    return true;
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
    return ask_TRANSPARENT(x->channel, &(struct request_family){family}, fds, NULL, 0);
}

static int stack_sockets(void *with, unsigned family, int fds[])
{
    const struct proxied *x = with;
    return inline_stack_sockets(x->carry, family, fds);
}

static int to_middle(void *with, const char *path, int fds[2])
{
    const struct proxied *x = with;
    return ask_MIDDLE(x->channel, path, fds, NULL, 0);
}

static struct vm_cfg loop_cfg(struct carry *carry, unsigned at)
{
    struct vm_cfg cfg = worker_vm_cfg(carry->workers[at]);
    cfg.share.all = carry->now.shared;
    return cfg;
}

/* Make a loop for each worker, in carry->proxied. Return 0, or a negative errno with one line in err. */
static int make_loops(struct carry *carry, struct snapshot *world, char *err, size_t err_len)
{
    struct proxy_listen *all[WORKERS_MOST] = {NULL};
    unsigned count[WORKERS_MOST] = {0};
    struct proxied *x = carry->proxied = calloc(1, sizeof *x);
    if (!x) return snprintf(err, err_len, "out of memory"), -ENOMEM;
    x->carry = carry;
    x->channel = carry->tell->channel;
    for (unsigned i = 0; i < carry->worker_count; i++) x->openers[i] = carry->workers[i]->openers;
    x->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    x->tls = certified(carry, NULL, NULL, err, err_len);
    if (!x->tls) return -EINVAL;
    int failed = x->call_fd < 0 ? -errno : listeners_open(carry, NULL, all, count, err, err_len);
    if (failed) return failed;
    for (; x->count < carry->worker_count; x->count++) {
        const struct proxy_cfg cfg = {.handed = carry->handed != NULL,
                                      .program = carry->now.program,
                                      .tls = x->tls,
                                      .vm = loop_cfg(carry, x->count),
                                      .openers = x->openers,
                                      .moments = recorded_moments(carry, x->count),
                                      .carried = &carry->workers[x->count]->carried,
                                      .inlined = inline_stack_conns(carry, x->count),
                                      .leaving = inline_stack_leaving(carry, x->count),
                                      .foreign = foreign,
                                      .stack_sockets = stack_sockets,
                                      .middle = to_middle,
                                      .iface_name = carry->o->ifaces,
                                      .sessions_most = (uint32_t)carry->now.program->settings->proxy_sessions,
                                      .iface = carry->now.iface,
                                      .iface_count = carry->o->iface_count,
                                      .called = called,
                                      .with = x};
        x->loops[x->count] = proxy_new(&cfg, world, all[x->count], count[x->count], &failed);
        if (!x->loops[x->count]) break;
        free(all[x->count]);
        all[x->count] = NULL;
    }
    if (!failed) return 0;
    listeners_close(all, carry->worker_count, count);
    snprintf(err, err_len, "a proxy can't be created: %s", strerror(-failed));
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
        if (err) x->count = i; /* end the running loops; the others have no thread */
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
    FILE *out = fmemopen(words, len, "w");
    if (!out) return;
    proxy_session_bytes(carry->now.program->settings->first_bytes, &idle, &most);
    fprintf(out, "; a proxied connection takes %.1f KiB while idle, %.0f at most", (double)idle / 1024,
            (double)most / 1024);
    /* Tables have their full length from the start, but each page uses memory only after it was touched. */
    if (inline_stack_wanted(carry->now.program))
        fprintf(out, "; an inline connection takes %.1f KiB more, plus some pages of tables while few are open",
                (double)proxy_inline_bytes() / 1024);
    if (tls_table_any(carry->proxied->tls))
        fprintf(out, "; each side in TLS takes %d KiB more, %d at most", TLS_IDLE_BYTES >> 10, TLS_MOST_BYTES >> 10);
    fclose(out);
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

void proxied_mark(struct carry *carry, uint64_t mark)
{
    for (unsigned i = 0; i < proxied_loops(carry); i++) proxy_mark(carry->proxied->loops[i], mark);
}

uint64_t proxied_marked(const struct carry *carry)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < proxied_loops(carry); i++) {
        const uint64_t one = proxy_marked(carry->proxied->loops[i]);
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

struct proxy *proxied_loop(const struct carry *carry, unsigned at) { return carry->proxied->loops[at]; }

bool proxied_unpack(const struct carry *carry, unsigned written, struct archive *a)
{
    return proxies_unpack(carry->proxied->loops, carry->proxied->count, written, a);
}

unsigned proxied_count(const struct carry *carry) { return carry->proxied ? carry->proxied->count : 0; }

void proxied_count_on(const struct carry *carry, uint32_t service, const struct proxy_counters *more)
{
    proxy_count_on(carry->proxied->loops[0], service, more);
}

bool proxied_counters(const struct carry *carry, uint32_t service, struct proxy_counters *sum)
{
    bool any = false;
    for (unsigned i = 0; carry->proxied && i < carry->proxied->count; i++)
        any |= proxy_counted_read(proxy_counted(carry->proxied->loops[i]), service, sum);
    return any;
}

uint64_t proxied_portless(const struct carry *carry)
{
    uint64_t n = 0;
    for (unsigned i = 0; carry->proxied && i < carry->proxied->count; i++)
        n += proxy_portless(carry->proxied->loops[i]);
    return n;
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
        while (proxy_refused(x->loops[i], &r)) carry->ears.refused(carry->ears.arg, &r, clock_ns(CLOCK_MONOTONIC));
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

/* Free a change that is complete or was not made; NULL is accepted. */
static void proxied_end(struct carry *carry, struct proxied_change *c)
{
    for (unsigned i = 0; c && i < c->count; i++) {
        struct proxy_change *one = &c->of[i];
        for (unsigned at = 0; one->listens && at < one->count; at++)
            if (one->listens[at].fd >= 0) close(one->listens[at].fd);
        chooser_free(one->fresh);
        free(one->counted);
        proxy_room_free(one->room);
        free(one->listens);
    }
    if (c) tls_table_put(c->tls);
    if (c && c->first && !carry->proxied->running) proxied_close(carry);
    free(c);
}

static struct proxied_change *change_new(struct carry *carry, const struct remap *r, struct snapshot *s, char *err,
                                         size_t err_len)
{
    struct proxied_change *c = calloc(1, sizeof *c);
    struct proxy_listen *all[WORKERS_MOST] = {NULL};
    struct places before = {0};
    unsigned count[WORKERS_MOST] = {0};
    snprintf(err, err_len, "out of memory");
    if (c) c->tls = certified(carry, carry->proxied->tls, r, err, err_len);
    if (!c || !c->tls || !places_init(&before, r->from) || listeners_open(carry, &before, all, count, err, err_len)) {
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
        const unsigned spares = proxy_spares(carry->proxied->loops[c->count]);
        if (fresh) chooser_facts(fresh, &in); /* builds tables here instead of in the loop */
        c->of[c->count] = (struct proxy_change){.remap = r,
                                                .fresh = fresh,
                                                .world = s,
                                                .tls = c->tls,
                                                .listens = all[c->count],
                                                .count = count[c->count],
                                                .iface = carry->now.iface,
                                                .inlined = inline_stack_conns(carry, c->count),
                                                .leaving = inline_stack_leaving(carry, c->count),
                                                .counted = proxy_counted_new(r->program->services_count),
                                                .room = proxy_room_new(r->program, count[c->count] + spares)};
        fine &= fresh && c->of[c->count].counted && c->of[c->count].room;
    }
    if (fine) return c;
    listeners_close(all, carry->worker_count, count);
    for (unsigned i = 0; i < c->count; i++) c->of[i].listens = NULL;
    proxied_end(carry, c);
    return NULL;
}

bool proxied_pending(const struct carry *carry, const struct proxied_change *c)
{
    for (unsigned i = 0; c && i < c->count; i++)
        if (!proxy_changed(carry->proxied->loops[i])) return true;
    return false;
}

/* Make everything that loops need for the change to the program in carry->now. */
static bool proxied_prepare(struct program_change *c)
{
    struct carry *carry = c->carry;
    if (access_open(carry, carry->now.program, c->err, c->err_len)) return false;
    if (!middle_look(carry, carry->now.program, c->err, c->err_len)) return false;
    if (carry->proxied) return (c->loops = change_new(carry, c->remap, c->snapshot, c->err, c->err_len));
    c->loops = calloc(1, sizeof *c->loops);
    if (!c->loops) snprintf(c->err, c->err_len, "out of memory");
    if (!c->loops || !proxied_any(carry->now.program)) return c->loops;
    c->loops->first = true;
    return !make_loops(carry, c->snapshot, c->err, c->err_len);
}

static void proxied_offer(struct program_change *c)
{
    struct carry *carry = c->carry;
    struct proxied_change *to = c->loops;
    for (unsigned i = 0; i < to->count; i++) {
        to->of[i].number = carry->now.number;
        proxy_change(carry->proxied->loops[i], &to->of[i]);
    }
    if (to->tls) {
        tls_table_put(carry->proxied->tls); /* the loops hold the parts that they use */
        carry->proxied->tls = to->tls;
        to->tls = NULL;
    }
    if (to->first && proxied_start(carry))
        events_tell(&carry->tell->events, TOLD_FAULT, "a proxy's thread can't be started");
}

static void proxied_drop(struct program_change *c)
{
    proxied_end(c->carry, c->loops);
    c->loops = NULL;
}

const struct part part_proxied = {.admits = proxied_look, .prepares = proxied_prepare, .ends = proxied_drop};
const struct part part_loops = {.offers = proxied_offer};
