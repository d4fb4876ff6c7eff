/* The rule list: the image's form of each condition, verdict, chain and firewall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/compiler/front.h"
#include "vm/packet/key.h"
#include "vm/vm.h"

static void good(struct compile *c, const char *text)
{
    front(c, text);
    if (diags_errors(c->diags)) {
        char *said = front_said(c);
        print_error("%s\n", said);
        free(said);
    }
    assert_int_equal(diags_errors(c->diags), 0);
}

/* Compile one rule in a firewall. */
static void rule(struct compile *c, const char *text)
{
    char all[512];

    snprintf(all, sizeof(all),
             "set office = 192.0.2.0/24, 2001:db8::/32\nset other = 198.51.100.1\nmacs mine = 02:00:00:00:00:01\n"
             "chain sub { count }\nfirewall f default accept { %s }\n",
             text);
    good(c, all);
}

static void masks_and_flags(void **state)
{
    static const struct {
        const char *text;
        uint8_t kind, flags;
        uint32_t arg, count;
    } cases[] = {
        {"drop ip", COND_FAMILY, 0, KIND_IP4, 0},
        {"drop ip, ip6", COND_FAMILY, 0, KIND_IP4 | KIND_IP6, 0},
        {"drop not arp", COND_FAMILY, PBC_COND_NOT, KIND_ARP, 0},
        {"drop tcp, udp", COND_PROTO, 0, KIND_TCP | KIND_UDP, 0},
        {"drop not icmp6", COND_PROTO, PBC_COND_NOT, KIND_ICMP6, 0},
        {"drop from any", COND_FROM, PBC_COND_ANY, 0, 0},
        {"drop from self", COND_FROM, 0, KIND_SRC_SELF, 0},
        {"drop to not self, 192.0.2.1", COND_TO, PBC_COND_NOT, KIND_DST_SELF, 1},
        {"drop port 80", COND_PORT, 0, KIND_WITH_PORTS, 1},
        {"drop source port not 80", COND_SOURCE_PORT, PBC_COND_NOT, KIND_WITH_PORTS, 1},
        {"drop vlan any", COND_VLAN, 0, VLAN_ANY, 0},
        {"drop vlan none", COND_VLAN, 0, VLAN_NONE, 0},
        {"drop ether from mine, multicast", COND_ETHER_FROM, 0, MAC_MULTICAST, 1},
        {"drop ether to not broadcast", COND_ETHER_TO, PBC_COND_NOT, MAC_BROADCAST, 0},
        {"drop tcp flags has syn lacks ack, rst", COND_FLAGS, 0, TCP_SYN | (TCP_ACK | TCP_RST) << 8, 0},
        {"drop tcp flags lacks syn", COND_FLAGS, 0, TCP_SYN << 8, 0},
        {"drop fragment any", COND_FRAGMENT, 0, KIND_FRAG_FIRST | KIND_FRAG_LATER, 0},
        {"drop fragment no, first", COND_FRAGMENT, 0, KIND_FRAG_FIRST | KIND_FRAG_NO, 0},
        {"drop options any", COND_OPTIONS, 0, 1, 0},
        {"drop options none", COND_OPTIONS, 0, 0, 0},
        {"drop icmp6 type nd", COND_ICMP_ND, 0, 0, 0},
        {"drop icmp6 type not 1", COND_ICMP_TYPE, PBC_COND_NOT, KIND_ICMP6, 1},
        {"drop udp bytes payload at 4 is x\"00\"", COND_BYTES, 0, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pbc_cond *found = NULL;
        struct compile c;

        rule(&c, cases[i].text);
        const struct pbc_rule *r = &c.image->rules[c.image->firewalls[0].rules];
        for (uint32_t k = r->conds; k < r->conds + r->cond_count; k++)
            if (c.image->conds[k].kind == cases[i].kind) found = &c.image->conds[k];
        if (!found || found->flags != cases[i].flags || found->arg != cases[i].arg || found->count != cases[i].count)
            fail_msg("%s: flags %d arg 0x%x count %u", cases[i].text, found ? found->flags : -1, found ? found->arg : 0,
                     found ? found->count : 0);
        compile_fini(&c);
    }
}

static void which_rules_judge_arp(void **state)
{
    static const struct {
        const char *text;
        uint8_t flags;
        bool named;
    } cases[] = {
        {"accept arp", PBC_RULE_ARP | PBC_RULE_NOT_FRAMES, true},
        {"accept ether 0x0806", PBC_RULE_ARP | PBC_RULE_NOT_FRAMES, true},
        {"accept ether 0x0806, 0x88cc", PBC_RULE_ARP, true},
        {"accept vlan 5", 0, false},
        {"accept not ip", 0, false},
        {"do sub", PBC_RULE_ARP, false},
        {"do sub vlan 5", PBC_RULE_ARP, false},
        {"do sub tcp", 0, false},
        {"do sub ip", 0, false},
        {"do sub arp", PBC_RULE_ARP | PBC_RULE_NOT_FRAMES, true},
        {"drop tcp log", PBC_RULE_LOG, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compile c;

        rule(&c, cases[i].text);
        const struct pbc_rule *r = &c.image->rules[c.image->firewalls[0].rules];
        if (r->flags != cases[i].flags || !!(c.image->meta->flags & PBC_NAMES_ARP) != cases[i].named)
            fail_msg("%s: flags 0x%x", cases[i].text, r->flags);
        compile_fini(&c);
    }
}

static void address_lists_become_sets(void **state)
{
    struct compile c;

    (void)state;
    rule(&c, "drop from office; drop from office, other; drop to 10.0.0.0/8, 10.1.0.0-10.1.0.9; drop from office");
    const struct image *img = c.image;
    const struct pbc_rule *r = &img->rules[img->firewalls[0].rules];
    const struct pbc_cond *a = &img->conds[r[0].conds], *b = &img->conds[r[1].conds], *d = &img->conds[r[3].conds];
    assert_string_equal(image_str(img, a->name), "office");
    assert_string_equal(image_str(img, img->sets[a->first].name), "office");
    assert_int_equal(img->sets[a->first].place.line, 1);
    assert_int_equal(a->first, d->first); /* one set, once in the image */
    assert_int_equal(b->name, 0);
    assert_int_equal(b->count, 1);
    assert_int_equal(img->sets[b->first].count4, 2);
    assert_int_equal(img->sets[b->first].count6, 1);
    const struct pbc_range6 *six = &img->set6[img->sets[a->first].first6];
    assert_true(six->lo_hi == 0x20010db800000000u && six->lo_lo == 0 && six->hi_hi == 0x20010db8ffffffffu &&
                six->hi_lo == UINT64_MAX);
    compile_fini(&c);
}

static void verdicts_options_and_places(void **state)
{
    struct compile c;

    (void)state;
    rule(&c, "\n  reject tcp with rst log as NO comment \"never\"\n  do sub udp\n  log");
    const struct image *img = c.image;
    const struct pbc_rule *r = &img->rules[img->firewalls[0].rules];
    assert_int_equal(r[0].verdict, PBC_V_REJECT);
    assert_int_equal(r[0].answer, PBC_ANSWER_RST);
    assert_int_equal(r[0].flags, PBC_RULE_LOG);
    assert_string_equal(image_str(img, r[0].name), "NO");
    assert_string_equal(image_str(img, r[0].comment), "never");
    assert_int_equal(r[0].place.line, 6);
    assert_int_equal(r[0].place.col, 3);
    assert_int_equal(r[0].place.len, 6);
    assert_string_equal(image_str(img, r[0].place.file), "test.prey");
    assert_int_equal(r[1].verdict, PBC_V_DO);
    assert_int_equal(r[1].chain, 0);
    assert_int_equal(r[2].verdict, PBC_V_LOG);
    assert_int_equal(r[2].chain, PBC_NONE);
    assert_int_equal(img->chains[0].rule_count, 1);
    assert_int_equal(img->rules[img->chains[0].rules].list, PBC_LIST_CHAIN);
    compile_fini(&c);
}

static void firewalls_and_interfaces(void **state)
{
    struct compile c;

    (void)state;
    good(&c,
         "interface lan = \"eth0\"\ninterface inside = \"eth0\"\n"
         "firewall a on lan in default drop other frames pass { drop on inside, \"eth9\" }\n"
         "firewall b on \"eth0\" forward default reject { }\nfirewall d out default accept other frames drop { }\n");
    const struct image *img = c.image;
    assert_int_equal(img->ifaces_count, 2); /* one device, two names: one id */
    assert_string_equal(image_str(img, img->ifaces[0].name), "lan");
    assert_string_equal(image_str(img, img->ifaces[1].device), "eth9");
    assert_int_equal(img->ifaces[1].name, 0);
    assert_int_equal(img->firewalls[0].iface, 0);
    assert_int_equal(img->firewalls[1].iface, 0);
    assert_int_equal(img->firewalls[2].iface, PBC_NONE);
    assert_int_equal(img->firewalls[0].direction, PBC_DIR_IN);
    assert_int_equal(img->firewalls[1].direction, PBC_DIR_FORWARD);
    assert_int_equal(img->firewalls[2].direction, PBC_DIR_OUT);
    assert_int_equal(img->firewalls[0].other, PBC_OTHER_PASS);
    assert_int_equal(img->firewalls[1].other, PBC_OTHER_DEFAULT);
    assert_int_equal(img->firewalls[2].other, PBC_OTHER_DROP);
    assert_int_equal(img->firewalls[1].default_verdict, PBC_V_REJECT);
    assert_true(img->meta->flags & PBC_NEEDS_SELF);
    assert_int_equal(img->meta->rejects_per_s, 1000);
    compile_fini(&c);
}

static unsigned faults(const char *text, const char *code)
{
    struct compile c;
    char *said;

    front(&c, text);
    said = front_said(&c);
    const unsigned n = diags_errors(c.diags);
    if (n && !strstr(said, code)) fail_msg("%s: %s", code, said);
    free(said);
    compile_fini(&c);
    return n;
}

static void firewalls_that_overlap(void **state)
{
    static const char *const directions[] = {"", "in", "forward", "out"};
    static const unsigned frames[] = {3, 1, 2, 4};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 4; k++)
            for (unsigned on = 0; on < 4; on++) {
                char text[256];

                snprintf(text, sizeof(text), "firewall a %s %s default drop { }\nfirewall b %s %s default drop { }\n",
                         on & 1 ? "on \"x\"" : "", directions[i], on & 2 ? "on \"x\"" : "", directions[k]);
                const bool same = (on == 0 || on == 3) && frames[i] & frames[k];
                assert_int_equal(faults(text, "E0506"), same);
            }
}

static void chains_nest_sixteen_deep_and_no_deeper(void **state)
{
    (void)state;
    for (unsigned depth = 15; depth <= 18; depth++) {
        char text[2000], *end = text;

        for (unsigned i = 1; i < depth; i++) end += sprintf(end, "chain c%u { do c%u }\n", i, i + 1);
        sprintf(end, "chain c%u { drop tcp }\nfirewall f default accept { do c1 }\n", depth);
        assert_int_equal(faults(text, "E0505"), depth > 16);
    }
}

static void answers_with_rst_are_for_tcp(void **state)
{
    static const struct {
        const char *text;
        unsigned faults;
    } cases[] = {
        {"reject tcp with rst", 0},
        {"reject proto 6 with rst", 0},
        {"reject proto tcp port 5 with rst", 0},
        {"reject flags has syn with rst", 0},
        {"reject ip6 tcp with rst", 0},
        {"reject with rst", 1},
        {"reject tcp, udp with rst", 1},
        {"reject not tcp with rst", 1},
        {"reject proto 6, 17 with rst", 1},
        {"reject port 80 with rst", 1},
        {"reject not udp, sctp port 80 with rst", 0},
        {"reject from any with rst", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "firewall f default accept { %s }\n", cases[i].text);
        if (faults(text, "E0501") != cases[i].faults) fail_msg("%s", cases[i].text);
    }
}

/* 2,300 rules that name 30,000 ports each exceed the limit, which is reported once instead of for every later rule. */
static void expansion_is_told_once(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    fputs("ports p = 1", f);
    for (unsigned i = 1; i < 30000; i++) fprintf(f, ", %u", 2 * i + 1);
    fputs("\nfirewall f default accept {\n", f);
    for (unsigned i = 0; i < 2300; i++) fputs(" drop tcp port p, 2\n", f);
    fputs("}\n", f);
    fclose(f);
    assert_int_equal(faults(text, "E0614"), 2); /* the file's lists, and the firewall's */
    free(text);
}

/* Return how many entries at the list's end to skip: they take long with sanitizers, without testing anything new.
 * LONG=1 includes them. */
static size_t left_out(void)
{
#ifdef __SANITIZE_ADDRESS__
    const char *longer = getenv("LONG");
    return longer && *longer ? 0 : 1;
#else
    return 0;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_and_flags),
        cmocka_unit_test(which_rules_judge_arp),
        cmocka_unit_test(address_lists_become_sets),
        cmocka_unit_test(verdicts_options_and_places),
        cmocka_unit_test(firewalls_and_interfaces),
        cmocka_unit_test(firewalls_that_overlap),
        cmocka_unit_test(chains_nest_sixteen_deep_and_no_deeper),
        cmocka_unit_test(answers_with_rst_are_for_tcp),
        cmocka_unit_test(expansion_is_told_once),
    };

    return _cmocka_run_group_tests("tests", tests, sizeof(tests) / sizeof(tests[0]) - left_out(), NULL, NULL);
}
