/* Each event finds its service and its connection; a reload closes the files of a service that now has others */
#include "runtime/observe/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/observe/conns.h"
#include "runtime/observe/kept.h"
#include "runtime/observe/service.h"

enum { PROGRAMS_MOST = 16 };

const char *const observed_counter_name[] = {
#define OBSERVED(field, name, doc) name,
#include "runtime/observe/counters.def"
};
/* A program whose events may come, and the writer of each of its observe services */
struct known {
    struct program *program;
    struct observed_service **service; /* [observes_count] writers of the services */
};

struct observed_log {
    struct observed_services services;
    struct observed_conns conns;
    struct known known[PROGRAMS_MOST]; /* programs, the newest first */
    unsigned count;
    uint64_t wall_ns;
};

struct observed_log *observed_log_new(const struct observed_files *files, void (*complain)(void *arg, const char *what),
                                      void *arg)
{
    struct observed_log *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    services_init(&l->services, files, complain, arg);
    if (observed_conns_init(&l->conns)) return l;
    free(l);
    return NULL;
}

static void program_forget(struct known *k)
{
    program_put(k->program);
    free(k->service);
}

void observed_log_free(struct observed_log *l)
{
    if (!l) return;
    for (unsigned i = 0; i < l->count; i++) program_forget(&l->known[i]);
    observed_conns_fini(&l->conns);
    services_fini(&l->services);
    free(l);
}

bool observed_log_program(struct observed_log *l, const struct program *p, char *err, size_t err_len)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->known[i].program == p) return true;
    struct known k = {.service = calloc(p->observes_count + 1u, sizeof(struct observed_service *))};
    if (!k.service) {
        snprintf(err, err_len, "out of memory");
        return false;
    }
    for (uint32_t i = 0; i < p->observes_count; i++) {
        k.service[i] = services_get(&l->services, p, &p->observes[i], err, err_len);
        if (k.service[i]) continue;
        free(k.service);
        return false;
    }
    k.program = program_get((struct program *)(uintptr_t)p);
    if (l->count == PROGRAMS_MOST) program_forget(&l->known[--l->count]);
    memmove(l->known + 1, l->known, l->count * sizeof *l->known);
    l->known[0] = k;
    l->count++;
    return true;
}

static struct observed_service *service_of(const struct observed_log *l, const struct observe_event *e)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->known[i].program == e->program) /* an unknown program may be freed already */
            return e->observe < e->program->observes_count ? l->known[i].service[e->observe] : NULL;
    return NULL;
}

static void gap_note(struct conn_seen *c, const struct observe_event *e, bool lost, uint64_t offset, uint64_t len)
{
    const struct observed_gap g = {.offset = offset,
                                   .len = len,
                                   .half = e->half,
                                   .kind = lost ? OBSERVE_HOLE : e->kind,
                                   .cause = e->cause,
                                   .lost = lost};
    if (c) conn_note(c, &g);
}

static void begin_at(struct conn_seen *c, struct observed_service *s)
{
    c->service = s;
    c->file[0] = c->file[1] = c->file[2] = STORED_NONE;
    c->part[0] = c->part[1] = 0;
}

/* Return the connection's entry, made if it is missing; NULL if memory ran out. If there are too many, the oldest is
 * given up. */
static struct conn_seen *conn_of(struct observed_log *l, struct observed_service *s, unsigned worker,
                                 const struct observe_event *e)
{
    struct conn_seen *c = observed_conns_find(&l->conns, worker, e->number);
    if (c) {
        /* A reload has given the service other files, so finish those of the connection. */
        if (c->service == s) return c;
        service_done(c->service, c, NULL);
        begin_at(c, s);
        return c;
    }
    if (l->conns.count >= CONNS_MOST) {
        service_done(l->conns.oldest->service, l->conns.oldest, NULL);
        observed_conns_drop(&l->conns, l->conns.oldest);
    }
    c = observed_conns_add(&l->conns, worker, e->number);
    if (!c) return NULL;
    begin_at(c, s);
    observed_stem(c->stem, e, l->wall_ns);
    return c;
}

static void take_bytes(struct observed_log *l, struct observed_service *s, unsigned worker,
                       const struct observe_event *e)
{
    struct conn_seen *c = conn_of(l, s, worker, e);
    if (!c || e->half >= OBSERVE_HALVES) return;
    uint64_t *next = &c->next[e->half];
    if (e->offset > *next) gap_note(c, e, true, *next, e->offset - *next); /* no HOLE reported it: an event was lost */
    *next = e->offset + e->len;
    const uint64_t lost = service_bytes(s, c, e, e->at_ns + l->wall_ns);
    c->lost += lost;
}

static void take_gap(struct observed_log *l, struct observed_service *s, unsigned worker, const struct observe_event *e)
{
    struct conn_seen *c = conn_of(l, s, worker, e);
    if (!c || e->half >= OBSERVE_HALVES) return;
    gap_note(c, e, false, e->offset, e->len);
    if (e->kind == OBSERVE_HOLE && e->offset + e->len > c->next[e->half]) c->next[e->half] = e->offset + e->len;
}

static void take_end(struct observed_log *l, struct observed_service *s, unsigned worker, const struct observe_event *e)
{
    struct conn_seen *c = observed_conns_find(&l->conns, worker, e->number);
    if (c) service_done(c->service, c, e);
    if (e->does != PBC_IGNORE && e->sum) service_session(s, c, e, l->wall_ns);
    if (c) observed_conns_drop(&l->conns, c);
}

void observed_log_event(struct observed_log *l, unsigned worker, const struct observe_event *e, uint64_t wall_ns)
{
    struct observed_service *s = service_of(l, e);
    l->wall_ns = wall_ns;
    if (!s) return;
    if (e->kind == OBSERVE_BYTES) take_bytes(l, s, worker, e);
    if (e->kind == OBSERVE_HOLE || e->kind == OBSERVE_DIFFERS) take_gap(l, s, worker, e);
    if (e->kind == OBSERVE_END) take_end(l, s, worker, e);
}

void observed_log_flush(struct observed_log *l) { services_flush(&l->services); }
void observed_log_again(struct observed_log *l) { services_again(&l->services); }

/* Write or read the counters. Those in another layout, as of another version, begin again at 0. */
static void counters_archive(struct observed_log *l, struct archive *a)
{
    struct observed_counters c = observed_log_counters(l);
    uint64_t bytes = sizeof c;
    ARCHIVE(a, bytes);
    if (bytes == sizeof c) {
        ARCHIVE(a, c);
        if (!a->bad) l->services.counters = c;
    } else if (archive_sound(a, bytes <= a->left)) {
        a->at += bytes;
        a->left -= bytes;
    }
}

bool observed_log_archive(struct observed_log *l, struct archive *a, unsigned workers, bool whole)
{
    const struct known *k = l->count ? &l->known[0] : NULL;
    const struct kept_by by = {k ? k->service : NULL, k ? k->program->observes_count : 0, workers};
    uint8_t has = whole && k;
    counters_archive(l, a);
    ARCHIVE(a, has);
    if (!archive_sound(a, has <= (k != NULL)) || !has) return false;
    return kept_archive(&l->conns, &by, a);
}

struct observed_counters observed_log_counters(const struct observed_log *l)
{
    struct observed_counters now;
    const uint64_t *from = (const void *)&l->services.counters;
    uint64_t *to = (void *)&now;
    for (unsigned i = 0; i < OBSERVED_COUNTERS; i++) to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    return now;
}
