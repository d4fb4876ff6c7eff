/* Fragments that follow their first: ranges, the table and its room, held fragments, and the worker's handling of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/note.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"
#include "vm/flow/table/flow_table.h"
#include "vm/flow/fragments/frag.h"
#include "vm/packet/parse/fragment.h"

enum { SLOTS = 256, SLOT_BYTES = 2048, MANY = 300 };
#define MS UINT64_C(1000000)

/* ---- ranges ---- */

static void test_ranges_merge_neighbours_of_equal_length(void **state)
{
    (void)state;
    struct frag_ranges r = {.count = 0};
    for (uint32_t i = 0; i < 45; i += 2)
        assert_int_equal(frag_ranges_add(&r, i * 1456, i * 1456 + 1456 - (i == 44 ? 81u : 0u), i < 44), FIT_NEW);
    assert_int_equal(r.count, 23);
    for (uint32_t i = 1; i < 45; i += 2)
        assert_int_equal(frag_ranges_add(&r, i * 1456, i * 1456 + 1456, true), FIT_NEW);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.end, 44 * 1456 + 1375);
    assert_true(frag_ranges_whole(&r));
    for (uint32_t i = 0; i < 44; i++)
        assert_int_equal(frag_ranges_add(&r, i * 1456, i * 1456 + 1456, true), FIT_DUPLICATE);
    assert_int_equal(frag_ranges_add(&r, 1456, 1456 + 2912, true), FIT_OVERLAP);
    assert_int_equal(frag_ranges_add(&r, 1464, 1456 + 1464, true), FIT_OVERLAP);
    assert_int_equal(frag_ranges_add(&r, 44 * 1456, 44 * 1456 + 1375, false), FIT_DUPLICATE);
    assert_int_equal(frag_ranges_add(&r, 44 * 1456, 44 * 1456 + 1376, true), FIT_OVERLAP);
    assert_int_equal(r.covered, 44 * 1456 + 1375);
}

static void test_ranges_keep_lengths_apart(void **state)
{
    (void)state;
    struct frag_ranges r = {.count = 0};
    assert_int_equal(frag_ranges_add(&r, 0, 16, true), FIT_NEW);
    assert_int_equal(frag_ranges_add(&r, 16, 24, true), FIT_NEW);
    assert_int_equal(frag_ranges_add(&r, 24, 32, true), FIT_NEW);
    assert_int_equal(r.count, 2);
    assert_int_equal(frag_ranges_add(&r, 16, 32, true), FIT_OVERLAP); /* two fragments' bytes in one */
    assert_int_equal(frag_ranges_add(&r, 0, 8, true), FIT_OVERLAP);
    assert_int_equal(frag_ranges_add(&r, 24, 32, false), FIT_OVERLAP); /* the same bytes, but the last ones now */
}

static void test_ranges_end_once(void **state)
{
    (void)state;
    struct frag_ranges r = {.count = 0};
    assert_int_equal(frag_ranges_add(&r, 64, 72, true), FIT_NEW);
    assert_int_equal(frag_ranges_add(&r, 32, 33, false), FIT_END);
    assert_int_equal(frag_ranges_add(&r, 80, 83, false), FIT_NEW);
    assert_int_equal(frag_ranges_add(&r, 88, 96, true), FIT_END);
    assert_int_equal(frag_ranges_add(&r, 88, 96, false), FIT_END);
    assert_int_equal(frag_ranges_add(&r, 0, 64, false), FIT_END);
    assert_int_equal(frag_ranges_add(&r, 0, 64, true), FIT_NEW);
    assert_false(frag_ranges_whole(&r));
    assert_int_equal(frag_ranges_add(&r, 72, 80, true), FIT_NEW);
    assert_true(frag_ranges_whole(&r));
    assert_int_equal(frag_ranges_add(&r, 65528, 65535, false), FIT_END);
}

static void test_ranges_are_bounded(void **state)
{
    (void)state;
    struct frag_ranges r = {.count = 0};
    for (uint32_t i = 0; i < FRAG_RANGES; i++) assert_int_equal(frag_ranges_add(&r, 16 * i, 16 * i + 8, true), FIT_NEW);
    const struct frag_ranges before = r;
    assert_int_equal(frag_ranges_add(&r, 4096, 4104, true), FIT_FULL);
    assert_memory_equal(&r, &before, sizeof r);
    assert_int_equal(frag_ranges_add(&r, 8, 16, true), FIT_NEW); /* joins two */
    assert_int_equal(r.count, FRAG_RANGES - 1);
    assert_int_equal(frag_ranges_add(&r, 65528, 65535, false), FIT_NEW); /* the last byte that a datagram can have */
    assert_int_equal(r.end, 65535);
}

/* ---- a fragment's own fields ---- */

static void parse(const char *text, struct note *n, struct pkt *pkt, struct key *key)
{
    char err[200] = "";
    if (note_parse(text, n, err, sizeof err) != 0) fail_msg("%s: %s", text, err);
    note_view(n, IFACE_NONE, pkt);
    pkt_parse(pkt, NULL, key);
}

static void test_fragment_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct fragment want;
    } cases[] = {
        {"eth / ip4 1.1.1.1 > 2.2.2.2 id 77 frag 24 more proto udp opt x\"01010101\" / zeros 16", {77, 24, 16, true}},
        {"ip4 1.1.1.1 > 2.2.2.2 id 65535 frag 65528 proto udp / zeros 7", {65535, 65528, 7, false}},
        {"eth / vlan 5 / ip6 ::1 > ::2 / hbh / dst / frag6 24 id 4000000000 next 17 / zeros 9 / pad 20",
         {4000000000, 24, 9, false}},
        {"eth / ip6 ::1 > ::2 / frag6 0 id 1 / frag6 8 id 2 more next 17 / zeros 16",
         {2, 8, 16, true}}, /* atomic, then not */
        {"eth / ip6 ::1 > ::2 / frag6 0 id 1 more / frag6 8 id 2 next 17 / zeros 8",
         {1, 0, 16, true}}, /* the outer one */
        {"eth / ip6 ::1 > ::2 / ah / frag6 0 id 3 more / udp 1 > 2 len 99 / zeros 8", {3, 0, 16, true}},
    };
    struct note n;
    struct pkt pkt;
    struct key key;
    struct fragment got;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        parse(cases[i].text, &n, &pkt, &key);
        assert_true(fragment_read(&pkt, &key, &got));
        assert_int_equal(got.id, cases[i].want.id);
        assert_int_equal(got.offset, cases[i].want.offset);
        assert_int_equal(got.bytes, cases[i].want.bytes);
        assert_int_equal(got.more, cases[i].want.more);
    }
    parse("eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", &n, &pkt, &key);
    assert_false(fragment_read(&pkt, &key, &got));
}

static void test_tags_read(void **state)
{
    (void)state;
    struct note n;
    struct pkt pkt;
    struct key key;
    uint32_t tags[TAGS_MOST];
    parse("eth / vlan 5 tpid 0x88a8 pcp 7 / vlan 4095 / ip4 1.1.1.1 > 2.2.2.2 / taken 9 tpid 0x9100", &n, &pkt, &key);
    assert_int_equal(tags_read(&pkt, tags), 3);
    assert_int_equal(tags[0], 0x91000009);
    assert_int_equal(tags[1], 0x88a80005);
    assert_int_equal(tags[2], 0x81000fff);
    parse("sll / vlan 6 / ip4 1.1.1.1 > 2.2.2.2", &n, &pkt, &key);
    assert_int_equal(tags_read(&pkt, tags), 1);
    assert_int_equal(tags[0], 0x81000006);
    parse("sll2 / vlan 6 / vlan 7 / ip4 1.1.1.1 > 2.2.2.2", &n, &pkt, &key);
    assert_int_equal(tags_read(&pkt, tags), 2);
    assert_int_equal(tags[0], 0x81000006);
    assert_int_equal(tags[1], 0x81000007);
    parse("ip4 1.1.1.1 > 2.2.2.2", &n, &pkt, &key);
    assert_int_equal(tags_read(&pkt, tags), 0);
}

/* ---- the table ---- */

static struct frags *small_table(uint64_t fragments)
{
    static struct pbc_settings settings;
    static struct program p;
    settings.fragments = fragments;
    p = (struct program){.settings = &settings, .settings_count = 1};
    struct frags *f = frags_new(&p, 42);
    assert_non_null(f);
    return f;
}

static enum frag_fate look(struct frags *f, uint64_t now_ns, unsigned id, unsigned offset, bool more,
                           uint32_t *datagram, struct frag_first *first)
{
    struct note n;
    struct pkt pkt;
    struct key key;
    char text[128];
    snprintf(text, sizeof text, "eth / ip4 1.1.1.1 > 2.2.2.2 id %u frag %u %s proto gre / zeros 8", id, offset,
             more ? "more" : "");
    parse(text, &n, &pkt, &key);
    return frag_look(f, now_ns, &key, &pkt, datagram, first);
}

static void test_table_makes_room_for_the_newest(void **state)
{
    (void)state;
    struct frags *f = small_table(1); /* two groups of sixteen */
    struct frag_first first = {.verdict = {.action = ACTION_ACCEPT, .rule = 3}};
    uint32_t at;
    for (unsigned id = 0; id < 33; id++) {
        assert_int_equal(look(f, 1000 + id, id, 0, true, &at, &first), FRAG_FIRST);
        frag_judged(f, 1000 + id, at, &first);
    }
    const struct frag_counters *c = frags_counters(f);
    assert_int_equal(c->evicted, 1);
    assert_int_equal(look(f, 2000, 1, 8, false, &at, &first), FRAG_FOLLOW);
    assert_int_equal(first.verdict.rule, 3);
    assert_int_equal(c->complete, 1);
    assert_int_equal(look(f, 2000, 0, 8, false, &at, &first), FRAG_WAIT); /* that one was evicted */
    assert_int_equal(c->evicted, 1);                                      /* into the room of the complete one */
    assert_int_equal(c->datagrams, 34);
    frags_free(f);
}

static void test_table_forgets_in_time(void **state)
{
    (void)state;
    struct frags *f = small_table(100);
    struct frag_first first = {.verdict = {.action = ACTION_ACCEPT}};
    const struct frag_counters *c = frags_counters(f);
    uint32_t at;
    assert_true(frag_tick(f, 5) == UINT64_MAX);
    for (unsigned id = 0; id < 50; id++) {
        assert_int_equal(look(f, 10, id, 0, true, &at, &first), FRAG_FIRST);
        frag_judged(f, 10, at, &first);
    }
    assert_int_equal(look(f, 10 + FRAG_KEEP_NS - 1, 7, 8, true, &at, &first), FRAG_FOLLOW);
    assert_int_equal(look(f, 10 + FRAG_KEEP_NS, 7, 16, true, &at, &first), FRAG_WAIT); /* touched too late */
    assert_int_equal(c->expired, 1);
    for (unsigned i = 0; i < 20; i++) frag_tick(f, 10 + FRAG_KEEP_NS);
    assert_int_equal(c->expired, 50);
    assert_int_equal(c->datagrams, 51);
    for (unsigned i = 0; i < 20; i++) frag_tick(f, 20 + 2 * FRAG_KEEP_NS);
    assert_true(frag_tick(f, 20 + 2 * FRAG_KEEP_NS) == UINT64_MAX);
    frags_free(f);
}

/* ---- the worker ---- */

struct worker {
    struct program *p;
    struct pool *pool;
    void *memory;
    struct vm *vm;
    struct tx_entry entries[MANY];
    struct event events[MANY];
    struct vm_tx tx;
    struct facts facts;
    struct vm_in in;
    uint64_t packets;
};

static struct program *compiled(const char *rules)
{
    struct compile c;
    char why[256] = "";
    compile_init(&c);
    const int rc = compile_text(&c, "test.prey", rules, strlen(rules));
    if (rc != 0) diags_print_text(c.diags, stderr, false);
    struct program *p = rc == 0 ? program_load(c.pbc, c.pbc_len, why, sizeof why) : NULL;
    assert_string_equal(why, "");
    assert_non_null(p);
    compile_fini(&c);
    return p;
}

static void worker_init(struct worker *w, const char *rules, unsigned slots)
{
    memset(w, 0, sizeof *w);
    w->p = compiled(rules);
    if (slots) {
        const size_t bytes = pool_bytes(slots, SLOT_BYTES);
        w->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
        w->pool = pool_init(w->memory, bytes, slots, SLOT_BYTES);
        assert_non_null(w->pool);
    }
    w->vm = vm_new(w->p, &(struct vm_cfg){.pool = w->pool, .seed = 7});
    assert_non_null(w->vm);
    w->tx = (struct vm_tx){.entries = w->entries, .cap = MANY, .events = w->events, .event_cap = MANY};
    w->in = (struct vm_in){.mono_ns = 1000 * MS, .facts = &w->facts};
}

static void put_back(struct worker *w)
{
    for (unsigned i = 0; i < w->tx.count; i++) pool_put(w->tx.entries[i].pkt);
    w->tx.count = 0;
}

static void worker_fini(struct worker *w, unsigned slots)
{
    put_back(w);
    vm_free(w->vm);
    if (w->pool) assert_int_equal(w->pool->free_count, slots);
    program_put(w->p);
    free(w->memory);
}

static struct verdict take(struct worker *w, const char *text)
{
    struct note n;
    struct pkt pkt, *pkts[] = {&pkt};
    struct key key;
    struct verdict v;
    parse(text, &n, &pkt, &key);
    pkt.cookie = ++w->packets;
    vm_run(w->vm, &w->in, pkts, 1, &v, &w->tx);
    return v;
}

static void assert_adds_up(const struct worker *w)
{
    const struct vm_counters *c = vm_counters(w->vm);
    uint64_t verdicts = 0, reasons = 0, rules = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) verdicts += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    for (unsigned i = 0; i < w->p->rules_count; i++) rules += c->rules[i].packets;
    assert_int_equal(verdicts, w->packets);
    assert_int_equal(reasons, c->verdicts[ACTION_DROP].packets);
    assert_true(rules <= w->packets * w->p->rules_count);
}

static const char *const dns = "firewall f default drop { accept udp port 53 as DNS; reject udp port 113 as IDENT }";

static void test_held_packets_leave_whole(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, dns, SLOTS);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / payload \"abc\" / pad 5").action,
                     ACTION_HELD);
    assert_int_equal(w.pool->free_count, SLOTS - 1);
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_HELD].packets, 1);
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_HELD].bytes, 14 + 20 + 3 + 5);
    assert_adds_up(&w);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 53 len 27 / zeros 16").action,
                     ACTION_ACCEPT);
    assert_int_equal(w.tx.count, 1);
    const struct tx_entry *e = &w.entries[0];
    assert_int_equal(e->kind, TX_HOST);
    assert_int_equal(e->cause, TX_CAUSE_HELD);
    assert_int_equal(e->input, INPUT_NONE);
    assert_int_equal(e->cookie, 1);
    assert_int_equal(e->verdict.action, ACTION_ACCEPT);
    assert_int_equal(e->verdict.rule, 0);
    assert_int_equal(e->pkt->wire_len, 42);
    assert_memory_equal(e->pkt->data + 34, "abc", 3);
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_HELD].packets, 0);
    assert_int_equal(vm_counters(w.vm)->verdicts[ACTION_HELD].bytes, 0);
    assert_int_equal(vm_counters(w.vm)->rules[0].packets, 2);
    assert_int_equal(vm_counters(w.vm)->frags->released, 1);
    assert_int_equal(vm_counters(w.vm)->frags->complete, 1);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

static void hold(struct worker *w, unsigned count)
{
    char text[128];
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof text, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag %u more proto udp / zeros 8", 24 + 8 * i);
        assert_int_equal(take(w, text).action, ACTION_HELD);
    }
}

static void test_room_in_tx_bounds_what_leaves(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, dns, SLOTS);
    hold(&w, 5);
    w.tx.cap = VM_TX_PER_PACKET;
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 113 len 80 / zeros 16").action,
                     ACTION_REJECT);
    assert_int_equal(w.entries[0].cause, TX_CAUSE_UNREACHABLE); /* replies come first */
    unsigned left = w.tx.count - 1;
    for (unsigned calls = 0; left < 5; calls++) {
        assert_true(calls < 10);
        put_back(&w);
        const uint64_t next = vm_tick(w.vm, &w.in, &w.tx);
        for (unsigned i = 0; i < w.tx.count; i++) {
            assert_int_equal(w.entries[i].cookie, ++left); /* in order of arrival */
            assert_int_equal(w.entries[i].kind, TX_FREE);
            assert_int_equal(w.entries[i].verdict.action, ACTION_REJECT);
        }
        assert_true(left < 5 ? next == w.in.mono_ns : next > w.in.mono_ns);
    }
    assert_int_equal(vm_counters(w.vm)->answers, 1);
    assert_int_equal(vm_counters(w.vm)->rules[1].packets, 6);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

static void test_ticks_come_when_time_is_over(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, dns, SLOTS);
    assert_true(vm_tick(w.vm, &w.in, &w.tx) == UINT64_MAX);
    hold(&w, 1);
    w.in.mono_ns += 40 * MS;
    take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 2 frag 8 proto udp / zeros 8");
    assert_true(vm_tick(w.vm, &w.in, &w.tx) == 1100 * MS);
    w.in.mono_ns = 1100 * MS - 1;
    assert_true(vm_tick(w.vm, &w.in, &w.tx) == 1100 * MS);
    assert_int_equal(w.tx.count, 0);
    w.in.mono_ns = 1100 * MS;
    assert_true(vm_tick(w.vm, &w.in, &w.tx) == 1140 * MS);
    assert_int_equal(w.tx.count, 1);
    assert_int_equal(w.entries[0].verdict.reason, REASON_FRAGMENT_ORPHAN);
    assert_int_equal(w.entries[0].kind, TX_FREE);
    /* A packet after its time also releases it, even its own first. */
    w.in.mono_ns = 1141 * MS;
    put_back(&w);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 2 more / udp 1 > 53 len 16").action, ACTION_ACCEPT);
    assert_int_equal(w.tx.count, 1);
    assert_int_equal(w.entries[0].verdict.reason, REASON_FRAGMENT_ORPHAN);
    assert_int_equal(vm_counters(w.vm)->frags->orphans, 2);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

static void test_without_room_all_are_orphans(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, dns, 0); /* no pool */
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto udp / zeros 8").reason, REASON_FRAGMENT_ORPHAN);
    assert_int_equal(vm_counters(w.vm)->frags->not_held, 1);
    assert_adds_up(&w);
    worker_fini(&w, 0);
    worker_init(&w, dns, 2);
    hold(&w, 2);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 9 frag 8 proto udp / zeros 8").reason,
                     REASON_FRAGMENT_ORPHAN);
    assert_adds_up(&w);
    worker_fini(&w, 2); /* the held ones are returned */
    worker_init(&w, dns, SLOTS);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto udp / zeros 1900").reason,
                     REASON_FRAGMENT_ORPHAN);
    hold(&w, FRAG_HELD);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 9 frag 8 proto udp / zeros 8").reason,
                     REASON_FRAGMENT_ORPHAN);
    assert_int_equal(vm_counters(w.vm)->frags->not_held, 2);
    assert_int_equal(vm_counters(w.vm)->frags->orphans, 0);
    worker_fini(&w, SLOTS);
}

/* If rules name `fragment`, the whole program judges fragments without a first. */
static void test_orphans_are_judged_where_rules_name_fragment(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, "firewall f default drop { accept udp port 53; accept fragment later ttl 9 log as LATER }", 0);
    const struct verdict v = take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 ttl 9 frag 8 proto udp / zeros 8");
    assert_int_equal(v.action, ACTION_ACCEPT);
    assert_int_equal(v.rule, 1);
    assert_int_equal(w.tx.event_count, 1);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 2 ttl 8 frag 8 proto udp / zeros 8").rule, RULE_DEFAULT);
    assert_adds_up(&w);
    worker_fini(&w, 0);
}

/* A batch in one call gives the same as one packet after the other, with any fragments in it. */
static void test_batches_say_what_single_packets_do(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / zeros 8",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53",
        "eth / ip4 1.1.1.1 > 2.2.2.2 id 2 more / udp 1 > 54 len 99 / zeros 16",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 53",
        "eth / ip4 1.1.1.1 > 2.2.2.2 id 2 frag 24 proto udp / zeros 8",
        "eth / ip4 1.1.1.1 > 2.2.2.2 len 10 / udp 1 > 53",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53",
        "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 53 len 99 / zeros 16",
        "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / zeros 8",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53",
    };
    enum { COUNT = sizeof texts / sizeof *texts };
    static const char *const rules =
        "meter two = 2/s burst 2\n"
        "firewall f default drop { accept udp port 53 within two as DNS log; drop udp log }";
    struct worker single, batch;
    struct note notes[COUNT];
    struct pkt pkts[COUNT], *at[COUNT];
    struct key key;
    struct verdict one[COUNT], all[COUNT];
    worker_init(&single, rules, SLOTS);
    worker_init(&batch, rules, SLOTS);
    for (unsigned i = 0; i < COUNT; i++) {
        one[i] = take(&single, texts[i]);
        parse(texts[i], &notes[i], &pkts[i], &key);
        pkts[i].cookie = i + 1;
        at[i] = &pkts[i];
    }
    vm_run(batch.vm, &batch.in, at, COUNT, all, &batch.tx);
    assert_memory_equal(one, all, sizeof all);
    assert_int_equal(batch.tx.event_count, single.tx.event_count);
    for (unsigned i = 0; i < batch.tx.event_count; i++) assert_int_equal(batch.events[i].rule, single.events[i].rule);
    assert_int_equal(batch.tx.count, single.tx.count);
    assert_int_equal(batch.entries[0].cookie, single.entries[0].cookie);
    worker_fini(&single, SLOTS);
    worker_fini(&batch, SLOTS);
}

/* Fragments whose headers are in segments are joined first. */
static void test_fragments_in_pieces(void **state)
{
    (void)state;
    struct worker w;
    struct note n;
    struct key key;
    struct verdict v;
    struct pkt pkt, *pkts[] = {&pkt};
    worker_init(&w, dns, SLOTS);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 53 len 99 / zeros 16").action,
                     ACTION_ACCEPT);
    parse("eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / zeros 8", &n, &pkt, &key);
    const struct pkt_seg seg = {.data = pkt.data + 20, .len = pkt.cap_len - 20};
    pkt.head_len = 20;
    pkt.segs = &seg;
    pkt.seg_count = 1;
    vm_run(w.vm, &w.in, pkts, 1, &v, &w.tx);
    w.packets++;
    assert_int_equal(v.action, ACTION_ACCEPT);
    assert_int_equal(vm_counters(w.vm)->linearised, 1);
    assert_int_equal(vm_counters(w.vm)->frags->followed, 1);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

/* A dropped wrong header checksum has no effect on the datagram; the first fragment that really arrives decides. */
static void test_bad_checksums_name_no_datagram(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, dns, SLOTS);
    w.facts.drop_bad_checksum = true;
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more csum 1 / udp 1 > 53 len 99 / zeros 16").reason,
                     REASON_BAD_IP_CHECKSUM);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 53 len 99 / zeros 16").action,
                     ACTION_ACCEPT);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp csum 1 / zeros 8").reason,
                     REASON_BAD_IP_CHECKSUM);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / zeros 8").action, ACTION_ACCEPT);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

/* Fragments to a service count for it, and for the first fragment's server, or as without a server. */
static void test_followers_count_for_services(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w,
                "pool p { server a 10.0.0.1; server b 10.0.0.2 }\npool q { server c 10.0.0.3 weight 0 }\n"
                "service s on 2.2.2.2 udp/53 { mode dsr l2; -> p }\n"
                "service t on 2.2.2.3 udp/53 { mode dsr l2; on no server drop; -> q }\n",
                SLOTS);
    const struct verdict v = take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 53 len 27 / zeros 16");
    assert_int_equal(v.action, ACTION_FORWARD);
    const struct verdict later = take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / zeros 3");
    assert_int_equal(later.action, ACTION_FORWARD);
    assert_int_equal(later.server, v.server);
    assert_int_equal(vm_counters(w.vm)->services[v.service].packets, 2);
    assert_int_equal(vm_counters(w.vm)->servers[v.server].packets, 2);
    const struct verdict none = take(&w, "eth / ip4 1.1.1.1 > 2.2.2.3 id 1 more / udp 1 > 53 len 27 / zeros 16");
    assert_int_equal(none.reason, REASON_NO_SERVER);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.3 id 1 frag 24 proto udp / zeros 3").reason, REASON_NO_SERVER);
    assert_int_equal(vm_counters(w.vm)->services[none.service].packets, 2);
    assert_int_equal(vm_counters(w.vm)->unserved[none.service].packets, 2);
    assert_int_equal(vm_counters(w.vm)->unserved[v.service].packets, 0);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

/* In programs that track flows, a first fragment makes one; later ones follow it and change nothing. */
static void test_followers_leave_flows_alone(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w,
                "firewall f default drop { accept state established as GOING; accept udp port 53 state new as NEW }",
                SLOTS);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 frag 24 proto udp / zeros 8").action, ACTION_HELD);
    assert_int_equal(take(&w, "eth / ip4 1.1.1.1 > 2.2.2.2 id 1 more / udp 1 > 53 len 32 / zeros 16").rule, 1);
    assert_int_equal(w.entries[0].verdict.rule, 1);
    assert_int_equal(take(&w, "eth / ip4 2.2.2.2 > 1.1.1.1 id 1 more / udp 53 > 1 len 32 / zeros 16").rule, 0);
    assert_int_equal(take(&w, "eth / ip4 2.2.2.2 > 1.1.1.1 id 1 frag 24 proto udp / zeros 8").rule, 0);
    assert_int_equal(vm_counters(w.vm)->flows->added, 1);
    assert_int_equal(vm_counters(w.vm)->rules[0].packets, 2);
    assert_adds_up(&w);
    worker_fini(&w, SLOTS);
}

/* A fragment that waits at the maximum time waits forever: a deadline that wrapped around would expire at once. */
static void test_waiting_ends_no_sooner_at_the_last_moment(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, dns, SLOTS);
    w.in.mono_ns = UINT64_MAX - 5;
    hold(&w, 2);
    assert_int_equal(w.tx.count, 0);
    assert_int_equal(vm_tick(w.vm, &w.in, &w.tx), UINT64_MAX);
    assert_int_equal(w.tx.count, 0);
    worker_fini(&w, SLOTS);
}

/* A program that needs no fragments has no table. */
static void test_programs_that_need_nothing_follow_nothing(void **state)
{
    (void)state;
    struct worker w;
    worker_init(&w, "firewall f default drop { accept udp }", SLOTS);
    assert_null(vm_counters(w.vm)->frags);
    worker_fini(&w, SLOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_merge_neighbours_of_equal_length),
        cmocka_unit_test(test_ranges_keep_lengths_apart),
        cmocka_unit_test(test_ranges_end_once),
        cmocka_unit_test(test_ranges_are_bounded),
        cmocka_unit_test(test_fragment_read),
        cmocka_unit_test(test_tags_read),
        cmocka_unit_test(test_table_makes_room_for_the_newest),
        cmocka_unit_test(test_table_forgets_in_time),
        cmocka_unit_test(test_held_packets_leave_whole),
        cmocka_unit_test(test_room_in_tx_bounds_what_leaves),
        cmocka_unit_test(test_ticks_come_when_time_is_over),
        cmocka_unit_test(test_without_room_all_are_orphans),
        cmocka_unit_test(test_orphans_are_judged_where_rules_name_fragment),
        cmocka_unit_test(test_batches_say_what_single_packets_do),
        cmocka_unit_test(test_fragments_in_pieces),
        cmocka_unit_test(test_bad_checksums_name_no_datagram),
        cmocka_unit_test(test_followers_leave_flows_alone),
        cmocka_unit_test(test_followers_count_for_services),
        cmocka_unit_test(test_waiting_ends_no_sooner_at_the_last_moment),
        cmocka_unit_test(test_programs_that_need_nothing_follow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
