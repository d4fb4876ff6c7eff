/* A worker: counters that add up, malformed frames, ARP, replies and their limits, segmented frames, time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/frame.h"
#include "tests/lib/imgbuild.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/pkt.h"

enum { SLOTS = 8, SLOT_BYTES = 2048, MANY = 200 };

/* A worker over a program that rejects TCP by rule 0, accepts UDP by rule 1 and drops the rest by default. */
struct worker {
    struct program *p;
    struct pool *pool;
    void *memory;
    struct vm *vm;
    struct tx_entry entries[MANY];
    struct event events[4];
    struct vm_tx tx;
    struct facts facts;
    struct vm_in in;
};

static struct program *rejecting(uint32_t rejects_per_s, uint32_t meta_flags)
{
    struct imgbuild b;
    char err[256] = "";
    img_init(&b);
    b.meta->rejects_per_s = rejects_per_s;
    b.meta->flags = meta_flags;
    img_add_conds(&b, (struct pbc_cond){.kind = COND_PROTO, .arg = KIND_TCP});
    img_add_conds(&b, (struct pbc_cond){.kind = COND_PROTO, .arg = KIND_UDP});
    img_add_rules(&b, (struct pbc_rule){.verdict = PBC_V_REJECT, .chain = PBC_NONE, .cond_count = 1});
    img_add_rules(&b, (struct pbc_rule){.verdict = PBC_V_ACCEPT, .chain = PBC_NONE, .conds = 1, .cond_count = 1});
    img_add_firewalls(&b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = 2, .default_verdict = PBC_V_DROP});
    img_function(&b, "main",
                 (const struct insn[]){{OP_JALL, KEY_SLOT(kind), 5, KIND_ARP},
                                       {OP_JNALL, KEY_SLOT(kind), 1, KIND_TCP},
                                       {OP_DECIDEK, 0, 0, 0},
                                       {OP_JNALL, KEY_SLOT(kind), 1, KIND_UDP},
                                       {OP_DECIDEK, 0, 0, 1},
                                       {.op = OP_DEFAULT},
                                       {.op = OP_PASS}},
                 7);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(&b);
    return p;
}

static void worker_init(struct worker *w, struct program *p, bool naive)
{
    memset(w, 0, sizeof *w);
    size_t bytes = pool_bytes(SLOTS, SLOT_BYTES);
    w->p = p;
    w->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    assert_non_null(w->pool);
    w->vm = vm_new(p, &(struct vm_cfg){.pool = w->pool, .naive = naive});
    w->tx = (struct vm_tx){.entries = w->entries, .cap = MANY, .events = w->events, .event_cap = 4};
    w->in.facts = &w->facts;
    w->in.mono_ns = 1000;
}

static void worker_fini(struct worker *w)
{
    vm_free(w->vm);
    program_put(w->p);
    free(w->memory);
}

static void release_answers(struct worker *w)
{
    for (unsigned i = 0; i < w->tx.count; i++) pool_put(w->tx.entries[i].pkt);
    w->tx.count = 0;
}

/* n frames of one protocol; the nth from source 10.0.0.n. */
struct load {
    uint8_t frames[MANY][FRAME_LEN];
    struct pkt pkts[MANY], *at[MANY];
    struct verdict verdicts[MANY];
};

static void load_fill(struct load *l, unsigned n, uint8_t proto)
{
    for (unsigned i = 0; i < n; i++) {
        const struct header h = {
            .src = 0x0a000001 + i, .dst = 0xc0000201, .src_port = 40000, .dst_port = 80, .proto = proto};
        frame_build(&h, l->frames[i]);
        if (proto == 6) l->frames[i][14 + 20 + 13] = TCP_SYN;
        pkt_view(&l->pkts[i], l->frames[i], FRAME_LEN, FRAME_LEN, LINK_ETHER, IFACE_NONE);
        l->pkts[i].cookie = 7000 + i;
        l->at[i] = &l->pkts[i];
    }
}

static void run(struct worker *w, struct load *l, unsigned n) { vm_run(w->vm, &w->in, l->at, n, l->verdicts, &w->tx); }

/* Check that every packet is in exactly one verdict counter, drops in one reason each, decided ones in one rule or
 * default. */
static void expect_sums(const struct worker *w, uint64_t packets, uint64_t bytes)
{
    const struct vm_counters *c = vm_counters(w->vm);
    struct counter verdicts = {0}, reasons = {0};
    for (unsigned i = 0; i < ACTION_COUNT; i++)
        verdicts.packets += c->verdicts[i].packets, verdicts.bytes += c->verdicts[i].bytes;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        reasons.packets += c->reasons[i].packets, reasons.bytes += c->reasons[i].bytes;
    assert_int_equal(verdicts.packets, packets);
    assert_int_equal(verdicts.bytes, bytes);
    assert_int_equal(reasons.packets, c->verdicts[ACTION_DROP].packets);
    assert_int_equal(reasons.bytes, c->verdicts[ACTION_DROP].bytes);
}

static void counters_add_up(void **state)
{
    (void)state;
    for (int naive = 0; naive < 2; naive++) {
        struct worker w;
        struct load l;
        worker_init(&w, rejecting(1000, 0), naive);
        load_fill(&l, 150, 17);
        run(&w, &l, 150);
        load_fill(&l, 3, 6);
        run(&w, &l, 3);
        load_fill(&l, 20, 47);
        run(&w, &l, 20);
        run(&w, &l, 0);
        const struct vm_counters *c = vm_counters(w.vm);
        assert_int_equal(c->verdicts[ACTION_ACCEPT].packets, 150);
        assert_int_equal(c->verdicts[ACTION_REJECT].packets, 3);
        assert_int_equal(c->verdicts[ACTION_DROP].packets, 20);
        assert_int_equal(c->reasons[REASON_NONE].packets, 20);
        assert_int_equal(c->rules[0].packets, 3);
        assert_int_equal(c->rules[1].packets, 150);
        assert_int_equal(c->rules[1].bytes, 150 * FRAME_LEN);
        assert_int_equal(c->defaults[0].packets, 20);
        expect_sums(&w, 173, 173 * FRAME_LEN);
        release_answers(&w);
        worker_fini(&w);
    }
}

static void verdict_fields(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    load_fill(&l, 1, 17);
    run(&w, &l, 1);
    const struct verdict *v = &l.verdicts[0];
    assert_int_equal(v->action, ACTION_ACCEPT);
    assert_int_equal(v->rule, 1);
    assert_int_equal(v->firewall, 0);
    assert_int_equal(v->reason, REASON_NONE);
    assert_int_equal(v->service, PBC_NONE);
    assert_int_equal(v->server, PBC_NONE);
    load_fill(&l, 1, 47);
    run(&w, &l, 1);
    assert_int_equal(v->rule, RULE_DEFAULT);
    assert_int_equal(v->firewall, 0);
    worker_fini(&w);
}

static void malformed(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    load_fill(&l, 3, 6);
    l.frames[0][14] = 0x65;                      /* version 6 in an IPv4 frame */
    l.frames[1][14 + 20 + 12] = 0x10;            /* data offset 1 */
    l.pkts[2].head_len = l.pkts[2].cap_len = 30; /* cut by the capture inside the header */
    run(&w, &l, 3);
    static const enum pkt_reason reasons[] = {REASON_BAD_IP_VERSION, REASON_BAD_TCP_OFFSET, REASON_SNAPPED};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(l.verdicts[i].action, ACTION_DROP);
        assert_int_equal(l.verdicts[i].reason, reasons[i]);
        assert_int_equal(l.verdicts[i].rule, RULE_NONE);
        assert_int_equal(l.verdicts[i].firewall, PBC_NONE);
        assert_int_equal(vm_counters(w.vm)->reasons[reasons[i]].packets, 1);
        assert_int_equal(vm_counters(w.vm)->reasons[reasons[i]].bytes, FRAME_LEN);
    }
    assert_int_equal(vm_counters(w.vm)->rules[0].packets, 0);
    assert_int_equal(vm_counters(w.vm)->defaults[0].packets, 0);
    assert_int_equal(w.tx.count, 0);
    expect_sums(&w, 3, 3 * FRAME_LEN);
    worker_fini(&w);
}

/* They are judged despite the parser's findings. */
static void snapped_and_bad_checksum(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    load_fill(&l, 2, 17);
    l.pkts[0].wire_len = 1500;
    l.frames[1][14 + 10] ^= 1;
    run(&w, &l, 2);
    assert_int_equal(l.verdicts[0].action, ACTION_ACCEPT);
    assert_int_equal(l.verdicts[0].flags, l.pkts[0].flags & PKT_SNAPPED);
    assert_int_equal(l.verdicts[1].action, ACTION_ACCEPT);
    assert_int_equal(l.verdicts[1].flags, PKT_BAD_CSUM);
    assert_int_equal(vm_counters(w.vm)->snapped, !!(l.pkts[0].flags & PKT_SNAPPED));
    assert_int_equal(vm_counters(w.vm)->bad_checksum, 1);
    w.facts.drop_bad_checksum = true;
    run(&w, &l, 2);
    assert_int_equal(l.verdicts[1].action, ACTION_DROP);
    assert_int_equal(l.verdicts[1].reason, REASON_BAD_IP_CHECKSUM);
    assert_int_equal(vm_counters(w.vm)->bad_checksum, 1);
    worker_fini(&w);
}

/* Complete, cut by the sender, cut by the capture; with and without a rule that names ARP. */
static void arp(void **state)
{
    (void)state;
    static const uint8_t whole[42] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8,  6, 0, 1,
        8,    0,    6,    4,    0,    1,    2, 0, 0, 0, 0, 1, 10, 0, 0, 1,
    };
    for (unsigned named = 0; named < 2; named++) {
        struct worker w;
        struct pkt pkts[3], *at[] = {&pkts[0], &pkts[1], &pkts[2]};
        struct verdict v[3];
        worker_init(&w, rejecting(1000, named ? PBC_NAMES_ARP : 0), false);
        pkt_view(&pkts[0], whole, sizeof whole, sizeof whole, LINK_ETHER, IFACE_NONE);
        pkt_view(&pkts[1], whole, 30, 30, LINK_ETHER, IFACE_NONE);
        pkt_view(&pkts[2], whole, 30, 42, LINK_ETHER, IFACE_NONE);
        vm_run(w.vm, &w.in, at, 3, v, &w.tx);
        assert_int_equal(v[0].action, ACTION_PASS);
        assert_int_equal(v[1].action, named ? ACTION_DROP : ACTION_PASS);
        assert_int_equal(v[1].reason, named ? REASON_SHORT_ARP : REASON_NONE);
        assert_int_equal(v[2].action, named ? ACTION_DROP : ACTION_PASS);
        assert_int_equal(v[2].reason, named ? REASON_SNAPPED : REASON_NONE);
        for (unsigned i = 0; i < 3; i++) assert_int_equal(v[i].rule, RULE_NONE);
        expect_sums(&w, 3, 42 + 30 + 42);
        worker_fini(&w);
    }
}

static void answers(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    load_fill(&l, 3, 6);
    l.frames[1][14 + 20 + 13] = TCP_RST; /* a reset never gets a reply, and takes no token */
    run(&w, &l, 3);
    assert_int_equal(w.tx.count, 2);
    assert_int_equal(w.entries[0].kind, TX_SEND);
    assert_int_equal(w.entries[0].cause, TX_CAUSE_RST);
    assert_int_equal(w.entries[0].out_if, IFACE_NONE);
    assert_int_equal(w.entries[0].input, 0);
    assert_int_equal(w.entries[0].cookie, 7000);
    assert_int_equal(w.entries[1].input, 2);
    assert_int_equal(w.entries[1].cookie, 7002);
    assert_int_equal(vm_counters(w.vm)->answers, 2);
    assert_int_equal(vm_counters(w.vm)->answers_limited, 0);
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_REJECT].packets, 3);
    struct key key;
    assert_int_equal(pkt_parse(w.entries[0].pkt, &w.facts, &key), REASON_NONE);
    assert_int_equal(key.dst[0], 0x0a000001);
    assert_int_equal(key.marks & 0xff, TCP_RST | TCP_ACK);
    release_answers(&w);
    assert_int_equal(w.pool->free_count, SLOTS);
    worker_fini(&w);
}

/* A second's burst, then one per interval; a clock that jumps back gives nothing. */
static void answers_are_limited(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(5, 0), false);
    load_fill(&l, 20, 6);
    run(&w, &l, 20);
    assert_int_equal(w.tx.count, 5);
    assert_int_equal(vm_counters(w.vm)->answers_limited, 15);
    release_answers(&w);
    w.in.mono_ns += 199999999;
    run(&w, &l, 20);
    assert_int_equal(w.tx.count, 0);
    w.in.mono_ns += 1;
    run(&w, &l, 20);
    assert_int_equal(w.tx.count, 1);
    release_answers(&w);
    w.in.mono_ns = 0;
    run(&w, &l, 20);
    assert_int_equal(w.tx.count, 0);
    assert_int_equal(vm_tick(w.vm, &(struct vm_in){.mono_ns = 400001000, .facts = &w.facts}, &w.tx), UINT64_MAX);
    run(&w, &l, 20); /* the time that vm_tick got counts */
    assert_int_equal(w.tx.count, 1);
    release_answers(&w);
    w.in.mono_ns = 100000000000;
    run(&w, &l, 20);
    assert_int_equal(w.tx.count, 5);
    assert_int_equal(vm_counters(w.vm)->answers, 12);
    assert_int_equal(vm_counters(w.vm)->answers + vm_counters(w.vm)->answers_limited, 120);
    release_answers(&w);
    worker_fini(&w);
}

static void no_room_for_answers(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    load_fill(&l, 20, 6);
    w.tx.cap = 3;
    run(&w, &l, 20); /* entries run out */
    assert_int_equal(w.tx.count, 3);
    assert_int_equal(vm_counters(w.vm)->answers_no_buffer, 17);
    w.tx.cap = MANY;
    run(&w, &l, 20); /* slots run out: 3 of 8 are still held */
    assert_int_equal(w.tx.count, 8);
    assert_int_equal(vm_counters(w.vm)->answers, 8);
    assert_int_equal(vm_counters(w.vm)->answers_no_buffer, 17 + 15);
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_REJECT].packets, 40);
    release_answers(&w);
    worker_fini(&w);
}

static void without_pool(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    vm_free(w.vm);
    w.vm = vm_new(w.p, &(struct vm_cfg){0});
    load_fill(&l, 2, 6);
    run(&w, &l, 2);
    assert_int_equal(l.verdicts[1].action, ACTION_REJECT);
    assert_int_equal(vm_counters(w.vm)->answers_no_buffer, 2);
    worker_fini(&w);
}

static void rates(void **state)
{
    (void)state;
    static const uint32_t rates_[] = {1, 2, 3, 7, 1000, 999999, 1000000000, 2000000000, UINT32_MAX};
    struct limit l;
    limit_init(&l, 0);
    assert_false(limit_take(&l, 5000000000));
    for (unsigned i = 0; i < sizeof rates_ / sizeof *rates_; i++) {
        limit_init(&l, rates_[i]);
        uint64_t now = 123, burst = 0, third = 0;
        while (burst <= 1000000 && limit_take(&l, now)) burst++;
        if (rates_[i] <= 1000000) assert_int_equal(burst, rates_[i]);
        if (rates_[i] > 1000) continue;
        /* Ten seconds with a try every millisecond: the burst is gone, so never above the rate. */
        for (unsigned ms = 1; ms <= 10000; ms++) third += limit_take(&l, now + ms * 1000000ull);
        assert_in_range(third, rates_[i] * 10 - 1, rates_[i] * 10);
    }
}

/* Headers beyond the head of a segmented frame: joined in a slot, judged, counted; without a slot the frame is
 * dropped. */
static void frame_in_pieces(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    worker_init(&w, rejecting(1000, 0), false);
    load_fill(&l, 1, 6);
    struct pkt *pkt = l.at[0];
    const struct pkt_seg seg = {.data = l.frames[0] + 40, .len = FRAME_LEN - 40};
    uint8_t head[40]; /* a separate block, so that reading past it is noticed */
    memcpy(head, l.frames[0], sizeof head);
    pkt->data = head, pkt->head_len = sizeof head, pkt->segs = &seg, pkt->seg_count = 1;
    run(&w, &l, 1);
    assert_int_equal(l.verdicts[0].action, ACTION_REJECT);
    assert_int_equal(l.verdicts[0].rule, 0);
    assert_int_equal(vm_counters(w.vm)->linearised, 1);
    assert_int_equal(w.tx.count, 1);
    assert_int_equal(w.entries[0].cookie, 7000);
    release_answers(&w);
    assert_int_equal(w.pool->free_count, SLOTS);
    struct pkt *held[SLOTS];
    for (unsigned i = 0; i < SLOTS; i++) held[i] = pool_get(w.pool);
    run(&w, &l, 1);
    assert_int_equal(l.verdicts[0].action, ACTION_DROP);
    assert_int_equal(l.verdicts[0].reason, REASON_NO_BUFFER);
    assert_int_equal(vm_counters(w.vm)->reasons[REASON_NO_BUFFER].packets, 1);
    assert_int_equal(vm_counters(w.vm)->linearised, 1);
    for (unsigned i = 0; i < SLOTS; i++) pool_put(held[i]);
    expect_sums(&w, 2, 2 * FRAME_LEN);
    worker_fini(&w);
}

/* One after another or all at once: the same verdicts, and events with the right index. */
static void batches(void **state)
{
    (void)state;
    struct worker w;
    struct load l;
    struct verdict one[MANY];
    worker_init(&w, rejecting(1000, 0), false);
    for (unsigned i = 0; i < 3; i++) {
        static const uint8_t protocols[] = {6, 17, 47};
        struct load some;
        load_fill(&some, MANY, protocols[i]);
        for (unsigned n = i; n < MANY; n += 3) {
            memcpy(l.frames[n], some.frames[n], FRAME_LEN);
            pkt_view(&l.pkts[n], l.frames[n], FRAME_LEN, FRAME_LEN, LINK_ETHER, IFACE_NONE);
            l.at[n] = &l.pkts[n];
        }
    }
    run(&w, &l, MANY);
    assert_int_equal(w.entries[w.tx.count - 1].input, (SLOTS - 1) * 3);
    for (unsigned n = 0; n < MANY; n++) vm_run(w.vm, &w.in, &l.at[n], 1, &one[n], &w.tx);
    assert_memory_equal(one, l.verdicts, sizeof one);
    release_answers(&w);
    worker_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up),
        cmocka_unit_test(verdict_fields),
        cmocka_unit_test(malformed),
        cmocka_unit_test(snapped_and_bad_checksum),
        cmocka_unit_test(arp),
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_are_limited),
        cmocka_unit_test(no_room_for_answers),
        cmocka_unit_test(without_pool),
        cmocka_unit_test(rates),
        cmocka_unit_test(frame_in_pieces),
        cmocka_unit_test(batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
