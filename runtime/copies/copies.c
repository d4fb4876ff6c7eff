/* Slots and sinks of all programs of a run, and the thread that writes copies (base/looker.h) */
#include "runtime/copies/copies.h"
#include "runtime/copies/copies_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/report/text.h"

#define PAUSE_NS UINT64_C(1000000)
enum { AT_ONCE = 64 };

const char *const copy_loss_keys[COPY_LOSSES] = {
#define COPY_LOSS(ident, key, words) [COPY_##ident] = key,
#include "runtime/copies/loss.def"
};
const char *const copy_loss_words[COPY_LOSSES] = {
#define COPY_LOSS(ident, key, words) [COPY_##ident] = words,
#include "runtime/copies/loss.def"
};

struct copies *copies_new(const struct copies_cfg *cfg)
{
    struct copies *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->cfg = *cfg;
    c->workers = calloc(cfg->workers, sizeof *c->workers);
    c->names = calloc(cfg->devices + 1, sizeof *c->names);
    bool good = c->workers && c->names;
    for (unsigned i = 0; good && i < cfg->workers; i++)
        good = !tape_init(&c->workers[i].tape, COPY_TAPE_BYTES, UINT32_MAX, 0);
    for (unsigned i = 0; good && i < cfg->devices; i++) c->names[i] = cfg->names[i];
    for (unsigned i = 0; good && i < cfg->workers && cfg->ways.keep; i++) c->workers[i].turned = c;
    c->ahead_ns = cfg->ahead_ns;
    if (good) c->names[cfg->devices] = cfg->rest ? cfg->rest : "host";
    if (good) return c;
    copies_free(c);
    return NULL;
}

static void sink_free(struct copy_sink *k)
{
    if (!k) return;
    stream_end(k);
    free(k->target);
    free(k);
}

void copies_free(struct copies *c)
{
    if (!c) return;
    copies_end(c);
    packets_free(c->packets);
    for (unsigned i = 0; c->workers && i < c->cfg.workers; i++) tape_fini(&c->workers[i].tape);
    for (unsigned i = 0; i < c->slot_count; i++) free(c->slots[i]->rule), free(c->slots[i]);
    for (struct copy_sink *k = c->sinks, *next; k; k = next) next = k->next, sink_free(k);
    for (struct copies_table *t = c->tables, *older; t; t = older) older = t->older, free(t);
    free(c->workers);
    free(c->names);
    free(c);
}

struct copying *copies_worker(struct copies *c, unsigned worker) { return &c->workers[worker]; }

/* Open a sink's destination. */
static int sink_open(struct copies *c, struct copy_sink *k, char *err, size_t err_len)
{
    const struct copies_ways *w = &c->cfg.ways;
    if (k->to != PBC_MIRROR_DEVICE || w->keep) {
        const int failed = stream_open(c, k, err, err_len);
        k->counted = w->keep && failed == -ENOENT; /* copies for this target were not requested */
        return k->counted ? 0 : failed;
    }
    k->idle = 1 + COPY_DOWN;
    if (c->packets) return 0;
    const int fd = w->device(w->arg, err, err_len);
    if (fd < 0) return fd;
    struct packets_out *p = packets_new(fd);
    if (!p) return -ENOMEM;
    __atomic_store_n(&c->packets, p, __ATOMIC_RELEASE);
    return 0;
}

static struct copy_sink *sink_make(struct copies *c, const struct pbc_mirror *m, const char *target, int *failed,
                                   char *err, size_t err_len)
{
    struct copy_sink *k = calloc(1, sizeof *k);
    *failed = -ENOMEM;
    if (!k) return NULL;
    *k = (struct copy_sink){
        .to = (enum pbc_mirror_to)m->to, .target = strdup(target), .size = m->size, .fd = -1, .next = c->sinks};
    for (unsigned i = 0; i < READERS_MOST; i++) k->readers[i].fd = -1;
    *failed = k->target ? sink_open(c, k, err, err_len) : -ENOMEM;
    if (*failed) {
        sink_free(k);
        return NULL;
    }
    __atomic_store_n(&c->sinks, k, __ATOMIC_RELEASE);
    return k;
}

/* Return the sink of a target, which several mirrors may share; a file's size is the largest that was asked for. */
static struct copy_sink *sink_for(struct copies *c, const struct program *p, const struct pbc_mirror *m, int *failed,
                                  char *err, size_t err_len)
{
    const char *target = program_str(p, m->target);
    for (struct copy_sink *k = c->sinks; k; k = k->next) {
        if (k->to != (enum pbc_mirror_to)m->to || strcmp(k->target, target) != 0) continue;
        if (m->size > k->size) __atomic_store_n(&k->size, m->size, __ATOMIC_RELAXED);
        return k;
    }
    return sink_make(c, m, target, failed, err, err_len);
}

static struct copy_slot *slot_for(struct copies *c, struct copy_sink *k, const struct pbc_mirror *m, const char *rule)
{
    for (unsigned i = 0; i < c->slot_count; i++) {
        struct copy_slot *s = c->slots[i];
        if (s->sink == k && s->flags == m->flags && s->snap == m->snap && strcmp(s->rule, rule) == 0) return s;
    }
    struct copy_slot *s = c->slot_count < COPY_SLOTS ? calloc(1, sizeof *s) : NULL;
    if (!s) return NULL;
    *s = (struct copy_slot){
        .rule = strdup(rule), .number = c->slot_count, .snap = m->snap, .flags = m->flags, .sink = k};
    if (!s->rule) {
        free(s);
        return NULL;
    }
    c->slots[c->slot_count] = s;
    __atomic_store_n(&c->slot_count, c->slot_count + 1, __ATOMIC_RELEASE);
    return s;
}

static int fill_table(struct copies *c, const struct program *p, struct copies_table *t, char *err, size_t err_len)
{
    struct labels labels;
    int failed = labels_init(&labels, p) ? -ENOMEM : 0;
    for (uint32_t i = 0; i < p->mirrors_count && !failed; i++) {
        struct copy_sink *k = sink_for(c, p, &p->mirrors[i], &failed, err, err_len);
        if (k && !(t->slot[i] = slot_for(c, k, &p->mirrors[i], label_rule(&labels, p->mirrors[i].rule)))) {
            snprintf(err, err_len, "a run has at most %d mirrors, including the mirrors of earlier programs",
                     COPY_SLOTS);
            failed = -ENOSPC;
        }
    }
    labels_fini(&labels);
    return failed;
}

/* Return an earlier table with the same slots, or NULL. */
static const struct copies_table *same_table(const struct copies *c, const struct copies_table *t)
{
    const struct copies_table *same = c->tables;
    while (same && (same->count != t->count || memcmp(same->slot, t->slot, sizeof t->slot) != 0)) same = same->older;
    return same;
}

int copies_program(struct copies *c, const struct program *p, const struct copies_table **table, char *err,
                   size_t err_len)
{
    *table = NULL;
    if (!p->mirrors_count) return 0;
    struct copies_table *t = calloc(1, sizeof *t);
    if (!t) return -ENOMEM;
    *t = (struct copies_table){.count = p->mirrors_count, .older = c->tables};
    *err = 0;
    const int failed = fill_table(c, p, t, err, err_len);
    if (failed) {
        if (!*err) snprintf(err, err_len, "%s", strerror(-failed));
        free(t);
        return failed;
    }
    *table = same_table(c, t);
    if (*table) {
        free(t);
        return 0;
    }
    c->tables = t;
    *table = t;
    return 0;
}

void copies_devices(struct copies *c, unsigned (*ifindex)(void *arg, const char *device), void *arg)
{
    for (struct copy_sink *k = c->sinks; k; k = k->next) {
        if (k->to != PBC_MIRROR_DEVICE) continue;
        const unsigned at = ifindex(arg, k->target);
        __atomic_store_n(&k->ifindex, at, __ATOMIC_RELAXED);
        __atomic_store_n(&k->idle, at ? 0 : 1 + COPY_DOWN, __ATOMIC_RELAXED);
    }
}

void copying_copy(void *arg, unsigned mirror, const struct pkt *pkt)
{
    struct copying *c = arg;
    struct copy_slot *s = c->table ? c->table->slot[mirror] : NULL;
    if (!s) return;
    const unsigned idle = __atomic_load_n(&s->sink->idle, __ATOMIC_RELAXED);
    if (idle)
        copy_lose(s, (enum copy_loss)(idle - 1));
    else if (!tape_copy(&c->tape, s->number, c->now_ns, s->snap, pkt) &&
             !(c->turned && copies_turn(c->turned) && tape_copy(&c->tape, s->number, c->now_ns, s->snap, pkt)))
        copy_lose(s, COPY_RING);
}

void copying_all(struct copying *c, const struct pkt *pkt)
{
    for (uint64_t left = pkt->mirrors; left; left &= left - 1) copying_copy(c, (unsigned)__builtin_ctzll(left), pkt);
}

static void write_copy(struct copies *c, const struct tape_record *r)
{
    if (r->kind != TAPE_COPY || r->number >= __atomic_load_n(&c->slot_count, __ATOMIC_ACQUIRE)) return;
    struct copy_slot *s = c->slots[r->number];
    const struct tape_frame *f = (const void *)(r + 1);
    if (r->now_ns + c->ahead_ns < c->cfg.from_ns) return;
    if (s->sink->counted)
        copy_done(s, f->cap_len);
    else if (s->sink->to == PBC_MIRROR_DEVICE && !c->cfg.ways.keep)
        packets_put(__atomic_load_n(&c->packets, __ATOMIC_ACQUIRE), s, f);
    else
        stream_put(c, s, f, r->now_ns);
}

/* Write a tape's records up to `there`; their bytes are released once the devices have them. */
static bool write_tape(struct copies *c, struct tape *t, uint64_t there)
{
    bool came = false;
    for (uint64_t at = t->taken; at < there;) {
        const struct tape_record *r;
        for (unsigned n = 0; n < AT_ONCE && (r = tape_ahead(t, &at, there)); n++, came = true) write_copy(c, r);
        if (c->packets) packets_flush(c->packets);
        tape_done_to(t, at);
    }
    return came;
}

bool copies_turn(struct copies *c)
{
    bool came = false;
    if (__atomic_exchange_n(&c->again, 0, __ATOMIC_ACQ_REL)) {
        __atomic_store_n(&c->cfg.takes, false, __ATOMIC_RELAXED);
        for (struct copy_sink *k = __atomic_load_n(&c->sinks, __ATOMIC_ACQUIRE); k; k = k->next)
            if (k->to != PBC_MIRROR_DEVICE) stream_again(c, k);
    }
    if (c->looker.runs) c->ahead_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < c->cfg.workers; i++)
        came |= write_tape(c, &c->workers[i].tape, tape_there(&c->workers[i].tape));
    for (struct copy_sink *k = __atomic_load_n(&c->sinks, __ATOMIC_ACQUIRE); k; k = k->next)
        if (k->to != PBC_MIRROR_DEVICE || c->cfg.ways.keep) stream_turn(c, k);
    return came;
}

bool copies_settle(struct copies *c, uint64_t until_ns) { return looker_settle(&c->looker, until_ns); }

void copies_again(struct copies *c) { __atomic_store_n(&c->again, 1, __ATOMIC_RELEASE); }

static bool is_first(const struct copies_table *t, unsigned at)
{
    unsigned i = 0;
    while (t->slot[i] != t->slot[at]) i++;
    return i == at;
}

void copies_archive(const struct copies_table *table, struct archive *a)
{
    uint32_t count = table ? table->count : 0;
    ARCHIVE(a, count);
    if (!archive_sound(a, count == (table ? table->count : 0))) return;
    for (unsigned i = 0; i < count && !a->bad; i++) {
        struct copy_count c = {0};
        if (!a->reads) copies_count(table->slot[i], &c);
        ARCHIVE(a, c.packets);
        ARCHIVE(a, c.bytes);
        ARCHIVE(a, c.lost);
        if (a->reads && !a->bad && is_first(table, i)) copies_add(table->slot[i], c.packets, c.bytes, c.lost);
    }
}

int copies_failed(const struct copies *c, const char **target)
{
    for (const struct copy_sink *k = c->sinks; k; k = k->next) {
        *target = k->target;
        if (k->failed) return k->failed;
    }
    return 0;
}

static bool copies_look(void *copies) { return copies_turn(copies); }

int copies_begin(struct copies *c) { return looker_start(&c->looker, copies_look, c, PAUSE_NS); }

void copies_end(struct copies *c)
{
    if (!c->looker.runs) return;
    looker_stop(&c->looker);
    /* Count copies that still wait for a disk as lost, in one of the slots that write there. */
    for (struct copy_sink *k = c->sinks; k; k = k->next) {
        const uint64_t left = stream_unwritten(k);
        for (unsigned i = 0; left && i < c->slot_count; i++) {
            if (c->slots[i]->sink != k || c->slots[i]->packets < left) continue;
            c->slots[i]->packets -= left;
            c->slots[i]->lost[COPY_DISK] += left;
            break;
        }
    }
}

void copies_add(struct copy_slot *s, uint64_t packets, uint64_t bytes, const uint64_t lost[COPY_LOSSES])
{
    __atomic_fetch_add(&s->packets, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->bytes, bytes, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < COPY_LOSSES; i++) __atomic_fetch_add(&s->lost[i], lost[i], __ATOMIC_RELAXED);
}

void copies_count(const struct copy_slot *s, struct copy_count *count)
{
    static const char *const to[] = {"device", "file", "socket"};
    *count = (struct copy_count){.rule = s->rule,
                                 .target = s->sink->target,
                                 .to = to[s->sink->to],
                                 .sent = s->flags & PBC_MIRROR_SENT,
                                 .packets = __atomic_load_n(&s->packets, __ATOMIC_RELAXED),
                                 .bytes = __atomic_load_n(&s->bytes, __ATOMIC_RELAXED)};
    for (unsigned i = 0; i < COPY_LOSSES; i++) count->lost[i] = __atomic_load_n(&s->lost[i], __ATOMIC_RELAXED);
}
