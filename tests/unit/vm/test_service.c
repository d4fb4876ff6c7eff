/* Services: which endpoint is the most specific, what the code finds, and which server is picked as facts change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/forward/balance/balance_priv.h"
#include "vm/forward/balance/lb.h"
#include "vm/forward/service.h"

static struct program *load(struct imgbuild *b)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(b);
    return p;
}

static struct key tcp4(uint32_t dst, uint16_t port)
{
    return (struct key){.src = {0xc6336401},
                        .dst = {dst},
                        .kind = KIND_IP4 | KIND_TCP | KIND_PORTS | KIND_IN,
                        .src_port = 50000,
                        .dst_port = port,
                        .proto = 6};
}

static const struct pkt no_pkt;

/* OP_PICK is reached if OP_RETB returned a branch, OP_HOST if it returned none. */
static void pick_retb_host(void **state)
{
    (void)state;
    struct imgbuild b;
    img_sample(&b);
    struct program *p = load(&b);
    struct key key = tcp4(0xcb00710a, 443);
    assert_int_equal(program_serve(p, &key, &no_pkt), 0);
    key.dst[0]++;
    assert_int_equal(program_serve(p, &key, &no_pkt), 1); /* the sample's code isn't a compiler's */
    key.kind &= ~(uint32_t)KIND_PORTS;
    assert_int_equal(program_serve(p, &key, &no_pkt), PBC_NONE);
    key.kind |= KIND_OUT;
    assert_int_equal(program_serve(p, &key, &no_pkt), PBC_NONE);
    program_put(p);
}

static void most_specific_endpoint(void **state)
{
    (void)state;
    struct imgbuild b;
    img_sample(&b);
    b.services[0].endpoint_count = 6;
    b.endpoints[2].port_hi = 65535;
    img_add_endpoints(&b, (struct pbc_endpoint){.to = PBC_TO_ANY, .proto = PBC_EP_TCP, .port_lo = 1, .port_hi = 65535});
    img_add_endpoints(&b, (struct pbc_endpoint){.addr = {0xcb00710a}, .family = 4, .port_lo = 1, .port_hi = 1000});
    img_add_endpoints(&b,
                      (struct pbc_endpoint){.to = PBC_TO_SELF, .proto = PBC_EP_TCP, .port_lo = 1, .port_hi = 65535});
    struct program *p = load(&b);
    struct key key = tcp4(0xcb00710a, 443);
    assert_int_equal(service_endpoint(p, &key), 0);
    key.dst_port = 444;
    assert_int_equal(service_endpoint(p, &key), 4);
    key.dst_port = 1001;
    assert_int_equal(service_endpoint(p, &key), 3);
    key.kind |= KIND_DST_SELF;
    assert_int_equal(service_endpoint(p, &key), 5);
    key.kind ^= KIND_TCP | KIND_UDP;
    assert_int_equal(service_endpoint(p, &key), 2);
    key.dst_port = 0;
    assert_int_equal(service_endpoint(p, &key), PBC_NONE);
    const struct key echo = {.kind = KIND_IP4 | KIND_ICMP | KIND_ICMP_HEADER | KIND_DST_SELF, .icmp_type = 8};
    assert_int_equal(service_endpoint(p, &echo), 1);
    program_put(p);
}

static struct program *one_pool(enum lb_kind balance, enum pbc_mode mode)
{
    struct imgbuild b;
    img_sample(&b);
    b.pools[0].balance = (uint8_t)balance;
    b.services[0].mode = (uint8_t)mode;
    b.services[0].gue_port = mode == PBC_MODE_DSR_GUE ? 6080 : 0;
    b.shares[0].percent = 100;
    b.shares[1].percent = 0;
    return load(&b);
}

static void families(void **state)
{
    (void)state;
    const struct key four = tcp4(1, 80);
    struct key six = four;
    six.kind ^= KIND_IP4 | KIND_IP6;
    struct program *p = one_pool(LB_ROUND_ROBIN, PBC_MODE_PASSTHROUGH);
    struct balance *b = balance_new(p, 1);
    assert_non_null(b);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(balance_pick(b, 0, &four).server, 0);
        assert_int_equal(balance_pick(b, 0, &six).server, 1);
    }
    assert_int_equal(balance_pick(b, 1, &six).server, PBC_NONE); /* canary has no server of that family */
    assert_int_equal(balance_pick(b, 1, &six).pool, 1);
    balance_free(b);
    program_put(p);

    p = one_pool(LB_ROUND_ROBIN, PBC_MODE_DSR_IPIP); /* a tunnel carries both */
    b = balance_new(p, 1);
    unsigned seen[3] = {0};
    for (unsigned i = 0; i < 80; i++) seen[balance_pick(b, 0, &four).server]++;
    assert_int_equal(seen[0], 50);
    assert_int_equal(seen[1], 30);
    balance_free(b);
    program_put(p);
}

/* A server that came up reaches its weight in ten steps; the others keep theirs, and nothing changes in between.
 * here: it is on this machine, and proxies reach it. */
static void grows(uint8_t here)
{
    enum { PICKS = 5500 };
    const struct key key = tcp4(1, 80);
    const uint64_t second = 1000000000;
    uint64_t up_since_ns[3] = {0, 100 * second, 0};
    const uint8_t down[3] = {0, here, 0};
    const struct facts facts = {.generation = 1, .up_since_ns = up_since_ns, .down = down};
    struct imgbuild b;
    img_sample(&b);
    b.pools[0].balance = LB_ROUND_ROBIN;
    b.pools[0].slow_start_ns = 10 * second;
    b.services[0].mode = PBC_MODE_DSR_L2;
    b.services[0].gue_port = 0;
    b.shares[0].percent = 100;
    b.shares[1].percent = 0;
    struct program *p = load(&b);
    struct balance *w = balance_new(p, 1);
    if (here) balance_for_proxies(w);
    unsigned last = 0;
    for (unsigned at = 0; at <= 11; at++) {
        unsigned got = 0;
        balance_update(w, &facts, (100 + at) * second);
        for (unsigned i = 0; i < PICKS; i++) got += balance_pick(w, 0, &key).server == 1;
        const unsigned step = at < 9 ? at + 1 : 10; /* of 3 against 5 */
        const unsigned due = PICKS * 3 * step / (3 * step + 50);
        assert_in_range(got, due - due / 50 - 2, due + due / 50 + 2);
        assert_true(got + 3 >= last);
        last = got;
    }
    balance_free(w);
    program_put(p);
}

static void slow_start(void **state)
{
    (void)state;
    grows(0);
    grows(FACTS_HERE_PROXIED);
}

/* A manual weight replaces the program's, even 0, and a client's old server is no exception. */
static void by_hand(void **state)
{
    (void)state;
    enum { PICKS = 800 };
    const struct key key = tcp4(1, 80);
    uint16_t weights[3] = {0, 0, 0};
    struct facts facts = {.generation = 1, .weights = weights};
    struct imgbuild b;
    img_sample(&b);
    b.pools[0].balance = LB_ROUND_ROBIN;
    b.services[0].mode = PBC_MODE_DSR_L2;
    b.services[0].gue_port = 0;
    b.shares[0].percent = 100;
    b.shares[1].percent = 0;
    struct program *p = load(&b);
    struct balance *w = balance_new(p, 1);
    /* With 5 and 3: as written, 15 manually, 0 manually, draining, as written again. */
    static const unsigned set[] = {0, 16, 1, FACTS_DRAINS, 0},
                          due[] = {PICKS * 3 / 8, PICKS * 15 / 20, 0, 0, PICKS * 3 / 8};
    for (unsigned i = 0; i < 5; i++, facts.generation++) {
        unsigned got = 0;
        weights[1] = (uint16_t)set[i];
        balance_update(w, &facts, 1);
        for (unsigned k = 0; k < PICKS; k++) got += balance_pick(w, 0, &key).server == 1;
        assert_int_equal(got, due[i]);
        assert_int_equal(balance_allows(w, 0, &key, 1), set[i] != 1);
    }
    balance_free(w);
    program_put(p);
}

/* With tables that were built separately, for facts and for each step of a slow start, a worker builds none itself,
 * and picks like one that does. */
static void made_apart(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    uint64_t up_since_ns[3] = {0, 100 * second, 0};
    uint8_t down[3] = {0, 0, 0};
    const struct facts facts = {.generation = 1, .up_since_ns = up_since_ns, .down = down};
    struct imgbuild img;
    img_sample(&img);
    img.pools[0].balance = LB_MAGLEV;
    img.pools[0].slow_start_ns = 10 * second;
    img.services[0].mode = PBC_MODE_DSR_L2;
    img.services[0].gue_port = 0;
    struct program *p = load(&img);
    struct balance *own = balance_new(p, 1), *given = balance_new(p, 1);
    unsigned steps = 0;
    for (uint64_t at = 100 * second; at != UINT64_MAX; steps++) {
        struct balance *tables = balance_new(p, 1);
        balance_update(tables, &facts, at);
        const uint64_t until = balance_until(tables);
        balance_take(given, tables);
        balance_free(tables);
        for (unsigned i = 0; i < 2000; i++) {
            const uint64_t now = at + (until == UINT64_MAX ? i : (until - at) * i / 2000);
            const struct key key = tcp4(i, 80);
            balance_update(own, &facts, now);
            balance_update(given, &facts, now);
            assert_int_equal(balance_pick(given, 0, &key).server, balance_pick(own, 0, &key).server);
        }
        at = until;
    }
    assert_int_equal(steps, 10);
    assert_true(own->built >= steps);
    assert_int_equal(given->built, 0);
    balance_free(own);
    balance_free(given);
    program_put(p);
}

/* Least connections uses the counts that it gets by server. */
static void by_connections(void **state)
{
    (void)state;
    const struct key key = tcp4(1, 80);
    uint32_t conns[3] = {50, 3, 0};
    struct program *p = one_pool(LB_LEAST_CONN, PBC_MODE_PASSTHROUGH);
    struct program *all = one_pool(LB_LEAST_CONN, PBC_MODE_DSR_L2);
    struct balance *b = balance_new(p, 1), *a = balance_new(all, 1);
    char how[200];
    balance_by(a, conns);
    balance_by(b, conns);
    assert_int_equal(balance_pick(a, 0, &key).server, 1);
    balance_explain(a, 0, &key, how, sizeof how);
    assert_non_null(strstr(how, "3 connections, the least for its weight"));
    conns[1] = 31; /* more for a weight of 3 than 50 for one of 5 */
    assert_int_equal(balance_pick(a, 0, &key).server, 0);
    assert_int_equal(balance_pick(b, 0, &key).server, 0); /* the only one of the family */
    balance_free(a);
    balance_free(b);
    program_put(p);
    program_put(all);
}

/* Servers that affinity may keep: in the branch's pools, up, with weight, of the family. */
static void allowed(void **state)
{
    (void)state;
    const struct key four = tcp4(1, 80);
    uint8_t down[3] = {1, 0, 0};
    const struct facts facts = {.generation = 1, .down = down};
    struct program *p = one_pool(LB_MAGLEV, PBC_MODE_PASSTHROUGH);
    struct balance *b = balance_new(p, 1);
    balance_update(b, NULL, 0);
    assert_true(balance_allows(b, 0, &four, 0));
    assert_false(balance_allows(b, 0, &four, 1)); /* of the other family */
    assert_false(balance_allows(b, 0, &four, 2)); /* of a pool without a share */
    balance_update(b, &facts, 0);
    assert_false(balance_allows(b, 0, &four, 0));
    balance_free(b);
    program_put(p);
}

/* A change of facts takes effect when their generation or place changes, and not before. */
static void health(void **state)
{
    (void)state;
    const struct key key = tcp4(1, 80);
    uint8_t down[3] = {1, 0, 0};
    struct facts facts = {.generation = 1, .down = down};
    struct program *p = one_pool(LB_MAGLEV, PBC_MODE_DSR_L2);
    struct balance *b = balance_new(p, 1);
    balance_update(b, &facts, 0);
    assert_int_equal(balance_pick(b, 0, &key).server, 1);
    down[0] = 0, down[1] = 1;
    balance_update(b, &facts, 0);
    assert_int_equal(balance_pick(b, 0, &key).server, 1);
    facts.generation++;
    balance_update(b, &facts, 0);
    assert_int_equal(balance_pick(b, 0, &key).server, 0);
    assert_int_equal(balance_pick(b, 1, &key).server, 2); /* only a backup serves */
    down[0] = down[2] = 1;
    facts.generation++;
    balance_update(b, &facts, 0);
    assert_int_equal(balance_pick(b, 0, &key).server, PBC_NONE);
    assert_int_equal(balance_pick(b, 1, &key).server, PBC_NONE);
    balance_update(b, NULL, 0);
    assert_int_not_equal(balance_pick(b, 0, &key).server, PBC_NONE);
    balance_free(b);
    program_put(p);
}

/* Shares are accurate to half a percent over many flows, and a flow keeps its pool. */
static void shares(void **state)
{
    (void)state;
    struct imgbuild img;
    img_sample(&img);
    img.services[0].mode = PBC_MODE_DSR_L2;
    img.services[0].gue_port = 0;
    struct program *p = load(&img);
    struct balance *b = balance_new(p, 1);
    unsigned canary = 0;
    enum { FLOWS = 100000 };
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct key key = tcp4(0xcb00710a, 443);
        key.src[0] = i * 2654435761u;
        const uint32_t pool = balance_pick(b, 0, &key).pool;
        assert_int_equal(pool, balance_pool(b, 0, &key));
        canary += pool == 1;
    }
    assert_in_range(canary, FLOWS * 45 / 1000, FLOWS * 55 / 1000);
    balance_free(b);
    program_put(p);
}

/* If own addresses are known, packets for a service are `in`. */
static void traffic_to_a_service_is_in(void **state)
{
    (void)state;
    struct imgbuild img;
    img_sample(&img);
    struct program *p = load(&img);
    struct key key = tcp4(0xcb00710a, 1000); /* the address, with any port */
    key.kind ^= KIND_IN | KIND_FORWARD;
    key_settle(p, &key);
    assert_true(key.kind & KIND_IN && !(key.kind & KIND_FORWARD));
    key = tcp4(0xcb00710b, 1000);
    key.kind ^= KIND_IN | KIND_FORWARD;
    key_settle(p, &key);
    assert_true(key.kind & KIND_FORWARD);
    key.dst_port = 5; /* packets that the service on any takes */
    key_settle(p, &key);
    assert_true(key.kind & KIND_IN);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pick_retb_host),
        cmocka_unit_test(most_specific_endpoint),
        cmocka_unit_test(families),
        cmocka_unit_test(health),
        cmocka_unit_test(slow_start),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(made_apart),
        cmocka_unit_test(by_connections),
        cmocka_unit_test(allowed),
        cmocka_unit_test(shares),
        cmocka_unit_test(traffic_to_a_service_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
