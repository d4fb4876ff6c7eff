/* The last stage in the kernel, alone: a packet with known facts becomes a verdict, counters, and a frame that
 * equals, byte for byte, the result of the vm's recipes. Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/kernel_priv.h"
#include "runtime/kernel/run/events.h"
#include "tests/lib/compiled.h"
#include "tests/lib/kernel_load.h"
#include "vm/judge/effects.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { ROOM = 64, FRAME_MOST = 200 };

static struct program *program;
static struct kernel *kernel;
static struct asker asker;

/* ---- packets ---- */

/* Build an Ethernet frame with `payload` bytes after a TCP or UDP header, padded to 60. */
static uint32_t build(uint8_t *f, bool v6, bool tcp, bool tag, uint32_t payload)
{
    const uint32_t l3 = ETHER_LEN + (tag ? VLAN_LEN : 0u), ip_len = v6 ? IP6_LEN : IP4_LEN;
    const uint32_t l4_len = (tcp ? TCP_LEN : UDP_LEN) + payload, len = l3 + ip_len + l4_len;
    for (uint32_t i = 0; i < FRAME_MOST; i++) f[i] = (uint8_t)(7 * i + 1);
    f[0] = f[6] = 2;
    if (tag) wire_put32(f + ETHER_TYPE_AT, (uint32_t)ETHER_VLAN << 16 | 5);
    wire_put16(f + l3 - 2, v6 ? ETHER_IP6 : ETHER_IP4);
    if (v6) {
        wire_put64(f + l3, (uint64_t)0x60000000 << 32 | (uint64_t)l4_len << 16 | (tcp ? 6u : 17u) << 8 | 64);
    } else {
        wire_put64(f + l3, (uint64_t)0x4500 << 48 | (uint64_t)(len - l3) << 32 | 0x4000);
        wire_put16(f + l3 + IP4_TTL, (uint16_t)(64 << 8 | (tcp ? 6 : 17)));
        wire_put16(f + l3 + IP4_SUM, 0);
        wire_put16(f + l3 + IP4_SUM, csum_of(f + l3, IP4_LEN));
    }
    if (tcp) wire_put16(f + l3 + ip_len + TCP_OFFSET, 0x5010);
    if (!tcp) wire_put16(f + l3 + ip_len + UDP_LENGTH, (uint16_t)l4_len);
    return len < 60 ? 60 : len;
}

static struct recipe any_recipe(bool v6)
{
    struct recipe r = {
        .src_port = 4000, .dst_port = 6080, .generation = 1, .server = 1, .service = 0, .out_if = IFACE_NONE};
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) r.src[i] = 0x20010db8 + i, r.dst[i] = 0x0a000001 + i;
    r.l3_delta = 0x1234;
    r.l4_delta = 0x4321;
    memcpy(r.next_mac, (const uint8_t[]){2, 9, 9, 9, 9, 9}, 6);
    return r;
}

/* ---- the stage ---- */

static struct kpkt *slot(void)
{
    struct kpkt *k = asker.k;
    memset(k, 0, sizeof *k);
    k->program = kernel_rows(kernel)->serial;
    k->flags = KERNEL_ASKED;
    k->branch = PBC_NONE;
    return k;
}

/* Set the results of the earlier stages' parsing. */
static void parsed(struct kpkt *k, uint8_t *frame, uint32_t len)
{
    struct pkt pkt;
    pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
    assert_int_equal(pkt_parse(&pkt, NULL, &k->key), REASON_NONE);
    k->pkt = pkt;
    k->pkt.data = NULL;
    memcpy(k->head, frame, len);
    k->head_len = len;
}

static uint32_t run(const uint8_t *frame, uint32_t len, uint8_t *out)
{
    memcpy(asker.frame, frame, len);
    asker.given = len;
    assert_int_equal(ask_stage(&asker, KERNEL_ENTRY_act_xdp), 0);
    memcpy(out, asker.frame, asker.len);
    return asker.len;
}

static struct counter row(uint32_t at) { return kernel_counter(kernel, at); }

/* ---- verdicts ---- */

static void test_a_drop_is_counted_for_its_rule(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST], out[4096];
    if (!kernel) skip();
    const uint32_t len = build(frame, false, true, false, 0);
    const struct kernel_counters before = kernel_counters(kernel);
    struct kpkt *k = slot();
    parsed(k, frame, len);
    k->flags |= KERNEL_JUDGED;
    k->decision = decided_as(1, ACTION_DROP, 0);
    run(frame, len, out);
    assert_int_equal(k->out, KERNEL_DROP);
    assert_int_equal(k->verdict.rule, 1);
    assert_int_equal(row(1).packets, 1);
    assert_int_equal(row(1).bytes, len);
    const struct kernel_counters now = kernel_counters(kernel);
    assert_int_equal(now.verdicts[ACTION_DROP].packets - before.verdicts[ACTION_DROP].packets, 1);
    assert_int_equal(now.refused.packets, before.refused.packets);
}

static void test_a_default_is_counted(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST], out[4096];
    if (!kernel) skip();
    const uint32_t len = build(frame, true, false, false, 8);
    struct kpkt *k = slot();
    parsed(k, frame, len);
    k->flags |= KERNEL_JUDGED;
    k->decision = decided_as(RULE_DEFAULT, ACTION_DROP, 0);
    run(frame, len, out);
    assert_int_equal(k->out, KERNEL_DROP);
    assert_int_equal(k->verdict.firewall, 0);
    assert_int_equal(row(kernel_rows(kernel)->rules + 1).packets, 1);
}

static void test_what_is_malformed_is_dropped_for_its_reason(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST] = {0}, out[4096];
    if (!kernel) skip();
    const struct kernel_counters before = kernel_counters(kernel);
    struct kpkt *k = slot();
    k->pkt.wire_len = 20;
    k->pkt.reason = REASON_SHORT_IP;
    run(frame, 20, out);
    assert_int_equal(k->out, KERNEL_DROP);
    assert_int_equal(k->verdict.reason, REASON_SHORT_IP);
    k = slot();
    k->pkt.wire_len = 20;
    k->pkt.reason = REASON_SHORT_ARP;
    run(frame, 20, out);
    assert_int_equal(k->out, KERNEL_PASS);
    assert_int_equal(k->verdict.action, ACTION_PASS);
    const struct kernel_counters now = kernel_counters(kernel);
    assert_int_equal(now.reasons[REASON_SHORT_IP].bytes - before.reasons[REASON_SHORT_IP].bytes, 20);
    assert_int_equal(now.refused.packets - before.refused.packets, 1);
}

static void goes_up(decided decision, uint16_t flags, enum kernel_up why)
{
    uint8_t frame[FRAME_MOST], out[4096];
    const uint32_t len = build(frame, false, true, false, 0);
    const struct kernel_counters before = kernel_counters(kernel);
    struct kpkt *k = slot();
    parsed(k, frame, len);
    k->flags |= KERNEL_JUDGED | flags;
    k->decision = decision;
    assert_int_equal(run(frame, len, out), len);
    assert_memory_equal(out, frame, len);
    assert_int_equal(k->out, KERNEL_UP);
    assert_int_equal(k->up, why);
    const struct kernel_counters now = kernel_counters(kernel);
    assert_int_equal(now.ups[why].packets - before.ups[why].packets, 1);
    assert_memory_equal(now.verdicts, before.verdicts, sizeof now.verdicts);
}

static void test_what_user_space_finishes_goes_up(void **state)
{
    (void)state;
    if (!kernel) skip();
    goes_up(decided_as(0, ACTION_REJECT, 0), 0, KERNEL_UP_ANSWER);
    goes_up(decided_as(0, ACTION_DROP, 0), KERNEL_OPENS, KERNEL_UP_TUNNEL);
}

/* Packets for which no socket exists are lost. */
static void test_what_nobody_takes_is_lost(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST], out[4096];
    if (!kernel) skip();
    const uint32_t len = build(frame, false, true, false, 0);
    const struct kernel_counters before = kernel_counters(kernel);
    struct kpkt *k = slot();
    parsed(k, frame, len);
    k->flags = 0;
    k->up = KERNEL_UP_HEAD;
    run(frame, len, out);
    assert_int_equal(kernel_counters(kernel).lost.packets - before.lost.packets, 1);
}

/* The host's own packets aren't passed up. If rules only watch, they pass. */
static void test_what_leaves_undecided_is_lost_or_passes(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST];
    if (!kernel) skip();
    const uint32_t len = build(frame, false, true, false, 0);
    for (unsigned watches = 0; watches < 2; watches++) {
        const struct kernel_counters before = kernel_counters(kernel);
        struct kpkt *k = slot();
        parsed(k, frame, len);
        k->flags = KERNEL_EGRESS;
        k->up = KERNEL_UP_HEAD;
        kernel_world(kernel)->watches = watches;
        const uint64_t secret = kernel_world(kernel)->secret;
        struct __sk_buff ctx = {.cb = {(uint32_t)secret, (uint32_t)(secret >> 32), asker.at}};
        LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &ctx, .ctx_size_in = sizeof ctx, .data_in = frame,
                    .data_size_in = len, .repeat = 1);
        assert_int_equal(bpf_prog_test_run_opts(kernel_program(kernel, KERNEL_ENTRY_act_tc), &o), 0);
        assert_int_equal((int)o.retval, watches ? TC_ACT_UNSPEC : TC_ACT_SHOT);
        const struct kernel_counters now = kernel_counters(kernel);
        assert_int_equal(k->out, KERNEL_UP);
        assert_int_equal(now.ups[KERNEL_UP_HEAD].packets - before.ups[KERNEL_UP_HEAD].packets, 1);
        assert_int_equal(now.lost.packets - before.lost.packets, !watches);
    }
    kernel_world(kernel)->watches = 0;
}

/* Without the next stage a packet is dropped and counted as lost: by look without a judge, by the judge without act. */
static void test_without_the_next_stage_it_is_lost(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST];
    if (!kernel) skip();
    struct pkt pkt;
    const uint32_t len = build(frame, false, true, false, 0);
    pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
    for (int ask_tc = 0; ask_tc < 2; ask_tc++)
        for (uint32_t stage = 0; stage < 2; stage++) { /* judge and act, as in entry.def */
            const int array = kernel->maps.v[ask_tc ? KERNEL_MAP_stages_tc : KERNEL_MAP_stages_xdp].fd;
            const enum kernel_entry judge = ask_tc ? KERNEL_ENTRY_judge_tc : KERNEL_ENTRY_judge_xdp;
            const int fd = stage ? kernel_program(kernel, ask_tc ? KERNEL_ENTRY_act_tc : KERNEL_ENTRY_act_xdp)
                                 : kernel->judge->programs[judge];
            const struct kernel_counters before = kernel_counters(kernel);
            struct kpkt *k;
            assert_int_equal(bpf_map_delete_elem(array, &stage), 0);
            assert_int_equal(ask_frame(&asker, ask_tc ? KERNEL_TC : KERNEL_XDP, &pkt, 5, &k), -EPROTO);
            assert_int_equal(bpf_map_update_elem(array, &stage, &fd, BPF_ANY), 0);
            const struct kernel_counters now = kernel_counters(kernel);
            assert_int_equal(now.lost.packets - before.lost.packets, 1);
            assert_int_equal(now.lost.bytes - before.lost.bytes, len);
        }
}

/* ---- reports ---- */

struct told {
    unsigned count;
    struct kernel_event_packet last;
};

static void hear(void *arg, const struct kernel_event *e, size_t len)
{
    struct told *t = arg;
    assert_true(len >= sizeof t->last);
    memcpy(&t->last, e, sizeof t->last);
    t->count++;
}

/* Run that many packets with that decision, of which one in `of` is reported. */
static void judge_some(uint8_t *frame, uint32_t len, enum action action, uint64_t n, uint32_t of)
{
    uint8_t out[4096];
    kernel_world(kernel)->sample = of;
    for (uint64_t i = 0; i < n; i++) {
        struct kpkt *k = slot();
        parsed(k, frame, len);
        k->flags = KERNEL_JUDGED;
        k->serial = i;
        k->decision = decided_as(1, action, 0);
        run(frame, len, out);
    }
    kernel_world(kernel)->sample = 0;
}

/* And every dropped packet is reported. */
static void test_one_packet_of_some_is_told_of(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST];
    struct told told = {0};
    if (!kernel) skip();
    struct kernel_events *ring = kernel_events_new(kernel_map(kernel, KERNEL_MAP_events)->fd, hear, &told);
    assert_non_null(ring);
    const uint32_t len = build(frame, false, false, false, 8);
    judge_some(frame, len, ACTION_PASS, 12, 4);
    assert_int_equal(kernel_events_take(ring), 3);
    judge_some(frame, len, ACTION_DROP, 12, 4);
    assert_int_equal(kernel_events_take(ring), 12);
    assert_int_equal(told.count, 15);
    assert_int_equal(told.last.event.kind, KERNEL_EVENT_SAMPLE);
    assert_int_equal(told.last.verdict.action, ACTION_DROP);
    assert_int_equal(told.last.verdict.rule, 1);
    assert_memory_equal(told.last.bytes, frame, len);
    kernel_events_free(ring);
}

/* Without a reader, dropped packets leave half of the ring to others. */
static void test_drops_leave_room_to_others(void **state)
{
    (void)state;
    enum {
        RECORD = sizeof(struct kernel_event_sample) + 8 /* with its head in the ring */,
        MOST = KERNEL_EVENTS_BYTES / 2 / RECORD
    };
    uint8_t frame[FRAME_MOST];
    struct told told = {0};
    if (!kernel) skip();
    struct kernel_events *ring = kernel_events_new(kernel_map(kernel, KERNEL_MAP_events)->fd, hear, &told);
    assert_non_null(ring);
    const uint32_t len = build(frame, false, false, false, 8);
    const uint64_t lost = kernel_events_lost(kernel);
    judge_some(frame, len, ACTION_DROP, 2 * MOST, 1 << 30);
    assert_in_range(kernel_events_lost(kernel) - lost, MOST - 2, MOST);
    judge_some(frame, len, ACTION_DROP, 12, 1);
    assert_in_range(kernel_events_take(ring), MOST + 12, MOST + 14);
    kernel_events_free(ring);
}

/* The reader of the report replies to a packet that the host sends. */
static void test_a_reject_of_what_leaves_is_told_of(void **state)
{
    (void)state;
    uint8_t frame[FRAME_MOST], out[4096];
    struct told told = {0};
    if (!kernel) skip();
    struct kernel_events *ring = kernel_events_new(kernel_map(kernel, KERNEL_MAP_events)->fd, hear, &told);
    assert_non_null(ring);
    const uint32_t len = build(frame, true, true, false, 8);
    struct kpkt *k = slot();
    parsed(k, frame, len);
    k->flags |= KERNEL_JUDGED | KERNEL_EGRESS;
    k->decision = decided_as(0, ACTION_REJECT, 0);
    run(frame, len, out);
    assert_int_equal(k->out, KERNEL_DROP);
    assert_int_equal(kernel_events_take(ring), 1);
    assert_int_equal(told.last.event.kind, KERNEL_EVENT_REJECT);
    assert_int_equal(told.last.verdict.action, ACTION_REJECT);
    kernel_events_free(ring);
}

/* ---- recipes ---- */

/* Do the same as express.c's `apply`. */
static uint32_t natively(const struct recipe *r, uint8_t kind, const struct key *key, struct pkt *pkt, uint16_t id)
{
    if ((kind & ~RECIPE_IP6) == RECIPE_REWRITE) recipe_apply(r, key->kind, pkt->data + pkt->l3, false);
    if (recipe_overhead(kind)) recipe_wrap(r, kind, key, pkt, &(struct recipe_numbers){.hash = 0x123456, .id = id});
    memcpy(pkt->data + 6, pkt->data, 6);
    memcpy(pkt->data, r->next_mac, 6);
    return pkt->head_len;
}

static void leaves_by(uint8_t kind, bool v6, bool tcp, bool tag, uint32_t payload)
{
    uint8_t frame[FRAME_MOST], room[ROOM + FRAME_MOST], out[4096];
    const uint32_t len = build(frame, v6, tcp, tag, payload);
    struct kpkt *k = slot();
    parsed(k, frame, len);
    struct pkt pkt = k->pkt;
    memcpy(room + ROOM, frame, len);
    pkt.data = room + ROOM;
    pkt.headroom = ROOM;
    k->flags |= KERNEL_ORDINARY;
    k->seen.twin = true;
    k->seen.recipe = kind;
    k->seen.hash = 0x12345678;
    k->datagram = 77;
    k->recipe = any_recipe(kind & RECIPE_IP6 || v6);
    const uint32_t wanted = natively(&k->recipe, kind, &k->key, &pkt, 77);
    const uint32_t server = kernel_rows(kernel)->servers + 1;
    const struct counter before = row(server);
    const uint32_t got = run(frame, len, out);
    assert_int_equal(k->out, KERNEL_SEND);
    assert_int_equal(k->datagram, 78);
    assert_int_equal(k->verdict.action, ACTION_FORWARD);
    assert_int_equal(k->verdict.flags, VERDICT_REPLY);
    assert_int_equal(k->verdict.server, 1);
    assert_int_equal(row(server).packets - before.packets, 1);
    assert_int_equal(row(server).bytes - before.bytes, len);
    assert_int_equal(got, wanted);
    assert_memory_equal(out, pkt.data, wanted);
}

static void test_recipes_are_the_vms(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {RECIPE_FRAME,
                                    RECIPE_IPIP,
                                    RECIPE_GUE,
                                    RECIPE_GUE1,
                                    RECIPE_IPIP | RECIPE_IP6,
                                    RECIPE_GUE | RECIPE_IP6,
                                    RECIPE_GUE1 | RECIPE_IP6};
    if (!kernel) skip();
    for (unsigned how = 0; how < 8; how++) {
        const bool v6 = how & 1, tcp = how & 2, tag = how & 4;
        for (uint32_t payload = 0; payload < 40; payload += 13) {
            leaves_by(v6 ? RECIPE_REWRITE | RECIPE_IP6 : RECIPE_REWRITE, v6, tcp, tag, payload);
            for (unsigned i = 0; i < sizeof kinds; i++) leaves_by(kinds[i], v6, tcp, tag, payload);
        }
    }
}

/* ---- all ---- */

static const char rules[] = "pool p { server a 10.0.0.1; server b 10.0.0.2 }\n"
                            "service s on 203.0.113.1 udp/80 { mode dsr ipip; -> p }\n"
                            "firewall f default drop { accept tcp port 80\n drop udp\n }\n";

int main(void)
{
    char err[300] = "";
    program = compiled_text(rules);
    if (!program) return 1;
    kernel = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC}, err, sizeof err);
    if (!kernel) print_message("# %s\n", err);
    if (!kernel && errno != EPERM && errno != ENOTSUP) return 1;
    if (kernel && kernel_load(kernel, program, err, sizeof err)) {
        print_error("# %s\n", err);
        return 1;
    }
    if (kernel) asker_init(&asker, kernel, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_drop_is_counted_for_its_rule),
        cmocka_unit_test(test_a_default_is_counted),
        cmocka_unit_test(test_what_is_malformed_is_dropped_for_its_reason),
        cmocka_unit_test(test_what_user_space_finishes_goes_up),
        cmocka_unit_test(test_what_nobody_takes_is_lost),
        cmocka_unit_test(test_what_leaves_undecided_is_lost_or_passes),
        cmocka_unit_test(test_without_the_next_stage_it_is_lost),
        cmocka_unit_test(test_one_packet_of_some_is_told_of),
        cmocka_unit_test(test_drops_leave_room_to_others),
        cmocka_unit_test(test_a_reject_of_what_leaves_is_told_of),
        cmocka_unit_test(test_recipes_are_the_vms),
    };
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    kernel_free(kernel);
    program_put(program);
    return status;
}
