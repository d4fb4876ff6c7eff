/* Maps that one process's kernel executor hands to another's (runtime/kernel/pass/): the checks, what continues,
 * what the receiver leaves unchanged, and the digest of the contents. Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/kernel/kernel_priv.h"
#include "runtime/kernel/pass/layout.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/kernel/prove.h"
#include "tests/lib/kernel_load.h"
#include "vm/flow/table/struct.h"

static struct program *program;

/* ---- the layout ---- */

/* Describe a struct with a member of that many bits at an offset, and a nested one; `last`: the value of an enum's
 * last word. */
static char *described(const char *name, uint32_t bits, const char *word, int last)
{
    unsigned missing;
    struct btf *b = btf__new_empty();
    assert_non_null(b);
    const int number = btf__add_int(b, "unsigned int", 4, 0), kinds = btf__add_enum(b, "kinds", 4);
    assert_int_equal(btf__add_enum_value(b, word, last), 0);
    const int inner = btf__add_struct(b, "inner", 8);
    assert_int_equal(btf__add_field(b, "one", number, 0, 0), 0);
    assert_int_equal(btf__add_field(b, "kind", kinds, 32, 0), 0);
    const int array = btf__add_array(b, number, inner, 3);
    const int leads = btf__add_ptr(b, inner);
    assert_true(btf__add_struct(b, "outer", 64) > 0);
    assert_int_equal(btf__add_field(b, name, array, 0, 0), 0);
    assert_int_equal(btf__add_field(b, "after", number, bits, 0), 0);
    assert_int_equal(btf__add_field(b, "leads", leads, 320, 0), 0);
    char *text = layout_text(b, "flat struct outer, and struct nowhere", &missing);
    assert_non_null(text);
    assert_int_equal(missing, 1);
    btf__free(b);
    return text;
}

static void differs(const char *like, char *text)
{
    assert_string_not_equal(like, text);
    free(text);
}

static void test_another_layout_differs(void **state)
{
    (void)state;
    char *one = described("first", 192, "WORD", 1), *same = described("first", 192, "WORD", 1);
    assert_string_equal(one, same);
    differs(one, described("other", 192, "WORD", 1));
    differs(one, described("first", 224, "WORD", 1));
    differs(one, described("first", 192, "WORT", 1));
    differs(one, described("first", 192, "WORD", 2));
    free(one);
    free(same);
}

static void test_all_that_lies_in_maps_is_described(void **state)
{
    (void)state;
    char err[200];
    uint8_t once[PBC_DIGEST_LEN], again[PBC_DIGEST_LEN];
    unsigned missing = 1;
    struct objects *o = objects_new(true, err, sizeof err);
    if (!o) skip();
    char *text = layout_text(o->types, layout_words(), &missing);
    assert_non_null(text);
    for (const char *at = text; (at = strstr(at, "\n? ")); at++)
        print_message("# %.*s\n", (int)strcspn(at + 3, "\n"), at + 3);
    assert_int_equal(missing, 0);
    static const char *const within[] = {"struct flow 64{",   "struct kernel_world ", "struct tcp_track ",
                                         "seen_ns@",          "struct kernel_meter ", "struct kernel_event_flow ",
                                         "struct flow_table "};
    for (unsigned i = 0; i < sizeof within / sizeof *within; i++)
        if (!strstr(text, within[i])) fail_msg("%s is not described", within[i]);
    free(text);
    objects_free(o);
    assert_true(kernel_layout(once) && kernel_layout(again));
    assert_memory_equal(once, again, sizeof once);
}

/* ---- the maps ---- */

static struct kernel *giver(void)
{
    char err[300];
    struct kernel *k = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_TC, .live = true}, err, sizeof err);
    if (!k && errno != EPERM && errno != ENOTSUP) fail_msg("%s", err);
    if (!k) print_message("# %s\n", err);
    if (k) assert_int_equal(kernel_load(k, program, err, sizeof err), 0);
    return k;
}

/* Return the kernel's maps, which the caller closes. */
static struct kernel_passed passed_by(const struct kernel *k)
{
    struct kernel_passed p = {.count = PASSED_FDS};
    int fds[PASSED_FDS];
    assert_int_equal(kernel_pass(k, 9, &p.says, fds), PASSED_FDS);
    for (unsigned i = 0; i < PASSED_FDS; i++) assert_true((p.fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0)) >= 0);
    return p;
}

static int look(const struct kernel_passed *p)
{
    char err[300] = "";
    const int failed = kernel_passed_look(p, program, err, sizeof err);
    assert_int_equal(!failed, !*err);
    return failed;
}

/* Any other map as descriptor `i` is rejected. */
static void test_whatever_is_no_such_map_is_refused(void **state)
{
    (void)state;
    struct kernel *k = giver();
    if (!k) skip();
    struct kernel_passed p = passed_by(k);
    assert_int_equal(look(&p), 0);
    LIBBPF_OPTS(bpf_map_create_opts, mapped, .map_flags = BPF_F_MMAPABLE);
    const int others[] = {open("/dev/zero", O_RDWR | O_CLOEXEC),
                          memfd_create("file", MFD_CLOEXEC),
                          bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 8, 4, NULL),
                          bpf_map_create(BPF_MAP_TYPE_ARRAY, "short", 4, 4096, 1, &mapped),
                          bpf_map_create(BPF_MAP_TYPE_ARRAY, "unmapped", 4, 4096, 1, NULL),
                          kernel_program(k, KERNEL_ENTRY_look_tc)};
    for (unsigned with = 0; with < sizeof others / sizeof *others; with++)
        for (unsigned i = 0; i < KERNEL_MAPS - 2; i++) {
            const int was = p.fds[i];
            struct bpf_map_info info = {0};
            uint32_t len = sizeof info;
            const bool like = with == 3 && !bpf_obj_get_info_by_fd(was, &info, &len) &&
                              info.type == BPF_MAP_TYPE_ARRAY && info.value_size == 4096;
            p.fds[i] = others[with];
            if (!like && !look(&p)) fail_msg("descriptor %u may be other %u", i, with);
            p.fds[i] = was;
        }
    for (unsigned i = 0; i + 1 < sizeof others / sizeof *others; i++) close(others[i]);
    assert_int_equal(look(&p), 0);
    kernel_passed_close(&p);
    kernel_free(k);
}

#define OTHERWISE(p, field, value)                                                                                     \
    do {                                                                                                               \
        struct kernel_passed other = *(p);                                                                             \
        other.field = (value);                                                                                         \
        if (!look(&other)) fail_msg("%s is not looked at", #field);                                                    \
    } while (0)

static void test_sizes_that_are_said_are_looked_at(void **state)
{
    (void)state;
    struct kernel *k = giver();
    if (!k) skip();
    struct kernel_passed p = passed_by(k);
    OTHERWISE(&p, says.sizes.flow_slots, p.says.sizes.flow_slots + 16);
    OTHERWISE(&p, says.sizes.flow_slots, p.says.sizes.flow_slots / 2);
    OTHERWISE(&p, says.sizes.flow_slots, 0);
    OTHERWISE(&p, says.sizes.flow_words, p.says.sizes.flow_words + 1);
    OTHERWISE(&p, says.sizes.flow_bound, p.says.sizes.flow_bound > 1 ? 1 : p.says.sizes.flow_slots);
    OTHERWISE(&p, says.sizes.cpus, p.says.sizes.cpus + 1);
    OTHERWISE(&p, says.sizes.counts, p.says.sizes.counts * 2);
    OTHERWISE(&p, says.sizes.counts, 0);
    OTHERWISE(&p, says.sizes.counts, UINT64_MAX);
    OTHERWISE(&p, says.sizes.counts,
              p.says.sizes.counts + (UINT64_C(1) << 60)); /* its size in bytes is a number beyond 2^64 */
    OTHERWISE(&p, says.sizes.source_slots, p.says.sizes.source_slots + 4096);
    OTHERWISE(&p, says.sizes.source_slots, p.says.sizes.source_slots + (UINT64_C(1) << 63));
    OTHERWISE(&p, says.sizes.splice_groups, UINT32_MAX);
    OTHERWISE(&p, says.sizes.made, p.says.sizes.made + 1);
    OTHERWISE(&p, says.program, p.says.program + 1);
    OTHERWISE(&p, says.hooks, 1u << 20);
    OTHERWISE(&p, says.asker, 16);
    OTHERWISE(&p, count, PASSED_FDS - 1);
    struct flow_head *flows = kernel_map(k, KERNEL_MAP_flow_head)->memory;
    flows->table.groups++;
    assert_int_not_equal(look(&p), 0);
    flows->table.groups--;
    struct kernel_program *rows = &kernel_world(k)->programs[p.says.program % KERNEL_PROGRAMS];
    rows->row *= 2;
    assert_int_not_equal(look(&p), 0);
    rows->row /= 2;
    rows->first = 4;
    assert_int_not_equal(look(&p), 0);
    rows->first = 0;
    assert_int_equal(look(&p), 0);
    kernel_passed_close(&p);
    kernel_free(k);
}

/* Sum the contents of the flat maps, except the packets of callers. */
static uint64_t sum_of(const struct kernel *k)
{
    uint64_t sum = 0;
    for (unsigned m = 0; m < KERNEL_MAPS; m++) {
        const struct map *v = kernel_map(k, m);
        if (m == KERNEL_MAP_kpkts || !v->memory) continue;
        for (size_t i = 0; i < v->len / 8; i++) sum = sum * 31 + ((const uint64_t *)v->memory)[i];
    }
    const struct judge_tables *t = &k->judge->tables;
    for (unsigned m = 0; m != KERNEL_TABLES; m++)
        for (size_t i = 0; i < t->v[m].len / 8; i++) sum = sum * 31 + ((const uint64_t *)t->v[m].memory)[i];
    return sum;
}

static uint32_t id_of(const struct kernel *k, enum kernel_map m)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    assert_int_equal(bpf_obj_get_info_by_fd(kernel_map(k, m)->fd, &info, &len), 0);
    return info.id;
}

/* A receiver is loaded, verified and in force in its own arrays, and nothing that it got has changed. */
static void test_a_taker_changes_nothing(void **state)
{
    (void)state;
    char err[300] = "";
    struct proof proof;
    struct kernel *k = giver();
    if (!k) skip();
    struct kernel_passed p = passed_by(k);
    kernel_world(k)->asked_ns = 0;
    const uint64_t before = sum_of(k);
    assert_int_equal(look(&p), 0);
    struct kernel *t =
        kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_TC, .live = true, .passed = &p}, err, sizeof err);
    if (!t) fail_msg("%s", err);
    struct judge *j = kernel_prepare(t, program, err, sizeof err);
    if (!j) fail_msg("%s", err);
    assert_int_equal(kernel_prover(t), 9);
    if (kernel_prove_prepared(t, j, program, &proof, err, sizeof err)) fail_msg("%s", err);
    assert_true(proof.frames > 100);
    assert_int_equal(kernel_swap(t, j, err, sizeof err), 0);
    kernel_world(k)->asked_ns = 0; /* the time of the verification */
    assert_int_equal(sum_of(k), before);
    for (unsigned m = 0; m < KERNEL_MAPS; m++) {
        const bool own = m == KERNEL_MAP_stages_xdp || m == KERNEL_MAP_stages_tc;
        assert_int_equal(id_of(t, m) != id_of(k, m), own);
    }
    /* The receiver's facts of the world go to a copy until it judges. */
    assert_int_equal(kernel_world_copy(t), 0);
    kernel_world(t)->number = 77;
    assert_int_not_equal(kernel_world(k)->number, 77);
    kernel_world_back(t);
    kernel_world(t)->number = 78;
    assert_int_equal(kernel_world(k)->number, 78);
    kernel_free(k);
    assert_true(kernel_prover(t) != 9);
    assert_int_equal(kernel_load(t, program, err, sizeof err), 0); /* it continues, and may reload */
    kernel_passed_close(&p);
    kernel_free(t);
}

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

int main(void)
{
    program = compiled("limits { flows 2000 }\n"
                       "meter tries = 3/s burst 3 per source\n"
                       "firewall f default drop {\n"
                       "  accept state established\n"
                       "  drop tcp to port 80 over tries\n"
                       "  accept udp state new\n"
                       "}\n");
    if (!program) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_layout_differs),
        cmocka_unit_test(test_all_that_lies_in_maps_is_described),
        cmocka_unit_test(test_whatever_is_no_such_map_is_refused),
        cmocka_unit_test(test_sizes_that_are_said_are_looked_at),
        cmocka_unit_test(test_a_taker_changes_nothing),
    };
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    program_put(program);
    return status;
}
