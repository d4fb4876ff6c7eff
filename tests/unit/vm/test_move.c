/* Handing over to another number of workers (vm_move): cases that tests/diff/owners.c doesn't draw. Clients keep
 * their servers, meters accept no more, stacks of tags and cookies are known, and nothing that can't move does. */
#include "tests/unit/vm/packet.h"

#include "tests/lib/compiled.h"
#include "tests/lib/sums.h"
#include "tests/lib/talk.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"
#include "vm/worker/owner.h"

enum { WORKERS_MOST = 8, SLOTS = 16, SLOT_BYTES = 2048, VIP = 0xcb00710a, CLIENT = 0xc6120001 };
#define S UINT64_C(1000000000)

struct crew {
    struct program *p;
    unsigned workers;
    struct owners *owners;
    struct shared *shared;
    struct port_owners *ports;
    struct vm *vms[WORKERS_MOST];
    struct pool *pool;
    void *memory;
    struct facts_iface ifaces[2];
    struct facts facts;
    struct vm_in in;
    struct tx_entry entries[SLOTS];
    struct vm_tx tx;
    struct verdict verdict;
};

static void crew_begin(struct crew *c, struct program *p, unsigned workers, uint64_t now_ns)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    memset(c, 0, sizeof *c);
    c->p = p;
    c->workers = workers;
    c->memory = aligned_alloc(64, bytes);
    c->pool = pool_init(c->memory, bytes, SLOTS, SLOT_BYTES);
    c->ports = calloc(1, sizeof *c->ports);
    c->owners = owners_new(p, &(struct owners_cfg){.workers = workers, .seed = 5, .ports = c->ports}, NULL, 0);
    c->shared = shared_new(p, NULL, NULL, now_ns);
    c->shared->ports = c->ports;
    c->facts = (struct facts){.generation = 1, .ifaces = c->ifaces, .ifaces_count = 2};
    c->in = (struct vm_in){.mono_ns = now_ns, .facts = &c->facts};
    c->tx = (struct vm_tx){.entries = c->entries, .cap = SLOTS};
    for (unsigned i = 0; i < workers; i++) {
        const struct vm_cfg cfg = {.pool = c->pool,
                                   .seed = 5,
                                   .worker = i,
                                   .workers = workers,
                                   .share = {.all = workers > 1 ? c->shared : NULL}};
        c->vms[i] = vm_new(p, &cfg);
        assert_non_null(c->vms[i]);
    }
}

static void put_back(struct crew *c)
{
    for (unsigned i = 0; i < c->tx.count; i++) pool_put(c->entries[i].pkt);
    c->tx.count = 0;
}

static void crew_end(struct crew *c)
{
    put_back(c);
    for (unsigned i = 0; i < c->workers; i++) vm_free(c->vms[i]);
    owners_free(c->owners);
    shared_free(c->shared);
    free(c->ports);
    free(c->memory);
}

/* Hand over to that many new workers; returns the move. */
static struct vm_move crew_move(struct crew *c, unsigned workers)
{
    static struct crew next;
    crew_begin(&next, c->p, workers, c->in.mono_ns);
    struct vm_move m = {.owners = workers > 1 ? next.owners : NULL, .to = next.vms, .workers = workers};
    assert_true(vm_move(&m, c->vms, c->workers, &next.in));
    crew_end(c);
    *c = next;
    c->facts.ifaces = c->ifaces;
    c->in.facts = &c->facts;
    c->tx.entries = c->entries;
    return m;
}

/* Judge the packet at its owner; returns the action. */
static enum action pass(struct crew *c, const struct talk *t, uint16_t iface)
{
    static uint8_t bytes[TALK_FRAME_MAX];
    struct pkt pkt, *one = &pkt;
    const uint32_t len = talk_build(t, bytes), l3 = ETHER_LEN + (uint32_t)VLAN_LEN * t->tag_count;
    sums_fill(bytes + l3, len - l3);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, iface);
    const unsigned whose = vm_owner(c->owners, &c->facts, &pkt);
    assert_true(whose < c->workers);
    put_back(c);
    vm_run(c->vms[whose], &c->in, &one, 1, &c->verdict, &c->tx);
    return (enum action)c->verdict.action;
}

static struct talk udp_of(uint32_t client, uint16_t port)
{
    return (struct talk){.proto = IPPROTO_NR_UDP,
                         .ttl = 64,
                         .src = CLIENT + client,
                         .dst = VIP,
                         .src_port = port,
                         .dst_port = 80,
                         .payload = 8};
}

static const unsigned numbers[] = {4, 1, 3, 2, 8, 1, 2, 3, 4};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static void test_clients_keep_servers(void **state)
{
    (void)state;
    enum { CLIENTS = 64 };
    uint32_t kept[CLIENTS];
    struct program *p =
        compiled_text("limits { flows 4000 }\ntimeouts { udp 5s }\n"
                      "pool a { balance round_robin; server a 10.0.0.1; server b 10.0.0.2\n"
                      "  server c 10.0.0.3; server d 10.0.0.4; server e 10.0.0.5 }\n"
                      "service s on 203.0.113.10 udp/80 { affinity source 1h; mode passthrough keep source; -> a }\n");
    struct crew c;
    if (!p) fail();
    crew_begin(&c, p, 1, 1000 * S);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        const struct talk t = udp_of(i, (uint16_t)(5000 + i));
        assert_int_equal(pass(&c, &t, 0), ACTION_FORWARD);
        kept[i] = c.verdict.server;
    }
    for (unsigned n = 0; n < NUMBERS; n++) {
        const struct vm_move m = crew_move(&c, numbers[n]);
        assert_int_equal(m.ended, 0);
        if (n % 2) c.in.mono_ns += 100 * S; /* no flow survives */
        for (uint32_t i = 0; i < CLIENTS; i++) {
            const struct talk t = udp_of(i, (uint16_t)(6000 + n));
            assert_int_equal(pass(&c, &t, 0), ACTION_FORWARD);
            assert_int_equal(c.verdict.server, kept[i]);
        }
    }
    crew_end(&c);
    program_put(p);
}

static void test_meters_let_no_more_through(void **state)
{
    (void)state;
    struct program *p =
        compiled_text("meter all = 1/h burst 40\nmeter each = 1/h burst 5 per source\n"
                      "meter there = 1/h burst 7 per destination\npool k { server a 10.0.0.1 }\n"
                      "service s on 203.0.113.10 udp/80, udp/81, udp/82 { mode passthrough keep source; -> k }\n"
                      "firewall edge default accept {\n  drop udp to port 80 over each\n"
                      "  drop udp to port 81 over all\n  drop udp to port 82 over there\n}\n");
    struct crew c;
    if (!p) fail();
    crew_begin(&c, p, 1, 1000 * S);
    unsigned each[20] = {0}, all = 0, there = 0;
    for (unsigned n = 0; n <= NUMBERS; n++) {
        for (uint32_t i = 0; i < 20; i++) {
            struct talk t = udp_of(i, 7000);
            each[i] += pass(&c, &t, 0) == ACTION_FORWARD;
            t.dst_port = 82;
            there += pass(&c, &t, 0) == ACTION_FORWARD;
            t.dst_port = 81;
            if (i < 3) all += pass(&c, &t, 0) == ACTION_FORWARD;
        }
        if (n < NUMBERS) crew_move(&c, numbers[n]);
    }
    for (uint32_t i = 0; i < 20; i++) assert_int_equal(each[i], 5);
    assert_int_equal(there, 7); /* all of it while one worker judged, and none later */
    assert_true(all >= 3 && all <= 40);
    crew_end(&c);
    program_put(p);
}

static void test_tags(void **state)
{
    (void)state;
    enum { FLOWS = 200 };
    struct program *p = compiled_text("limits { flows 4000 }\nfirewall edge default drop {\n"
                                      "  accept state established\n  accept udp to port 80 state new\n}\n");
    struct crew c;
    if (!p) fail();
    crew_begin(&c, p, 3, 1000 * S);
    for (unsigned n = 0; n <= NUMBERS; n++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            struct talk t = udp_of(i, (uint16_t)(8000 + i));
            t.tag_count = 2;
            for (unsigned k = 0; k < 2; k++)
                t.tags[k].tpid = k ? 0x8100 : 0x88a8, t.tags[k].vid = (uint16_t)(i % 50 + k);
            if (n == 0) assert_int_equal(pass(&c, &t, 0), ACTION_ACCEPT);
            const struct talk there = t;
            t.src = there.dst, t.dst = there.src, t.src_port = 80, t.dst_port = there.src_port;
            assert_int_equal(pass(&c, &t, 1), ACTION_ACCEPT);
            t.tags[0].vid = (uint16_t)(i % 50 + 1000); /* another stack, without a flow */
            assert_int_equal(pass(&c, &t, 1), ACTION_DROP);
        }
        if (n == NUMBERS) break;
        const struct vm_move m = crew_move(&c, numbers[n]);
        assert_int_equal(m.moved, FLOWS);
        assert_int_equal(m.ended, 0);
    }
    crew_end(&c);
    program_put(p);
}

/* One worker gives a port to flows to different servers, which several workers have afterwards. */
static void test_ports_in_common(void **state)
{
    (void)state;
    enum { FLOWS = 90 };
    struct program *p =
        compiled_text("limits { flows 4000 }\npool a { balance round_robin; source 10.9.0.7 ports 2000-2031\n"
                      "  server a 10.0.0.1; server b 10.0.0.2; server c 10.0.0.3 }\n"
                      "service s on 203.0.113.10 udp/80 { mode passthrough; -> a }\n");
    struct crew c;
    struct talk answer[FLOWS];
    uint64_t shared = 0;
    if (!p) fail();
    crew_begin(&c, p, 1, 1000 * S);
    for (unsigned n = 0; n <= NUMBERS; n++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            struct talk t = udp_of(i, (uint16_t)(9000 + i));
            struct key key;
            struct pkt sent;
            assert_int_equal(pass(&c, &t, 0), ACTION_FORWARD);
            assert_int_equal(c.tx.count, 1);
            pkt_view(&sent, c.entries[0].pkt->data, c.entries[0].pkt->cap_len, c.entries[0].pkt->wire_len, LINK_ETHER,
                     1);
            assert_int_equal(pkt_parse(&sent, &c.facts, &key), REASON_NONE);
            const struct talk now = {.proto = IPPROTO_NR_UDP,
                                     .ttl = 64,
                                     .src = key.dst[0],
                                     .dst = key.src[0],
                                     .src_port = key.dst_port,
                                     .dst_port = key.src_port,
                                     .payload = 8};
            if (n == 0) answer[i] = now;
            assert_int_equal(now.src, answer[i].src);
            assert_int_equal(now.dst_port, answer[i].dst_port);
            assert_int_equal(pass(&c, &answer[i], 1), ACTION_FORWARD);
        }
        if (n == NUMBERS) break;
        const struct vm_move m = crew_move(&c, numbers[n]);
        assert_int_equal(m.moved, FLOWS);
        assert_int_equal(m.ended, 0);
        for (uint32_t port = 0; port < PORT_OWNERS; port++) shared += port_is_shared(c.ports->of[port]);
    }
    assert_true(shared > 0);
    c.in.mono_ns += 100000 * S;
    for (unsigned i = 0; i < c.workers; i++)
        for (unsigned part = 0; vm_expire(c.vms[i], &c.in, &c.tx, &part);) continue;
    for (uint32_t port = 0; port < PORT_OWNERS; port++) assert_int_equal(c.ports->of[port], 0);
    crew_end(&c);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_keep_servers),
        cmocka_unit_test(test_meters_let_no_more_through),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_ports_in_common),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
