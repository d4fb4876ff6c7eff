/* Frames drawn from a loaded program's rules (judge/draw.h): corners match, a frame for missing one condition misses
 * it, and a seed determines the frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "vm/judge/draw.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

/* One rule per line, each with different kinds of conditions. */
static const char rules[] = "interface lan = \"eth1\"\n"
                            "schedule work = mon-fri 08:00-18:00\n"
                            "firewall f default drop {\n"
                            "  drop tcp from 10.0.0.0/8, 2001:db8::/32 to port 80-90, 443 on lan flags has syn\n"
                            "  drop icmp type echo-request code 0\n"
                            "  drop proto 47\n"
                            "  drop ether 0x88cc\n"
                            "  drop vlan 7 inner 9\n"
                            "  drop ether from 02:00:00:00:00:01\n"
                            "  drop udp source port 53 ttl 3-5\n"
                            "  drop ip dscp ef length 100-200\n"
                            "  drop ip options any\n"
                            "  drop ip, ip6 fragment later\n"
                            "  drop icmp6 type nd\n"
                            "  drop state related, invalid\n"
                            "  drop ip6 from self\n"
                            "  drop udp during work\n"
                            "  drop udp bytes payload at 4 is x\"c0de\"\n"
                            "  accept arp\n"
                            "}\n";

static struct program *load(void)
{
    struct compile c;
    char why[256];

    compile_init(&c);
    c.doubts = 0;
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    struct program *p = program_load(c.pbc, c.pbc_len, why, sizeof(why));
    assert_non_null(p);
    compile_fini(&c);
    return p;
}

static struct frame_draw draw_of(const struct program *p, uint64_t seed)
{
    struct frame_draw d = {.program = p, .seed = seed, .bytes = malloc(FRAME_MOST)};

    assert_non_null(d.bytes);
    return d;
}

/* Count the rule's conditions that the frame matches. */
static uint32_t met(const struct frame_draw *d, uint32_t rule)
{
    const struct pbc_rule *r = &d->program->rules[rule];
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->cond_count; i++)
        n += cond_match(d->program, &d->program->conds[r->conds + i], &d->key, &d->pkt);
    return n;
}

/* Count the frames, of those drawn for the rule except `beside`, that match that many conditions. */
static unsigned count(struct frame_draw *d, uint32_t rule, uint32_t beside, uint32_t conds)
{
    struct frame_wish w;
    unsigned n = 0;

    for (unsigned i = 0; i < 200; i++) {
        draw_rule(d, rule, beside, (enum corner)(i % 3), &w);
        n += draw_frame(d, &w) && met(d, rule) == conds;
    }
    return n;
}

static void test_rules_hold(void **state)
{
    (void)state;
    struct program *p = load();
    struct frame_draw d = draw_of(p, 1);

    for (uint32_t rule = 0; rule < p->rules_count; rule++)
        if (count(&d, rule, PBC_NONE, p->rules[rule].cond_count) < 60)
            fail_msg("rule %u: too few of its frames meet its conditions", rule);
    free(d.bytes);
    program_put(p);
}

static void test_one_is_missed(void **state)
{
    (void)state;
    struct program *p = load();
    struct frame_draw d = draw_of(p, 2);
    const uint32_t rule = 6, conds = p->rules[rule].cond_count; /* source port and TTL */

    assert_int_equal(conds, 3);
    for (uint32_t beside = 0; beside < conds; beside++)
        if (count(&d, rule, beside, conds - 1) < 20) fail_msg("condition %u is not missed by itself", beside);
    free(d.bytes);
    program_put(p);
}

static uint64_t sum_of(const struct program *p, uint64_t seed)
{
    struct frame_draw d = draw_of(p, seed);
    struct frame_wish w;
    uint64_t sum = 0;

    for (unsigned i = 0; i < 500; i++) {
        draw_any(&d, &w);
        if (!draw_frame(&d, &w)) continue;
        for (unsigned k = 0; k < 8; k++) sum = sum * 31 + d.key.word[k];
    }
    assert_true(d.frames > 300);
    free(d.bytes);
    return sum;
}

static void test_seeds(void **state)
{
    (void)state;
    struct program *p = load();

    assert_true(sum_of(p, 7) == sum_of(p, 7));
    assert_true(sum_of(p, 7) != sum_of(p, 8));
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules_hold), cmocka_unit_test(test_one_is_missed),
                                       cmocka_unit_test(test_seeds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
