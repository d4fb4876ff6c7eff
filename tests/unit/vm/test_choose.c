/* The chooser: it picks like the packet path, counts places, and continues in another program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "tests/unit/vm/world.h"
#include "vm/forward/bind/conns.h"
#include "vm/forward/service.h"

#define SEED 7

/* Make the key of a client's connection to port 80 of 203.0.113.10. */
static struct key client(uint32_t src, uint16_t port)
{
    return (struct key){.src = {src},
                        .dst = {0xcb00710a},
                        .kind = KIND_IP4 | KIND_TCP | KIND_PORTS | KIND_PROTO | KIND_IN,
                        .src_port = port,
                        .dst_port = 80,
                        .proto = 6};
}

static struct chooser *made(struct program *p, const struct share *share)
{
    const struct vm_cfg cfg = {.seed = SEED, .share = share ? *share : (struct share){0}};
    struct chooser *c = chooser_new(p, &cfg);
    assert_non_null(c);
    return c;
}

static struct chooser *compiled(const char *text)
{
    struct program *p = world_compile(text);
    struct chooser *c = made(p, NULL);
    program_put(p);
    return c;
}

/* ---- compared with packets ---- */

enum { SERVERS = 7, TEXT = 2000 };

static const char *const balances[] = {"maglev", "source", "round_robin", "least_conn", "random"};

/* Draw two pools, in any share, of servers of any weight, some of them backups. */
static void draw_text(struct rng *r, char *text)
{
    size_t at = 0;
    unsigned server = 0;
#define PUT(...) at += (size_t)snprintf(text + at, TEXT - at, __VA_ARGS__)
    PUT("limits { flows 4000; maglev 251 }\n");
    for (unsigned pool = 0; pool < 2; pool++) {
        PUT("pool p%u { balance %s%s\n", pool, balances[rng_below(r, 5)], rng_one_in(r, 3) ? "; slow start 20s" : "");
        for (unsigned i = 0; i < 3 + pool; i++, server++)
            PUT("  server s%u 10.0.%u.%u weight %u%s\n", i, pool, i + 1, i ? rng_below(r, 5) : 1 + rng_below(r, 5),
                i && rng_one_in(r, 4) ? " backup" : "");
        PUT("}\n");
    }
    const unsigned part = 1 + rng_below(r, 99);
    PUT("service web on 203.0.113.10 tcp/80 { mode passthrough keep source\n");
    if (rng_one_in(r, 2)) PUT("  affinity source 60s\n");
    if (rng_one_in(r, 3)) PUT("  max flows %u\n", 1 + rng_below(r, 400));
    if (rng_one_in(r, 3)) PUT("  max flows %u per source\n", 1 + rng_below(r, 9));
    PUT("  when from 198.18.1.0/24 -> p1\n");
    PUT("  -> p0 %u%%, p1 %u%%\n}\nfirewall f default accept { }\n", part, 100 - part);
#undef PUT
}

/* Return the verdict of the client's first packet. */
static struct verdict by_packet(struct world *w, const struct key *k)
{
    char text[120];
    snprintf(text, sizeof text, "eth / ip4 198.18.%u.%u > 203.0.113.10 / tcp %u > 80 syn", k->src[0] >> 8 & 255,
             k->src[0] & 255, k->src_port);
    struct pkt *pkts[1] = {&packet_facts(text, &w->facts)->pkt};
    struct verdict v;
    w->tx.count = w->tx.event_count = 0;
    vm_run(w->vm, &w->in, pkts, 1, &v, &w->tx);
    return v;
}

/* Check the chooser's pick. Packets are denied a place after they have a server. */
static void by_chooser(struct chooser *c, const struct key *k, const struct verdict *v)
{
    const uint32_t branch = (k->src[0] >> 8 & 255) != 1;
    const struct choice choice = chooser_pick(c, branch, k, 0);
    bool known;
    assert_int_equal(choice.server, v->server);
    assert_int_equal(choice.reason == REASON_NO_SERVER, v->reason == REASON_NO_SERVER);
    assert_true(choice.server == PBC_NONE || choice.pool == (choice.server > 2));
    if (choice.server == PBC_NONE) return;
    const enum pkt_reason full = chooser_admit(c, 0, k, &known);
    assert_int_equal(full, v->reason == REASON_MAX_FLOWS ? REASON_MAX_FLOWS : REASON_NONE);
    if (!full) chooser_begin(c, branch, choice.server, k);
}

static void draw_health(struct rng *r, struct world *w, uint8_t *down, uint64_t *up_since_ns)
{
    const uint32_t i = rng_below(r, SERVERS);
    down[i] = !down[i];
    up_since_ns[i] = down[i] ? 0 : w->in.mono_ns;
    w->facts.generation++;
}

static void as_packets_in(struct rng *r)
{
    char text[TEXT];
    struct world w;
    uint8_t down[SERVERS] = {0};
    uint64_t up_since_ns[SERVERS] = {0};
    draw_text(r, text);
    world_init(&w, text);
    w.facts.down = down;
    w.facts.up_since_ns = up_since_ns;
    struct chooser *c = made(w.program, NULL);
    for (unsigned i = 0; i < 400; i++) {
        const struct key k = client(0xc6120000 | rng_below(r, 2) << 8 | rng_below(r, 30), (uint16_t)(1000 + i));
        w.in.mono_ns += rng_below(r, 10) * 10 * MS;
        if (rng_one_in(r, 20)) draw_health(r, &w, down, up_since_ns);
        chooser_facts(c, &w.in);
        const struct verdict v = by_packet(&w, &k);
        by_chooser(c, &k, &v);
    }
    const struct conns *held = chooser_conns(c);
    const struct vm_counters *n = vm_counters(w.vm);
    assert_int_equal(held->services[0], n->service_flows[0]);
    for (unsigned i = 0; i < SERVERS; i++) assert_int_equal(held->servers[i], n->server_flows[i]);
    chooser_free(c);
    world_fini(&w);
}

static void as_packets(void **state)
{
    (void)state;
    struct rng r = {.state = 12};
    for (unsigned i = 0; i < 100; i++) as_packets_in(&r);
}

/* ---- places ---- */

static const char limited[] = "pool p { server a 10.0.0.1; server b 10.0.0.2; balance round_robin }\n"
                              "service web on 203.0.113.10 tcp/80 { mode passthrough keep source\n"
                              "  max flows 3\n  max flows 2 per source\n  affinity source 10s\n  -> p\n}\n";

static void places_are_given_back(void **state)
{
    (void)state;
    struct chooser *c = compiled(limited);
    const struct key one = client(1, 1), two = client(2, 1);
    bool known[4];
    assert_int_equal(chooser_admit(c, 0, &one, &known[0]), REASON_NONE);
    assert_int_equal(chooser_admit(c, 0, &one, &known[1]), REASON_NONE);
    assert_int_equal(chooser_admit(c, 0, &one, &known[2]), REASON_MAX_FLOWS); /* limit of its source */
    assert_int_equal(chooser_admit(c, 0, &two, &known[2]), REASON_NONE);
    assert_int_equal(chooser_admit(c, 0, &two, &known[3]), REASON_MAX_FLOWS); /* limit of all */
    assert_true(known[0] && known[1] && known[2]);
    chooser_leave(c, 0, &one, known[0]);
    assert_int_equal(chooser_admit(c, 0, &one, &known[0]), REASON_NONE);
    chooser_free(c);
}

static void a_source_keeps_its_server(void **state)
{
    (void)state;
    struct chooser *c = compiled(limited);
    struct vm_in in = {.mono_ns = 1000 * S};
    const struct key one = client(1, 1), two = client(2, 1);
    bool known;
    chooser_facts(c, &in);
    assert_int_equal(chooser_admit(c, 0, &one, &known), REASON_NONE);
    assert_int_equal(chooser_pick(c, 0, &one, 0).server, 0);
    assert_int_equal(chooser_next(c, 0, &one, 0), 1); /* unreachable */
    chooser_begin(c, 0, 1, &one);
    chooser_end(c, 1);
    chooser_leave(c, 0, &one, known);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(chooser_pick(c, 0, &one, 0).server, 1);
    assert_int_equal(chooser_pick(c, 0, &two, 0).server, 1); /* the next in turn */
    in.mono_ns += 11 * S;
    chooser_facts(c, &in);
    assert_int_equal(chooser_pick(c, 0, &one, 0).server, 0);
    chooser_free(c);
}

/* Loops that share a chooser count `max flows` and least_conn together. */
static void loops_count_together(void **state)
{
    (void)state;
    struct program *p = world_compile("pool p { server a 10.0.0.1; server b 10.0.0.2; balance least_conn }\n"
                                      "service web on 203.0.113.10 tcp/80 { mode passthrough keep source\n"
                                      "  max flows 3\n  -> p\n}\n");
    struct shared *all = shared_new(p, NULL, NULL, 1);
    const struct share share = {.all = all};
    struct chooser *loop[2] = {made(p, &share), made(p, &share)};
    const struct key k = client(1, 1);
    uint32_t server[3];
    bool known;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(chooser_admit(loop[i % 2], 0, &k, &known), REASON_NONE);
        const struct choice choice = chooser_pick(loop[i % 2], 0, &k, 0);
        if (i < 2) assert_int_equal(choice.server, i);
        chooser_begin(loop[i % 2], 0, server[i] = choice.server, &k);
    }
    for (unsigned i = 0; i < 2; i++) assert_int_equal(chooser_admit(loop[i], 0, &k, &known), REASON_MAX_FLOWS);
    for (unsigned i = 0; i < 2; i++) assert_int_equal(chooser_pick(loop[i], 0, &k, 0).server, 1 - server[2]);
    for (unsigned i = 0; i < 3; i++) {
        chooser_end(loop[i % 2], server[i]);
        chooser_leave(loop[i % 2], 0, &k, known);
    }
    assert_int_equal(shared_read(all->services[0]) + shared_read(all->servers[0]) + shared_read(all->servers[1]), 0);
    chooser_free(loop[0]);
    chooser_free(loop[1]);
    shared_free(all);
    program_put(p);
}

/* ---- other properties of a proxy's services ---- */

/* A compiled program, in which the test replaces some sections. */
struct said {
    struct program p, *compiled;
    struct pbc_proxy proxy;
    struct pbc_server servers[3];
};

static struct program *say(struct said *s, const char *text, uint32_t flags, uint32_t max_flows)
{
    s->compiled = world_compile(text);
    s->p = *s->compiled;
    s->p.proxies = &s->proxy;
    s->p.servers = s->servers;
    s->proxy = s->compiled->proxies[0];
    s->proxy.flags = flags;
    for (uint32_t i = 0; i < s->p.servers_count; i++) {
        s->servers[i] = s->compiled->servers[i];
        s->servers[i].max_flows = max_flows;
    }
    return &s->p;
}

static struct program *proxied(struct said *s, const char *balance, uint32_t flags, uint32_t max_flows)
{
    char text[400];
    snprintf(text, sizeof text,
             "pool p { balance %s; server a 10.0.0.1 weight 1; server b 10.0.0.2 weight 2; server c 10.0.0.3 weight 3 "
             "}\n"
             "service web on 203.0.113.10 tcp/80 { mode proxy; -> p }\n",
             balance);
    return say(s, text, flags, max_flows);
}

/* A server that has its maximum is skipped; if all have, that is the reason. */
static void full_servers(void **state)
{
    (void)state;
    struct said said;
    struct program *p = proxied(&said, "maglev", 0, 2);
    struct chooser *c = made(p, NULL);
    const struct key k = client(1, 1);
    const uint32_t first = chooser_pick(c, 0, &k, 0).server;
    for (unsigned i = 0; i < 6; i++) {
        const struct choice choice = chooser_pick(c, 0, &k, 0);
        assert_int_equal(choice.server, (first + i / 2) % 3);
        assert_true(chooser_begin(c, 0, choice.server, &k));
    }
    assert_false(chooser_begin(c, 0, first, &k));
    assert_int_equal(chooser_pick(c, 0, &k, 0).reason, REASON_MAX_FLOWS);
    assert_int_equal(chooser_next(c, 0, &k, first), PBC_NONE);
    chooser_end(c, (first + 1) % 3);
    assert_int_equal(chooser_pick(c, 0, &k, 0).server, (first + 1) % 3);
    assert_int_equal(chooser_next(c, 0, &k, first), (first + 1) % 3);
    chooser_free(c);
    program_put(said.compiled);
}

/* A cookie leads back to its server as long as that accepts new flows, in every loop. */
static void cookies_lead_back(void **state)
{
    (void)state;
    struct said said;
    struct program *p = proxied(&said, "random", PBC_PROXY_AFFINITY_COOKIE, 0);
    uint8_t down[3] = {0, 1, 0};
    const struct facts facts = {.generation = 1, .down = down};
    const struct vm_in in = {.mono_ns = 1, .facts = &facts};
    struct chooser *one = made(p, NULL), *other = made(p, NULL);
    for (uint32_t i = 0; i < 300; i++) {
        const struct key k = client(i, 1);
        assert_int_equal(chooser_pick(other, 0, &k, chooser_cookie(one, i % 3)).server, i % 3);
    }
    chooser_facts(other, &in);
    const struct key k = client(1, 1);
    assert_int_not_equal(chooser_pick(other, 0, &k, chooser_cookie(one, 1)).server, 1);
    assert_int_not_equal(chooser_pick(other, 0, &k, 12345).server, PBC_NONE); /* an invented cookie */
    chooser_free(one);
    chooser_free(other);
    program_put(said.compiled);
}

/* Values find servers by weight, and move only away from one that is gone. */
static void values_find_servers(void **state)
{
    (void)state;
    enum { VALUES = 60000 };
    static uint8_t was[VALUES];
    struct said said;
    struct program *p = proxied(&said, "round_robin", PBC_PROXY_AFFINITY_HEADER, 0);
    uint8_t down[3] = {0, 1, 0};
    const struct facts facts = {.generation = 1, .down = down};
    const struct vm_in in = {.mono_ns = 1, .facts = &facts};
    struct chooser *c = made(p, NULL);
    unsigned got[3] = {0}, moved[3] = {0};
    for (uint32_t i = 0; i < VALUES; i++) {
        const struct key k = client(i * 7, 1);
        got[was[i] = (uint8_t)chooser_pick(c, 0, &k, i + 1).server]++;
    }
    for (unsigned i = 0; i < 3; i++) assert_in_range(got[i], (i + 1) * 10000 - 300, (i + 1) * 10000 + 300);
    chooser_facts(c, &in);
    for (uint32_t i = 0; i < VALUES; i++) {
        const struct key k = client(i, 1);
        const uint32_t now = chooser_pick(c, 0, &k, i + 1).server;
        if (was[i] != 1) assert_int_equal(now, was[i]);
        if (was[i] == 1) moved[now]++;
    }
    assert_in_range(moved[0], 4700, 5300); /* 1 of 4 parts of 20,000 */
    assert_int_equal(moved[1], 0);
    chooser_free(c);
    program_put(said.compiled);
}

/* Servers that see the client's address must have its family; others may have any. */
static void families(void **state)
{
    (void)state;
    const char *text = "pool p { server a 10.0.0.1; server b 2001:db8::1 }\n"
                       "service web on 203.0.113.10 tcp/80 { mode proxy; -> p }\n";
    for (unsigned sees = 0; sees < 2; sees++) {
        struct said said;
        struct chooser *c = made(say(&said, text, sees ? PBC_PROXY_TRANSPARENT : 0, 0), NULL);
        unsigned six = 0;
        for (uint32_t i = 0; i < 100; i++) {
            const struct key k = client(i, 1);
            six += chooser_pick(c, 0, &k, 0).server == 1;
        }
        assert_in_range(six, sees ? 0 : 30, sees ? 0 : 70);
        chooser_free(c);
        program_put(said.compiled);
    }
}

/* ---- another program ---- */

static void counts_go_on(void **state)
{
    (void)state;
    struct program *was = world_compile(limited);
    struct program *is = world_compile("pool q { server z 10.0.0.9 }\n"
                                       "pool p { server c 10.0.0.3; server b 10.0.0.2; balance round_robin }\n"
                                       "service first on 203.0.113.11 tcp/80 { mode passthrough keep source; -> q }\n"
                                       "service web on 203.0.113.10 tcp/80 { mode passthrough keep source\n"
                                       "  max flows 3\n  max flows 2 per source\n  affinity source 10s\n  -> p\n}\n");
    const struct key one = client(1, 1), two = client(2, 1);
    const struct vm_in in = {.mono_ns = 1000 * S};
    struct chooser *c = made(was, NULL);
    bool known[2];
    chooser_facts(c, &in);
    assert_int_equal(chooser_admit(c, 0, &one, &known[0]), REASON_NONE);
    chooser_begin(c, 0, 0, &one);
    assert_int_equal(chooser_admit(c, 0, &two, &known[1]), REASON_NONE);
    chooser_begin(c, 0, 1, &two);
    struct remap *r = remap_new(was, is, NULL, 0, NULL, in.mono_ns);
    assert_non_null(r);
    struct chooser *fresh = made(r->program, NULL);
    assert_int_equal(chooser_swap(fresh, c, r), -EINVAL);
    assert_int_equal(chooser_swap(c, fresh, r), 0);
    chooser_free(fresh);
    chooser_facts(c, &in);
    const struct conns *n = chooser_conns(c);
    const uint32_t a = r->server[0], b = r->server[1], web = r->service[0], branch = r->branch[0];
    assert_int_equal(n->servers[a], 1);
    assert_int_equal(n->servers[b], 1);
    assert_int_equal(n->services[web], 2);
    assert_int_equal(chooser_pick(c, branch, &two, 0).server, b);
    assert_int_not_equal(chooser_pick(c, branch, &one, 0).server, a); /* it is gone */
    chooser_end(c, a);
    chooser_leave(c, web, &one, known[0]);
    assert_int_equal(n->servers[a] + n->services[web], 1);
    chooser_free(c);
    remap_free(r);
    program_put(was);
    program_put(is);
}

/* Parts that the remap leaves out may be used by nobody. */
static void what_is_used_stays(void **state)
{
    (void)state;
    struct program *was = world_compile(limited);
    struct program *is = world_compile("pool p { server b 10.0.0.2 }\n"
                                       "service web on 203.0.113.10 tcp/80 { mode passthrough keep source; -> p }\n");
    const struct key k = client(1, 1);
    struct remap *first = remap_new(was, is, NULL, 0, NULL, 1);
    struct chooser *c = made(was, NULL), *fresh = made(first->program, NULL);
    chooser_begin(c, 0, 0, &k);
    assert_int_equal(chooser_swap(c, fresh, first), 0);
    chooser_free(fresh);
    uint8_t gone[16] = {0};
    gone[first->program->services_count + first->server[0]] = 1;
    struct remap *second = remap_new(first->program, is, NULL, 0, gone, 2);
    fresh = made(second->program, NULL);
    assert_int_equal(chooser_swap(c, fresh, second), -EINVAL);
    chooser_end(c, first->server[0]);
    assert_int_equal(chooser_swap(c, fresh, second), 0);
    chooser_free(fresh);
    chooser_free(c);
    remap_free(first);
    remap_free(second);
    program_put(was);
    program_put(is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_packets),
        cmocka_unit_test(places_are_given_back),
        cmocka_unit_test(a_source_keeps_its_server),
        cmocka_unit_test(loops_count_together),
        cmocka_unit_test(full_servers),
        cmocka_unit_test(cookies_lead_back),
        cmocka_unit_test(values_find_servers),
        cmocka_unit_test(families),
        cmocka_unit_test(counts_go_on),
        cmocka_unit_test(what_is_used_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
