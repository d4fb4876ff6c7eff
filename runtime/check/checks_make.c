/* Makes the checks of a program, keeps the state of servers from the former checks, and frees checks */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "runtime/check/checks_priv.h"
#include "runtime/host/file/certificates.h"
#include "vm/keyed/keyed.h"

void checks_ready(void) { OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL); }

static bool watch_icmp(struct checks *c, int fd, int what)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)(int64_t)what};
    return fd < 0 || !epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int open_trusted(const struct checks *c, const struct pbc_check *check)
{
    const char *path = check->ca ? program_str(c->program, check->ca) : CERTIFICATES_TRUSTED;
    return c->cfg.open_file ? c->cfg.open_file(c->cfg.with, path) : open(path, O_RDONLY | O_CLOEXEC);
}

/* Return the TLS context of an earlier check with the same file, or NULL: reading a system's bundle takes 10 ms */
static SSL_CTX *trusts_alike(const struct checks *c, uint32_t i)
{
    const struct pbc_check *x = &c->program->checks[i];
    for (uint32_t k = 0; k < i; k++) {
        const struct pbc_check *y = &c->program->checks[k];
        const bool verifies = c->kinds[k].tls && !((x->flags | y->flags) & PBC_CHECK_NO_VERIFY);
        if (verifies && !strcmp(program_str(c->program, x->ca), program_str(c->program, y->ca))) return c->kinds[k].tls;
    }
    return NULL;
}

static bool make_seeks(struct kind *k, const struct program *p, const struct pbc_check *check)
{
    k->seeks = calloc(check->step_count + 1u, sizeof *k->seeks);
    if (!k->seeks) return false;
    for (uint32_t i = 0; i < check->step_count; i++) {
        const struct pbc_step *s = &p->steps[check->steps + i];
        if (s->kind == PBC_STEP_HAS && !seek_init(&k->seeks[i], p->said + s->bytes, s->len)) return false;
    }
    return true;
}

static bool make_kind(struct checks *c, uint32_t i, char *err, size_t err_len)
{
    const struct pbc_check *check = &c->program->checks[i];
    struct kind *k = &c->kinds[i];
    if (!make_seeks(k, c->program, check)) {
        snprintf(err, err_len, "out of memory");
        return false;
    }
    if (check->kind != PBC_CHECK_HTTP && check->kind != PBC_CHECK_HTTPS) return true;
    k->request = http_request(c->program, check, &k->request_len);
    if (!k->request) snprintf(err, err_len, "out of memory");
    if (!k->request || check->kind == PBC_CHECK_HTTP) return k->request;
    SSL_CTX *like = trusts_alike(c, i);
    const int fd = check->flags & PBC_CHECK_NO_VERIFY || like ? -1 : open_trusted(c, check);
    k->tls = https_context(c->program, check, like, fd, err, err_len);
    if (fd >= 0) close(fd);
    return k->tls;
}

/* True if two checks send and expect the same */
static bool same_steps(const struct program *a, const struct pbc_check *x, const struct program *b,
                       const struct pbc_check *y)
{
    if (x->step_count != y->step_count || x->status_count != y->status_count) return false;
    for (uint32_t i = 0; i < x->step_count; i++) {
        const struct pbc_step *s = &a->steps[x->steps + i], *t = &b->steps[y->steps + i];
        if (s->kind != t->kind || s->len != t->len || memcmp(a->said + s->bytes, b->said + t->bytes, s->len))
            return false;
    }
    for (uint32_t i = 0; i < x->status_count; i++) {
        const struct pbc_range *s = &a->ranges[x->status + i], *t = &b->ranges[y->status + i];
        if (s->lo != t->lo || s->hi != t->hi) return false;
    }
    return true;
}

static bool same_text(const struct program *a, uint32_t x, const struct program *b, uint32_t y)
{
    return !strcmp(program_str(a, x), program_str(b, y));
}

/* True if two checks probe in the same way, whatever their names */
static bool same_check(const struct program *a, const struct pbc_check *x, const struct program *b,
                       const struct pbc_check *y)
{
    return x->kind == y->kind && x->flags == y->flags && x->method == y->method && x->port == y->port &&
           x->every_ms == y->every_ms && x->timeout_ms == y->timeout_ms && x->from_family == y->from_family &&
           !memcmp(x->from, y->from, sizeof x->from) && same_text(a, x->path, b, y->path) &&
           same_text(a, x->host, b, y->host) && same_text(a, x->sni, b, y->sni) && same_text(a, x->ca, b, y->ca) &&
           same_steps(a, x, b, y);
}

static bool make_target(struct checks *c, uint32_t server, uint64_t now_ns)
{
    struct target *t = &c->targets[server];
    const uint32_t check = program_check(c->program, server);
    if (check == PBC_NONE) return true;
    t->check = &c->program->checks[check];
    t->state = (struct check_state){.checked = true, .up = true};
    /* the first probes begin soon, but spread */
    const uint64_t spread = t->check->every_ms * UINT64_C(1000000);
    t->turn_ns = now_ns + random_next(&c->random) % (spread / 4 + 1);
    /* Without probes through services, the server's own address is the only way. */
    struct check_way ways[CHECK_WAYS_MOST];
    t->way_count = (uint8_t)check_ways(c->program, server, c->cfg.stack.ready, ways);
    t->ways = calloc(t->way_count, sizeof *ways);
    if (!t->ways) return false;
    memcpy(t->ways, ways, t->way_count * sizeof *ways);
    if (ways[0].service != PBC_NONE && !c->whose) {
        c->whose = calloc(NUMBERS, sizeof *c->whose);
        for (unsigned i = 0; c->whose && i < NUMBERS; i++) c->whose[i].server = UINT32_MAX;
        return c->whose;
    }
    return true;
}

/* Keep the state of servers that still exist */
static void states_keep(struct checks *c, const struct checks *before, const struct remap *r)
{
    for (uint32_t old = 0; old < checked_servers(before->program); old++) {
        const uint32_t server = r->server[old];
        const struct target *o = &before->targets[old];
        if (server >= checked_servers(c->program) || !o->check || !c->targets[server].check) continue;
        struct target *t = &c->targets[server];
        t->state = o->state;
        if (same_check(c->program, t->check, before->program, o->check) && !o->probe) t->turn_ns = o->turn_ns;
    }
}

static bool checks_build(struct checks *c, const struct checks *before, const struct remap *r, uint64_t now_ns,
                         char *err, size_t err_len)
{
    const struct program *p = c->program;
    c->kinds = calloc(p->checks_count + 1u, sizeof *c->kinds);
    c->targets = calloc(p->servers_count + 1u, sizeof *c->targets);
    c->changes = calloc(p->servers_count + 1u, sizeof *c->changes);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!c->kinds || !c->targets || !c->changes || !due_init(&c->due, p->servers_count) || c->epoll < 0 ||
        !watch_icmp(c, c->cfg.icmp4, FD_ICMP4) || !watch_icmp(c, c->cfg.icmp6, FD_ICMP6)) {
        snprintf(err, err_len, "checks: %s", strerror(errno ? errno : ENOMEM));
        return false;
    }
    for (uint32_t i = 0; i < p->checks_count; i++)
        if (!make_kind(c, i, err, err_len)) return false;
    const uint32_t count = checked_servers(p);
    for (uint32_t s = 0; s < count; s++) {
        if (make_target(c, s, now_ns)) continue;
        snprintf(err, err_len, "out of memory");
        return false;
    }
    if (before) states_keep(c, before, r);
    for (uint32_t s = 0; s < count; s++)
        if (c->targets[s].check) due_set(&c->due, s, c->targets[s].turn_ns);
    return true;
}

struct checks *checks_new(struct program *p, const struct checks_cfg *cfg, const struct checks *before,
                          const struct remap *remap, uint64_t now_ns, char *err, size_t err_len)
{
    struct checks *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    c->program = program_get(p);
    c->cfg = *cfg;
    c->epoll = -1;
    c->random = cfg->seed;
    c->id = (uint16_t)random_next(&c->random);
    if (checks_build(c, before, remap, now_ns, err, err_len)) return c;
    checks_free(c);
    return NULL;
}

void checks_free(struct checks *c)
{
    if (!c) return;
    for (uint32_t s = 0; c->targets && s < c->program->servers_count; s++) {
        if (c->targets[s].probe) probe_end(c->targets[s].probe);
        free(c->targets[s].probe);
        free(c->targets[s].ways);
    }
    free(c->whose);
    for (uint32_t i = 0; c->kinds && i < c->program->checks_count; i++) {
        for (uint32_t s = 0; c->kinds[i].seeks && s < c->program->checks[i].step_count; s++)
            seek_fini(&c->kinds[i].seeks[s]);
        free(c->kinds[i].seeks);
        free(c->kinds[i].request);
        SSL_CTX_free(c->kinds[i].tls);
    }
    if (c->epoll >= 0) close(c->epoll);
    due_fini(&c->due);
    free(c->kinds);
    free(c->targets);
    free(c->changes);
    program_put(c->program);
    free(c);
}
