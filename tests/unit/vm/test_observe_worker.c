/* A worker whose rules observe connections: only accepted packets are seen, and the client's side of rewritten ones;
 * a reload and an archive in the middle of a connection, including a damaged archive. */
#include "tests/lib/compiled.h"
#include "tests/unit/vm/watch.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

enum { SLOTS = 64, SLOT_BYTES = 4096, ENTRIES = 64, DAMAGES = 400 };

#define WATCH                                                                                                          \
    "service w on any tcp/any { mode observe; stream to \"d\"; when bytes payload at 0 is x\"4745\" -> stream; else "  \
    "-> pass }\n"
#define PLAIN "firewall f default accept { drop ttl 9 as T; drop tcp port 81 }\n"

static struct watch w;
static struct vm *vm;
static struct vm_cfg cfg;
static struct facts facts;
static struct tx_entry entries[ENTRIES];
static struct verdict v;
static const uint32_t self4[] = {0x0a000009};

static struct program *compiled(const char *text)
{
    struct program *p = compiled_text(text);
    assert_non_null(p);
    return p;
}

static struct vm_in now(void) { return (struct vm_in){.mono_ns = w.now_ns, .facts = &facts}; }

static void init(const char *text)
{
    struct imgbuild b;
    watch_image(&b, PBC_PASS, PBC_OVERLAPS_LINUX);
    watch_begin(&w, &b);
    program_put(w.p);
    w.p = compiled(text);
    w.iface = IFACE_NONE;
    facts = (struct facts){.generation = 1, .self4 = self4, .self4_count = 1};
    cfg = (struct vm_cfg){.pool = pool_new(SLOTS, SLOT_BYTES), .seed = 7, .live = true, .observed = &w.out};
    vm = vm_new(w.p, &cfg);
    assert_non_null(vm);
}

static void fini(void)
{
    vm_free(vm);
    assert_int_equal(cfg.pool->free_count, SLOTS);
    free(cfg.pool);
    watch_fini(&w);
}

/* Judge the frame, in a separate block or in a slot of the pool, and return the packet that left, if any. It is
 * valid until the next call. */
static struct pkt *judged(uint32_t len, bool writable)
{
    static struct pkt left;
    static uint8_t bytes[SLOT_BYTES];
    struct pkt view, *pkt = &view;
    struct vm_tx tx = {.entries = entries, .cap = ENTRIES};
    const struct vm_in in = now();
    pkt_view(&view, w.frame, len, len, LINK_ETHER, (uint16_t)w.iface);
    if (writable) pkt = pool_copy(cfg.pool, &view);
    struct pkt *const pkts[] = {pkt};
    vm_run(vm, &in, pkts, 1, &v, &tx);
    struct pkt *out = NULL;
    bool gone = false;
    for (unsigned i = 0; i < tx.count; i++) {
        gone |= entries[i].pkt == pkt;
        if (entries[i].kind == TX_SEND) {
            left = *entries[i].pkt;
            memcpy(bytes, entries[i].pkt->data, entries[i].pkt->cap_len);
            left.data = bytes;
            out = &left;
        }
        pool_put(entries[i].pkt);
    }
    if (writable && !gone) pool_put(pkt);
    return out;
}

static struct pkt *seg(unsigned side, uint32_t seq, uint32_t ack, uint8_t flags, const char *text)
{
    return judged(watch_frame(&w, side, seq, ack, flags, text, text ? (uint32_t)strlen(text) : 0), seq & 1);
}

static void shake(void)
{
    seg(C, CSEQ - 1, 0, TCP_SYN, NULL);
    seg(S, SSEQ - 1, CSEQ, TCP_SYN | TCP_ACK, NULL);
    seg(C, CSEQ, SSEQ, TCP_ACK, NULL);
}

static void only_what_was_let_through_is_observed(void **state)
{
    init(PLAIN WATCH);
    shake();
    assert_int_equal(w.begins, 1);
    const uint32_t len = watch_frame(&w, C, CSEQ, SSEQ, TCP_ACK, "GET /forged", 11);
    w.frame[ETHER_LEN + 8] = 9; /* TTL 9: the firewall drops it */
    wire_put16(w.frame + ETHER_LEN + 10, 0);
    wire_put16(w.frame + ETHER_LEN + 10, (uint16_t)~csum_fold(csum_add(0, w.frame + ETHER_LEN, IP4_LEN)));
    judged(len, false);
    assert_int_equal(v.action, ACTION_DROP);
    seg(C, CSEQ, SSEQ, TCP_ACK, "GET /right!");
    assert_got(&w, C, "GET /right!");
    assert_int_equal(w.differs, 0);
    w.side[S].port = 81;
    seg(C, CSEQ - 1, 0, TCP_SYN, NULL);
    assert_int_equal(w.begins, 1);
    assert_int_equal(vm_counters(vm)->observed->sessions, 1);
    fini();
    (void)state;
}

/* A service with a server: the client sends to 10.0.0.2, and 10.0.0.3 replies. */
static void the_clients_side_of_what_is_rewritten(void **state)
{
    init("pool p { balance round_robin; server s 10.0.0.3:80 }\n"
         "service x on 10.0.0.2 tcp/80 { mode passthrough keep source; -> p }\n" PLAIN WATCH);
    seg(C, CSEQ - 1, 0, TCP_SYN, NULL);
    assert_int_equal(v.action, ACTION_FORWARD);
    w.side[S].addr = 0x0a000003;
    seg(S, SSEQ - 1, CSEQ, TCP_SYN | TCP_ACK, NULL);
    assert_int_equal(v.action, ACTION_FORWARD);
    w.side[S].addr = 0x0a000002;
    seg(C, CSEQ, SSEQ, TCP_ACK, NULL);
    seg(C, CSEQ, SSEQ, TCP_ACK, "GET / HTTP/1.1\r\n\r\n");
    w.side[S].addr = 0x0a000003;
    for (uint32_t i = 0; i < 4; i++) /* by the careful path, then by recipes */
        seg(S, SSEQ + 5 * i, CSEQ + 18, TCP_ACK, "reply");
    assert_int_equal(w.begins, 1);
    assert_got(&w, C, "GET / HTTP/1.1\r\n\r\n");
    assert_got(&w, S, "replyreplyreplyreply");
    uint32_t at = 0;
    struct observe_record r;
    assert_true(vm_observed_next(vm, &at, &r));
    assert_int_equal(r.ends.server[0], 0x0a000002);
    fini();
    (void)state;
}

static void reload(const char *text)
{
    struct program *next = compiled(text);
    const struct vm_in in = now();
    struct program *from = (struct program *)(uintptr_t)vm_program(vm);
    struct remap *r = remap_new(from, next, NULL, 0, NULL, w.now_ns);
    struct vm *fresh = vm_prepare(&cfg, r, &in);
    assert_non_null(fresh);
    assert_int_equal(vm_swap(vm, fresh, r), 0);
    vm_free(fresh);
    remap_free(r);
    program_put(w.p);
    w.p = next;
}

static void connections_go_on_through_a_reload(void **state)
{
    init(PLAIN WATCH);
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "GE");
    w.side[C].port++;
    seg(C, CSEQ - 1, 0, TCP_SYN, NULL);
    seg(C, CSEQ, SSEQ, TCP_ACK, "G"); /* undecided */
    w.side[C].port--;
    reload("service other on any tcp/9 { mode observe }\n" PLAIN WATCH);
    seg(C, CSEQ + 2, SSEQ, TCP_ACK, "T / later");
    assert_got(&w, C, "GET / later");
    w.side[C].port++;
    memset(w.end, 0, sizeof w.end);
    seg(C, CSEQ + 1, SSEQ, TCP_ACK, "ET");
    assert_got(&w, C, "GET");
    assert_int_equal(w.begins, 2);
    assert_int_equal(w.ends, 0);
    reload(PLAIN);
    assert_int_equal(w.ends, 2);
    assert_int_equal(w.sum.why, OBSERVE_WHY_REMOVED);
    seg(C, CSEQ + 3, SSEQ, TCP_ACK, "gone");
    reload(PLAIN WATCH);
    memset(w.end, 0, sizeof w.end);
    seg(C, CSEQ + 7, SSEQ, TCP_ACK, "GE new");
    assert_int_equal(w.begins, 3);
    fini();
    (void)state;
}

/* A service's counters continue across a reload that gives it another number, and stay separate from others. */
static void each_service_has_its_counters(void **state)
{
    init(PLAIN WATCH "service other on any tcp/9 { mode observe }\n");
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "abc");
    seg(C, CSEQ + 5, SSEQ, TCP_ACK, "late");
    seg(C, CSEQ + 3, SSEQ, TCP_ACK, "xy");
    seg(C, CSEQ, SSEQ, TCP_ACK, "abc");
    w.side[S].port = 9;
    seg(C, CSEQ - 1, 0, TCP_SYN, NULL);
    const struct observe_counters *of = vm_counters(vm)->observes;
    assert_int_equal(of[0].sessions, 1);
    assert_int_equal(of[0].live, 1);
    assert_int_equal(of[0].packets, 7);
    assert_int_equal(of[0].bytes, 9);
    assert_int_equal(of[0].retransmissions, 1);
    assert_int_equal(of[0].reordered, 1);
    assert_int_equal(of[1].sessions, 1);
    assert_int_equal(of[1].packets, 1);
    assert_int_equal(of[1].bytes, 0);
    reload("service other on any tcp/9 { mode observe }\n" PLAIN WATCH);
    of = vm_counters(vm)->observes;
    assert_int_equal(of[1].bytes, 9);
    assert_int_equal(of[0].packets, 1);
    seg(C, CSEQ - 1, 0, TCP_SYN, NULL);
    assert_int_equal(of[0].retransmissions, 1);
    reload(PLAIN WATCH); /* the other connection ends: it no longer counts as open, and no service has it */
    of = vm_counters(vm)->observes;
    assert_int_equal(of[0].live, 1);
    assert_int_equal(vm_counters(vm)->observed->live, 1);
    assert_int_equal(vm_counters(vm)->observed->retransmissions, 2);
    fini();
    (void)state;
}

/* Packets of one batch have separate times if those are given; a time before the last one counts as the last. */
static void packets_of_a_batch_have_their_times(void **state)
{
    static uint8_t bytes[200][200];
    static struct pkt views[200];
    static struct pkt *pkts[200];
    static struct verdict verdicts[200];
    static uint32_t ages_us[200];
    struct vm_tx tx = {.entries = entries, .cap = ENTRIES};
    init(PLAIN "service all on any tcp/any { mode observe }");
    shake();
    w.now_ns += 1000 * (uint64_t)MS;
    for (uint32_t i = 0; i < 200; i++) { /* more than the vm takes at once: data, then its acknowledgements */
        const bool data = !(i & 1);
        const uint32_t at = i / 2 * 10;
        const uint32_t len = data ? watch_frame(&w, C, CSEQ + at, SSEQ, TCP_ACK, "0123456789", 10)
                                  : watch_frame(&w, S, SSEQ, CSEQ + at + 10, TCP_ACK, NULL, 0);
        memcpy(bytes[i], w.frame, len);
        pkt_view(&views[i], bytes[i], len, len, LINK_ETHER, IFACE_NONE);
        pkts[i] = &views[i];
        ages_us[i] = 900000 - i / 2 * 4000 - (data ? 0 : 300 + i);
    }
    ages_us[199] = 900000;
    struct vm_in in = now();
    in.ages_us = ages_us;
    vm_run(vm, &in, pkts, 200, verdicts, &tx);
    vm_observed_end(vm, &in);
    assert_int_equal(w.sum.half[C].rtt_count, 101);   /* including the SYN's */
    assert_int_equal(w.sum.half[C].rtt_min_ns, 1000); /* the last ones: none is less than a microsecond */
    assert_int_equal(w.sum.half[C].rtt_max_ns, 497000);
    fini();
    (void)state;
}

static size_t archived(uint8_t *bytes, size_t len, bool reads, bool *good)
{
    const struct vm_in in = now();
    struct archive a = {.at = bytes, .left = len, .reads = reads, .cookies = 1};
    *good = vm_archive(vm, &in, &a);
    return len - a.left;
}

static void again(void)
{
    vm_free(vm);
    vm = vm_new(w.p, &cfg);
    assert_non_null(vm);
}

/* A half's limit of kept bytes depends on the others' at the time; an archive is read in a different order. */
static void an_archive_is_read_where_memory_is_short(void **state)
{
    static uint8_t bytes[1 << 20];
    static char held[30 * 2048 - 1];
    const uint32_t some = sizeof held - 1;
    bool good;
    memset(held, 'x', some);
    init("limits { observed 64; observed_bytes 1MiB }\n" PLAIN "service all on any tcp/any { mode observe }");
    shake();
    w.side[C].port++;
    shake();
    /* Both are behind holes; the second connection is the first to keep many */
    for (uint32_t i = 0; i < 6; i++) seg(C, CSEQ + 4 + i * some, SSEQ, TCP_ACK, held);
    w.side[C].port--;
    for (uint32_t i = 0; i < 3; i++) seg(C, CSEQ + 4 + i * some, SSEQ, TCP_ACK, held);
    const uint64_t short_of = vm_counters(vm)->observed->memory;
    const size_t len = archived(bytes, sizeof bytes, false, &good);
    assert_true(good);
    again();
    archived(bytes, len, true, &good);
    assert_true(good);
    assert_int_equal(short_of, 0);
    fini();
    (void)state;
}

static void connections_go_on_from_an_archive(void **state)
{
    static uint8_t bytes[1 << 20], hurt[1 << 20];
    bool good;
    init("limits { observed 64; observed_bytes 1MiB }\n" PLAIN WATCH);
    shake();
    seg(C, CSEQ + 4, SSEQ, TCP_ACK, "/ HTTP/1.1\r\n\r\n"); /* behind a hole */
    w.side[C].port++;
    w.vid = 7;
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "G");
    w.side[C].port++;
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "GET /name HTTP/1.1\r\nHost: h.example\r\n\r\n");
    seg(S, SSEQ, CSEQ + 39, TCP_ACK, "answer");
    const size_t len = archived(bytes, sizeof bytes, false, &good);
    assert_true(good);
    w.out.told = NULL;
    for (unsigned i = 0; i < (getenv("LONG") ? 10 * DAMAGES : DAMAGES); i++) {
        memcpy(hurt, bytes, len);
        for (unsigned k = 0; k <= i % 3; k++) hurt[(i * 7919u + k * 104729u) % len] ^= (uint8_t)(1u << i % 8);
        again();
        archived(hurt, i % 10 ? len : i * 31 % len, true, &good);
        if (!good) continue;
        seg(C, CSEQ, SSEQ, TCP_ACK, "GET /");
        const struct vm_in later = {.mono_ns = w.now_ns + 100 * (uint64_t)MS * 100, .facts = &facts};
        struct vm_tx tx = {.entries = entries, .cap = ENTRIES};
        vm_tick(vm, &later, &tx);
        vm_observed_end(vm, &later);
    }
    w.out.told = watch_told;
    again();
    archived(bytes, len, true, &good);
    assert_true(good);
    seg(S, SSEQ + 6, CSEQ + 39, TCP_ACK, "!");
    memset(w.end, 0, sizeof w.end);
    w.vid = 0;
    w.side[C].port -= 2;
    seg(C, CSEQ, SSEQ, TCP_ACK, "GET ");
    assert_got(&w, C, "GET / HTTP/1.1\r\n\r\n");
    const struct vm_in in = now();
    vm_observed_end(vm, &in);
    assert_int_equal(w.ends, 3);
    assert_string_equal(w.path, "/name");
    fini();
    (void)state;
}

#define GUARD "service g on any tcp/any { mode observe; when bytes payload at 0 is x\"424144\" -> reject }\n"

static const struct observe_counters *observed(void) { return vm_counters(vm)->observed; }
static uint64_t held_now(void) { return vm_counters(vm)->verdicts[ACTION_HELD].packets; }

/* Too much in one connection, too much in all, a reload without the service: held packets continue, and none is
 * lost. */
static void held_packets_have_bounds(void **state)
{
    init(PLAIN GUARD);
    vm_free(vm);
    free(cfg.pool);
    cfg.pool = pool_new(2 * HOLDING_MOST, SLOT_BYTES);
    vm = vm_new(w.p, &cfg);
    shake();
    for (uint32_t i = 0; i < HOLDING_EACH; i++) seg(C, CSEQ + 1 + i, SSEQ, TCP_ACK, "x"); /* behind a hole */
    assert_int_equal(held_now(), HOLDING_EACH);
    seg(C, CSEQ + 1 + HOLDING_EACH, SSEQ, TCP_ACK, "x");
    assert_int_equal(observed()->hold_full, 1);
    while (held_now()) judged(watch_frame(&w, S, SSEQ, CSEQ, TCP_ACK, NULL, 0), false);
    for (uint32_t i = 0; i <= HOLDING_MOST; i++) {
        w.side[C].port++;
        shake();
        seg(C, CSEQ, SSEQ, TCP_ACK, "B");
        assert_int_equal(held_now(), i < HOLDING_MOST ? i + 1 : HOLDING_MOST);
    }
    assert_int_equal(observed()->hold_full, 2);
    assert_int_equal(v.action, ACTION_ACCEPT);
    reload(PLAIN "service other on any tcp/9 { mode observe }\n");
    while (held_now()) judged(watch_frame(&w, S, SSEQ, CSEQ, TCP_ACK, NULL, 0), false);
    assert_int_equal(cfg.pool->free_count, 2 * HOLDING_MOST);
    vm_free(vm);
    free(cfg.pool);
    watch_fini(&w);
    (void)state;
}

/* A decision needs more bytes, or more time, than the rules allow: held packets continue, and the reason is counted. */
static void held_packets_wait_for_so_much(void **state)
{
    enum { FIRST = 1024, PIECE = 100 };
    char piece[PIECE + 1] = "";
    memset(piece, 'x', PIECE);
    init("limits { first_bytes 1KiB }\ntimeouts { proxy first 2s }\n" PLAIN
         "service g on any tcp/any { mode observe; when host \"bad.example\" -> reject }\n");
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "GET /");
    for (uint32_t n = 5; n < FIRST; n += PIECE) {
        assert_int_equal(v.action, ACTION_HELD);
        seg(C, CSEQ + n, SSEQ, TCP_ACK, piece);
    }
    assert_int_equal(observed()->hold_long, 1);
    assert_int_equal(held_now(), 0);
    w.side[C].port++;
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "GET /");
    for (unsigned late = 0; late < 2; late++) {
        struct vm_tx tx = {.entries = entries, .cap = ENTRIES};
        assert_int_equal(held_now(), 1);
        assert_int_equal(observed()->hold_late, 0);
        w.now_ns += late ? 2 * (uint64_t)MS : 1999 * (uint64_t)MS;
        const struct vm_in later = now();
        vm_tick(vm, &later, &tx);
        for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
    }
    assert_int_equal(observed()->hold_late, 1);
    assert_int_equal(held_now(), 0);
    fini();
    (void)state;
}

/* Judge a segment with a wrong TCP checksum, which its receiver drops. */
static void damaged(unsigned side, uint32_t seq, uint8_t flags, const char *text)
{
    const uint32_t len = watch_frame(&w, side, seq, side == C ? SSEQ : CSEQ, flags, text, (uint32_t)strlen(text));
    w.frame[ETHER_LEN + IP4_LEN + TCP_SUM] ^= 1;
    judged(len, false);
}

/* A client can't hide its data behind bytes or ends that the server never takes. */
static void what_a_receiver_drops_decides_nothing(void **state)
{
    init(PLAIN GUARD);
    shake();
    damaged(C, CSEQ, TCP_ACK, "OK!");
    assert_int_equal(v.action, ACTION_DROP);
    damaged(C, CSEQ, TCP_RST | TCP_ACK, "");
    damaged(S, SSEQ, TCP_RST | TCP_ACK, "");
    assert_int_equal(observed()->hold_damaged, 3);
    seg(C, CSEQ, SSEQ, TCP_ACK, "BAD");
    assert_int_equal(v.action, ACTION_REJECT);
    fini();
    init(PLAIN GUARD);
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "OK!");
    damaged(C, CSEQ + 3, TCP_ACK, "its end drops it"); /* decided: nothing depends on it */
    assert_int_equal(v.action, ACTION_ACCEPT);
    assert_int_equal(observed()->hold_damaged, 0);
    fini();
    (void)state;
}

/* This machine's stack has a copy of each packet of its own connections, so nothing is held. */
static void own_connections_go_by(void **state)
{
    for (unsigned side = 0; side < 2; side++) {
        init(PLAIN GUARD);
        w.side[side].addr = self4[0];
        shake();
        seg(C, CSEQ, SSEQ, TCP_ACK, "B");
        assert_int_equal(v.action, ACTION_ACCEPT);
        seg(C, CSEQ + 1, SSEQ, TCP_ACK, "AD");
        assert_int_equal(v.action, ACTION_ACCEPT);
        assert_int_equal(observed()->held + observed()->rejected, 0);
        fini();
    }
    (void)state;
}

/* An archive contains waiting packets; the decision comes after it. A damaged one is rejected, or read as it is. */
static void held_packets_go_on_from_an_archive(void **state)
{
    static uint8_t bytes[1 << 20], hurt[1 << 20];
    bool good;
    init("limits { observed 64; observed_bytes 1MiB }\n" PLAIN GUARD);
    shake();
    seg(C, CSEQ, SSEQ, TCP_ACK, "B");
    w.side[C].port++;
    shake();
    seg(C, CSEQ + 1, SSEQ, TCP_ACK, "A");
    const size_t len = archived(bytes, sizeof bytes, false, &good);
    assert_true(good);
    w.out.told = NULL;
    for (unsigned i = 0; i < (getenv("LONG") ? 10 * DAMAGES : DAMAGES); i++) {
        memcpy(hurt, bytes, len);
        for (unsigned k = 0; k <= i % 3; k++) hurt[len - 1 - (i * 7919u + k * 104729u) % 700] ^= (uint8_t)(1u << i % 8);
        again();
        archived(hurt, i % 10 ? len : i * 31 % len, true, &good);
        if (good)
            for (unsigned k = 0; k < 3; k++) seg(C, CSEQ + k, SSEQ, TCP_ACK, "BAD");
    }
    again();
    archived(bytes, len, true, &good);
    assert_true(good);
    assert_non_null(seg(C, CSEQ, SSEQ, TCP_ACK, "BADD"));
    assert_int_equal(v.action, ACTION_REJECT);
    w.side[C].port--;
    seg(C, CSEQ + 1, SSEQ, TCP_ACK, "O");
    assert_int_equal(v.action, ACTION_HELD);
    assert_int_equal(observed()->rejected, 1);
    assert_int_equal(observed()->held, 1); /* counted since the archive was read */
    fini();
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_let_through_is_observed),
        cmocka_unit_test(the_clients_side_of_what_is_rewritten),
        cmocka_unit_test(connections_go_on_through_a_reload),
        cmocka_unit_test(each_service_has_its_counters),
        cmocka_unit_test(packets_of_a_batch_have_their_times),
        cmocka_unit_test(an_archive_is_read_where_memory_is_short),
        cmocka_unit_test(connections_go_on_from_an_archive),
        cmocka_unit_test(held_packets_have_bounds),
        cmocka_unit_test(held_packets_wait_for_so_much),
        cmocka_unit_test(what_a_receiver_drops_decides_nothing),
        cmocka_unit_test(own_connections_go_by),
        cmocka_unit_test(held_packets_go_on_from_an_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
