/* Rows of all CPUs are summed, and the last sum is subtracted. */
#include "runtime/kernel/run/counted.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/maps/counts.h"
#include "vm/forward/bind/nat.h"
#include "vm/kernel/keyed/meters.h"
#include "vm/keyed/archive.h"
#include "vm/program/remap.h"

/* Counters of one program. */
struct rows {
    struct kernel_program at;
    const struct kernel_meters *meters; /* meters of the program; NULL: none */
    size_t cells;
    struct counter *row, *fresh;       /* a row of `counts`: total so far, and increase */
    struct meter_counter *said, *more; /* the same for meters: total so far, and increase */
    struct would_counter *would;       /* increase of actions, rules and defaults without `audit` */
};
/* Parts of a row of which the worker may have more entries than the stages, because it keeps those of former
 * programs (remap.h). */
enum part { SERVICES, UNSERVED, SERVERS, NATS, PARTS };
struct counted {
    struct kernel *kernel;
    struct kernel_counters seen; /* totals so far */
    struct rows rows;
    struct counter *all[PARTS]; /* parts of a row, with the worker's number of entries */
};

static void rows_fini(struct rows *r)
{
    free(r->row);
    free(r->fresh);
    free(r->said);
    free(r->more);
    free(r->would);
}

bool counted_follow(struct counted *c)
{
    const struct kernel_meters *m = kernel_meters(c->kernel);
    struct rows r = {.at = *kernel_rows(c->kernel), .meters = m, .cells = m ? m->layout.cells : 0};
    r.row = calloc(r.at.row, sizeof *r.row);
    r.fresh = calloc(r.at.row, sizeof *r.fresh);
    r.said = calloc(r.cells + 1, sizeof *r.said);
    r.more = calloc(r.cells + 1, sizeof *r.more);
    r.would = calloc((r.at.row - r.at.would) / KERNEL_WOULD_CELLS + (size_t)1, sizeof *r.would);
    const bool good = r.row && r.fresh && r.said && r.more && r.would;
    rows_fini(&c->rows);
    if (!good) rows_fini(&r);
    c->rows = good ? r : (struct rows){0};
    return good;
}

struct counted *counted_new(struct kernel *kernel)
{
    struct counted *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->kernel = kernel;
    if (counted_follow(c)) return c;
    counted_free(c);
    return NULL;
}

void counted_free(struct counted *c)
{
    if (!c) return;
    rows_fini(&c->rows);
    for (unsigned i = 0; i < PARTS; i++) free(c->all[i]);
    free(c);
}

void counted_archive(struct counted *c, struct archive *a)
{
    if (!c) {
        a->bad = true;
        return;
    }
    const uint32_t row = c->rows.row ? c->rows.at.row : 0;
    uint32_t entries = row;
    uint64_t cells = c->rows.cells;
    ARCHIVE(a, entries);
    ARCHIVE(a, cells);
    if (!archive_sound(a, entries == row && cells == c->rows.cells)) return;
    ARCHIVE(a, c->seen);
    archive_part(a, c->rows.row, row * sizeof *c->rows.row);
    archive_part(a, c->rows.said, c->rows.cells * sizeof *c->rows.said);
}

struct kernel_counters counted_so_far(const struct counted *c) { return c->seen; }

/* Set `now` to the increase since `seen`, and `seen` to `now`. */
static void since(void *now, void *seen, size_t bytes)
{
    uint64_t *a = now, *b = seen;
    for (size_t i = 0; i < bytes / sizeof *a; i++) {
        const uint64_t sum = a[i];
        a[i] -= b[i];
        b[i] = sum;
    }
}

static uint32_t worker_has(const struct vm *vm, enum part part)
{
    const struct program *p = vm_program(vm);
    return part == NATS ? program_all_nats(p) : part == SERVERS ? p->servers_count : p->services_count;
}

/* Make room for the worker's entries. False: out of memory. */
static bool room_for_parts(struct counted *c, const struct vm *vm)
{
    for (unsigned i = 0; i < PARTS; i++) {
        struct counter *more = realloc(c->all[i], (worker_has(vm, i) + (size_t)1) * sizeof *more);
        if (!more) return false;
        c->all[i] = more;
    }
    return true;
}

static void fill_parts(struct counted *c, const struct vm *vm)
{
    const struct kernel_program *at = &c->rows.at;
    const uint32_t places[PARTS + 1] = {at->services, at->unserved, at->servers, at->nats, at->would};
    for (unsigned i = 0; i < PARTS; i++) {
        const uint32_t wanted = worker_has(vm, i), there = places[i + 1] - places[i];
        memset(c->all[i], 0, wanted * sizeof *c->all[i]);
        memcpy(c->all[i], c->rows.fresh + places[i], (wanted < there ? wanted : there) * sizeof *c->all[i]);
    }
}

/* Put together the "would" effects, if the program has audit. */
static void fill_would(const struct rows *r, struct vm_counters *more)
{
    const uint32_t cells = r->at.flags & KERNEL_AUDITS ? (r->at.row - r->at.would) / KERNEL_WOULD_CELLS : 0;
    for (uint32_t i = 0; i < cells; i++) {
        const struct counter *c = r->fresh + r->at.would + (size_t)i * KERNEL_WOULD_CELLS;
        r->would[i] = (struct would_counter){.decided = c[0], .changed = c[1], .flows = c[2].packets};
    }
    if (!cells) return;
    memcpy(more->would, r->would, sizeof more->would);
    more->would_rules = r->would + ACTION_COUNT;
    more->would_defaults = more->would_rules + r->at.would_rules;
}

/* Read all counters. Packets go on meanwhile, and each counts in several places, so reading is repeated if packets
 * came in between. If they never pause, counters differ by the packets of one reading. */
static struct kernel_counters counters_read(const struct counted *c)
{
    enum { CELLS = 1 << 16 /* takes under a millisecond, while the worker is paused */ };
    const struct rows *r = &c->rows;
    const uint64_t cells = (uint64_t)r->at.row * kernel_cpus(c->kernel), tries = 2 + CELLS / (cells + 1024);
    const struct map *counts = kernel_map(c->kernel, KERNEL_MAP_counts);
    struct kernel_counters before, now = kernel_counters(c->kernel);
    for (uint64_t i = 0; i < tries; i++) {
        before = now;
        for (uint32_t at = 0; at < r->at.row; at++)
            r->fresh[at] = counts_of(&r->at, counts, kernel_cpus(c->kernel), at);
        now = kernel_counters(c->kernel);
        if (!memcmp(&before, &now, sizeof now)) break;
    }
    return before;
}

void counted_add(struct counted *c, struct vm *vm)
{
    /* After a failed allocation the next call adds everything. */
    if (!c->rows.row && !counted_follow(c)) return;
    if (!room_for_parts(c, vm)) return;
    const struct rows *r = &c->rows;
    const struct kernel_program *at = &r->at;
    struct kernel_counters now = counters_read(c);
    since(&now, &c->seen, sizeof now);
    since(r->fresh, r->row, at->row * sizeof *r->row);
    if (r->cells) kernel_meters_sum(r->meters, r->more);
    since(r->more, r->said, r->cells * sizeof *r->said);
    const struct forward_counters forward = {.replies = now.replies};
    fill_parts(c, vm);
    const struct nat_counters nat = {.statements = c->all[NATS]};
    struct vm_counters more = {.forward = &forward,
                               .nat = &nat,
                               .rules = r->fresh,
                               .meters = r->cells ? r->more : NULL,
                               .defaults = r->fresh + at->rules + 1,
                               .services = c->all[SERVICES],
                               .unserved = c->all[UNSERVED],
                               .servers = c->all[SERVERS],
                               .snapped = now.snapped,
                               .bad_checksum = now.bad_checksum,
                               .ways_unknown = now.ways_unknown};
    fill_would(r, &more);
    memcpy(more.verdicts, now.verdicts, sizeof more.verdicts);
    memcpy(more.reasons, now.reasons, sizeof more.reasons);
    vm_count(vm, &more);
    vm_count_ways(vm, now.unknown_ways);
}
