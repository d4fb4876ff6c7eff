/* A record is the event with its ends, then its bytes, or its sums and names */
#include "runtime/observe/carried.h"

#include <string.h>

enum { NAME_MOST = 1024, NAMES = 5 };

/* A record: an event without its pointers, then its bytes (BYTES), or its sums and names (END). The program's
 * pointer only identifies the program, so that only a reader that knows the program follows it. */
struct put {
    struct observe_event event;
    struct observe_ends ends;
};
struct put_sum {
    struct observe_summary sum;
    uint32_t len[NAMES]; /* length of each name behind the record; UINT32_MAX: not found */
};

static struct view *sum_name(struct observe_summary *s, unsigned i)
{
    struct view *const names[NAMES] = {&s->sni, &s->alpn, &s->host, &s->method, &s->path};
    return names[i];
}

static struct put *summed_begin(struct spool *s, const struct observe_event *e, size_t more, uint64_t spare)
{
    struct put *p = spool_begin(s, sizeof *p + more, spare);
    if (!p) return NULL;
    p->event = *e;
    p->ends = *e->ends;
    return p;
}

static void put_end(struct spool *s, const struct observe_event *e)
{
    struct put_sum end = {.sum = *e->sum};
    size_t more = sizeof end;
    for (unsigned i = 0; i < NAMES; i++) {
        const struct view *v = sum_name(&end.sum, i);
        end.len[i] = !v->at ? UINT32_MAX : v->len < NAME_MOST ? v->len : NAME_MOST;
        more += v->at ? end.len[i] : 0;
    }
    struct put *p = summed_begin(s, e, more, 0);
    if (!p) return;
    memcpy(p + 1, &end, sizeof end);
    uint8_t *to = (uint8_t *)(p + 1) + sizeof end;
    for (unsigned i = 0; i < NAMES; i++) {
        if (end.len[i] == UINT32_MAX) continue;
        memcpy(to, sum_name(&end.sum, i)->at, end.len[i]);
        to += end.len[i];
    }
    spool_end(s);
}

void carried_put(struct spool *s, const struct observe_event *e)
{
    if (e->kind == OBSERVE_END && e->sum) {
        put_end(s, e);
        return;
    }
    const bool bytes = e->kind == OBSERVE_BYTES;
    struct put *p = summed_begin(s, e, bytes ? e->len : 0, bytes ? s->size / 4 : 0);
    if (!p) return;
    if (bytes) memcpy(p + 1, e->bytes, e->len);
    spool_end(s);
}

static void take_sum(struct carried *c, const uint8_t *at)
{
    struct put_sum end;
    memcpy(&end, at, sizeof end);
    c->sum = end.sum;
    at += sizeof end;
    for (unsigned i = 0; i < NAMES; i++) {
        const bool there = end.len[i] != UINT32_MAX;
        *sum_name(&c->sum, i) = there ? (struct view){.at = at, .len = end.len[i]} : (struct view){0};
        at += there ? end.len[i] : 0;
    }
}

bool carried_take(struct spool *s, struct carried *c)
{
    size_t bytes;
    const struct put *p = spool_next(s, &bytes);
    if (!p) return false;
    const bool end = p->event.kind == OBSERVE_END && p->event.sum;
    c->event = p->event;
    c->ends = p->ends;
    c->event.ends = &c->ends;
    c->event.sum = end ? &c->sum : NULL;
    c->event.bytes = (const uint8_t *)(p + 1);
    if (end) take_sum(c, (const uint8_t *)(p + 1));
    return true;
}
