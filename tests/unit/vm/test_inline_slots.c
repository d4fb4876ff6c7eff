/* Slots of spliced connections, beside an executor in the kernel that is played here: when a direction gets one,
 * what is read from it, and when it is dropped. tests/unit/runtime/test_kernel_splice.c tests the stages' use of a
 * slot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm/inline_wire.h"
#include "vm/flow/spliced.h"
#include "vm/forward/splice/slots.h"
#include "vm/program/remap.h"

enum { GROUPS = 8, HOP = 7 };
#define NEXT_MAC UINT64_C(0x020000000009)

static struct inline_carried carried[64];
static struct splice_head head;
static uint64_t tags[GROUPS];
static struct splice_slot at[GROUPS * SPLICE_GROUP];
static const struct splice_slots slots = {.head = &head, .tags = tags, .slots = at, .groups = GROUPS};
static bool knows;

static bool find(void *arg, const struct tx_entry *e, uint16_t *out_if, uint8_t mac[6])
{
    (void)arg;
    assert_true(e->family == 4 || e->family == 6);
    *out_if = HOP;
    wire_put48(mac, NEXT_MAC);
    return knows;
}
static const struct vm_ways ways = {.find = find};

static void ask(struct wire *w, const struct inline_ask *a)
{
    sender_clear(&w->s);
    vm_inline_ask(w->s.vm, &w->s.in, a, &w->s.tx);
}

/* Begin a routed connection that has left the inline stack */
static void begin(struct wire *w, bool v6)
{
    beside.kernel = true;
    wire_init(w, SERVER_FIRST, v6, 0);
    static struct pbc_proxy leaves;
    leaves = w->s.program->proxies[0];
    leaves.flags |= PBC_PROXY_LEAVES;
    w->s.program->proxies = &leaves;
    vm_free(w->s.vm);
    memset(&head, 0, sizeof head);
    memset(tags, 0, sizeof tags);
    memset(at, 0, sizeof at);
    hash_key_init(&head.key, 9);
    knows = true;
    w->s.facts.bridges = false;
    for (unsigned i = 0; i < PORTS; i++) w->ifaces[i].peer = IFACE_NONE;
    w->s.in.ways = &ways;
    beside.ops.splices = &slots;
    w->cfg.kernel = &beside.ops;
    w->cfg.inline_carried = carried;
    w->s.vm = vm_new(w->s.program, &w->cfg);
    struct frame f = with(&w->client, SYN, CLIENT_SEQ, 0, NULL);
    f.mss = 1300;
    comes(w, &f, LEFT);
    w->listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, 0, 1024);
    w->own = made(&w->client, INLINE_OWN, INLINE_SERVER, 0, w->own_port);
    f = with(&w->listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    says(w, &f);
    f = with(&w->server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
    f.mss = 1200;
    comes(w, &f, RIGHT);
    f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
    w->client.window = w->server.window = 65000;
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
    f = with(&w->server, ACK, SERVER_SEQ + 1, OWN_SEQ + 1, NULL);
    comes(w, &f, RIGHT);
    ask(w, &(struct inline_ask){.kind = INLINE_LEAVE, .number = 0, .port = 1024});
    struct inline_told t;
    assert_true(vm_inline_told(w->s.vm, &t));
    assert_int_equal(t.kind, INLINE_LEFT);
    assert_int_equal(head.live, 0);
}

/* Return the slot of that end's packets, or NULL. */
static struct splice_slot *slot_of(const struct frame *f)
{
    for (unsigned i = 0; i < GROUPS * SPLICE_GROUP; i++)
        if (at[i].change & 1 && at[i].tuple.ports == ((uint32_t)f->sport << 16 | f->dport)) return &at[i];
    return NULL;
}

static void client_says(struct wire *w, uint32_t seq, const char *words)
{
    const struct frame f = with(&w->client, ACK | TCP_PSH, seq, OUR_SEQ + 1, words);
    comes(w, &f, LEFT);
    assert_int_equal(w->s.tx.count, 1);
}

static void server_says(struct wire *w, uint32_t seq, const char *words)
{
    const struct frame f = with(&w->server, ACK | TCP_PSH, seq, OWN_SEQ + 1, words);
    comes(w, &f, RIGHT);
    assert_int_equal(w->s.tx.count, 1);
}

/* Each direction gets one with its first packet once its next hop is known. */
static void begins(void **state)
{
    struct wire w;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        begin(&w, v6);
        knows = false;
        client_says(&w, CLIENT_SEQ + 1, "a");
        assert_null(slot_of(&w.client));
        knows = true;
        client_says(&w, CLIENT_SEQ + 2, "b");
        const struct splice_slot *s = slot_of(&w.client);
        assert_non_null(s);
        assert_int_equal(head.live, 1);
        assert_memory_equal(s->tuple.src, w.client.src, v6 ? 16 : 4);
        assert_memory_equal(s->tuple.dst, w.client.dst, v6 ? 16 : 4);
        assert_int_equal(s->moves.seq, OWN_SEQ - CLIENT_SEQ);
        assert_int_equal(s->moves.ack, (uint32_t)(SERVER_SEQ - OUR_SEQ));
        assert_int_equal(s->moves.longest, 1200 + (v6 ? 60 : 40));
        assert_int_equal(s->moves.v6, v6);
        assert_int_equal(s->recipe.out_if, HOP);
        assert_int_equal(wire_get48(s->recipe.next_mac), NEXT_MAC);
        assert_int_equal(wire_get48(s->recipe.heard_mac), CLIENT_MAC);
        assert_int_equal(s->recipe.heard_if, LEFT);
        assert_int_not_equal(s->recipe.generation, 0);
        assert_int_equal(s->next, splice_number(s->use, CLIENT_SEQ + 3));
        server_says(&w, SERVER_SEQ + 1, "c");
        s = slot_of(&w.server);
        assert_non_null(s);
        assert_int_equal(head.live, 2);
        assert_int_equal(s->moves.seq, (uint32_t)(OUR_SEQ - SERVER_SEQ));
        assert_int_equal(s->moves.ack, (uint32_t)(CLIENT_SEQ - OWN_SEQ));
        assert_int_equal(s->moves.longest, 1300 + (v6 ? 60 : 40));
        assert_int_equal(s->recipe.out_if, LEFT);
        assert_int_equal(wire_get48(s->recipe.next_mac), CLIENT_MAC);
        assert_int_equal(wire_get48(s->recipe.heard_mac), 0); /* by its route, from whichever router */
        wire_fini(&w);
        assert_int_equal(head.live, 0);
    }
}

/* Change the slot as if the kernel had passed that much from its end */
static void passes(struct wire *w, struct splice_slot *s, uint64_t packets, uint64_t bytes, uint32_t next,
                   uint32_t acked)
{
    s->packets += packets;
    s->bytes += bytes;
    s->next = splice_number(s->use, next);
    s->acked = splice_number(s->use, acked);
    s->seen_ns = w->s.in.mono_ns;
}

/* The kernel's counts and numbers count for the connection: a reset has a number that its end expects. */
static void takes_over(void **state)
{
    struct wire w;
    begin(&w, false);
    memset(carried, 0, sizeof carried);
    client_says(&w, CLIENT_SEQ + 1, "a");
    server_says(&w, SERVER_SEQ + 1, "c");
    assert_int_equal(carried[0].packets[AT_CLIENT], 1);
    w.s.in.mono_ns += 1000 * MS;
    passes(&w, slot_of(&w.client), 10, 9000, CLIENT_SEQ + 9002, OUR_SEQ + 70002);
    passes(&w, slot_of(&w.server), 50, 70000, SERVER_SEQ + 70002, OWN_SEQ + 9002);
    sender_clear(&w.s);
    vm_tick(w.s.vm, &w.s.in, &w.s.tx);
    assert_int_equal(carried[0].packets[AT_CLIENT], 11);
    assert_int_equal(carried[0].bytes[AT_CLIENT], 9001);
    assert_int_equal(carried[0].packets[AT_SERVER], 51);
    assert_int_equal(carried[0].bytes[AT_SERVER], 70001);
    assert_int_equal(carried[0].seen_ns, w.s.in.mono_ns);
    assert_int_equal(slot_of(&w.client)->packets, 0);
    /* One packet is counted; its numbers come after the count was read */
    passes(&w, slot_of(&w.client), 1, 10, CLIENT_SEQ + 9002, OUR_SEQ + 70002);
    sender_clear(&w.s);
    vm_tick(w.s.vm, &w.s.in, &w.s.tx);
    passes(&w, slot_of(&w.client), 0, 0, CLIENT_SEQ + 9012, OUR_SEQ + 70002);
    ask(&w, &(struct inline_ask){.kind = INLINE_END, .number = 0, .port = 1024});
    assert_int_equal(head.live, 0);
    assert_int_equal(carried[0].bytes[AT_CLIENT], 9011);
    assert_int_equal(w.s.tx.count, 3);
    assert_int_equal(built(&w, 0, TX_SEND).seq, OUR_SEQ + 70002); /* all acknowledged: one is enough */
    assert_int_equal(built(&w, 1, TX_SEND).seq, OWN_SEQ + 9002);
    assert_int_equal(built(&w, 2, TX_SEND).seq, OWN_SEQ + 9012);
    wire_fini(&w);
}

/* Later segments that the kernel has passed may overtake one in the ring. With their acknowledgement it leaves with
 * their window, if that is larger; with another acknowledgement, or a newer timestamp, it leaves unchanged. */
static void overtaken(void **state)
{
    struct wire w;
    begin(&w, false);
    client_says(&w, CLIENT_SEQ + 1, "a");
    struct splice_slot *slot = slot_of(&w.client);
    assert_int_equal(slot->edge, splice_number(slot->use, SERVER_SEQ + 1 + 65000));
    passes(&w, slot, 1, 0, CLIENT_SEQ + 2, OUR_SEQ + 5001);
    slot->edge = splice_number(slot->use, SERVER_SEQ + 5001 + 64000);
    struct frame f = with(&w.client, ACK | TCP_URG, CLIENT_SEQ + 2, OUR_SEQ + 5001, NULL);
    f.window = 63000;
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_SEND).ack, SERVER_SEQ + 5001);
    assert_int_equal(built(&w, 0, TX_SEND).window, 64000);
    f = with(&w.client, ACK | TCP_URG, CLIENT_SEQ + 2, OUR_SEQ + 4001, NULL);
    f.window = 63000;
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_SEND).window, 63000);
    f = with(&w.client, ACK | TCP_URG, CLIENT_SEQ + 2, OUR_SEQ + 6001, NULL);
    f.window = 62000;
    comes(&w, &f, LEFT);
    assert_int_equal(built(&w, 0, TX_SEND).window, 62000);
    wire_fini(&w);
}

/* A direction gets its slot with the last of its segments in a batch, because those behind the first would be
 * overtaken. */
static void last_of_batch(void **state)
{
    enum { COUNT = 3 };
    struct wire w;
    uint8_t bytes[COUNT][FRAME_MOST];
    struct pkt views[COUNT], *pkts[COUNT];
    struct verdict verdicts[COUNT];
    const struct vm_up ups[COUNT] = {{0}};
    begin(&w, false);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct frame f = with(&w.client, ACK, CLIENT_SEQ + 1 + i, OUR_SEQ + 1, "a");
        const uint32_t len = frame_bytes(&f, bytes[i]);
        pkt_view(&views[i], bytes[i], len, len, LINK_ETHER, LEFT);
        pkts[i] = &views[i];
    }
    sender_clear(&w.s);
    vm_run_up(w.s.vm, &w.s.in, pkts, COUNT, ups, verdicts, &w.s.tx);
    assert_int_equal(w.s.tx.count, COUNT);
    assert_non_null(slot_of(&w.client));
    assert_int_equal(slot_of(&w.client)->change, 1); /* written once */
    assert_int_equal((uint32_t)slot_of(&w.client)->next, CLIENT_SEQ + 1 + COUNT);
    wire_fini(&w);
}

/* A connection that only the kernel sees isn't idle. */
static void stays_awake(void **state)
{
    struct wire w;
    struct inline_told t;
    begin(&w, false);
    client_says(&w, CLIENT_SEQ + 1, "a");
    for (unsigned i = 0; i < 3; i++) {
        w.s.in.mono_ns += 400000 * S; /* the timeout is five days */
        passes(&w, slot_of(&w.client), 1, 1, CLIENT_SEQ + 3 + i, OUR_SEQ + 1);
        sender_clear(&w.s);
        vm_tick(w.s.vm, &w.s.in, &w.s.tx);
        assert_non_null(slot_of(&w.client));
        assert_false(vm_inline_told(w.s.vm, &t));
    }
    w.s.in.mono_ns += 500000 * S;
    sender_clear(&w.s);
    vm_tick(w.s.vm, &w.s.in, &w.s.tx);
    assert_true(vm_inline_told(w.s.vm, &t));
    assert_int_equal(t.kind, INLINE_OVER);
    assert_int_equal(head.live, 0);
    wire_fini(&w);
}

/* It is dropped when the connection is reset, when both ends have closed, and when an end has moved. */
static void ends(void **state)
{
    struct wire w;
    begin(&w, false);
    client_says(&w, CLIENT_SEQ + 1, "a");
    server_says(&w, SERVER_SEQ + 1, "c");
    w.client.from = CLIENT_MAC + 4;
    client_says(&w, CLIENT_SEQ + 2, "b");
    assert_non_null(slot_of(&w.client));
    assert_null(slot_of(&w.server)); /* until it sends */
    server_says(&w, SERVER_SEQ + 2, "d");
    assert_int_equal(wire_get48(slot_of(&w.server)->recipe.next_mac), CLIENT_MAC + 4);
    struct frame f = with(&w.client, ACK | RST, CLIENT_SEQ + 3, OUR_SEQ + 3, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(head.live, 0);
    wire_fini(&w);

    begin(&w, false);
    client_says(&w, CLIENT_SEQ + 1, "a");
    server_says(&w, SERVER_SEQ + 1, "c");
    f = with(&w.client, ACK | FIN, CLIENT_SEQ + 2, OUR_SEQ + 2, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(head.live, 2); /* the server may still have much to send */
    f = with(&w.server, ACK | FIN, SERVER_SEQ + 2, OWN_SEQ + 3, NULL);
    comes(&w, &f, RIGHT);
    assert_int_equal(head.live, 0);
    f = with(&w.client, ACK, CLIENT_SEQ + 3, OUR_SEQ + 3, NULL);
    comes(&w, &f, LEFT);
    assert_int_equal(w.s.tx.count, 1);
    assert_int_equal(head.live, 0);
    wire_fini(&w);

    /* Both close at once: the server's acknowledgement after its FIN passes in the kernel before that FIN */
    struct inline_told t;
    begin(&w, false);
    client_says(&w, CLIENT_SEQ + 1, "a");
    server_says(&w, SERVER_SEQ + 1, "c");
    f = with(&w.client, ACK | FIN, CLIENT_SEQ + 2, OUR_SEQ + 2, NULL);
    comes(&w, &f, LEFT);
    while (vm_inline_told(w.s.vm, &t)) assert_int_not_equal(t.kind, INLINE_OVER);
    passes(&w, slot_of(&w.server), 1, 0, SERVER_SEQ + 3, OWN_SEQ + 3);
    f = with(&w.server, ACK | FIN, SERVER_SEQ + 1, OWN_SEQ + 2, NULL); /* not its FIN: it has sent more */
    comes(&w, &f, RIGHT);
    assert_false(vm_inline_told(w.s.vm, &t));
    assert_int_equal(head.live, 2);
    f = with(&w.server, ACK | FIN, SERVER_SEQ + 2, OWN_SEQ + 2, NULL);
    comes(&w, &f, RIGHT);
    assert_true(vm_inline_told(w.s.vm, &t));
    assert_int_equal(t.kind, INLINE_OVER);
    assert_int_equal(t.why, SPLICE_WHY_DONE);
    assert_int_equal(head.live, 0);
    wire_fini(&w);
}

/* New facts make it stale, and the next packet makes it new; another program drops all. */
static void renewed(void **state)
{
    struct wire w;
    begin(&w, false);
    client_says(&w, CLIENT_SEQ + 1, "a");
    const uint32_t before = slot_of(&w.client)->recipe.generation;
    w.s.facts.ways++;
    w.s.facts.generation++;
    client_says(&w, CLIENT_SEQ + 2, "b");
    assert_int_equal(head.live, 1);
    assert_int_not_equal(slot_of(&w.client)->recipe.generation, before);
    struct program *next = world_compile("limits { flows 512 }\n" SERVER_FIRST), *first = w.s.program;
    struct remap *r = remap_new(first, next, NULL, 0, NULL, w.s.in.mono_ns);
    struct vm *fresh = vm_prepare(&w.cfg, r, &w.s.in);
    assert_int_equal(vm_swap(w.s.vm, fresh, r), 0);
    assert_int_equal(head.live, 0);
    vm_free(fresh);
    remap_free(r);
    program_put(first);
    w.s.program = next;
    client_says(&w, CLIENT_SEQ + 3, "c");
    assert_int_equal(head.live, 1);
    wire_fini(&w);
}

/* Without room, packets are passed up, which is counted once. */
static void no_room(void **state)
{
    struct wire w;
    begin(&w, false);
    for (unsigned i = 0; i < GROUPS; i++) tags[i] = UINT64_C(0x0004000300020001);
    client_says(&w, CLIENT_SEQ + 1, "a");
    client_says(&w, CLIENT_SEQ + 2, "b");
    assert_int_equal(head.no_room, 1);
    assert_int_equal(head.live, 0);
    memset(tags, 0, sizeof tags);
    client_says(&w, CLIENT_SEQ + 3, "c");
    assert_int_equal(head.live, 1);
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins),    cmocka_unit_test(takes_over),    cmocka_unit_test(stays_awake),
        cmocka_unit_test(overtaken), cmocka_unit_test(last_of_batch), cmocka_unit_test(ends),
        cmocka_unit_test(renewed),   cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
