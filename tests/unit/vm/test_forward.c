/* Forwarded flows as a worker's owner sees them: explanations, counters, records, slices, the sweep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "tests/lib/known_routes.h"
#include "tests/lib/note.h"
#include "vm/flow/table/ops.h"
#include "vm/flow/table/struct.h"
#include "vm/flow/track/track.h"
#include "vm/forward/bind/mappings.h"
#include "vm/judge/decided.h"
#include "vm/keyed/archive.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

enum { SLOTS = 32, SLOT_BYTES = 2048, ENTRIES = 32 };

struct world {
    struct program *program;
    struct vm *vm;
    struct pool *pool;
    void *memory;
    struct facts facts;
    struct known_routes routes; /* everything by eth0 */
    uint8_t down[4];
    uint64_t now_ns;
    struct tx_entry entries[ENTRIES];
    struct event events[ENTRIES];
    struct vm_tx tx;
    struct vm_kernel kernel;
    struct flow_ops ops; /* of a shared flow table, too */
    uint64_t pickup_until_ns;
    uint32_t tells;
};

/* Change a shared table in which no twin finds room. */
static bool change_without_twins(void *arg, struct flow_op *op)
{
    const struct flow_ops *ops = arg;
    struct flow_table *t = ops->table;
    flow_ended_fn *ended = t->ended;
    const struct flow_first first = {.tcp = &op->tcp, .idle_ns = op->idle_ns, .state = op->state, .flags = op->flags};
    t->ops = NULL;
    t->ended = NULL;
    if (op->kind == FLOW_OP_ADD) op->slot = flow_begin(t, &op->tuple, &first, op->now_ns);
    if (op->kind == FLOW_OP_END) flow_end(t, op->slot, (enum flow_end)op->how, op->now_ns);
    op->said = op->kind == FLOW_OP_TWIN ? FLOW_OP_HELD : FLOW_OP_DONE;
    t->ops = ops;
    t->ended = ended;
    return true;
}

static uint64_t accept_all(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e,
                           uint64_t *mirrors)
{
    return decided_by_nobody(ACTION_ACCEPT);
}

static void *zeroed(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    assert_non_null(p);
    return memset(p, 0, (bytes + 63) & ~(size_t)63);
}

static const struct vm_kernel *share_flows(struct world *w)
{
    const struct flow_table_cfg cfg = track_table_cfg(w->program, false);
    struct flow_table *t = zeroed(sizeof *t);
    flow_table_begin(t, &cfg, flow_table_groups(&cfg) * GROUP);
    const size_t slots = (size_t)t->groups * GROUP;
    w->ops = (struct flow_ops){.run = change_without_twins,
                               .arg = &w->ops,
                               .table = t,
                               .common = t,
                               .pickup_until_ns = &w->pickup_until_ns,
                               .tells = &w->tells,
                               .tags = zeroed(slots * sizeof *w->ops.tags),
                               .slots = zeroed(slots * sizeof *w->ops.slots),
                               .cold = zeroed(slots * sizeof *w->ops.cold),
                               .binds = zeroed(slots * sizeof *w->ops.binds),
                               .recipes = zeroed(slots * sizeof *w->ops.recipes),
                               .half_open = zeroed(slots)};
    w->kernel = (struct vm_kernel){.judge = accept_all, .flows = &w->ops};
    return &w->kernel;
}

static void world_begin(struct world *w, const char *rules, unsigned worker, unsigned workers, bool shared)
{
    struct compile c;
    char why[256] = "";
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    *w = (struct world){.now_ns = 1000};
    compile_init(&c);
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    w->program = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    assert_non_null(w->program);
    w->memory = aligned_alloc(64, bytes);
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    w->facts = (struct facts){.generation = 1, .down = w->down, .addr4 = 0x0a090001};
    assert_true(know_routes(&w->routes, "default=eth0", w->program, &w->facts, why, sizeof why));
    w->tx = (struct vm_tx){.entries = w->entries, .cap = ENTRIES, .events = w->events, .event_cap = ENTRIES};
    w->vm = vm_new(w->program, &(struct vm_cfg){.pool = w->pool,
                                                .seed = 5,
                                                .worker = worker,
                                                .workers = workers,
                                                .flow_events = true,
                                                .kernel = shared ? share_flows(w) : NULL});
    assert_non_null(w->vm);
}

static void world_init(struct world *w, const char *rules, unsigned worker, unsigned workers)
{
    world_begin(w, rules, worker, workers, false);
}

static void world_fini(struct world *w)
{
    for (unsigned i = 0; i < w->tx.count; i++) pool_put(w->entries[i].pkt);
    vm_free(w->vm);
    known_routes_fini(&w->routes);
    program_put(w->program);
    free(w->memory);
    free(w->ops.table);
    free(w->ops.tags);
    free(w->ops.slots);
    free(w->ops.cold);
    free(w->ops.binds);
    free(w->ops.recipes);
    free(w->ops.half_open);
}

static struct note note;

static struct verdict run(struct world *w, const char *text)
{
    char err[200];
    struct pkt pkt, *pkts[1] = {&pkt};
    struct verdict v;
    for (unsigned i = 0; i < w->tx.count; i++) pool_put(w->entries[i].pkt);
    w->tx.count = 0;
    assert_int_equal(note_parse(text, &note, err, sizeof err), 0);
    note_view(&note, IFACE_NONE, &pkt);
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    vm_run(w->vm, &in, pkts, 1, &v, &w->tx);
    return v;
}

static struct served explain(struct world *w, const char *text, bool *follows)
{
    char err[200];
    struct pkt pkt;
    struct key key;
    assert_int_equal(note_parse(text, &note, err, sizeof err), 0);
    note_view(&note, IFACE_NONE, &pkt);
    pkt_parse(&pkt, NULL, &key);
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    *follows = vm_follows(w->vm, &in, &key, &pkt);
    return vm_explain_service(w->vm, &in, &key, &pkt);
}

static const char passthrough[] =
    "pool web { balance round_robin; source 10.9.0.7 ports 61017-61017\n"
    "  server a 10.0.0.11:8080; server b 10.0.0.12:8080 }\n"
    "service www on 203.0.113.10 tcp/80 { mode passthrough; affinity source 9s; -> web }\n";
static const char syn[] = "eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn";
static const char reply[] = "eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 syn ack ack 1";

static void a_flow_is_explained(void **state)
{
    (void)state;
    struct world w;
    bool follows;
    world_init(&w, passthrough, 0, 0);
    assert_non_null(strstr(explain(&w, syn, &follows).how, "in turn"));
    assert_false(follows);
    assert_int_equal(run(&w, syn).action, ACTION_FORWARD);
    struct served s = explain(&w, syn, &follows);
    assert_string_equal(s.how, "the flow's server didn't reply, so the next server -> b");
    assert_int_equal(s.pool, 0);
    assert_false(follows);
    s = explain(&w, reply, &follows);
    assert_string_equal(s.how, "the flow's server -> a");
    assert_true(follows);
    s = explain(&w, "eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1001 > 80 syn", &follows);
    assert_string_equal(s.how, "kept for its source by `affinity` -> a");
    world_fini(&w);
}

static void a_flow_is_told_of(void **state)
{
    (void)state;
    struct world w;
    struct flow_record f;
    uint32_t at = 0;
    world_init(&w, passthrough, 0, 0);
    run(&w, syn);
    run(&w, reply);
    assert_true(vm_flow_next(w.vm, &at, &f));
    assert_int_equal(f.service, 0);
    assert_int_equal(f.server, 0);
    assert_int_equal(f.to_src[0], 0x0a090007);
    assert_int_equal(f.to_dst[0], 0x0a00000b);
    assert_int_equal(f.to_src_port, 61017);
    assert_int_equal(f.to_dst_port, 8080);
    assert_int_equal(f.dst_port, 80);
    assert_false(vm_flow_next(w.vm, &at, &f)); /* its twin isn't a flow */
    const struct vm_counters *c = vm_counters(w.vm);
    assert_int_equal(c->forward->bound, 1);
    assert_int_equal(c->forward->ports, 1);
    assert_int_equal(c->forward->replies, 1);
    assert_int_equal(c->servers[0].packets, 2);
    assert_int_equal(c->services[0].packets, 2);
    assert_int_equal(c->flows->added, 1);
    run(&w, "eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 1 ack 1"); /* otherwise it would be evicted */
    assert_int_equal(run(&w, "eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1001 > 80 syn").reason, REASON_NO_SOURCE_PORT);
    assert_int_equal(c->forward->exhausted, 1);
    world_fini(&w);
}

/* Some of many flows share their tag with another in the same group: their ordinary packets also leave in place. */
static void each_flow_finds_its_recipe(void **state)
{
    enum {
        FLOWS = 20000,
        FIRST_PORT = 1024,
        SRC_PORT_AT = 34,
        ROUNDS = FLOW_LASTS + 1 /* a side's first ones are counted */
    };
    (void)state;
    struct world w;
    char err[200];
    uint8_t frame[NOTE_MAX];
    unsigned in_place = 0;
    world_init(&w,
               "limits { flows 20000 } pool p { server a 10.0.0.11 mac 02:00:00:00:00:0b }\n"
               "service s on 203.0.113.10 udp/53 { mode dsr l2; -> p }\n",
               0, 0);
    assert_int_equal(note_parse("eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1 > 53", &note, err, sizeof err), 0);
    const struct vm_in in = {.mono_ns = w.now_ns, .facts = &w.facts};
    for (unsigned i = 0; i < ROUNDS * FLOWS; i++) {
        struct pkt pkt, *pkts[1] = {&pkt};
        struct verdict v;
        memcpy(frame, note.bytes, note.cap_len);
        wire_put16(frame + SRC_PORT_AT, (uint16_t)(FIRST_PORT + i % FLOWS));
        pkt_view(&pkt, frame, note.cap_len, note.wire_len, LINK_ETHER, IFACE_NONE);
        pkt.flags = PKT_WRITABLE;
        w.tx.count = 0;
        vm_run(w.vm, &in, pkts, 1, &v, &w.tx);
        assert_int_equal(w.tx.count, 1);
        in_place += w.entries[0].pkt == &pkt;
        if (w.entries[0].pkt != &pkt) pool_put(w.entries[0].pkt);
    }
    w.tx.count = 0;
    assert_int_equal(in_place, FLOWS);
    world_fini(&w);
}

/* Without a slot nothing leaves, and that is reported. */
static void no_slot(void **state)
{
    (void)state;
    struct world w;
    struct pkt *taken[SLOTS];
    world_init(&w, passthrough, 0, 0);
    for (unsigned i = 0; i < SLOTS; i++) taken[i] = pool_get(w.pool);
    const struct verdict v = run(&w, syn);
    assert_int_equal(v.action, ACTION_DROP);
    assert_int_equal(v.reason, REASON_NO_BUFFER);
    for (unsigned i = 0; i < SLOTS; i++) pool_put(taken[i]);
    assert_int_equal(run(&w, syn).action, ACTION_FORWARD);
    world_fini(&w);
}

/* A flow whose twin finds no room in a shared table doesn't begin, because its replies would find nothing. */
static void no_flow_without_its_twin(void **state)
{
    (void)state;
    struct world w;
    struct flow_record f;
    uint32_t at = 0;
    world_begin(&w, passthrough, 0, 0, true);
    const struct vm_counters *c = vm_counters(w.vm);
    struct verdict v = run(&w, syn);
    assert_int_equal(v.action, ACTION_DROP);
    assert_int_equal(v.reason, REASON_NO_FLOW);
    assert_int_equal(w.tx.count, 0);
    assert_int_equal(c->forward->bound + c->forward->ports + c->server_flows[0] + c->service_flows[0], 0);
    assert_false(vm_flow_next(w.vm, &at, &f));
    assert_int_equal(run(&w, syn).reason, REASON_NO_FLOW); /* the only source port is free again */
    world_fini(&w);
    world_begin(&w, "interface wan = \"eth0\"\nnat n { source from 198.18.0.0/24 out on wan to 10.9.0.7 }\n", 0, 0,
                true);
    c = vm_counters(w.vm);
    v = run(&w, "eth / ip4 198.18.0.1 > 192.0.2.9 / tcp 1000 > 80 syn");
    assert_int_equal(v.action, ACTION_DROP);
    assert_int_equal(v.reason, REASON_NO_FLOW);
    assert_int_equal(c->nat->flows[0] + c->nat->mappings->live, 0);
    at = 0;
    assert_false(vm_flow_next(w.vm, &at, &f));
    world_fini(&w);
}

/* Each worker gives out ports of its slice. */
static void slices(void **state)
{
    (void)state;
    enum { WORKERS = 3, FLOWS = 200 };
    static const char rules[] = "pool web { server a 10.0.0.11 }\n"
                                "service www on 203.0.113.10 udp/80 { mode passthrough; -> web }\n";
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        struct world w;
        char text[100];
        uint32_t at = 0;
        struct flow_record f;
        world_init(&w, rules, worker, WORKERS);
        for (unsigned i = 0; i < FLOWS; i++) {
            snprintf(text, sizeof text, "eth / ip4 198.18.0.1 > 203.0.113.10 / udp %u > 80", 1000 + i);
            assert_int_equal(run(&w, text).action, ACTION_FORWARD);
        }
        unsigned n = 0;
        for (; vm_flow_next(w.vm, &at, &f); n++) assert_int_equal(port_slice(f.to_src_port, WORKERS), worker);
        assert_int_equal(n, FLOWS);
        world_fini(&w);
    }
}

/* A flow restored from an archive gives its port up like any other: a nat's query with its reply. */
static void restored_flows_give_way(void **state)
{
    static uint8_t bytes[1 << 22];
    static const char rules[] = "interface wan = \"eth0\"\n"
                                "nat n { source from 198.18.0.0/24 out on wan -> 10.9.0.7 ports 5000-5003 }\n";
    struct world w;
    char text[100];
    struct archive a = {.at = bytes, .left = sizeof bytes, .cookies = 1};
    world_init(&w, rules, 0, 0);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "eth / ip4 198.18.0.1 > 192.0.2.9 / udp %u > 53", 1000 + i);
        assert_int_equal(run(&w, text).action, ACTION_FORWARD);
    }
    for (unsigned i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "eth / ip4 192.0.2.9 > 10.9.0.7 / udp 53 > %u", 5000 + i);
        assert_int_equal(run(&w, text).action, ACTION_FORWARD);
    }
    const struct vm_in in = {.mono_ns = w.now_ns, .facts = &w.facts};
    assert_true(vm_archive(w.vm, &in, &a));
    a = (struct archive){.at = bytes, .left = sizeof bytes - a.left, .reads = true, .cookies = 1};
    vm_free(w.vm);
    w.vm = vm_new(w.program, &(struct vm_cfg){.pool = w.pool, .seed = 5, .flow_events = true});
    assert_true(vm_archive(w.vm, &in, &a));
    assert_int_equal(run(&w, "eth / ip4 198.18.0.1 > 192.0.2.9 / udp 2000 > 53").action, ACTION_FORWARD);
    assert_int_equal(vm_counters(w.vm)->flows->ended[FLOW_END_PORT_NEEDED], 1);
    world_fini(&w);
    (void)state;
}

/* Many flows of a server that went down end only by the sweep, as fast as there is room for their events. */
static void a_sweep_ends_all(void **state)
{
    (void)state;
    enum { FLOWS = 100 };
    static const char rules[] = "pool web { server a 10.0.0.11; server b 10.0.0.12 backup }\n"
                                "service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }\n";
    struct world w;
    char text[100];
    world_init(&w, rules, 0, 0);
    for (unsigned i = 0; i < FLOWS; i++) {
        snprintf(text, sizeof text, "eth / ip4 198.18.0.1 > 203.0.113.10 / tcp %u > 80 syn seq 7", 1000 + i);
        run(&w, text);
    }
    w.down[0] = 1;
    w.facts.generation++;
    unsigned resets = 0;
    for (unsigned ticks = 0; ticks < FLOWS; ticks++) {
        for (unsigned i = 0; i < w.tx.count; i++) {
            resets += w.entries[i].cause == TX_CAUSE_RST;
            pool_put(w.entries[i].pkt);
        }
        w.tx.count = 0;
        const struct vm_in in = {.mono_ns = w.now_ns, .facts = &w.facts};
        vm_tick(w.vm, &in, &w.tx);
    }
    assert_int_equal(resets, 2 * FLOWS);
    assert_int_equal(vm_counters(w.vm)->forward->bound, 0);
    assert_int_equal(vm_counters(w.vm)->forward->resets, 2 * FLOWS);
    assert_int_equal(vm_counters(w.vm)->flows->ended[FLOW_END_SERVER_DOWN], FLOWS);
    assert_int_equal(run(&w, syn).server, 1);
    world_fini(&w);
}

/* Count the events that report refusals, since the last call. */
static unsigned refusals(struct world *w, uint32_t server)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->tx.event_count; i++)
        n += w->events[i].kind == EVENT_REFUSED && w->events[i].server == server;
    w->tx.event_count = 0;
    return n;
}

/* A passive check gets refusals of new flows, and nothing else. */
static void refusals_are_told_of(void **state)
{
    (void)state;
    static const char pools[] =
        "pool web { check %s; server a 10.0.0.11; source 10.9.0.7 ports 61017-61017 }\n"
        "service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> web }\ncheck %s = tcp %s\n";
    static const char udp[] = "eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80 / payload \"q\"";
    static const char answer[] = "eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 syn ack ack 1";
    static const char rst[] = "eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 rst ack seq %u ack 1";
    static const char gone[] = "eth / ip4 10.9.9.9 > 10.9.0.7 / icmp type destination-unreachable code %u / "
                               "ip4 10.9.0.7 > 10.0.0.11 ttl 63 / udp 61017 > 80 / payload \"q\"";
    static const char told[] = "eth / ip4 10.0.0.11 > 10.9.0.7 / udp 80 > 61017 / payload \"r\"";
    for (unsigned passive = 0; passive < 2; passive++) {
        struct world w;
        char text[400];
        snprintf(text, sizeof text, pools, "c", "c", passive ? "passive" : "");
        world_init(&w, text, 0, 0);
        run(&w, syn);
        snprintf(text, sizeof text, rst, 0);
        assert_int_equal(run(&w, text).action, ACTION_FORWARD);
        assert_int_equal(refusals(&w, 0), passive);
        /* With a reply first, the application resets. */
        world_fini(&w);
        snprintf(text, sizeof text, pools, "c", "c", passive ? "passive" : "");
        world_init(&w, text, 0, 0);
        run(&w, syn);
        run(&w, answer);
        snprintf(text, sizeof text, rst, 1);
        run(&w, text);
        assert_int_equal(refusals(&w, 0), 0);
        world_fini(&w);
        snprintf(text, sizeof text, pools, "c", "c", passive ? "passive" : "");
        world_init(&w, text, 0, 0);
        run(&w, udp);
        snprintf(text, sizeof text, gone, 4); /* too long: no refusal */
        run(&w, text);
        assert_int_equal(refusals(&w, 0), 0);
        snprintf(text, sizeof text, gone, 3);
        assert_int_equal(run(&w, text).action, ACTION_FORWARD);
        assert_int_equal(refusals(&w, 0), passive);
        run(&w, told);
        run(&w, text);
        assert_int_equal(refusals(&w, 0), 0);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_is_explained),        cmocka_unit_test(a_flow_is_told_of),
        cmocka_unit_test(each_flow_finds_its_recipe), cmocka_unit_test(no_slot),
        cmocka_unit_test(no_flow_without_its_twin),   cmocka_unit_test(slices),
        cmocka_unit_test(restored_flows_give_way),    cmocka_unit_test(a_sweep_ends_all),
        cmocka_unit_test(refusals_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
