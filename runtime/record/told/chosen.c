/* Beginnings of files are read from the last backwards to the run's first; --from and --to bound them */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/record/told/recording_priv.h"

/* Margin of one second at a file's beginning: its workers may write their states later, and packets were judged
 * before. */
#define BEFORE_NS UINT64_C(1000000000)

int chosen_open(const struct reel *r, unsigned at, struct film *f, struct scene *first, char *err, size_t err_len)
{
    const int fd = record_open_file(r->dir, r->files[at].number, false);
    const int failed = fd < 0 ? fd : film_open(f, fd);
    snprintf(err, err_len, "%s", failed ? strerror(-failed) : "the file isn't a recording");
    return failed ? failed : film_next(f, first) ? 0 : -EINVAL;
}

/* Read the beginning of the file. False: it cannot be read. */
static bool begin_of(const struct reel *r, unsigned at, struct story *t, char *err, size_t err_len)
{
    struct film f = {0};
    struct scene s;
    const bool good = !chosen_open(r, at, &f, &s, err, err_len) && !story_begin(t, &s, err, err_len);
    film_close(&f);
    return good;
}

/* True if the file belongs to the run; *t: its beginning. */
static bool is_of_run(const struct reel *r, unsigned at, uint64_t session, struct story *t)
{
    char err[200];
    *t = (struct story){0};
    return begin_of(r, at, t, err, sizeof err) && t->start.session == session;
}

/* Return the time when the last file was written to. */
static uint64_t reel_end_ns(const struct reel *r)
{
    struct stat st;
    const int fd = record_open_file(r->dir, r->files[r->count - 1].number, false);
    const bool known = fd >= 0 && !fstat(fd, &st);
    if (fd >= 0) close(fd);
    return known ? (uint64_t)(st.st_mtim.tv_sec + 1) * 1000000000u : 0;
}

/* Return the file to begin with: the last that begins well before the time of --from, or the last up to its number;
 * else the first. */
static unsigned first_of(const struct chosen *c, const struct reel *r, const struct options *o)
{
    unsigned at = 0;
    for (unsigned i = 0; i < r->count; i++) {
        char err[200];
        struct story t = {0};
        const bool before = c->from_ns
                                ? begin_of(r, i, &t, err, sizeof err) && t.start.began_ns + BEFORE_NS <= c->from_ns
                                : r->files[i].number <= o->from;
        if (before) at = i;
    }
    return at;
}

/* Find the last readable file, where the last run is. The files after it have no beginning, because the disk was
 * full. False if none is readable; err is about the last. */
static bool find_end(struct chosen *c, const struct reel *r, struct story *t, char *err, size_t err_len)
{
    char why[200];
    bool found = begin_of(r, c->first, t, err, err_len);
    for (unsigned at = c->first; !found && at--;) {
        *t = (struct story){0};
        found = begin_of(r, at, t, why, sizeof why);
        if (found) c->unbegun = c->first - at;
        if (found) c->first = at;
    }
    return found;
}

int chosen_find(struct chosen *c, const struct reel *r, const struct options *o, struct story *t, char *err,
                size_t err_len)
{
    char name[RECORDING_NAME], why[200];
    struct story other;
    *c = (struct chosen){0};
    /* A time of day means its last occurrence before the end of the recordings. */
    const uint64_t end = o->from_at.said || o->to_at.said ? reel_end_ns(r) : 0;
    if (o->from_at.said) c->from_ns = when_until(&o->from_at.when, end);
    if (o->to_at.said) c->to_ns = c->from_ns ? when_from(&o->to_at.when, c->from_ns) : when_until(&o->to_at.when, end);
    const bool said = c->from_ns || o->from > 1;
    const uint64_t until = c->to_ns ? c->to_ns + BEFORE_NS : UINT64_MAX, most = o->to ? o->to : UINT64_MAX;
    c->first = said ? first_of(c, r, o) : r->count - 1;
    recording_name(r->files[c->first].number, name);
    if (said ? !begin_of(r, c->first, t, why, sizeof why) : !find_end(c, r, t, why, sizeof why)) {
        snprintf(err, err_len, "%s: %s", name, why);
        return -EINVAL;
    }
    c->last = c->first;
    while (!said && c->first && is_of_run(r, c->first - 1, t->start.session, &other)) {
        c->first--;
        t->start = other.start;
    }
    while (c->last + 1 < r->count && is_of_run(r, c->last + 1, t->start.session, &other) &&
           other.start.began_ns <= until && r->files[c->last + 1].number <= most)
        c->last++;
    while (c->last > c->first && r->files[c->last].number > most) c->last--;
    return 0;
}
