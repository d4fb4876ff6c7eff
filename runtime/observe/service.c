/* Sessions go to one stream that turns over; bytes go to a capture, or to a file for each half */
#include "runtime/observe/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/capture/ng.h"

enum { LINES = 1 << 16, PARTS = 8 /* a file is at most this part of the limit */ };
#define COMPLAIN_NS UINT64_C(60000000000)
#define PART_MOST   (UINT64_C(1) << 30) /* most bytes of a file without a configured limit */

struct observed_service {
    struct observed_services *all;
    struct observed_service *next;
    char *name, *sessions, *dir; /* sessions, dir: paths; NULL: none */
    bool pcapng;
    uint64_t sessions_limit, part; /* part: bytes of a file before the next is begun */
    int fd;                        /* file of the sessions; -1: it could not be opened again */
    struct appended appended;
    uint64_t written; /* bytes in the file */
    FILE *lines;      /* pending lines, in memory */
    char *waiting;
    size_t waiting_len;
    uint64_t waiting_lines;
    struct store *store;
    uint32_t capture;           /* number of the file of `as pcapng` */
    struct bytes blocks;        /* blocks for that file, not yet written */
    uint64_t frame_ns, told_ns; /* time of the frames being made; time of the last complaint */
};

static void lines_count(uint64_t *counter, uint64_t n) { __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED); }

void services_init(struct observed_services *all, const struct observed_files *files,
                   void (*complain)(void *arg, const char *what), void *arg)
{
    *all = (struct observed_services){.files = files, .complain = complain, .arg = arg};
}

/* Complain, at most once per minute. why: a line that names the file. */
static void complain_of(struct observed_service *s, const char *why)
{
    char what[OBSERVED_LINE];
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (!s->all->complain || (s->told_ns && now - s->told_ns < COMPLAIN_NS)) return;
    s->told_ns = now;
    snprintf(what, sizeof what, "service %.60s: %.600s", s->name, why);
    s->all->complain(s->all->arg, what);
}

static void complain_file(struct observed_service *s, const char *file, int failed)
{
    char why[600];
    snprintf(why, sizeof why, "%.500s: %s", file, strerror(-failed));
    complain_of(s, why);
}

static void service_look(struct observed_service *s)
{
    const int failed = s->store ? store_failed(s->store) : 0;
    if (failed) complain_file(s, s->dir, failed);
}

/* Sessions --------------------------------------------------------------------------------------------------------- */

static int open_sessions(struct observed_service *s, bool turn, char *err, size_t err_len)
{
    const int fd = s->all->files->sessions(s->all->files->arg, s->sessions, turn, err, err_len);
    if (fd < 0) return fd;
    const off_t at = lseek(fd, 0, SEEK_END);
    s->written = at < 0 ? 0 : (uint64_t)at;
    s->fd = fd;
    s->appended = (struct appended){.cuts = s->all->files->cuts};
    return 0;
}

static void close_sessions(struct observed_service *s)
{
    if (s->fd < 0) return;
    if (append_end(&s->appended, s->fd)) { /* the last line, which was counted as written */
        lines_count(&s->all->counters.sessions, -(uint64_t)1);
        lines_count(&s->all->counters.lost_sessions, 1);
    }
    close(s->fd);
    s->fd = -1;
}

static void write_lines(struct observed_service *s)
{
    if (!s->lines || !s->waiting_lines) return;
    fflush(s->lines);
    if (s->fd < 0 || (s->sessions_limit && s->written && s->written + s->waiting_len > s->sessions_limit)) {
        /* Begin the file again; its former contents are FILE.1 then. */
        char err[600];
        close_sessions(s);
        if (open_sessions(s, true, err, sizeof err) < 0) complain_of(s, err);
    }
    const int failed = s->fd < 0 ? -EBADF : append_whole(&s->appended, s->fd, s->waiting, s->waiting_len);
    if (failed && s->fd >= 0) complain_file(s, s->sessions, failed);
    lines_count(failed ? &s->all->counters.lost_sessions : &s->all->counters.sessions, s->waiting_lines);
    if (!failed) s->written += s->waiting_len;
    s->waiting_lines = 0;
    fseeko(s->lines, 0, SEEK_SET);
}

void service_session(struct observed_service *s, const struct conn_seen *c, const struct observe_event *e,
                     uint64_t wall_ns)
{
    if (!s->sessions) return;
    const bool files = c && !s->pcapng && (c->part[0] || c->part[1]);
    const struct observed_told told = {.gaps = c ? c->gaps : NULL,
                                       .count = c ? c->count : 0,
                                       .more = c ? c->more : 0,
                                       .lost = c ? c->lost : 0,
                                       .files = files ? c->stem : NULL};
    observed_line(s->lines, e, wall_ns, &told);
    s->waiting_lines++;
    if (ftello(s->lines) >= LINES) write_lines(s);
}

/* Bytes ------------------------------------------------------------------------------------------------------------ */

/* Put the blocks that were made into the capture. Return a number above 0 if some were lost. */
static uint64_t put_blocks(struct observed_service *s)
{
    if (s->blocks.failed) { /* memory ran out: the last block may be incomplete */
        bytes_fini(&s->blocks);
        return 1;
    }
    const uint64_t lost = store_put(s->store, s->capture, s->blocks.at, s->blocks.len);
    s->blocks.len = 0;
    return lost;
}

/* Begin a section: the blocks that follow are put with it. */
static void begin_section(struct observed_service *s)
{
    ng_capture(&s->blocks, (const char *const[]){s->name}, NULL, 1);
}

static bool capture_there(struct observed_service *s, uint64_t now_ns)
{
    char stem[120], time[40];
    struct tm parts;
    const time_t at = (time_t)(now_ns / 1000000000u);
    if (s->capture != STORED_NONE && store_size(s->store, s->capture) < s->part) {
        if (store_torn(s->store, s->capture)) begin_section(s); /* the section before may have lost its beginning */
        return true;
    }
    store_done(s->store, s->capture);
    gmtime_r(&at, &parts);
    strftime(time, sizeof time, "%Y%m%dT%H%M%S", &parts);
    snprintf(stem, sizeof stem, "%.60s-%s", s->name, time);
    for (char *c = stem; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *c)) *c = '_';
    s->capture = store_make(s->store, stem, ".pcapng");
    if (s->capture == STORED_NONE) return false;
    begin_section(s);
    return true;
}

static void put_frame(void *arg, const uint8_t *frame, uint32_t len)
{
    struct observed_service *s = arg;
    const struct capture_frame f = {.data = frame, .cap_len = len, .wire_len = len, .time_ns = s->frame_ns};
    ng_captured(&s->blocks, &f, 0);
}

static uint64_t capture_bytes(struct observed_service *s, struct conn_seen *c, const struct observe_event *e,
                              uint64_t now_ns)
{
    if (!capture_there(s, now_ns)) return e->len;
    s->frame_ns = now_ns;
    made_bytes(&c->made, e->ends, e->half, e->offset, e->bytes, e->len, put_frame, s);
    return put_blocks(s) ? e->len : 0;
}

/* Begin the next file of a half if the one before is full. */
static uint64_t half_there(struct observed_service *s, struct conn_seen *c, unsigned half)
{
    char ending[40];
    const char *side = half == OBSERVE_CLIENT ? "client" : "server";
    uint64_t lost = 0;
    if (c->file[half] != STORED_NONE && store_size(s->store, c->file[half]) < s->part) return 0;
    lost = store_done(s->store, c->file[half]);
    if (c->part[half])
        snprintf(ending, sizeof ending, ".part%u.%s", c->part[half] + 1, side);
    else
        snprintf(ending, sizeof ending, ".%s", side);
    c->file[half] = store_make(s->store, c->stem, ending);
    c->part[half] += c->file[half] != STORED_NONE;
    return lost;
}

uint64_t service_bytes(struct observed_service *s, struct conn_seen *c, const struct observe_event *e,
                       uint64_t wall_time_ns)
{
    if (!s->store) return 0;
    uint64_t lost = s->pcapng ? capture_bytes(s, c, e, wall_time_ns) : half_there(s, c, e->half);
    if (!s->pcapng) lost += store_put(s->store, c->file[e->half], e->bytes, e->len);
    service_look(s);
    return lost;
}

/* Write the gaps beside the files, one line each: the half, the offset, the bytes, the kind, and the cause of a
 * hole. */
static void put_gaps(struct observed_service *s, struct conn_seen *c)
{
    char line[120];
    if (!c->count || s->pcapng || !(c->part[0] || c->part[1])) return;
    c->file[2] = store_make(s->store, c->stem, ".holes");
    for (uint32_t i = 0; i < c->count; i++) {
        const struct observed_gap *g = &c->gaps[i];
        const char *cause = observed_gap_cause(g);
        const int len =
            snprintf(line, sizeof line, "%s %llu %llu %s%s%s\n", g->half == OBSERVE_CLIENT ? "client" : "server",
                     (unsigned long long)g->offset, (unsigned long long)g->len, observed_gap_kind(g), cause ? " " : "",
                     cause ? cause : "");
        store_put(s->store, c->file[2], line, (size_t)len);
    }
    store_done(s->store, c->file[2]);
}

void service_done(struct observed_service *s, struct conn_seen *c, const struct observe_event *e)
{
    if (!s || !s->store) return;
    if (s->pcapng && e && e->sum && s->capture != STORED_NONE) {
        made_end(&c->made, e->ends, e->sum, put_frame, s);
        put_blocks(s);
    }
    for (unsigned h = 0; h < OBSERVE_HALVES; h++) {
        c->lost += store_done(s->store, c->file[h]);
        c->file[h] = STORED_NONE;
    }
    put_gaps(s, c);
    service_look(s);
}

/* All services ----------------------------------------------------------------------------------------------------- */

static void free_service(struct observed_service *s)
{
    write_lines(s);
    if (s->lines) fclose(s->lines);
    if (s->store) store_done(s->store, s->capture);
    store_free(s->store);
    close_sessions(s);
    free(s->waiting);
    bytes_fini(&s->blocks);
    free(s->name);
    free(s->sessions);
    free(s->dir);
    free(s);
}

void services_fini(struct observed_services *all)
{
    for (struct observed_service *s = all->first, *next; s; s = next) {
        next = s->next;
        free_service(s);
    }
    all->first = NULL;
}

void services_flush(struct observed_services *all)
{
    for (struct observed_service *s = all->first; s; s = s->next) {
        write_lines(s);
        if (s->store) store_flush(s->store);
        service_look(s);
    }
}

void services_again(struct observed_services *all)
{
    char err[600];
    for (struct observed_service *s = all->first; s; s = s->next) {
        uint64_t earlier = 0;
        close_sessions(s);
        if (s->sessions && open_sessions(s, false, err, sizeof err) < 0) complain_of(s, err);
        if (!s->store) continue;
        if (all->files->begin(all->files->arg, s->dir, true, &earlier, err, sizeof err))
            complain_of(s, err);
        else
            store_earlier(s->store, earlier);
    }
}

static bool same_path(const char *had, const char *path) { return had ? !strcmp(had, path) : !*path; }

/* Open the service's outputs. On failure return false, with a line in err. */
static bool open_all(struct observed_service *s, const struct pbc_observe *o, char *err, size_t err_len)
{
    uint64_t earlier = 0;
    if (s->sessions && open_sessions(s, false, err, err_len) < 0) return false;
    if (!s->dir) return true;
    if (s->all->files->begin(s->all->files->arg, s->dir, false, &earlier, err, err_len)) return false;
    s->store = store_new(s->all->files, s->dir, o->stream_limit, earlier, &s->all->counters);
    if (!s->store) snprintf(err, err_len, "out of memory");
    return s->store;
}

static struct observed_service *service_make(struct observed_services *all, const char *name, const char *sessions,
                                             const char *dir)
{
    struct observed_service *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (struct observed_service){.all = all, .fd = -1, .capture = STORED_NONE, .name = strdup(name)};
    s->sessions = *sessions ? strdup(sessions) : NULL;
    s->dir = *dir ? strdup(dir) : NULL;
    s->lines = open_memstream(&s->waiting, &s->waiting_len);
    if (s->name && s->lines && !s->sessions == !*sessions && !s->dir == !*dir) return s;
    free_service(s);
    return NULL;
}

struct observed_service *services_get(struct observed_services *all, const struct program *p,
                                      const struct pbc_observe *o, char *err, size_t err_len)
{
    const char *name = program_str(p, o->name), *sessions = program_str(p, o->sessions),
               *dir = program_str(p, o->stream);
    const bool pcapng = o->flags & PBC_OBSERVE_PCAPNG;
    struct observed_service *s = all->first;
    char why[600] = "out of memory";
    while (s && (strcmp(s->name, name) != 0 || !same_path(s->sessions, sessions) || !same_path(s->dir, dir) ||
                 s->pcapng != pcapng))
        s = s->next;
    if (!s) {
        s = service_make(all, name, sessions, dir);
        if (!s || !open_all(s, o, why, sizeof why)) {
            snprintf(err, err_len, "service %.60s: %s", name, why);
            if (s) free_service(s);
            return NULL;
        }
        s->pcapng = pcapng;
        s->next = all->first;
        all->first = s;
    }
    s->sessions_limit = o->sessions_limit;
    s->part = o->stream_limit && o->stream_limit / PARTS < PART_MOST ? o->stream_limit / PARTS : PART_MOST;
    if (s->store) store_limit(s->store, o->stream_limit);
    return s;
}
