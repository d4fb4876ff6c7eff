/* The stages' memory of a flow's decisions (vm/kernel/shapes.h): the judge is skipped while nothing changes, and the
 * memory ends when another program or another world begins. Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel/asker.h"
#include "runtime/kernel/run/facts.h"
#include "tests/lib/compiled.h"
#include "tests/lib/kernel_load.h"
#include "tests/lib/talk.h"
#include "vm/judge/decided.h"

enum { CLIENT = 0x0a000001, HERE = 0x0a000002, UDP = 17 };

static struct kernel *kernel;
static struct asker asker;
static struct kernel_facts pushed;
static uint64_t now_ns = 1000;

/* Load the rules. False: skipped. */
static bool begin(const char *rules)
{
    char err[300] = "";
    struct program *p = compiled_text(rules);
    assert_non_null(p);
    kernel = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (!kernel && errno != EPERM && errno != ENOTSUP) fail_msg("%s", err);
    if (!kernel) print_message("# %s\n", err);
    if (kernel) assert_int_equal(kernel_load(kernel, p, err, sizeof err), 0);
    program_put(p);
    if (kernel) asker_init(&asker, kernel, 0);
    pushed = (struct kernel_facts){0};
    return kernel;
}

static void reload(const char *rules)
{
    char err[300] = "";
    struct program *p = compiled_text(rules);
    assert_int_equal(kernel_load(kernel, p, err, sizeof err), 0);
    program_put(p);
}

/* Return the result of a datagram of the only flow, some time after the one before. */
static enum kernel_out datagram_with(bool back, uint8_t ttl)
{
    const struct talk t = {.src = back ? HERE : CLIENT,
                           .dst = back ? CLIENT : HERE,
                           .proto = UDP,
                           .ttl = ttl,
                           .src_port = back ? 53 : 4000,
                           .dst_port = back ? 4000 : 53,
                           .payload = 40};
    uint8_t bytes[TALK_FRAME_MAX];
    struct pkt pkt;
    struct kpkt *k;
    const uint32_t len = talk_build(&t, bytes);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    assert_int_equal(ask_frame(&asker, KERNEL_XDP, &pkt, now_ns += 10, &k), 0);
    return (enum kernel_out)k->out;
}

static enum kernel_out datagram(bool back) { return datagram_with(back, 64); }

static bool is_remembered(void)
{
    const struct flow *f = (const struct flow *)kernel_map(kernel, KERNEL_MAP_flow_slots)->memory + asker.k->seen.slot;
    return f->memo_iface[1];
}

/* Let both sides send, and then the client twice. */
static void make_established(void)
{
    assert_int_equal(datagram(false), KERNEL_PASS);
    datagram(true);
    for (unsigned i = 0; i < 2; i++) assert_int_equal(datagram(false), KERNEL_PASS);
    assert_true(is_remembered());
}

/* The rule has the same number, so its memo would have the same place. */
static void test_another_program(void **state)
{
    (void)state;
    static const char open[] = "limits { flows 100 }\nfirewall f default drop {\n"
                               "  accept state established as KNOWN\n  accept udp\n}\n";
    static const char shut[] = "limits { flows 100 }\nfirewall f default drop {\n"
                               "  accept tcp state established as KNOWN\n}\n";
    if (!begin(open)) skip();
    make_established();
    reload(shut);
    assert_int_equal(datagram(false), KERNEL_DROP);
    assert_int_equal(decided_rule(asker.k->decision), RULE_DEFAULT);
    assert_int_equal(datagram(false), KERNEL_DROP);
    reload(open);
    assert_int_equal(datagram(false), KERNEL_PASS);
    assert_int_equal(datagram(false), KERNEL_PASS);
    kernel_free(kernel);
}

/* An accepted packet that no memo covers doesn't bring back an earlier memo. */
static void test_a_rule_that_is_not_remembered(void **state)
{
    (void)state;
    if (!begin("limits { flows 100 }\nfirewall f default drop {\n  accept state established as KNOWN\n"
               "  accept udp\n}\n"))
        skip();
    make_established();
    reload("limits { flows 100 }\nfirewall f default drop {\n  accept tcp state established as KNOWN\n"
           "  accept udp ttl 64\n}\n");
    assert_int_equal(datagram(false), KERNEL_PASS);
    assert_int_equal(datagram_with(false, 3), KERNEL_DROP);
    kernel_free(kernel);
}

/* An address of this machine no longer belongs to it. */
static void test_another_world(void **state)
{
    (void)state;
    static const uint32_t own[] = {HERE, HERE + 1};
    const struct facts here = {.self4 = own, .self4_count = 2, .generation = 1},
                       gone = {.self4 = own + 1, .self4_count = 1, .generation = 2};
    if (!begin("limits { flows 100 }\nfirewall f in default drop {\n  accept state established as KNOWN\n"
               "  accept udp\n}\nfirewall g forward default drop {\n  accept tcp\n}\n"))
        skip();
    assert_int_equal(kernel_facts_push(&pushed, kernel, &here), 0);
    make_established();
    assert_int_equal(kernel_facts_push(&pushed, kernel, &gone), 0);
    assert_int_equal(datagram(false), KERNEL_DROP);
    kernel_free(kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_another_program),
                                       cmocka_unit_test(test_a_rule_that_is_not_remembered),
                                       cmocka_unit_test(test_another_world)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
