/* A record of fixed length for each connection, then its gaps. The input is hostile: stems become names of files. */
#include "runtime/observe/kept.h"

#include <string.h>

struct kept {
    uint64_t number, next[OBSERVE_HALVES], made_next[OBSERVE_HALVES], lost, more;
    uint32_t worker, service,
        part[OBSERVE_HALVES]; /* service: index in OBSERVES; PBC_NONE: the service is not in force */
    uint32_t count, begun;    /* count: gaps; begun 1: the capture has a handshake */
    char stem[OBSERVED_STEM];
};
struct kept_gap {
    uint64_t offset, len;
    uint8_t half, kind, cause, lost;
    uint32_t zero;
};

static bool stem_is_sound(const char stem[OBSERVED_STEM])
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t len = strnlen(stem, OBSERVED_STEM);
    return len && len < OBSERVED_STEM && *stem != '.' && strspn(stem, good) == len;
}

static bool gap_is_sound(const struct kept_gap *g)
{
    return g->half < OBSERVE_HALVES && (g->kind == OBSERVE_HOLE || g->kind == OBSERVE_DIFFERS) &&
           g->cause < OBSERVE_HOLES && g->lost <= 1;
}

static uint32_t service_number(const struct kept_by *by, const struct observed_service *s)
{
    uint32_t i = 0;
    while (i < by->services && by->service[i] != s) i++;
    return i < by->services ? i : PBC_NONE;
}

static void kept_write(const struct conn_seen *c, const struct kept_by *by, struct archive *a)
{
    struct kept k = {.number = c->number,
                     .lost = c->lost,
                     .more = c->more,
                     .worker = c->worker,
                     .service = service_number(by, c->service),
                     .count = c->count,
                     .begun = c->made.begun};
    memcpy(k.next, c->next, sizeof k.next);
    memcpy(k.made_next, c->made.next, sizeof k.made_next);
    memcpy(k.part, c->part, sizeof k.part);
    memcpy(k.stem, c->stem, sizeof k.stem);
    ARCHIVE(a, k);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct observed_gap *g = &c->gaps[i];
        struct kept_gap one = {g->offset, g->len, g->half, g->kind, g->cause, g->lost, 0};
        ARCHIVE(a, one);
    }
}

static void kept_read(struct observed_conns *conns, const struct kept_by *by, struct archive *a)
{
    struct kept k;
    if (!ARCHIVE(a, k)) return;
    const bool known = k.service == PBC_NONE || k.service < by->services;
    if (!archive_sound(a, known && k.worker < by->workers && k.count <= GAPS_MOST && k.begun <= 1)) return;
    if (!archive_sound(a, stem_is_sound(k.stem) && !observed_conns_find(conns, k.worker, k.number))) return;
    struct conn_seen *c = observed_conns_add(conns, k.worker, k.number);
    if (!archive_sound(a, c)) return;
    c->service = k.service == PBC_NONE ? NULL : by->service[k.service];
    c->lost = k.lost;
    c->more = k.more;
    c->made.begun = k.begun;
    c->file[0] = c->file[1] = c->file[2] = STORED_NONE;
    memcpy(c->next, k.next, sizeof k.next);
    memcpy(c->made.next, k.made_next, sizeof k.made_next);
    memcpy(c->part, k.part, sizeof k.part);
    strcpy(c->stem, k.stem);
    for (uint32_t i = 0; i < k.count; i++) {
        struct kept_gap one;
        if (!ARCHIVE(a, one) || !archive_sound(a, gap_is_sound(&one))) return;
        conn_note(c, &(struct observed_gap){one.offset, one.len, one.half, one.kind, one.cause, one.lost});
    }
}

bool kept_archive(struct observed_conns *conns, const struct kept_by *by, struct archive *a)
{
    uint32_t count = conns->count;
    ARCHIVE(a, count);
    if (!archive_sound(a, count <= CONNS_MOST && !conns->count)) return false;
    for (const struct conn_seen *c = conns->oldest; !a->reads && c; c = c->newer) kept_write(c, by, a);
    for (uint32_t i = 0; a->reads && i < count && !a->bad; i++) kept_read(conns, by, a);
    return !a->bad;
}
