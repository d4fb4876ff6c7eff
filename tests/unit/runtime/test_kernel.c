/* Stages in the kernel: loading them, a frame through them, one program after the other. Skipped if eBPF programs
 * may not be loaded. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cap-ng.h>
#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/asker.h"
#include "runtime/kernel/run/told_vips.h"
#include "tests/lib/kernel_load.h"
#include "vm/kernel/shapes.h"

static struct program *plain;

/* Load the stages. NULL: skipped. */
static struct kernel *made(unsigned hooks)
{
    char err[300];
    struct kernel *k = kernel_new(plain, &(struct kernel_cfg){.hooks = hooks}, err, sizeof err);
    if (!k && errno != EPERM && errno != ENOTSUP) fail_msg("%s", err);
    if (!k) print_message("# %s\n", err);
    return k;
}

static const uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46};

static void ask(struct kernel *k, enum kernel_hook hook, uint32_t len)
{
    struct asker a;
    struct kpkt *p;
    struct pkt pkt;
    pkt_view(&pkt, frame, len, len, LINK_ETHER, 0);
    asker_init(&a, k, 3);
    assert_int_equal(ask_frame(&a, hook, &pkt, 5, &p), 0);
    assert_int_equal(p->out, len < 14 ? KERNEL_DROP : KERNEL_PASS);
    assert_int_equal(p->now_ns, 5);
    assert_int_equal(!!(p->flags & KERNEL_JUDGED), len >= 14); /* malformed frames are not judged */
    assert_int_equal(p->pkt.reason, len < 14 ? REASON_SHORT_ETHERNET : REASON_NONE);
    assert_int_equal(p->program, kernel_world(k)->program);
    assert_memory_equal(p->head, frame, len);
    assert_int_equal(a.len, len);
    assert_memory_equal(a.frame, frame, len);
}

/* The judge alone runs on a key that is no frame's. */
static void test_the_judge_is_asked_alone(void **state)
{
    (void)state;
    char err[300] = "";
    struct kernel *k = made(KERNEL_XDP);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    struct asker a;
    struct pkt pkt;
    struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS | KIND_IN};
    uint64_t decision;
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
    asker_init(&a, k, 1);
    assert_int_equal(ask_judge(&a, &key, &pkt, NULL, 5, &decision), 0);
    assert_memory_equal(&a.k->key, &key, sizeof key);
    assert_true(a.k->flags & KERNEL_DRY);
    kernel_free(k);
}

/* The word that settled routes are written to stays unchanged. */
static void test_a_program_without_routes_settles_no_ways(void **state)
{
    enum { UNTOUCHED = 4242 };
    (void)state;
    char err[300] = "";
    struct kernel *k = made(KERNEL_XDP);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    struct asker a;
    struct kpkt *p;
    struct pkt pkt;
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
    asker_init(&a, k, 3);
    a.k->way = UNTOUCHED;
    assert_int_equal(ask_frame(&a, KERNEL_XDP, &pkt, 5, &p), 0);
    assert_true(p->flags & KERNEL_JUDGED);
    assert_int_equal(p->way, UNTOUCHED);
    kernel_free(k);
}

static void test_a_frame_meets_all_stages(void **state)
{
    (void)state;
    char err[300] = "";
    struct kernel *k = made(KERNEL_XDP | KERNEL_TC);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    ask(k, KERNEL_XDP, sizeof frame);
    ask(k, KERNEL_TC, sizeof frame);
    ask(k, KERNEL_IN, sizeof frame);
    ask(k, KERNEL_XDP, 3);
    ask(k, KERNEL_TC, 0);
    kernel_free(k);
}

/* Hooks as with traffic control taking arriving packets on all interfaces. */
static void test_nothing_is_loaded_for_xdp(void **state)
{
    (void)state;
    char err[300] = "";
    struct asker a;
    struct pkt pkt;
    struct key key = {.kind = KIND_IP4 | KIND_TCP | KIND_PORTS | KIND_IN};
    uint64_t decision;
    struct kernel *k = made(KERNEL_TC);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    assert_int_equal(kernel_program(k, KERNEL_ENTRY_look_xdp), -1);
    ask(k, KERNEL_IN, sizeof frame);
    ask(k, KERNEL_TC, sizeof frame);
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
    asker_init(&a, k, 1);
    assert_int_equal(ask_judge(&a, &key, &pkt, NULL, 5, &decision), 0);
    kernel_free(k);
}

static void test_one_program_after_the_other(void **state)
{
    (void)state;
    char err[300] = "";
    struct kernel *k = made(KERNEL_XDP);
    if (!k) skip();
    assert_int_equal(kernel_program(k, KERNEL_ENTRY_look_tc), -1);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
        assert_int_equal(kernel_world(k)->program, plain->serial);
        ask(k, KERNEL_XDP, sizeof frame);
    }
    kernel_free(k);
}

/* The stages keep their facts about the current program, regardless of programs prepared since. */
static void test_programs_that_are_not_put_in_force(void **state)
{
    (void)state;
    char err[300] = "";
    struct kernel *k = made(KERNEL_XDP);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    const struct kernel_program before = *kernel_rows(k);
    const uint64_t serial = plain->serial;
    for (unsigned i = 0; i < 2 * KERNEL_PROGRAMS; i++) {
        plain->serial = program_serial();
        kernel_place(k, plain);
        struct judge *j = kernel_prepare(k, plain, err, sizeof err);
        assert_non_null(j);
        kernel_discard(j);
        assert_memory_equal(kernel_rows(k), &before, sizeof before);
    }
    plain->serial = serial;
    kernel_free(k);
}

/* Run as root without a capability, which may load nothing but got descriptors. arrives: the hook for that. */
static void adopted(const struct kernel *giver, const struct judge *next, enum kernel_hook arrives)
{
    int fds[KERNEL_FDS_MOST], of_judge[JUDGE_FDS_MOST];
    const unsigned count = kernel_fds(giver, fds), judges = judge_fds(next, of_judge);
    for (unsigned i = 0; i < count; i++) fds[i] = dup(fds[i]);
    for (unsigned i = 0; i < judges; i++) of_judge[i] = dup(of_judge[i]);
    capng_clear(CAPNG_SELECT_BOTH);
    assert_int_equal(capng_apply(CAPNG_SELECT_BOTH), 0);
    struct kernel *k = kernel_adopt(plain, NULL, kernel_hooks(giver), fds, count);
    assert_non_null(k);
    struct judge *j = judge_adopt(k, plain, of_judge, judges);
    assert_non_null(j);
    ask(k, arrives, sizeof frame); /* by the current one */
    kernel_took(k, j);
    ask(k, KERNEL_TC, sizeof frame);
    const int first = dup2(STDERR_FILENO, 0); /* descriptor 0, easily mistaken for none */
    kernel_free(k);
    assert_int_equal(fcntl(first, F_GETFD), 0);
}

static void another_process(unsigned hooks, enum kernel_hook arrives)
{
    char err[300] = "";
    int status;
    struct kernel *k = made(hooks);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    struct judge *next = kernel_prepare(k, plain, err, sizeof err);
    assert_non_null(next);
    const pid_t child = fork();
    if (!child) {
        adopted(k, next, arrives);
        _exit(7);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_int_equal(kernel_swap(k, next, err, sizeof err), 0);
    ask(k, arrives, sizeof frame);
    kernel_free(k);
}

static void test_another_process(void **state)
{
    (void)state;
    another_process(KERNEL_XDP | KERNEL_TC, KERNEL_XDP);
    another_process(KERNEL_TC, KERNEL_IN);
    another_process(KERNEL_TC | KERNEL_BARE, KERNEL_IN);
}

/* The giver names more hooks than it gave descriptors for, or none. */
static void test_another_process_with_other_hooks(void **state)
{
    (void)state;
    char err[300] = "";
    int fds[KERNEL_FDS_MOST];
    struct kernel *k = made(KERNEL_TC);
    if (!k) skip();
    assert_int_equal(kernel_load(k, plain, err, sizeof err), 0);
    for (unsigned i = 0; i < 2; i++) {
        const unsigned hooks = i ? KERNEL_XDP | KERNEL_TC : 0;
        const unsigned count = kernel_fds(k, fds);
        for (unsigned fd = 0; fd < count; fd++) fds[fd] = dup(fds[fd]);
        assert_null(kernel_adopt(plain, NULL, hooks, fds, count));
        assert_int_equal(fcntl(fds[0], F_GETFD), -1); /* they are closed */
    }
    kernel_free(k);
}

/* Compile, or print the reason and return NULL. */
static struct program *compiled(const char *rules)
{
    char err[300] = "";
    struct compile c;
    compile_init(&c);
    const bool good = !compile_text(&c, "test", rules, strlen(rules));
    if (!good) diags_print_text(c.diags, stderr, false);
    struct program *p = good ? program_load(c.pbc, c.pbc_len, err, sizeof err) : NULL;
    if (good && !p) print_error("# %s\n", err);
    compile_fini(&c);
    return p;
}

/* With some numbers of flows, some arrays have exactly a power of two, and others a little more. */
static void test_flows_of_a_power_of_two(void **state)
{
    (void)state;
    char err[300] = "";
    struct program *p = compiled("limits { flows 65536 }\nfirewall f default drop { accept state established }");
    assert_non_null(p);
    struct kernel *k = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (!k && (errno == EPERM || errno == ENOTSUP)) {
        program_put(p);
        skip();
    }
    if (!k) fail_msg("%s", err);
    kernel_free(k);
    program_put(p);
}

/* Up to a number of service addresses, user space can reply for them. */
static void test_addresses_that_are_told(void **state)
{
    (void)state;
    struct kernel *k = made(KERNEL_XDP);
    if (!k) skip();
    const int map = kernel_map(k, KERNEL_MAP_told)->fd;
    const struct pbc_service service = {0};
    struct pbc_endpoint *all = calloc(KERNEL_TOLD_MOST + 1, sizeof *all);
    struct program many = *plain;
    struct kernel_told one;
    assert_non_null(all);
    for (uint32_t i = 0; i <= KERNEL_TOLD_MOST; i++)
        all[i] = (struct pbc_endpoint){.to = PBC_TO_ADDRESS, .family = 4, .addr = {0x0a000000 + 2 * i}};
    many.services = &service;
    many.endpoints = all;
    many.endpoints_count = KERNEL_TOLD_MOST + 1;
    told_add(k, &many); /* one too many: none is searched for */
    assert_int_equal(kernel_world(k)->tells_all, 1);
    assert_int_not_equal(bpf_map_get_next_key(map, NULL, &one), 0);
    kernel_world(k)->tells_all = 0;
    many.endpoints_count = KERNEL_TOLD_MOST;
    told_add(k, &many);
    assert_int_equal(kernel_world(k)->tells_all, 0);
    assert_int_equal(bpf_map_get_next_key(map, NULL, &one), 0);
    free(all);
    kernel_free(k);
}

int main(void)
{
    plain = compiled("firewall f default accept { drop tcp port 80 }");
    if (!plain) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_meets_all_stages),
        cmocka_unit_test(test_nothing_is_loaded_for_xdp),
        cmocka_unit_test(test_the_judge_is_asked_alone),
        cmocka_unit_test(test_a_program_without_routes_settles_no_ways),
        cmocka_unit_test(test_one_program_after_the_other),
        cmocka_unit_test(test_programs_that_are_not_put_in_force),
        cmocka_unit_test(test_another_process),
        cmocka_unit_test(test_another_process_with_other_hooks),
        cmocka_unit_test(test_flows_of_a_power_of_two),
        cmocka_unit_test(test_addresses_that_are_told),
    };
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    program_put(plain);
    return status;
}
