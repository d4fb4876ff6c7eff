/* The analysis of rules: its reports, and reports that would be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/compiler/back.h"

struct expected {
    const char *rules;
    unsigned shadowed, repeated, contradicts;
};

static void check(const struct expected *e, const char *prefix, const char *suffix)
{
    char text[1024];
    struct compile c;

    snprintf(text, sizeof(text), "%s%s%s", prefix, e->rules, suffix);
    if (compile_rules(&c, text) != 0) {
        char *said = what_it_said(&c);
        print_error("%s\n%s\n", text, said);
        free(said);
        fail();
    }
    if (times_said(&c, "W0310") != e->shadowed || times_said(&c, "W0311") != e->repeated ||
        times_said(&c, "W0312") != e->contradicts)
        fail_msg("`%s`: %u shadowed, %u repeated, %u contradict", e->rules, times_said(&c, "W0310"),
                 times_said(&c, "W0311"), times_said(&c, "W0312"));
    compile_fini(&c);
}

static void rules_of_one_list(void **state)
{
    static const struct expected cases[] = {
        {"drop tcp; accept tcp to port 22", 1, 0, 0},
        {"accept tcp to port 22; drop tcp", 0, 0, 0},
        {"drop tcp to port 22; drop tcp to port 22", 0, 1, 0},
        {"drop tcp to port 22; accept tcp to port 22", 1, 0, 0},
        {"reject tcp with rst; reject tcp", 1, 0, 0},
        {"count tcp; drop tcp", 0, 0, 0},
        {"log tcp; count tcp; drop tcp", 0, 0, 0},
        {"drop tcp; count tcp; log tcp", 2, 0, 0},
        {"drop; accept tcp; accept udp; count", 1, 0, 0}, /* one line for all three */
        {"drop; drop arp", 0, 0, 0},                      /* a bare drop leaves ARP alone */
        {"drop arp; drop arp", 0, 1, 0},
        {"drop from 10.0.0.0/8; drop ip from 10.1.2.0/24 to 192.0.2.1", 1, 0, 0},
        {"drop from 10.0.0.0/8; drop from 10.0.0.0/7", 0, 0, 0},
        {"drop from 10.0.0.0/8; drop from 10.1.0.0/16, 2001:db8::1", 0, 0, 0},
        {"drop ip6 to 2001:db8::/32; drop tcp to 2001:db8:0:1::/64 port 80", 1, 0, 0},
        {"drop from not 10.0.0.0/8; drop from 192.0.2.1, 2001:db8::1", 1, 0, 0},
        {"drop to port 1-100; drop tcp to port 50", 1, 0, 0},
        {"drop to port 1-10, 20-30; drop tcp to port 5, 25", 1, 0, 0},
        {"drop to port 1-10, 20-30; drop tcp to port 5, 15", 0, 0, 0},
        {"drop tcp to port 22; drop udp to port 22; drop tcp, udp to port 22", 1, 0, 0}, /* two together */
        {"drop from self; drop from self to self", 1, 0, 0},
        {"drop from self; drop from 10.0.0.1", 0, 0, 0},
        {"drop vlan any; drop vlan 5", 1, 0, 0},
        {"drop ether to multicast; drop ether to broadcast", 1, 0, 0}, /* which has the group bit */
        {"drop ether to broadcast; drop ether to multicast", 0, 0, 0},
        {"drop tcp bytes payload at 0 is x\"16\"; drop tcp bytes payload at 0 is x\"16\" to port 443", 1, 0, 0},
        {"drop tcp bytes payload at 0 is x\"16\"; drop tcp", 0, 0, 0},
        {"drop tcp fragment later to port 80", 0, 0, 1},
        {"drop icmp from 2001:db8::1", 0, 0, 0}, /* the front end already reports it */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], "firewall f default accept { ", " }");
    (void)state;
}

static void rules_of_chains(void **state)
{
    static const struct expected cases[] = {
        {"return tcp; drop tcp to port 22", 1, 0, 0}, /* `return` also takes the packet */
        {"return; drop tcp", 1, 0, 0},
        {"drop udp; return udp to port 53", 1, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], "chain c { ", " }\nfirewall f default accept { drop tcp to port 22; do c }");
    /* a caller doesn't get packets that its chain takes; a chain may get from others packets that this caller takes */
    check(&(struct expected){"do c; drop tcp", 1, 0, 0}, "chain c { drop tcp }\nfirewall f default accept { ", " }");
    (void)state;
}

/* Rules that together cover another one, and rules that leave a little of it. */
static void rules_together(void **state)
{
    static const struct expected cases[] = {
        {"drop from 10.0.0.0/9; drop from 10.128.0.0/9; accept tcp from 10.0.0.0/8", 1, 0, 0},
        {"drop from 10.0.0.0/9; drop from 10.128.0.1-10.255.255.255; accept tcp from 10.0.0.0/8", 0, 0, 0},
        {"drop from 0.0.0.0/1; drop from 128.0.0.0/1; drop ip6; accept udp", 1, 0, 0},
        {"drop ip; drop ip6; accept tcp to port 80", 1, 0, 0},
        {"drop ip; drop ip6; accept ether 0x88cc", 0, 0, 0},
        {"drop ip; drop ip6; accept ether 0x0800", 1, 0, 0},
        {"drop tcp to port -79; drop tcp to port 80-443; drop tcp to port 444-; accept tcp to port 0-65535", 1, 0, 0},
        {"drop tcp to port -79; drop tcp to port 81-443; drop tcp to port 444-; accept tcp to port 0-65535", 0, 0, 0},
        {"drop tcp to port 0-; accept tcp fragment no, first", 1, 0, 0},
        {"drop tcp to port 0-; accept tcp", 0, 0, 0}, /* later fragments */
        {"drop tcp; drop udp; drop sctp; accept to port 53", 1, 0, 0},
        {"drop tcp; drop udp; accept to port 53", 0, 0, 0},
        {"drop proto 0-100; drop proto 101-255; accept tcp", 1, 0, 0},
        {"accept state established, related; accept state new; drop state invalid; drop tcp", 0, 0, 0},
        {"accept state established, related; accept state new; drop state invalid; drop tcp to port 1", 1, 0, 0},
        {"accept state established, related; accept state new; drop udp to port 53", 1, 0, 0},
        {"accept state established, related; accept state new; drop tcp to port 22", 0, 0, 0},
        {"drop tcp flags has syn; drop tcp flags lacks syn; accept tcp to port 22", 1, 0, 0},
        {"drop tcp flags has syn; drop tcp flags lacks syn, ack; accept tcp to port 22", 0, 0, 0},
        {"drop from self; drop from not self; accept tcp", 1, 0, 0},
        {"drop from self; drop from not self, 10.0.0.1; accept tcp", 0, 0, 0},
        {"drop vlan any; drop vlan none; accept tcp", 1, 0, 0},
        {"drop vlan -99; drop vlan not -99; drop vlan none; accept tcp", 1, 0, 0},
        {"drop vlan -99; drop vlan 101-; drop vlan none; accept tcp", 0, 0, 0},
        {"drop on \"a\"; drop on \"b\"; accept on \"a\", \"b\" tcp", 1, 0, 0},
        {"drop on \"a\"; accept on not \"a\"", 0, 0, 0}, /* other interfaces, which no rule names */
        {"drop on not \"a\"; accept on \"b\"", 1, 0, 0},
        {"drop ether from multicast; drop ether from not multicast; accept ether from 02:00:00:00:00:01, broadcast", 1,
         0, 0},
        {"drop icmp type 0-7; drop icmp type 9-; accept icmp type 8", 0, 0, 0},
        {"drop icmp type 0-8; drop icmp type 9-; accept icmp type 7-9", 1, 0, 0},
        {"drop icmp6 type nd; drop icmp6 type not nd; accept icmp6 type 135", 1, 0, 0},
        {"drop ip ttl -10; drop ip ttl 11-; accept ip from 10.0.0.1", 1, 0, 0},
        {"drop ip dscp -30; drop ip dscp 32-; accept ip", 0, 0, 0},
        {"drop ip options any; drop ip options none; accept ip to 10.0.0.1", 1, 0, 0},
        /* a condition that isn't a set of values covers only rules that also require it */
        {"drop bytes l3 at 0 is x\"45\" tcp; drop udp; accept tcp, udp", 0, 0, 0},
        {"drop tcp bytes l3 at 0 is x\"45\"; drop udp; accept tcp, udp bytes l3 at 0 is x\"45\"", 1, 0, 0},
        {"count tcp; log udp; drop tcp, udp", 0, 0, 0},
        {"drop tcp flags has ack length -39 ip6", 0, 0, 1}, /* shorter than its header */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], "firewall f default accept { ", " }");
    (void)state;
}

static void rules_behind_chains(void **state)
{
    static const char chains[] =
        "chain half { drop from 10.0.0.0/9 }\nchain rest { return tcp; drop from 10.128.0.0/9 }\n"
        "chain both { do half; do rest }\nchain empty { count tcp }\nfirewall f default accept { ";
    static const struct expected cases[] = {
        {"do half; drop from 10.128.0.0/9; accept from 10.0.0.0/8", 1, 0, 0},
        {"do half; do rest; accept udp from 10.0.0.0/8", 1, 0, 0},
        {"do half; do rest; accept from 10.0.0.0/8", 0, 0, 0}, /* TCP returns */
        {"do both; accept udp from 10.0.0.0/8", 1, 0, 0},
        {"do both udp; accept udp from 10.0.0.0/8", 1, 0, 0},
        {"do both tcp; accept udp from 10.0.0.0/8; do empty; do rest", 0, 0, 0},
        {"do half tcp; accept from 10.0.0.0/9", 0, 0, 0},
        {"drop udp; do both udp", 1, 0, 0},
        {"do both; do rest; do half from 10.0.0.0/9; do empty", 1, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) check(&cases[i], chains, " }");
    check(&(struct expected){"accept on \"b\" tcp; drop on \"a\"; drop tcp", 1, 0, 1},
          "firewall f on \"a\" default accept { ", " }");
    (void)state;
}

/* The warning names only the rules that cover it. */
static void names_what_covers(void **state)
{
    struct compile c;

    assert_int_equal(
        compile_rules(&c, "firewall f default accept {\n drop tcp to port 1-100\n drop udp\n drop tcp to port 200-300\n"
                          " drop tcp to port 50-220\n accept tcp to port 60-250\n}\n"),
        0);
    assert_int_equal(c.ir->rules[4].state, IR_SHADOWED);
    assert_int_equal(c.ir->rules[4].cover_count, 2);
    assert_int_equal(c.ir->rules[4].covers[0], 2);
    assert_int_equal(c.ir->rules[4].covers[1], 3);
    assert_int_equal(c.ir->rules[4].cover, 2);
    compile_fini(&c);
    (void)state;
}

static void neighbour_discovery(void **state)
{
    static const struct {
        const char *text;
        unsigned said;
    } cases[] = {
        {"firewall f default drop { accept tcp to port 22 }", 1},
        {"firewall f default reject { }", 1},
        {"firewall f in default drop { accept icmp6 type echo-request }", 1},
        {"firewall f default drop { accept icmp }", 1},
        {"firewall f default drop { accept icmp6 fragment later }", 1},
        {"firewall f default accept { drop tcp }", 0},
        {"firewall f default drop { accept icmp6 type nd }", 0},
        {"firewall f default drop { accept icmp6 }", 0},
        {"firewall f default drop { accept ip6 }", 0},
        {"firewall f default drop { accept from 2001:db8::/32 }", 0},
        {"firewall f default drop { drop ip6; accept tcp }", 0}, /* intended */
        {"firewall f out default drop { accept tcp }", 1},
        {"firewall f forward default drop { accept tcp }", 0},
        {"chain c { accept icmp6 type nd }\nfirewall f default drop { do c }", 0},
        {"chain c { accept tcp }\nfirewall f default drop { do c }", 1},
        {"chain c { return; accept icmp6 }\nfirewall f default drop { do c }", 1},
        {"chain c { drop ip6 }\nfirewall f default drop { do c; accept tcp }", 0},
        {"chain c { accept icmp6 type nd }\nfirewall f default drop { do c ip }", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compile c;

        assert_int_equal(compile_rules(&c, cases[i].text), 0);
        if (times_said(&c, "W0510") != cases[i].said)
            fail_msg("`%s`: said %u times", cases[i].text, times_said(&c, "W0510"));
        compile_fini(&c);
    }
    (void)state;
}

/* Two thousand rules that differ in ranges that no list is indexed by, and match near all frames: within its budget
 * the analysis gives up on some, and still reports nothing wrong. */
static void gives_up_silently(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    struct compile c;

    fputs("firewall f default accept {\n", f);
    for (unsigned i = 0; i < 2000; i++)
        fprintf(f, " drop ip from 10.0.0.0, 10.255.255.255 length %u-%u\n", 30 * i + 40, 30 * i + 49);
    fputs(" drop ip from 10.0.0.0 length 51\n drop ip from 10.0.0.0 length 60021\n}\n", f);
    fclose(f);
    assert_int_equal(compile_rules(&c, text), 0);
    assert_int_equal(times_said(&c, "W0311"), 0);
    assert_true(times_said(&c, "W0310") <= 1);
    assert_true(c.ir->undecided > 100);
    for (uint32_t i = 0; i < 2002; i++) assert_int_equal(c.ir->rules[i].state, IR_LIVE);
    compile_fini(&c);
    free(text);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_one_list), cmocka_unit_test(rules_of_chains),
        cmocka_unit_test(rules_together),    cmocka_unit_test(rules_behind_chains),
        cmocka_unit_test(names_what_covers), cmocka_unit_test(neighbour_discovery),
        cmocka_unit_test(gives_up_silently),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
