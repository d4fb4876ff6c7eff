/* Differential test: fragments at random, against a plain reassembler that keeps a map of every byte.
 *
 *   fragments [SEED [ROUNDS]]
 *
 * Datagrams of both families are cut, shuffled, repeated, overlapped, cut short, given a second end or a lying first,
 * several at once, with ids that come again and time going by; whatever the vm says of each fragment, at once or when
 * it leaves, the reassembler must say too, within the bounds of 32 ranges, 64 held and 30 seconds. Then floods, where
 * only bounds are promised. The same numbers give the same run. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/rng.h"
#include "vm/frag/frag.h"
#include "vm/vm.h"

enum { ROUNDS = 120, STEPS = 400, BYTES = 65536, SLOTS = 512, SLOT_BYTES = 2048, FRAME_MOST = 4096, AT_ONCE = 16 };
enum { PARTS_MOST = 128, DATAGRAMS = 4096, BATCH_MOST = 32, RELEASED_MOST = 256 };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };
#define MS UINT64_C(1000000)

static const char *const rules = "limits { fragments 4096 }\n"
                                 "firewall f default drop {\n"
                                 "  accept udp port 53\n"
                                 "  drop udp port 54\n"
                                 "  accept tcp port 80\n"
                                 "}\n";
enum { RULE_DNS, RULE_54, RULE_WEB };

/* One fragment, as numbers. */
struct part {
    uint8_t v6, proto, vlan, host;
    uint32_t id;
    uint32_t offset, len;
    bool more;
    uint16_t port; /* in the first's header */
};

/* What is said of it. */
struct say {
    uint8_t action, reason;
    uint32_t rule;
};

/* ---- the reassembler ---- */

struct plain_datagram {
    struct part who; /* identity alone counts */
    uint64_t born;
    bool judged, ended;
    struct say say; /* of the first, or of all where it was ended */
    struct {
        uint32_t offset, len;
        bool more;
    } have[PARTS_MOST * 16];
    unsigned count;
    uint8_t map[BYTES];
};

struct waiting {
    uint64_t packet, until;
    struct part part;
};

struct plain {
    struct plain_datagram *list[DATAGRAMS];
    unsigned count;
    struct waiting waits[FRAG_HELD];
    unsigned wait_count;
    struct say *final; /* by packet */
};

static bool same_datagram(const struct part *a, const struct part *b)
{
    return a->v6 == b->v6 && a->id == b->id && a->host == b->host && a->vlan == b->vlan &&
           (a->v6 || a->proto == b->proto);
}

static void forget(struct plain *m, unsigned at)
{
    free(m->list[at]);
    m->list[at] = m->list[--m->count];
}

static struct plain_datagram *look_up(struct plain *m, const struct part *f, uint64_t now)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (!same_datagram(&m->list[i]->who, f)) continue;
        if (now - m->list[i]->born < FRAG_KEEP_NS) return m->list[i];
        forget(m, i);
        break;
    }
    struct plain_datagram *d = calloc(1, sizeof *d);
    if (!d || m->count == DATAGRAMS) abort();
    d->who = *f;
    d->born = now;
    return m->list[m->count++] = d;
}

static struct say drop_for(enum pkt_reason why)
{
    return (struct say){.action = ACTION_DROP, .reason = (uint8_t)why, .rule = RULE_NONE};
}

static void settle_waiting(struct plain *m, const struct part *who, struct say s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->wait_count; i++) {
        if (same_datagram(&m->waits[i].part, who))
            m->final[m->waits[i].packet] = s;
        else
            m->waits[kept++] = m->waits[i];
    }
    m->wait_count = kept;
}

static void time_passes(struct plain *m, uint64_t now)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->wait_count; i++) {
        if (m->waits[i].until <= now)
            m->final[m->waits[i].packet] = drop_for(REASON_FRAGMENT_ORPHAN);
        else
            m->waits[kept++] = m->waits[i];
    }
    m->wait_count = kept;
}

static enum pkt_reason malformed(const struct part *f)
{
    if ((f->more && f->len % 8) || f->offset + f->len > 65535) return REASON_BAD_FRAGMENT;
    if (f->proto == PROTO_TCP && f->offset == 8) return REASON_TINY_FRAGMENT;
    if (f->offset == 0 && f->proto == PROTO_TCP && f->len < 20) return REASON_SHORT_TCP;
    if (f->offset == 0 && f->proto == PROTO_UDP && f->len < 8) return REASON_SHORT_UDP;
    return REASON_NONE;
}

static struct say judge(const struct part *f)
{
    struct say s = {.action = ACTION_DROP, .reason = REASON_NONE, .rule = RULE_DEFAULT};
    if (f->proto == PROTO_UDP && f->port == 53) s = (struct say){ACTION_ACCEPT, REASON_NONE, RULE_DNS};
    if (f->proto == PROTO_UDP && f->port == 54) s.rule = RULE_54;
    if (f->proto == PROTO_TCP && f->port == 80) s = (struct say){ACTION_ACCEPT, REASON_NONE, RULE_WEB};
    return s;
}

static struct say end_datagram(struct plain *m, struct plain_datagram *d, enum pkt_reason why)
{
    d->ended = true;
    d->say = drop_for(why);
    settle_waiting(m, &d->who, d->say);
    return d->say;
}

static uint32_t known_end(const struct plain_datagram *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (!d->have[i].more) return d->have[i].offset + d->have[i].len;
    return 0;
}

static bool covered(const struct plain_datagram *d, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (d->map[i]) return true;
    return false;
}

/* Runs of neighbours of equal length, were this one there too. */
static unsigned ranges_with(const struct plain_datagram *d, const struct part *f)
{
    unsigned runs = d->count + 1;
    for (unsigned i = 0; i <= d->count; i++)
        for (unsigned k = 0; k <= d->count; k++) {
            uint32_t off[2], len[2];
            const unsigned at[2] = {i, k};
            for (unsigned n = 0; n < 2; n++) {
                off[n] = at[n] == d->count ? f->offset : d->have[at[n]].offset;
                len[n] = at[n] == d->count ? f->len : d->have[at[n]].len;
            }
            if (off[0] + len[0] == off[1] && len[0] == len[1]) runs--;
        }
    return runs;
}

static bool whole(const struct plain_datagram *d)
{
    const uint32_t end = known_end(d);
    for (uint32_t i = 0; i < end; i++)
        if (!d->map[i]) return false;
    return end;
}

static enum pkt_reason fault_of(const struct plain_datagram *d, const struct part *f)
{
    const uint32_t upto = f->offset + f->len, end = known_end(d);
    for (unsigned i = 0; i < d->count; i++)
        if (d->have[i].offset == f->offset && d->have[i].len == f->len && d->have[i].more == f->more)
            return REASON_DUPLICATE_FRAGMENT;
    if (covered(d, f->offset, upto)) return REASON_OVERLAPPING_FRAGMENT;
    if (end && (upto > end || !f->more)) return REASON_FRAGMENT_END;
    if (!f->more && covered(d, upto, BYTES)) return REASON_FRAGMENT_END;
    return ranges_with(d, f) > FRAG_RANGES ? REASON_FRAGMENT_RANGES : REASON_NONE;
}

static struct say wait_for_first(struct plain *m, const struct part *f, uint64_t packet, uint64_t now, uint64_t born,
                                 bool fits)
{
    const uint64_t hold = now + FRAG_HOLD_NS, keep = born + FRAG_KEEP_NS;
    if (!fits || m->wait_count == FRAG_HELD) return drop_for(REASON_FRAGMENT_ORPHAN);
    m->waits[m->wait_count++] = (struct waiting){packet, hold < keep ? hold : keep, *f};
    return (struct say){ACTION_HELD, REASON_NONE, RULE_NONE};
}

/* fits: a slot can hold the frame. */
static struct say plain_take(struct plain *m, const struct part *f, uint64_t packet, uint64_t now, bool fits)
{
    time_passes(m, now);
    const enum pkt_reason bad = malformed(f);
    if (bad && f->offset > 0) return drop_for(bad);
    if (!bad && f->len == 0) return drop_for(REASON_BAD_FRAGMENT);
    struct plain_datagram *d = look_up(m, f, now);
    if (bad) return d->judged || d->ended ? drop_for(bad) : end_datagram(m, d, bad);
    if (d->ended) return d->say;
    const enum pkt_reason fault = fault_of(d, f);
    if (fault == REASON_DUPLICATE_FRAGMENT) return drop_for(fault);
    if (fault) return end_datagram(m, d, fault);
    if (d->count == PARTS_MOST * 16) abort();
    d->have[d->count].offset = f->offset;
    d->have[d->count].len = f->len;
    d->have[d->count++].more = f->more;
    memset(d->map + f->offset, 1, f->len);
    if (f->offset == 0) {
        d->judged = true;
        d->say = judge(f);
        settle_waiting(m, f, d->say);
    }
    if (!d->judged) return wait_for_first(m, f, packet, now, d->born, fits);
    const struct say s = d->say;
    for (unsigned i = 0; whole(d) && i < m->count; i++)
        if (m->list[i] == d) {
            forget(m, i);
            break;
        }
    return s;
}

/* ---- frames ---- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t put_link(const struct part *f, uint8_t *out)
{
    uint32_t at = 12;
    memset(out, 2, at);
    for (unsigned i = 0; i < f->vlan; i++, at += 4) {
        put16(out + at, i == 0 && f->vlan > 1 ? 0x88a8 : 0x8100);
        put16(out + at + 2, 10 + f->vlan);
    }
    put16(out + at, f->v6 ? 0x86dd : 0x0800);
    return at + 2;
}

static uint32_t put_ip4(const struct part *f, uint8_t *ip)
{
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, 20 + f->len);
    put16(ip + 4, f->id);
    put16(ip + 6, f->offset / 8 | (f->more ? 0x2000u : 0));
    ip[8] = 64;
    ip[9] = f->proto;
    put32(ip + 12, 0x0a000001u + f->host);
    put32(ip + 16, 0x0a000100u);
    return 20;
}

static uint32_t put_ip6(const struct part *f, uint8_t *ip)
{
    memset(ip, 0, 48);
    ip[0] = 0x60;
    put16(ip + 4, 8 + f->len);
    ip[6] = 44;
    ip[7] = 64;
    ip[8] = ip[24] = 0xfd;
    ip[23] = (uint8_t)(1 + f->host);
    ip[40] = f->proto;
    put16(ip + 42, f->offset | f->more);
    put32(ip + 44, f->id);
    return 48;
}

static uint32_t frame_of(const struct part *f, uint8_t *out)
{
    uint32_t at = put_link(f, out);
    at += f->v6 ? put_ip6(f, out + at) : put_ip4(f, out + at);
    memset(out + at, 0, f->len);
    if (f->offset == 0 && f->len >= 8) {
        put16(out + at, 1024);
        put16(out + at + 2, f->port);
        if (f->proto == PROTO_UDP) put16(out + at + 4, 60000);
        if (f->proto == PROTO_TCP && f->len >= 20) out[at + 12] = 0x50;
    }
    return at + f->len;
}

/* ---- datagrams, well and badly cut ---- */

struct cut {
    struct part parts[PARTS_MOST];
    unsigned count, next;
};

static void add_part(struct cut *c, struct part f)
{
    if (c->count < PARTS_MOST) c->parts[c->count++] = f;
}

static void spoil(struct rng *r, struct cut *c)
{
    struct part f = c->parts[rng_below(r, c->count)];
    switch (rng_below(r, 9)) {
    case 0:
    case 1: break; /* a duplicate */
    case 2: f.offset += 8 * (1 + rng_below(r, 4)); break;
    case 3: f.offset -= f.offset >= 8 ? 8 : 0; break;
    case 4: f.len += 8; break;
    case 5: f.more = !f.more; break;
    case 6: f.len = rng_below(r, 3) * 4; break;
    case 7: f.offset += 8 * rng_below(r, 8000); break;
    case 8:
        c->count--;
        c->parts[rng_below(r, c->count + 1)] = c->parts[c->count];
        return; /* one is lost */
    }
    f.offset &= 0xfff8;
    if (f.offset || f.more) add_part(c, f);
}

/* Every other one, many of them: as many ranges as parts. */
static void thin_out(struct cut *c)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < c->count; i += 2) c->parts[kept++] = c->parts[i];
    c->count = kept;
}

static void shuffle(struct rng *r, struct cut *c)
{
    for (unsigned i = c->count; i > 1; i--) {
        const unsigned k = rng_below(r, i);
        const struct part f = c->parts[i - 1];
        c->parts[i - 1] = c->parts[k];
        c->parts[k] = f;
    }
}

static void cut_datagram(struct rng *r, struct cut *c)
{
    static const uint16_t ports[] = {53, 54, 55, 80};
    const uint32_t most = rng_one_in(r, 10) ? 2400 : rng_one_in(r, 3) ? 64 : 400;
    const uint32_t drawn = 16 + rng_below(r, most * (rng_one_in(r, 12) ? 120 : 12));
    const uint32_t total = drawn < 65000 ? drawn : 65000, even = 8 + 8 * rng_below(r, most / 8);
    const bool evenly = !rng_one_in(r, 3);
    struct part f = {.v6 = rng_one_in(r, 2),
                     .proto = rng_one_in(r, 4) ? PROTO_TCP : PROTO_UDP,
                     .vlan = (uint8_t)(rng_one_in(r, 3) ? rng_below(r, 3) : 0),
                     .host = (uint8_t)rng_below(r, 2),
                     .id = rng_below(r, rng_one_in(r, 4) ? 6 : 500),
                     .port = ports[rng_below(r, 4)]};
    *c = (struct cut){.count = 0};
    while (f.offset < total && c->count < PARTS_MOST - 8) {
        f.len = evenly ? even : 8 + 8 * rng_below(r, most / 8);
        f.more = f.offset + f.len < total;
        if (!f.more) f.len = total - f.offset;
        if (f.offset || f.more) add_part(c, f);
        f.offset += f.len;
    }
    for (unsigned n = rng_one_in(r, 2) ? rng_below(r, 4) : 0; n && c->count; n--) spoil(r, c);
    if (rng_one_in(r, 12)) thin_out(c);
    if (rng_one_in(r, 2)) shuffle(r, c);
}

/* ---- the vm ---- */

struct run {
    struct rng r;
    struct program *p;
    struct vm *vm;
    struct pool *pool;
    void *memory;
    struct facts facts;
    uint64_t now, packets;
    struct plain plain;
    struct say *final;
    struct part *parts;
};

static struct program *compile(const char *text)
{
    struct compile c;
    char why[256] = "";
    compile_init(&c);
    const int rc = compile_text(&c, "fragments.prey", text, strlen(text));
    struct program *p = rc == 0 ? program_load(c.pbc, c.pbc_len, why, sizeof why) : NULL;
    if (!p) diags_print_text(c.diags, stdout, false);
    compile_fini(&c);
    return p;
}

static void run_init(struct run *w, uint64_t seed, const char *text)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    *w = (struct run){.r = {seed}, .now = 1000 * MS, .p = compile(text), .memory = aligned_alloc(64, bytes)};
    if (!w->p || !w->memory) abort();
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    w->vm = vm_new(w->p, &(struct vm_cfg){.pool = w->pool, .seed = seed, .naive = rng_one_in(&w->r, 4)});
    const size_t most = (size_t)STEPS * BATCH_MOST + 1;
    w->final = calloc(most, sizeof *w->final);
    w->plain.final = calloc(most, sizeof *w->final);
    w->parts = calloc(most, sizeof *w->parts);
    if (!w->vm || !w->final || !w->plain.final || !w->parts) abort();
}

static bool run_fini(struct run *w)
{
    vm_free(w->vm);
    const bool all_back = pool_free_slots(w->pool) == SLOTS;
    program_put(w->p);
    while (w->plain.count) forget(&w->plain, 0);
    free(w->memory);
    free(w->final);
    free(w->plain.final);
    free(w->parts);
    if (!all_back) printf("# slots of the pool are missing\n");
    return all_back;
}

static struct say say_of(const struct verdict *v) { return (struct say){v->action, v->reason, v->rule}; }

static void take_released(struct run *w, struct vm_tx *tx)
{
    for (unsigned i = 0; i < tx->count; i++) {
        const struct tx_entry *e = &tx->entries[i];
        if (e->cause == TX_CAUSE_HELD) w->final[e->cookie] = say_of(&e->verdict);
        pool_put(e->pkt);
    }
    tx->count = 0;
}

static void vm_takes(struct run *w, unsigned n, uint8_t (*bytes)[FRAME_MOST], const uint32_t *len, uint64_t first)
{
    struct pkt pkts[BATCH_MOST], *at[BATCH_MOST] = {NULL};
    struct tx_entry entries[RELEASED_MOST];
    struct verdict verdicts[BATCH_MOST];
    struct vm_tx tx = {.entries = entries, .cap = n * VM_TX_PER_PACKET};
    const struct vm_in in = {.mono_ns = w->now, .facts = &w->facts};
    for (unsigned i = 0; i < n; i++) {
        pkt_view(&pkts[i], bytes[i], len[i], len[i], LINK_ETHER, IFACE_NONE);
        pkts[i].cookie = first + i;
        at[i] = &pkts[i];
    }
    vm_run(w->vm, &in, at, n, verdicts, &tx);
    for (unsigned i = 0; i < n; i++) w->final[first + i] = say_of(&verdicts[i]);
    take_released(w, &tx);
    tx.cap = VM_TX_PER_PACKET;
    while (vm_tick(w->vm, &in, &tx) <= w->now) take_released(w, &tx);
    take_released(w, &tx);
}

static void print_part(const struct part *f, struct say got, struct say want)
{
    printf("#   v%d proto %u vlan %u host %u id %u: %u+%u%s port %u: %s %s %d, expected %s %s %d\n", f->v6 ? 6 : 4,
           f->proto, f->vlan, f->host, f->id, f->offset, f->len, f->more ? " more" : "", f->port,
           action_name(got.action), reason_name(got.reason), (int)got.rule, action_name(want.action),
           reason_name(want.reason), (int)want.rule);
}

static bool same_say(struct say a, struct say b)
{
    return a.action == b.action && a.reason == b.reason && a.rule == b.rule;
}

static bool compare(const struct run *w, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        if (same_say(w->final[i], w->plain.final[i])) continue;
        printf("# packet %" PRIu64 "\n", i);
        for (uint64_t k = 0; k <= i; k++)
            if (same_datagram(&w->parts[k], &w->parts[i])) print_part(&w->parts[k], w->final[k], w->plain.final[k]);
        return false;
    }
    return true;
}

/* Every packet is in one verdict counter, and every datagram in one of what became of it. */
static bool counters_hold(const struct run *w)
{
    const struct vm_counters *c = vm_counters(w->vm);
    uint64_t sum = 0, reasons = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) sum += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    const uint64_t held = c->verdicts[ACTION_HELD].packets, drops = c->verdicts[ACTION_DROP].packets;
    const bool good = sum == w->packets && reasons == drops && held == w->plain.wait_count &&
                      c->frags->held == c->frags->released + c->frags->orphans + held;
    if (!good) printf("# counters: %" PRIu64 " of %" PRIu64 " packets, %" PRIu64 " held\n", sum, w->packets, held);
    return good;
}

/* How often each thing was said: a test that only ever sees one of them guards nothing. */
static uint64_t said[ACTION_COUNT][REASON_COUNT];

static bool one_round(uint64_t seed)
{
    static uint8_t bytes[BATCH_MOST][FRAME_MOST];
    static struct cut cuts[AT_ONCE];
    uint32_t len[BATCH_MOST];
    struct run w;
    bool good = true;
    run_init(&w, seed, rules);
    const unsigned at_once = 1 + rng_below(&w.r, AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE; i++) cuts[i] = (struct cut){.count = 0};
    for (unsigned step = 0; good && step < STEPS; step++) {
        const unsigned n = 1 + rng_below(&w.r, rng_one_in(&w.r, 2) ? 2 : BATCH_MOST);
        const uint64_t first = w.packets;
        w.now += rng_one_in(&w.r, 300) ? 29000 * MS : rng_one_in(&w.r, 10) ? rng_below(&w.r, 120) * MS : 0;
        for (unsigned i = 0; i < n; i++) {
            struct cut *c = &cuts[rng_below(&w.r, at_once)];
            while (c->next >= c->count) cut_datagram(&w.r, c);
            const struct part f = w.parts[w.packets] = c->parts[c->next++];
            len[i] = frame_of(&f, bytes[i]);
            const bool fits = len[i] <= SLOT_BYTES - POOL_HEADROOM;
            w.plain.final[w.packets] = plain_take(&w.plain, &f, w.packets, w.now, fits);
            w.packets++;
        }
        vm_takes(&w, n, bytes, len, first);
        good = compare(&w, 0, w.packets) && counters_hold(&w);
    }
    for (uint64_t i = 0; i < w.packets; i++) said[w.final[i].action][w.final[i].reason]++;
    good = run_fini(&w) && good;
    if (!good) printf("# seed %" PRIu64 "\n", seed);
    return good;
}

/* ---- floods ---- */

/* A whole datagram of three fragments, in order: does it pass? */
static bool real_passes(struct run *w, uint32_t id, bool v6)
{
    static uint8_t bytes[3][FRAME_MOST];
    uint32_t len[3];
    struct part f = {.v6 = v6, .proto = PROTO_UDP, .host = 9, .id = id & (v6 ? UINT32_MAX : 0xffff), .port = 53};
    for (unsigned i = 0; i < 3; i++) {
        f.offset = 1480 * i;
        f.len = i < 2 ? 1480 : 100;
        f.more = i < 2;
        len[i] = frame_of(&f, bytes[i]);
    }
    vm_takes(w, 3, bytes, len, 0);
    w->packets += 3;
    return w->final[0].action == ACTION_ACCEPT && w->final[1].action == ACTION_ACCEPT &&
           w->final[2].action == ACTION_ACCEPT;
}

/* Firsts of random datagrams, or later ones that no first belongs to; every thousand packets a real datagram. */
static bool flood(uint64_t seed, unsigned packets, bool later)
{
    static uint8_t bytes[BATCH_MOST][FRAME_MOST];
    uint32_t len[BATCH_MOST];
    struct run w;
    bool good = true;
    run_init(&w, seed, rules);
    for (unsigned i = 0; good && i < packets; i += BATCH_MOST) {
        for (unsigned k = 0; k < BATCH_MOST; k++) {
            const struct part f = {.v6 = rng_one_in(&w.r, 2),
                                   .proto = PROTO_UDP,
                                   .id = (uint32_t)rng_next(&w.r),
                                   .host = (uint8_t)rng_below(&w.r, 250),
                                   .offset = later ? 8 + 8 * rng_below(&w.r, 8000) : 0,
                                   .len = 16,
                                   .more = true,
                                   .port = 53};
            len[k] = frame_of(&f, bytes[k]);
        }
        w.now += MS / 10;
        vm_takes(&w, BATCH_MOST, bytes, len, 3);
        w.packets += BATCH_MOST;
        if (i % 1024 == 0) good = real_passes(&w, i, i % 2048 == 0);
        w.plain.wait_count = (unsigned)vm_counters(w.vm)->verdicts[ACTION_HELD].packets;
        good = good && w.plain.wait_count <= FRAG_HELD && counters_hold(&w);
    }
    const struct frag_counters *c = vm_counters(w.vm)->frags;
    good = good && c->evicted > 0 && c->datagrams - c->complete - c->expired - c->evicted <= 2 * 4096;
    w.plain.wait_count = 0;
    return run_fini(&w) && good;
}

static bool all_was_said(void)
{
    static const enum pkt_reason reasons[] = {
        REASON_NONE,         REASON_BAD_FRAGMENT,       REASON_TINY_FRAGMENT,
        REASON_SHORT_TCP,    REASON_DUPLICATE_FRAGMENT, REASON_OVERLAPPING_FRAGMENT,
        REASON_FRAGMENT_END, REASON_FRAGMENT_RANGES,    REASON_FRAGMENT_ORPHAN};
    bool good = said[ACTION_ACCEPT][REASON_NONE] > 0;
    printf("# %" PRIu64 " accepted, %" PRIu64 " held to the end\n", said[ACTION_ACCEPT][REASON_NONE],
           said[ACTION_HELD][REASON_NONE]);
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const uint64_t n = said[ACTION_DROP][reasons[i]];
        printf("# %" PRIu64 " dropped, %s\n", n, reason_name(reasons[i]));
        good = good && n > 0;
    }
    return good;
}

static bool report(bool good, const char *what)
{
    printf("%sok - %s\n", good ? "" : "not ", what);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const char *longer = getenv("LONG");
    const unsigned times = longer && *longer ? 20 : 1;
    const unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : ROUNDS * times;
    bool good = true;
    for (unsigned i = 0; good && i < rounds; i++) good = one_round(seed + i);
    char what[100];
    snprintf(what, sizeof what, "%u rounds from seed %" PRIu64 ": the reassembler says the same", rounds, seed);
    good = report(good, what);
    good &= report(all_was_said(), "every fate of a fragment was met");
    good &= report(flood(seed, 100000 * times, false), "real datagrams pass a flood of first fragments");
    good &= report(flood(seed, 100000 * times, true), "real datagrams pass a flood of later fragments without a first");
    return !good;
}
