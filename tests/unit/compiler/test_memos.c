/* Which verdicts may be remembered for flows, and the reasons why others may not, in the words of --stats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/compiler/back.h"

static char *stats_of(const char *rules)
{
    struct compile c;
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(compile_rules(&c, rules), 0);
    FILE *f = open_memstream(&text, &len);
    stats_print(&c, f, false);
    fclose(f);
    compile_fini(&c);
    return text;
}

struct expectation {
    const char *rules; /* rules of one firewall */
    const char *lines[6];
};

static const struct expectation expectations[] = {
    {"accept state established, related as EST\n accept tcp to port 22",
     {"  remembered EST (test.prey:1:"}}, /* rules after it never meet an established packet */
    {"accept tcp to port 22 as SSH\n accept udp",
     {"  remembered SSH", "  remembered f:2", "  remembered default of f"}},
    {"drop ttl 1 as LOW\n accept state established as EST",
     {"  not remembered LOW (test.prey:1:35): the rule has `ttl`, which can change from packet to packet",
      "  not remembered EST (test.prey:2:2): the rule is after LOW (test.prey:1:35), which can change"}},
    {"drop tcp ttl 1\n accept udp as U\n accept state established as EST",
     {"  remembered U", "  not remembered EST"}}, /* another protocol is another flow */
    {"drop tcp from 10.0.0.0/8 flags has fin\n accept tcp from 10.1.0.0/16 as A\n accept tcp from 11.0.0.0/8 as B",
     {"  not remembered A", "  remembered B", "  not remembered default"}},
    {"drop tcp flags has syn lacks ack ttl 1\n accept state established as EST", {"  remembered EST"}},
    {"accept icmp6 type nd\n drop icmp type destination-unreachable length 100-\n accept state established as EST",
     {"  remembered EST"}}, /* neither is ever established */
    {"accept icmp type echo-request as PING\n accept state established as EST",
     {"  remembered PING", "  remembered EST"}}, /* the type is the flow's */
    {"drop icmp type echo-request code 1\n accept state established as EST", {"  not remembered EST"}},
    {"drop state new, invalid ttl 1\n accept state established as EST", {"  remembered EST"}},
    {"accept state established log as EST\n accept udp", {"  not remembered EST (test.prey:1:35): the rule logs"}},
    {"count tcp to port 80 as C\n accept tcp to port 80 as W\n accept tcp to port 81 as X",
     {"  not remembered W (test.prey:2:2): the rule is after C (test.prey:1:35), which counts", "  remembered X",
      "  not remembered default"}},
    {"accept state established as EST\n count tcp\n accept ip", {"  remembered EST"}},
    {"accept vlan 5 on \"eth0\" port 22 as V\n drop over m as M\n accept udp as U",
     {"  remembered V", "  not remembered M (test.prey:2:2): the rule has `over`", "  not remembered U"}},
    {"drop flows over 5 per source\n accept state established as EST", {"  not remembered EST"}},
    {"drop during night\n accept state established as EST", {"  not remembered EST"}},
    {"accept fragment no as WHOLE\n drop tcp", {"  remembered WHOLE"}},
    {"drop fragment any\n accept state established as EST", {"  remembered EST"}}, /* fragments are not */
    {"do c\n accept udp state established as EST",
     {"  not remembered EST (test.prey:2:2): the rule is after f:1 (test.prey:1:35), which counts",
      "  not remembered c:4", "the rule is in a chain, and the `do` of that chain counts"}},
    {"do c state new\n accept udp state established as EST", {"  remembered EST"}},
};

static void each_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        const struct expectation *e = &expectations[i];
        char rules[1024];

        snprintf(rules, sizeof(rules),
                 "firewall f default accept {       %s\n}\n%s meter m = 10/s\n"
                 "schedule night = 22:00-06:00\nfirewall g out default drop { accept state new\n drop state invalid "
                 "over m\n drop tcp during night ttl 3 }\n",
                 e->rules, strstr(e->rules, "do c") ? "chain c { accept tcp }\n" : "");
        char *text = stats_of(rules);
        for (unsigned k = 0; k < 6 && e->lines[k]; k++)
            if (!strstr(text, e->lines[k])) fail_msg("%s: no `%s` in\n%s", e->rules, e->lines[k], text);
        free(text);
    }
}

static void nothing_without_flows(void **state)
{
    char *text = stats_of("firewall f default drop { accept tcp\n accept icmp6 type nd\n }");

    assert_null(strstr(text, "remembered"));
    free(text);
    (void)state;
}

/* Beyond the budget nothing is remembered, and the rest is counted. */
static void too_much(void **state)
{
    char *rules = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&rules, &len);

    fputs("firewall f default accept {\n", f);
    for (unsigned i = 0; i < 300; i++) fprintf(f, "drop tcp to port %u ttl 1\n", i + 1);
    fputs("accept udp state established as EST\n }", f);
    fclose(f);
    char *text = stats_of(rules);
    assert_null(strstr(text, "  remembered EST"));
    assert_non_null(strstr(text, "    given up                          1"));
    assert_non_null(strstr(text, "  more                            202 not printed"));
    free(text);
    free(rules);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason),
        cmocka_unit_test(nothing_without_flows),
        cmocka_unit_test(too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
