/* Which devices rules ask for, and what of a device they leave to nobody. */
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

/* The names that rules ask for, in the order of the table. */
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
    names("firewall f" REST "accept tcp on \"wg*\" }", "");
    /* A pattern holds it anyway, elsewhere it is asked for by itself. */
    names("firewall f" REST "accept tcp on \"wg*\", \"wg0\" }", "");
    names("firewall f" REST "accept tcp on \"wg*\", \"wg0\"; accept udp on \"wg0\" }", "wg0 ");
    names("allow W0513\nfirewall f" REST "accept tcp on not \"wg*\"; accept udp on \"wg0\" }", "wg0 ");
}

static struct program *given;

/* Of which firewall's kind is what travels so on the device unjudged? */
static void leaves(const char *device, enum pbc_direction d, bool bridged, const char *wanted)
{
    const uint32_t f = served_unjudged(given, device, d, bridged);
    assert_string_equal(f == PBC_NONE ? "" : program_str(given, given->firewalls[f].name), wanted);
}

static void test_unjudged(void **state)
{
    (void)state;
    given = compiled_text("firewall a on \"eth1\" in" REST "}\nfirewall b on \"eth2\" out default accept { drop tcp }");
    assert_non_null(given);
    leaves("eth1", PBC_DIR_IN, false, "");
    leaves("eth1", PBC_DIR_OUT, false, "b");
    leaves("eth2", PBC_DIR_IN, false, "a");
    leaves("eth2", PBC_DIR_OUT, false, "");
    leaves("eth3", PBC_DIR_IN, false, "a");
    leaves("eth3", PBC_DIR_FORWARD, false, "");
    leaves("eth3", PBC_DIR_IN, true, ""); /* a bridge's port hears nothing */
    program_put(given);

    given = compiled_text("firewall a in" REST "}\nfirewall b on \"wg*\" forward" REST "}");
    assert_non_null(given);
    leaves("eth3", PBC_DIR_IN, false, "");
    leaves("eth3", PBC_DIR_FORWARD, false, "b");
    leaves("wg7", PBC_DIR_FORWARD, false, "");
    leaves("eth3", PBC_DIR_FORWARD, true, "b");
    program_put(given);

    /* One without a direction judges what comes in, and what crosses. */
    given = compiled_text("firewall a on \"eth1\"" REST "}");
    assert_non_null(given);
    leaves("eth2", PBC_DIR_IN, false, "a");
    leaves("eth2", PBC_DIR_FORWARD, false, ""); /* one word is enough */
    leaves("eth2", PBC_DIR_FORWARD, true, "a");
    leaves("eth2", PBC_DIR_OUT, false, "");
    leaves("eth1", PBC_DIR_FORWARD, true, "");
    program_put(given);

    given = compiled_text("pool p { server a 10.0.0.1:80 }\n"
                          "service w on 192.0.2.1 tcp/80 { mode passthrough; -> p }");
    assert_non_null(given);
    leaves("eth1", PBC_DIR_IN, false, "");
    program_put(given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named), cmocka_unit_test(test_unjudged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
