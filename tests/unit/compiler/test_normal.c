/* The normal form: equal conditions give equal products, `not` matches the complement, and one product is within
 * another only if its condition is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/normal/prefix.h"
#include "tests/unit/compiler/back.h"

static const char declarations[] = "set a = 10.0.0.0/9, 10.128.0.0/9, 2001:db8::/32\nset b = 10.0.0.0/8\n"
                                   "macs m = 02:00:00:00:00:01, 02:00:00:00:00:02\ninterface i = \"eth0\"\n";

/* Compile two rules' conditions as rules 0 and 1 of c->ir. They `count`, so that neither shadows the other. */
static const struct ir_product *two(struct compile *c, const char *x, const char *y)
{
    char text[1024];

    snprintf(text, sizeof(text), "%sfirewall f default accept {\n count %s\n count %s\n}\n", declarations, x, y);
    if (compile_rules(c, text) != 0) {
        char *said = what_it_said(c);
        print_error("%s\n%s\n", text, said);
        free(said);
        fail();
    }
    return &c->ir->rules[0].product;
}

static void equal_conditions_are_one(void **state)
{
    static const char *const pairs[][2] = {
        {"from a ip", "from b"},
        {"tcp port 80, 81-89, 90", "tcp to port 90, 85-89, 80-86"},
        {"to port 80", "tcp, udp, sctp to port 80"},
        {"proto 6 to port 80", "tcp to port 80"},
        {"from not 0.0.0.0/1, 128.0.0.0/1", "ip6 from any"},
        {"icmp6 type nd", "icmp6 type 133-136 ttl 255"},
        {"ip, ip6", "length 0-"},
        {"vlan not any", "vlan none"},
        {"vlan 5, 6 inner 7", "vlan 5-6 inner 7"},
        {"fragment not any", "fragment no"},
        {"options not any", "options none"},
        {"ip ttl 0-", "ip"},
        {"udp to port not 0-52, 54-", "udp to port 53"},
        {"tcp flags has syn, ack lacks rst", "tcp flags has ack, syn lacks rst"},
        {"ether from m, 02:00:00:00:00:02", "ether from 02:00:00:00:00:02, 02:00:00:00:00:01"},
        {"bytes l3 at 0 is x\"45\" bytes l3 at 1 is x\"00\"", "bytes l3 at 1 is x\"00\" bytes l3 at 0 is x\"45\""},
        {"to not self, b", "to not b, self"},
        {"on i", "on \"eth0\""},
        {"icmp", "ip proto 1"},
        {"not tcp", "proto not 6"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct compile c;
        const struct ir_product *p = two(&c, pairs[i][0], pairs[i][1]);

        if (memcmp(p, &c.ir->rules[1].product, sizeof(*p)) != 0)
            fail_msg("`%s` and `%s` differ", pairs[i][0], pairs[i][1]);
        compile_fini(&c);
    }
    (void)state;
}

static void different_conditions_are_not(void **state)
{
    static const char *const pairs[][2] = {
        {"tcp", "tcp to port 0-65535"}, /* the ports of a later fragment are not there */
        {"from any", ""},               /* frames without IP have no source */
        {"vlan any", "vlan none"},
        {"not ip", "ip6"},
        {"icmp", "proto 1"}, /* v4 only; both families */
        {"from self", "from any"},
        {"to self", "from self"},
        {"ether 0x88cc", "ether not 0x88cc"},
        {"ether from not m", ""},
        {"on i", "on not i"},
        {"arp", ""},
        {"icmp type 8", "icmp6 type 8"},
        {"icmp6 type not nd", "icmp6"},
        {"tcp flags has syn", "tcp flags lacks syn"},
        {"bytes l3 at 0 is x\"45\"", "bytes l3 at 0 is x\"45\" mask x\"4f\""},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct compile c;
        const struct ir_product *p = two(&c, pairs[i][0], pairs[i][1]);

        if (memcmp(p, &c.ir->rules[1].product, sizeof(*p)) == 0)
            fail_msg("`%s` and `%s` are one", pairs[i][0], pairs[i][1]);
        compile_fini(&c);
    }
    (void)state;
}

/* The first product is within the second; the second isn't within the first. */
static void within(void **state)
{
    static const char *const pairs[][2] = {
        {"tcp to port 80", "tcp"},
        {"tcp to port 80", ""},
        {"from 10.1.0.0/16", "from a"},
        {"from 10.1.0.0/16", "from 10.0.0.0/15, 192.0.2.1"},
        {"ip from not a", "from not b"},
        {"to b", "to b, self"},
        {"to not self, a", "to not self"},
        {"tcp flags has syn, ack", "tcp flags has syn"},
        {"tcp flags has syn lacks ack, rst", "tcp flags has syn lacks rst"},
        {"vlan 5 inner 7", "vlan 5"},
        {"vlan 5 inner not 7", "vlan 5"},
        {"ether from m", ""},
        {"bytes l3 at 0 is x\"45\" bytes l3 at 1 is x\"00\"", "bytes l3 at 1 is x\"00\""},
        {"fragment first", "fragment any"},
        {"icmp6 type nd", "icmp6 type 130-140"},
        {"icmp6 type nd", "icmp6 ttl 255"},
        {"proto 47", "proto 40-50"},
        {"on i", ""},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct compile c;
        const char *wider = pairs[i][1];
        const struct ir_product *p = two(&c, pairs[i][0], wider), *q = &c.ir->rules[1].product;
        uint64_t work = 0;

        if (!ir_within(c.ir, p, q, &work) || !ir_may_meet(c.ir, p, q))
            fail_msg("`%s` is not within `%s`", pairs[i][0], wider);
        if (ir_within(c.ir, q, p, &work)) fail_msg("`%s` is within `%s`", wider, pairs[i][0]);
        assert_true(work > 0);
        compile_fini(&c);
    }
    (void)state;
}

static void apart(void **state)
{
    static const char *const pairs[][2] = {
        {"tcp", "udp"},
        {"ip", "ip6"},
        {"from 10.0.0.0/9", "from 10.128.0.0/9"},
        {"to port 1", "to port 2"},
        {"tcp flags has syn", "tcp flags lacks syn"},
        {"vlan 5", "vlan none"},
        {"fragment later", "to port 80"},
        {"from a", "from not a"},
        {"arp", "ip"},
        {"from 2001:db8::1", "from 2001:db8::2"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct compile c;
        const struct ir_product *p = two(&c, pairs[i][0], pairs[i][1]);

        if (ir_may_meet(c.ir, p, &c.ir->rules[1].product)) fail_msg("`%s` and `%s` meet", pairs[i][0], pairs[i][1]);
        compile_fini(&c);
    }
    (void)state;
}

static void impossible(void **state)
{
    static const char *const rules[] = {
        "tcp to port 80 fragment later",
        "icmp type 8 fragment later",
        "from not any",
        "icmp from 2001:db8::1",
        "ip6 from b",
        "udp proto 6",
        "from b to 2001:db8::1",
        "proto not 0-255",
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct compile c;

        two(&c, rules[i], "tcp");
        if (c.ir->rules[0].state != IR_IMPOSSIBLE || !ir_is_empty(&c.ir->rules[0].product))
            fail_msg("`%s` is thought possible", rules[i]);
        assert_int_equal(c.ir->rules[1].state, IR_LIVE);
        compile_fini(&c);
    }
    (void)state;
}

/* Prefixes cover exactly their ranges. */
static void prefixes(void **state)
{
    static const struct {
        uint32_t lo, hi;
        unsigned inside, outside;
    } cases[] = {
        {0x0a000000, 0x0affffff, 1, 8},  {0x0a000001, 0x0a000001, 1, 32},
        {0x0a000001, 0x0a000006, 4, 32}, /* .1, .2/31, .4/31, .6 */
        {0, 0xffffffff, 1, 0},           {0x80000000, 0xffffffff, 1, 1},
        {0, 0xfffffffe, 32, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pbc_range r = {cases[i].lo, cases[i].hi};
        const struct ir_addrs a = {.r4 = &r, .count4 = 1};
        struct prefixes p;

        assert_int_equal(prefixes_of(&a, IR_V4, false, &p), cases[i].inside <= PREFIXES_MAX);
        if (cases[i].inside <= PREFIXES_MAX) assert_int_equal(p.count, cases[i].inside);
        assert_int_equal(prefixes_of(&a, IR_V4, true, &p), cases[i].outside <= PREFIXES_MAX);
        if (cases[i].outside <= PREFIXES_MAX) assert_int_equal(p.count, cases[i].outside);
    }
    const struct pbc_range6 r6 = {0x20010db800000000, 0, 0x20010db8ffffffff, UINT64_MAX};
    const struct ir_addrs a6 = {.r6 = &r6, .count6 = 1};
    struct prefixes p;
    assert_true(prefixes_of(&a6, IR_V6, false, &p));
    assert_int_equal(p.count, 1);
    assert_int_equal(p.p[0].len, 32);
    assert_int_equal(p.p[0].word[0], 0x20010db8);
    (void)state;
}

/* Memory is limited: a set beside others is stored once per different list, and equal lists once. */
static void lists_are_held_once(void **state)
{
    enum { RANGES = 5000 };
    static const char *const rules[3] = {"from s, 192.0.2.1", "from s, 192.0.2.1 to 192.0.2.9", "from s, 192.0.2.3"};
    uint64_t held[4];
    char *set = malloc(RANGES * 20), *text = malloc(RANGES * 20 + 400);
    size_t len = (size_t)sprintf(set, "set s = 10.0.0.0");

    (void)state;
    for (unsigned i = 1; i < RANGES; i++) len += (size_t)sprintf(set + len, ", 10.0.%u.%u", 2 * i >> 8, 2 * i & 255);
    for (unsigned n = 0; n <= 3; n++) {
        struct compile c;
        size_t at = (size_t)sprintf(text, "%s\nfirewall f default accept {\n drop from s\n", set);

        for (unsigned i = 0; i < n; i++) at += (size_t)sprintf(text + at, " drop %s\n", rules[i]);
        strcpy(text + at, "}\n");
        assert_int_equal(compile_rules(&c, text), 0);
        held[n] = c.ir->held / sizeof(struct pbc_range);
        compile_fini(&c);
    }
    assert_true(held[0] >= RANGES && held[0] < 4 * RANGES);
    assert_true(held[1] - held[0] > RANGES);
    assert_true(held[2] - held[1] < 100);
    assert_true(held[3] - held[2] > RANGES);
    free(set);
    free(text);
}

/* Return the arena's use after that many rules about one large list. */
static size_t used_by(unsigned rules)
{
    struct compile c;
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    fputs("macs m = 02:00:00:00:00:01", f);
    for (unsigned i = 2; i < 5000; i++) fprintf(f, ", 02:00:00:00:%02x:%02x", i >> 8, i & 0xff);
    fputs("\nfirewall f default accept {\n", f);
    for (unsigned i = 1; i <= rules; i++) fprintf(f, " count ether from m to port %u\n", i);
    fputs("}\n", f);
    fclose(f);
    assert_int_equal(compile_rules(&c, text), 0);
    const size_t used = arena_used(c.arena);
    compile_fini(&c);
    free(text);
    return used;
}

static void mac_lists_are_held_once(void **state)
{
    (void)state;
    assert_in_range(used_by(200) - used_by(100), 1, 100 * 5000 * sizeof(uint64_t) / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_conditions_are_one),
        cmocka_unit_test(different_conditions_are_not),
        cmocka_unit_test(within),
        cmocka_unit_test(apart),
        cmocka_unit_test(impossible),
        cmocka_unit_test(lists_are_held_once),
        cmocka_unit_test(mac_lists_are_held_once),
        cmocka_unit_test(prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
