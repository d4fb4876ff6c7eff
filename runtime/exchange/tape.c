/* See tape.h. Memory is the system's zero pages until it is used. */
#include "runtime/exchange/tape.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/exchange/heard/heard.h"
#include "vm/flow/flow.h"
#include "vm/kernel/gate.h"
#include "vm/vm.h"

enum { STATE_KEPT = 1 << 25 /* bytes of the state's memory that are kept; more is given back */, PAGE = 4096 };

static void *memory_get(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

int tape_init(struct tape *t, uint64_t bytes, uint32_t snap, size_t state_most)
{
    *t = (struct tape){.size = bytes, .snap = snap, .state_room = state_most};
    t->memory = memory_get(bytes);
    t->state = state_most ? memory_get(state_most) : NULL;
    if (t->memory && (t->state || !state_most)) return 0;
    tape_fini(t);
    return -ENOMEM;
}

void tape_fini(struct tape *t)
{
    if (t->memory) munmap(t->memory, t->size);
    if (t->state) munmap(t->state, t->state_room);
    t->memory = t->state = NULL;
}

/* Reserve one piece for a record at t->put, which moves only past a pad. NULL: no room. */
static struct tape_record *tape_reserve(struct tape *t, uint64_t bytes)
{
    const uint64_t at = t->put & (t->size - 1), left = t->size - at;
    const uint64_t pad = left < bytes ? left : 0;
    if (bytes + pad > t->size - (t->put - __atomic_load_n(&t->taken, __ATOMIC_ACQUIRE))) return NULL;
    if (pad) {
        /* All sizes are multiples of 8, so there is always room for a pad's first word. */
        *(uint64_t *)(void *)(t->memory + at) = pad;
        __atomic_store_n(&t->put, t->put + pad, __ATOMIC_RELEASE);
    }
    return (void *)(t->memory + (t->put & (t->size - 1)));
}

static void publish(struct tape *t, const struct tape_record *r)
{
    __atomic_store_n(&t->put, t->put + r->bytes, __ATOMIC_RELEASE);
}

static bool put_gap(struct tape *t)
{
    struct tape_record *r = tape_reserve(t, sizeof *r);
    if (!r) return false;
    *r = (struct tape_record){.bytes = sizeof *r, .kind = TAPE_GAP, .now_ns = t->now_ns, .number = t->missed};
    publish(t, r);
    t->missed = 0;
    return true;
}

/* Begin a record with room for a body of `body` bytes. NULL: no room, and counted. */
static struct tape_record *record_begin(struct tape *t, enum tape_kind kind, uint64_t body)
{
    const uint64_t bytes = sizeof(struct tape_record) + body;
    struct tape_record *r = !t->missed || put_gap(t) ? tape_reserve(t, bytes) : NULL;
    if (r) {
        *r = (struct tape_record){.bytes = (uint32_t)bytes, .kind = (uint16_t)kind, .now_ns = t->now_ns};
    } else {
        t->missed++;
        __atomic_store_n(&t->lost, t->lost + 1, __ATOMIC_RELAXED);
    }
    return r;
}

static uint32_t kept(const struct tape *t, const struct pkt *p) { return p->cap_len < t->snap ? p->cap_len : t->snap; }

static uint64_t frame_bytes(const struct tape *t, const struct pkt *p)
{
    return sizeof(struct tape_frame) + tape_padded(kept(t, p));
}

/* Write head and segments, cut to `snap`. Return the place of the next frame. */
static uint8_t *put_frame(const struct tape *t, uint8_t *to, const struct pkt *p, uint8_t port, uint32_t age_us)
{
    const struct tape_frame f = {.cap_len = kept(t, p),
                                 .wire_len = p->wire_len,
                                 .segment = p->segment,
                                 .port = port,
                                 .flags =
                                     (uint8_t)((p->flags & PKT_CSUM_PARTIAL) | (p->link == LINK_ETHER ? 0 : TAPE_BARE)),
                                 .tag_count = p->tag_count,
                                 .age_us = {(uint8_t)age_us, (uint8_t)(age_us >> 8), (uint8_t)(age_us >> 16)},
                                 .tags = {{p->tags[0].tpid, p->tags[0].tci}, {p->tags[1].tpid, p->tags[1].tci}}};
    memcpy(to, &f, sizeof f);
    uint8_t *bytes = to + sizeof f;
    uint32_t done = least_len(f.cap_len, p->head_len);
    memcpy(bytes, p->data, done);
    for (unsigned i = 0; i < p->seg_count && done < f.cap_len; i++) {
        const uint32_t some = least_len(f.cap_len - done, p->segs[i].len);
        memcpy(bytes + done, p->segs[i].data, some);
        done += some;
    }
    return bytes + tape_padded(f.cap_len);
}

static void put_batch(struct tape *t, enum tape_kind kind, struct pkt *const pkts[], unsigned n, uint64_t place,
                      const uint32_t *ages_us)
{
    uint64_t body = 0;
    for (unsigned i = 0; i < n; i++) body += frame_bytes(t, pkts[i]);
    struct tape_record *r = record_begin(t, kind, body);
    if (!r) return;
    r->count = (uint16_t)n;
    r->number = place;
    uint8_t *to = (uint8_t *)(r + 1);
    for (unsigned i = 0; i < n; i++) to = put_frame(t, to, pkts[i], (uint8_t)pkts[i]->cookie, ages_us ? ages_us[i] : 0);
    publish(t, r);
}

void tape_batch(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns, const uint32_t *ages_us)
{
    t->now_ns = now_ns;
    put_batch(t, TAPE_BATCH, pkts, n, 0, ages_us);
}

/* Return a view of a bare packet behind a link header, so that tools can show it */
static struct pkt framed(const struct pkt *bare)
{
    struct pkt p = *bare;
    p.data -= TAPE_INLINE_LINK;
    p.head_len += TAPE_INLINE_LINK;
    p.cap_len += TAPE_INLINE_LINK;
    p.wire_len += TAPE_INLINE_LINK;
    p.cookie = TAPE_TO_HOST;
    p.link = LINK_ETHER;
    memset(p.data, 0, TAPE_INLINE_LINK);
    wire_put16(p.data + ETHER_TYPE_AT, bare->head_len && bare->data[0] >> 4 == 4 ? ETHER_IP4 : ETHER_IP6);
    return p;
}

void tape_inline_sent(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns)
{
    struct pkt frames[VM_BATCH], *all[VM_BATCH];
    for (unsigned i = 0; i < n; i++) {
        frames[i] = framed(pkts[i]);
        all[i] = &frames[i];
    }
    t->now_ns = now_ns;
    put_batch(t, TAPE_INLINE, all, n, 0, NULL);
}

static_assert(sizeof(struct inline_ask) == 40, "as written to files: no padding");

void tape_asked(struct tape *t, const struct inline_ask *ask, uint64_t now_ns)
{
    t->now_ns = now_ns;
    struct tape_record *r = record_begin(t, TAPE_ASKED, sizeof *ask);
    if (!r) return;
    r->count = 1;
    memcpy(r + 1, ask, sizeof *ask);
    publish(t, r);
}

void tape_single(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns, uint64_t place)
{
    t->now_ns = now_ns;
    put_batch(t, TAPE_SINGLE, pkts, n, place, NULL);
}

void tape_routed(struct tape *t, struct pkt *pkt, uint64_t now_ns, uint64_t place)
{
    t->now_ns = now_ns;
    put_batch(t, TAPE_ROUTED, &pkt, 1, place, NULL);
}

/* Put n rows, copied unchanged. */
static void put_rows(struct tape *t, enum tape_kind kind, const void *rows, unsigned n, size_t row_bytes)
{
    struct tape_record *r = record_begin(t, kind, n * row_bytes);
    if (!r) return;
    r->count = (uint16_t)n;
    memcpy(r + 1, rows, n * row_bytes);
    publish(t, r);
}

void tape_met(struct tape *t, const struct flow_met *mets, unsigned n) { put_rows(t, TAPE_MET, mets, n, sizeof *mets); }

void tape_members(struct tape *t, const struct kernel_members *members, unsigned n)
{
    put_rows(t, TAPE_MEMBERS, members, n, sizeof *members);
}

struct tape_verdict tape_verdict_of(const struct verdict *v)
{
    return (struct tape_verdict){.rule = v->rule,
                                 .service = v->service,
                                 .server = v->server,
                                 .action = v->action,
                                 .reason = v->reason,
                                 .flags = v->flags};
}

void tape_verdicts(struct tape *t, const struct verdict verdicts[], unsigned n)
{
    static const uint8_t none[VM_BATCH];
    tape_single_verdicts(t, verdicts, none, n);
}

void tape_single_verdicts(struct tape *t, const struct verdict verdicts[], const uint8_t asked[], unsigned n)
{
    struct tape_record *r = record_begin(t, TAPE_VERDICTS, n * sizeof(struct tape_verdict));
    if (!r) return;
    r->count = (uint16_t)n;
    struct tape_verdict *to = (void *)(r + 1);
    for (unsigned i = 0; i < n; i++) {
        to[i] = tape_verdict_of(&verdicts[i]);
        to[i].asked = asked[i];
    }
    publish(t, r);
}

void tape_heard(struct tape *t, const struct heard_answers *h)
{
    const uint64_t bytes = h->used * sizeof *h->words, padded = tape_padded(bytes);
    struct tape_record *r = record_begin(t, TAPE_HEARD, padded);
    if (!r) return;
    r->number = h->count;
    memcpy(r + 1, h->words, bytes);
    memset((uint8_t *)(r + 1) + bytes, 0, padded - bytes);
    publish(t, r);
}

void tape_cut(struct tape *t, const struct flow_id *ids, unsigned n) { put_rows(t, TAPE_CUT, ids, n, sizeof *ids); }

static uint16_t ether_type(const uint8_t *ip) { return *ip >> 4 == 4 ? ETHER_IP4 : ETHER_IP6; }

/* Put a link header in front of a frame that was put without one; there is room. */
static void put_link(struct tape_frame *f, uint16_t type, uint32_t link)
{
    uint8_t *bytes = (uint8_t *)(f + 1);
    f->flags &= (uint8_t)~TAPE_BARE;
    memmove(bytes + link, bytes, f->cap_len);
    memset(bytes, 0, link);
    wire_put16(bytes + ETHER_TYPE_AT, type);
    f->cap_len += link;
    f->wire_len += link;
}

void tape_left(struct tape *t, uint8_t port, const struct pkt *pkt)
{
    const bool bare = pkt->link != LINK_ETHER && port == TAPE_TO_HOST;
    struct tape_record *r =
        record_begin(t, TAPE_LEFT, frame_bytes(t, pkt) + (bare ? tape_padded(TAPE_INLINE_LINK) : 0));
    if (!r) return;
    r->count = 1;
    put_frame(t, (uint8_t *)(r + 1), pkt, port, 0);
    if (bare) put_link((struct tape_frame *)(void *)(r + 1), ether_type(pkt->data), TAPE_INLINE_LINK);
    publish(t, r);
}

bool tape_copy(struct tape *t, uint64_t number, uint64_t now_ns, uint32_t snap, const struct pkt *pkt)
{
    const uint8_t *const bytes = pkt->data;
    const bool bare = pkt->link != LINK_ETHER && pkt->l3 < pkt->head_len; /* gets a link header without addresses */
    const uint32_t skip = bare ? pkt->l3 : 0, link = bare ? TAPE_INLINE_LINK : 0;
    struct pkt p = *pkt;
    p.data += skip;
    p.head_len -= skip;
    p.cap_len -= skip;
    p.wire_len -= skip;
    t->now_ns = now_ns;
    t->snap = snap;
    struct tape_record *r = record_begin(t, TAPE_COPY, frame_bytes(t, &p) + (bare ? tape_padded(TAPE_INLINE_LINK) : 0));
    if (!r) return false;
    r->count = 1;
    r->number = number;
    put_frame(t, (uint8_t *)(r + 1), &p, (uint8_t)pkt->cookie, 0);
    if (bare) put_link((struct tape_frame *)(void *)(r + 1), ether_type(bytes + skip), link);
    publish(t, r);
    return true;
}

struct tape_record *tape_seen_begin(struct tape *t, struct pkt *const pkts[], const uint32_t masks[],
                                    const uint32_t stands[], unsigned n, uint64_t now_ns, uint64_t number)
{
    uint64_t body = n * sizeof(struct tape_seen);
    t->now_ns = now_ns;
    for (unsigned i = 0; i < n; i++) body += frame_bytes(t, pkts[i]);
    struct tape_record *r = record_begin(t, TAPE_SEEN, body);
    if (!r) return NULL;
    r->count = (uint16_t)n;
    r->number = number;
    uint8_t *to = (uint8_t *)(r + 1);
    for (unsigned i = 0; i < n; i++) {
        *(struct tape_seen *)(void *)to = (struct tape_seen){.observers = masks[i], .stands = stands[i]};
        to = put_frame(t, to + sizeof(struct tape_seen), pkts[i], (uint8_t)pkts[i]->cookie, 0);
    }
    return r;
}

void tape_seen_end(struct tape *t, struct tape_record *r, const struct verdict verdicts[], const uint8_t at[])
{
    uint8_t *to = (uint8_t *)(r + 1);
    for (unsigned i = 0; i < r->count; i++) {
        ((struct tape_seen *)(void *)to)->verdict = tape_verdict_of(&verdicts[at[i]]);
        to += sizeof(struct tape_seen);
        to += sizeof(struct tape_frame) + tape_padded(((const struct tape_frame *)(const void *)to)->cap_len);
    }
    publish(t, r);
}

uint8_t *tape_state_begin(struct tape *t, size_t *room)
{
    if (!t->state || (t->missed && !put_gap(t)) || !tape_reserve(t, sizeof(struct tape_record))) return NULL;
    *room = t->state_room - sizeof(struct tape_record) - 8;
    return t->state + sizeof(struct tape_record);
}

void tape_state_end(struct tape *t, uint64_t now_ns, uint64_t snapshot, size_t bytes)
{
    const uint64_t padded = tape_padded(bytes);
    struct tape_record *beside = (void *)t->state, *r = record_begin(t, TAPE_STATE, 0);
    __atomic_store_n(&t->wants, 0, __ATOMIC_RELAXED);
    r->now_ns = now_ns;
    r->number = snapshot;
    *beside = *r;
    beside->bytes = (uint32_t)(sizeof *beside + padded);
    memset(t->state + sizeof *beside + bytes, 0, padded - bytes);
    publish(t, r);
}

void tape_note(struct tape *t, enum tape_kind kind, uint64_t now_ns, uint64_t number)
{
    t->now_ns = now_ns;
    struct tape_record *r = record_begin(t, kind, 0);
    if (!r) return;
    r->number = number;
    publish(t, r);
}

void tape_ask(struct tape *t, uint64_t snapshot, size_t likely)
{
    if (t->asks) return;
    const size_t wanted = likely > STATE_KEPT ? likely : STATE_KEPT,
                 touched = wanted < t->state_room ? wanted : t->state_room;
    t->asks = true;
    for (size_t at = 0; at < touched; at += PAGE) *(volatile uint8_t *)(t->state + at) = 0;
    __atomic_store_n(&t->wants, snapshot, __ATOMIC_RELEASE);
}

uint64_t tape_there(const struct tape *t) { return __atomic_load_n(&t->put, __ATOMIC_ACQUIRE); }

/* Skip pads; return the record at *at. */
static const struct tape_record *record_at(const struct tape *t, uint64_t *at, uint64_t there)
{
    while (*at < there) {
        const uint8_t *place = t->memory + (*at & (t->size - 1));
        uint64_t first; /* first word of a record: bytes, kind and count; kind 0: a pad */
        memcpy(&first, place, sizeof first);
        if (first >> 32) return (const void *)place;
        *at += first;
    }
    return NULL;
}

const struct tape_record *tape_next(struct tape *t, uint64_t there)
{
    uint64_t at = t->taken;
    const struct tape_record *r = record_at(t, &at, there);
    if (at != t->taken) tape_done_to(t, at);
    return r;
}

const struct tape_record *tape_ahead(const struct tape *t, uint64_t *at, uint64_t there)
{
    const struct tape_record *r = record_at(t, at, there);
    if (r) *at += r->bytes;
    return r;
}

void tape_done(struct tape *t, const struct tape_record *r)
{
    if (r->kind == TAPE_STATE) {
        /* Free the state's memory, which is the worker's again once the next state is asked for. */
        const struct tape_record *state = (const void *)t->state;
        if (state->bytes > STATE_KEPT) madvise(t->state + STATE_KEPT, t->state_room - STATE_KEPT, MADV_DONTNEED);
        t->asks = false;
    }
    __atomic_store_n(&t->taken, t->taken + r->bytes, __ATOMIC_RELEASE);
}
