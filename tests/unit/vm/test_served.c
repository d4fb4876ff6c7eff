/* Devices that rules name, and the parts of a device that are left to nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/compiled.h"
#include "vm/program/program.h"

#define REST " default drop { accept icmp6 type nd; "

/* Check the names in the rules, in the table's order. */
static void names(const char *rules, const char *wanted)
{
    char got[200] = "";
    bool named[16];
    struct program *p = compiled_text(rules);
    assert_non_null(p);
    assert_in_range(p->ifaces_count, 0, 16);
    served_named(p, named);
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (named[i]) snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", program_str(p, p->ifaces[i].device));
    program_put(p);
    assert_string_equal(got, wanted);
}

static void test_named(void **state)
{
    (void)state;
    names("firewall f" REST "accept tcp }", "");
    names("allow W0201\ninterface a = \"eth1\"\nfirewall f" REST "accept tcp }", "");
    names("firewall f on \"eth1\"" REST "accept tcp on \"eth2\", \"eth3\" }", "eth1 eth2 eth3 ");
    names("firewall f forward" REST "accept tcp out on \"eth2\" }", "eth2 ");
    names("allow W0513\ninterface b = \"eth5\"\nfirewall f on b" REST
          "accept tcp on not \"eth2\"; accept udp on not \"eth3\", \"eth4\" }",
          "eth5 eth2 eth3 eth4 ");
    names("nat n { masquerade from 10.0.0.0/8 out on \"eth2\" }", "eth2 ");
    names("firewall f" REST "accept tcp on \"wg*\" }", "wg* ");
    names("firewall f on \"*\"" REST "accept tcp on \"wg0\" }", "wg0 ");
    /* A pattern already contains it; elsewhere it is named by itself. */
    names("firewall f" REST "accept tcp on \"wg*\", \"wg0\" }", "wg* ");
    names("firewall f" REST "accept tcp on \"wg*\", \"wg0\"; accept udp on \"wg0\" }", "wg* wg0 ");
    names("allow W0513\nfirewall f" REST "accept tcp on not \"wg*\"; accept udp on \"wg0\" }", "wg* wg0 ");
}

static struct program *given;

/* Check the sentence on the device, if it is served. */
static void leaves(const char *device, enum served_by by, const char *wanted)
{
    char text[SERVED_TEXT] = "";
    const unsigned gaps = served_gaps(given, device, by);
    const bool served = by == SERVED_PORT || by == SERVED_BRIDGED;
    if (gaps) served_text(given, device, gaps, served ? WHY_NO_FIREWALL : WHY_NOT_GIVEN, text, sizeof text);
    assert_string_equal(text, wanted);
}

#define NONE "no firewall judges packets that "
#define NOT  ": -i doesn't name it"

static void test_ports(void **state)
{
    (void)state;
    given = compiled_text("firewall a on \"eth1\" in" REST "}\nfirewall b on \"eth2\" out default accept { drop tcp }");
    assert_non_null(given);
    leaves("eth1", SERVED_PORT, NONE "leave by eth1, as `b` (test.prey:2) does for eth2");
    leaves("eth2", SERVED_PORT, NONE "arrive on eth2, as `a` (test.prey:1) does for eth1");
    leaves("eth3", SERVED_PORT, NONE "arrive on eth3 or leave by it, as `a` (test.prey:1) does for eth1");
    leaves("eth3", SERVED_BRIDGED, ""); /* a bridge's port receives nothing */
    program_put(given);

    given = compiled_text("firewall a in" REST "}\nfirewall b on \"wg*\" forward" REST "}");
    assert_non_null(given);
    leaves("eth3", SERVED_PORT, NONE "are forwarded from eth3, as `b` (test.prey:2) does for wg*");
    leaves("wg7", SERVED_PORT, "");
    leaves("eth3", SERVED_BRIDGED, NONE "are forwarded from eth3, as `b` (test.prey:2) does for wg*");
    program_put(given);

    /* A firewall without a direction judges arriving and forwarded packets: one word is enough. */
    given = compiled_text("firewall a on \"eth1\"" REST "}");
    assert_non_null(given);
    leaves("eth2", SERVED_PORT, NONE "arrive on eth2, as `a` (test.prey:1) does for eth1");
    leaves("eth2", SERVED_BRIDGED, NONE "are forwarded from eth2, as `a` (test.prey:1) does for eth1");
    leaves("eth1", SERVED_BRIDGED, "");
    program_put(given);

    given = compiled_text("pool p { server a 10.0.0.1:80 }\n"
                          "service w on 192.0.2.1 tcp/80 { mode passthrough; -> p }");
    assert_non_null(given);
    leaves("eth1", SERVED_PORT, "");
    program_put(given);
}

/* Devices that aren't served: none of their packets are judged, except those forwarded to a port, in the kernel. */
static void test_others(void **state)
{
    (void)state;
    given = compiled_text("firewall a in" REST "}\nfirewall b out default accept { drop tcp }\nfirewall c forward" REST
                          "}");
    assert_non_null(given);
    leaves("wg0", SERVED_NOT, NONE "arrive on wg0, leave by it or are forwarded from it" NOT);
    leaves("wg0", SERVED_NOT_KERNEL,
           NONE "arrive on wg0, leave by it or are forwarded from it to an unserved interface" NOT);
    program_put(given);

    /* Where it leaves, its arrival on wg0 is known. */
    given = compiled_text("firewall c forward" REST "}\nfirewall d on \"wg*\" forward" REST "}");
    assert_non_null(given);
    leaves("wg0", SERVED_NOT_KERNEL, NONE "are forwarded from wg0 to an unserved interface" NOT);
    leaves("ppp0", SERVED_NOT_KERNEL, NONE "are forwarded from ppp0 to an unserved interface" NOT);
    program_put(given);

    given = compiled_text("firewall a on \"eth0\"" REST "}\nnat n { masquerade from 10.0.0.0/8 out on \"ppp0\" }");
    assert_non_null(given);
    leaves("ppp0", SERVED_NOT_KERNEL,
           NONE "arrive on ppp0 or are forwarded from it, and packets for a nat are lost when they leave by ppp0" NOT);
    program_put(given);

    given = compiled_text("nat n { masquerade from 10.0.0.0/8 out on \"ppp0\" }");
    assert_non_null(given);
    leaves("ppp0", SERVED_NOT, "packets for a nat are lost when they leave by ppp0" NOT);
    leaves("wg0", SERVED_NOT, "");
    program_put(given);
    assert_true(served_listed("wg0,ppp*", "ppp7") && served_listed("wg0", "wg0") && !served_listed("wg0,ppp*", "wg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named), cmocka_unit_test(test_ports),
                                       cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
