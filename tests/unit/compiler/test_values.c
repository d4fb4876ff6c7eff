/* Numbers and constants in lists: bounds, merging, names, words of the language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/compiler/front.h"
#include "vm/vm.h"

/* Return the ranges of the first condition of a kind in the rules, as "1-2 5". */
static const char *ranges(const struct compile *c, enum cond_kind kind)
{
    static char buf[512];
    size_t used = 0;

    buf[0] = '\0';
    for (uint32_t i = 0; i < c->image->conds_count; i++) {
        const struct pbc_cond *cond = &c->image->conds[i];

        if (cond->kind != kind) continue;
        for (uint32_t k = cond->first; k < cond->first + cond->count; k++) {
            const struct pbc_range *r = &c->image->ranges[k];

            used += (size_t)snprintf(buf + used, sizeof(buf) - used, r->lo == r->hi ? "%s%u" : "%s%u-%u",
                                     used ? " " : "", r->lo, r->hi);
        }
        return buf;
    }
    return "none";
}

static void assert_ranges(const char *condition, enum cond_kind kind, const char *want)
{
    char text[512];
    struct compile c;

    snprintf(text, sizeof(text),
             "const n = 7\nconst r = 5-6\nports web = 80, 443, 8000-8080\nports more = web, 81\n"
             "firewall f default accept { drop %s }\n",
             condition);
    front(&c, text);
    if (diags_errors(c.diags)) {
        char *said = front_said(&c);
        print_error("%s: %s\n", condition, said);
        free(said);
    }
    assert_int_equal(diags_errors(c.diags), 0);
    assert_string_equal(ranges(&c, kind), want);
    compile_fini(&c);
}

static void lists_become_ranges(void **state)
{
    (void)state;
    assert_ranges("tcp port 80", COND_PORT, "80");
    assert_ranges("tcp port 3, 1, 2, 9-10, 4", COND_PORT, "1-4 9-10");
    assert_ranges("tcp port 64-", COND_PORT, "64-65535");
    assert_ranges("tcp port -63", COND_PORT, "0-63");
    assert_ranges("tcp port 0-65535", COND_PORT, "0-65535");
    assert_ranges("tcp port web", COND_PORT, "80 443 8000-8080");
    assert_ranges("tcp port more, n, r", COND_PORT, "5-7 80-81 443 8000-8080");
    assert_ranges("tcp source port not web", COND_SOURCE_PORT, "80 443 8000-8080");
    assert_ranges("ttl n", COND_TTL, "7");
    assert_ranges("ttl 5-", COND_TTL, "5-255");
    assert_ranges("length 1_500-, 0x10", COND_LENGTH, "16 1500-65535");
    assert_ranges("dscp ef, cs0, af43, le, va, n", COND_DSCP, "0-1 7 38 44 46");
    assert_ranges("proto gre, esp, 254", COND_PROTO, "47 50 254");
    assert_ranges("vlan 0, 4094", COND_VLAN, "0 4094");
    assert_ranges("vlan any inner 5-7", COND_VLAN_INNER, "5-7");
    assert_ranges("ether 0x88cc, 0x8847", COND_ETHER, "34887 35020");
    assert_ranges("icmp type echo-request, redirect, 3", COND_ICMP_TYPE, "3 5 8");
    assert_ranges("icmp6 type nd-redirect", COND_ICMP_TYPE, "137");
    assert_ranges("icmp type 3 code 0-3, 13", COND_ICMP_CODE, "0-3 13");
    assert_ranges("on \"eth1\", \"eth0\", \"eth1\"", COND_ON, "0-1");
}

static void a_long_list_merges_as_it_grows(void **state)
{
    char *text = malloc(400000 * 7 + 100), *end = text;
    struct compile c;

    (void)state;
    end += sprintf(end, "firewall f default accept { drop tcp port 1");
    for (unsigned i = 0; i < 400000; i++) end += sprintf(end, ",%u", i * 7919 % 65536 | 1);
    strcpy(end, " }");
    front(&c, text);
    assert_int_equal(diags_errors(c.diags), 0);
    assert_int_equal(c.image->conds[1].count, 32768);
    free(text);
    compile_fini(&c);
}

/* Each fault gives exactly its code. */
static void faults_have_their_codes(void **state)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"drop tcp port 65536", "E0303"},   {"drop tcp port 18446744073709551615", "E0303"},
        {"drop tcp port 70000-", "E0303"},  {"drop tcp port 9-8", "E0302"},
        {"drop ttl 256", "E0303"},          {"drop dscp 64", "E0303"},
        {"drop vlan 4095", "E0303"},        {"drop vlan 4000-4095", "E0303"},
        {"drop ether 0x5ff", "E0303"},      {"drop ether 0x88a8", "E0409"},
        {"drop tcp port k", "E0201"},       {"drop dscp speed", "E0206"},
        {"drop from 10.0.0.1/31", "E0301"}, {"drop from 2001:db8::2-2001:db8::1", "E0302"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        struct compile c;

        snprintf(text, sizeof(text), "firewall f default accept { %s }\n", cases[i].text);
        front(&c, text);
        char *said = front_said(&c);
        if (diags_errors(c.diags) != 1 || !strstr(said, cases[i].code)) fail_msg("%s: %s", cases[i].text, said);
        free(said);
        compile_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_become_ranges),
        cmocka_unit_test(a_long_list_merges_as_it_grows),
        cmocka_unit_test(faults_have_their_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
