/* Decisions that the kernel remembers for a flow: remembered packets skip the judge, and none is decided by the
 * former program or world. Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel/asker.h"
#include "tests/lib/compiled.h"
#include "tests/lib/kernel_load.h"
#include "vm/packet/wire.h"

enum { FRAME = 60, MS = 1000000 };
static struct kernel *kernel;
static struct asker asker;
static uint64_t now_ns;

static void frame_of(uint8_t f[FRAME], bool answers)
{
    memset(f, 0, FRAME);
    f[0] = f[6] = 2;
    f[5] = 1;
    wire_put16(f + 12, 0x0800);
    wire_put64(f + 14, 0x4500002e00000000);
    wire_put32(f + 22, 0x40110000);
    wire_put32(f + 26, answers ? 0x0a000002 : 0x0a000001);
    wire_put32(f + 30, answers ? 0x0a000001 : 0x0a000002);
    wire_put32(f + 34, answers ? 53 << 16 | 1000 : 1000 << 16 | 53);
    wire_put16(f + 38, 26);
    wire_put16(f + 24, csum_of(f + 14, 20));
}

/* Run a packet of the flow, a millisecond later. True if it was remembered: its head is copied only for the judge. */
static bool is_told(bool answers, enum kernel_out out, uint32_t rule)
{
    uint8_t f[FRAME];
    struct pkt pkt;
    struct kpkt *k;
    frame_of(f, answers);
    pkt_view(&pkt, f, FRAME, FRAME, LINK_ETHER, 0);
    memset(asker.k->head, 0xee, FRAME);
    assert_int_equal(ask_frame(&asker, KERNEL_XDP, &pkt, now_ns += MS, &k), 0);
    assert_int_equal(k->out, out);
    assert_int_equal(k->verdict.rule, rule);
    return k->head[0] == 0xee;
}

static void put_in_force(struct program *p)
{
    char err[300] = "";
    assert_non_null(p);
    if (kernel_load(kernel, p, err, sizeof err)) fail_msg("%s", err);
}

/* Send the first three datagrams of each side, which the judge decides (young); what they leave holds for the
 * fourth. */
static void both_speak(uint32_t first, uint32_t rule)
{
    assert_false(is_told(false, KERNEL_PASS, first));
    for (unsigned n = 0; n < 3; n++) assert_false(is_told(true, KERNEL_PASS, rule));
    for (unsigned n = 1; n < 3; n++) assert_false(is_told(false, KERNEL_PASS, rule));
    assert_true(is_told(false, KERNEL_PASS, rule));
    assert_true(is_told(true, KERNEL_PASS, rule));
}

static void told_until_something_changes(void **state)
{
    (void)state;
    char err[300] = "";
    struct program *a = compiled_text("firewall f default drop { accept state established\n accept udp }"),
                   *b = compiled_text("firewall f default drop { drop udp\n accept state established }"),
                   *c = compiled_text("firewall f default drop { accept tcp port 9\n accept state established }");
    kernel = kernel_new(a, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (!kernel && (errno == EPERM || errno == ENOTSUP)) skip();
    if (!kernel) fail_msg("%s", err);
    asker_init(&asker, kernel, 0);
    now_ns = 1000 * (uint64_t)1000000000;
    put_in_force(a);
    both_speak(1, 0);
    kernel_remember_nothing(kernel); /* facts change */
    assert_false(is_told(false, KERNEL_PASS, 0));
    assert_false(is_told(false, KERNEL_PASS, 0));
    kernel_remember(kernel);
    assert_false(is_told(false, KERNEL_PASS, 0));
    assert_true(is_told(false, KERNEL_PASS, 0));
    assert_false(is_told(true, KERNEL_PASS, 0)); /* each side separately */
    put_in_force(b);
    assert_false(is_told(false, KERNEL_DROP, 0));
    assert_false(is_told(true, KERNEL_DROP, 0));
    put_in_force(c);
    assert_false(is_told(true, KERNEL_PASS, 1));
    assert_true(is_told(true, KERNEL_PASS, 1));
    assert_false(is_told(false, KERNEL_PASS, 1));
    kernel_world(kernel)->sample = 1000; /* an observer looks at packets */
    assert_false(is_told(true, KERNEL_PASS, 1));
    kernel_free(kernel);
    program_put(a);
    program_put(b);
    program_put(c);
}

/* Packets sent where rules only judge arriving ones, and the reverse. */
static void nobodys_is_remembered(void **state)
{
    (void)state;
    char err[300] = "";
    struct program *p = compiled_text("firewall f out default drop { accept state established }");
    kernel = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (!kernel && (errno == EPERM || errno == ENOTSUP)) skip();
    if (!kernel) fail_msg("%s", err);
    asker_init(&asker, kernel, 0);
    put_in_force(p);
    both_speak(RULE_NONE, RULE_NONE);
    kernel_free(kernel);
    program_put(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(told_until_something_changes),
                                       cmocka_unit_test(nobodys_is_remembered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
