/* The linker and the loader with hand-made code: names are resolved, tables are found, and rejections have useful
 * messages. Skipped if eBPF programs may not be loaded. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>
#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/kernel/asker.h"
#include "runtime/kernel/kernel_priv.h"
#include "runtime/kernel/object/refused.h"

static struct program *program;
static struct kernel *kernel; /* NULL: not permitted here */

/* ---- instructions ---- */

enum { R0, R1, R2 };
#define INSN(...)              ((struct bpf_insn){__VA_ARGS__})
#define MOV(to, number)        INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to, .imm = number)
#define COPY(to, from)         INSN(.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from)
#define SUM(to, from)          INSN(.code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = to, .src_reg = from)
#define PLUS(to, number)       INSN(.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = to, .imm = number)
#define LESS(to, number, skip) INSN(.code = BPF_JMP | BPF_JLT | BPF_K, .dst_reg = to, .off = skip, .imm = number)
#define LOAD32(to, from, at)   INSN(.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = to, .src_reg = from, .off = at)
#define VALUE(to, add)         INSN(.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = to, .imm = add), INSN(.code = 0)
#define CALL                   INSN(.code = BPF_JMP | BPF_CALL)
#define EXIT                   INSN(.code = BPF_JMP | BPF_EXIT)

static const struct bpf_insn nothing[] = {MOV(R0, 0), EXIT};

/* A judge: judge_program, part, judge_services, which is never called, and the functions that audit needs. */
struct made {
    struct code_function functions[6];
    struct code code;
};

static void make(struct made *m, const struct bpf_insn *insns, uint32_t count, const struct code_ref *refs,
                 uint32_t ref_count)
{
    *m = (struct made){
        .functions = {{.name = "judge_program", .insns = insns, .count = count, .refs = refs, .ref_count = ref_count},
                      {.name = "part", .insns = nothing, .count = 2},
                      {.name = "judge_services", .insns = nothing, .count = 2},
                      {.name = "judge_would", .insns = nothing, .count = 2},
                      {.name = "would_begin", .insns = nothing, .count = 2},
                      {.name = "would_end", .insns = nothing, .count = 2}}};
    m->code = (struct code){.functions = m->functions, .count = 6};
}

/* Load it and put it in force. Returns the error line, or "". */
static const char *load(const struct made *m)
{
    static char err[400];
    struct judge *j = judge_begin();
    err[0] = 0;
    assert_non_null(j);
    if (load_code(kernel, program, &m->code, j, err, sizeof err) || kernel_swap(kernel, j, err, sizeof err))
        kernel_discard(j);
    return err;
}

static uint64_t decided(void)
{
    static const uint8_t frame[60];
    struct asker a;
    struct pkt pkt;
    struct key key = {.kind = KIND_IN};
    uint64_t decision;
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
    asker_init(&a, kernel, 0);
    assert_int_equal(ask_judge(&a, &key, &pkt, NULL, 5, &decision), 0);
    return decision;
}

static void assert_says(const char *line, const char *words)
{
    if (!strstr(line, words)) fail_msg("\"%s\" does not say \"%s\"", line, words);
}

/* ---- names ---- */

/* Test a table's entry, its mask, a constant and a call. */
static void test_names_are_filled_in(void **state)
{
    (void)state;
    if (!kernel) skip();
    const uint32_t line = offsetof(struct pbc_rule, place.line);
    const struct bpf_insn insns[] = {
        VALUE(R1, (int32_t)sizeof(struct pbc_rule)), /* the second rule's line: 2 */
        LOAD32(R0, R1, (int16_t)line),
        VALUE(R2, 100), /* the mask of three rules, and 100: 103 */
        SUM(R0, R2),
        VALUE(R2, 0), /* the program's serial */
        SUM(R0, R2),
        EXIT,
    };
    const struct code_ref refs[] = {{0, "table_rules"}, {3, "mask_rules"}, {6, "const_serial"}};
    struct made m;
    make(&m, insns, sizeof insns / sizeof *insns, refs, 3);
    assert_string_equal(load(&m), "");
    assert_int_equal(decided(), 2 + 103 + program->serial);
}

static void test_a_call_finds_its_function(void **state)
{
    (void)state;
    if (!kernel) skip();
    const struct bpf_insn insns[] = {CALL, PLUS(R0, 7), EXIT}, seven[] = {MOV(R0, 70), EXIT};
    const struct code_ref refs[] = {{0, "part"}};
    struct made m;
    make(&m, insns, 3, refs, 1);
    m.functions[1].insns = seven;
    assert_string_equal(load(&m), "");
    assert_int_equal(decided(), 77);
}

static void test_a_name_that_nobody_defines(void **state)
{
    (void)state;
    if (!kernel) skip();
    const struct bpf_insn insns[] = {VALUE(R0, 0), EXIT}, call[] = {CALL, EXIT};
    struct made m;
    make(&m, insns, 3, (const struct code_ref[]){{0, "table_of_contents"}}, 1);
    assert_says(load(&m), "internal error: the eBPF function `judge_program` uses `table_of_contents`, which isn't "
                          "defined; please report this with the rules");
    make(&m, call, 2, (const struct code_ref[]){{0, "somebody"}}, 1);
    assert_says(load(&m), "internal error: the eBPF function `judge_program` uses `somebody`, which isn't defined; "
                          "please report this with the rules");
}

static void test_one_name_for_two(void **state)
{
    (void)state;
    if (!kernel) skip();
    struct made m;
    make(&m, nothing, 2, NULL, 0);
    m.functions[1].name = "judge_program";
    assert_says(load(&m), "internal error: two eBPF functions have the name `judge_program`");
    m.functions[1].name = "act_xdp";
    assert_says(load(&m), "internal error: two eBPF functions have the name `act_xdp`");
}

/* ---- rejections ---- */

/* The earlier judge stays in force. */
static void test_the_verifier_refuses(void **state)
{
    (void)state;
    if (!kernel) skip();
    const struct bpf_insn five[] = {MOV(R0, 5), EXIT}, call[] = {CALL, EXIT};
    const struct bpf_insn beyond[] = {LOAD32(R0, R1, 32000), EXIT};
    struct made m;
    make(&m, five, 2, NULL, 0);
    assert_string_equal(load(&m), "");
    make(&m, call, 2, (const struct code_ref[]){{0, "part"}}, 1);
    m.functions[1].insns = beyond;
    const char *said = load(&m);
    assert_says(said, "the kernel's verifier rejects judge_xdp, in part: ");
    assert_says(said, "outside of the allowed memory range");
    assert_says(said, "--exec user");
    assert_int_equal(decided(), 5);
}

/* More steps than the verifier accepts: a loop of which it follows each turn. */
static void test_too_much_to_verify(void **state)
{
    (void)state;
    if (!kernel) skip();
    const struct bpf_insn insns[] = {MOV(R0, 0), PLUS(R0, 1), LESS(R0, 600000, -2), EXIT};
    struct made m;
    make(&m, insns, 4, NULL, 0);
    assert_says(load(&m), "the kernel's verifier gives up on the eBPF program `judge_xdp` (");
}

static void test_too_long(void **state)
{
    (void)state;
    if (!kernel) skip();
    enum { COUNT = 1000001 };
    struct bpf_insn *insns = malloc(COUNT * sizeof *insns);
    assert_non_null(insns);
    for (uint32_t i = 0; i < COUNT; i++) insns[i] = i + 1 < COUNT ? MOV(R0, 0) : EXIT;
    struct made m;
    make(&m, insns, COUNT, NULL, 0);
    assert_says(load(&m), "instructions, but the limit is 1,000,000; use --exec user");
    free(insns);
}

static void test_a_map_too_large(void **state)
{
    (void)state;
    if (!kernel) skip();
    char err[300];
    struct map m = {.fd = -1};
    const int failed = map_flat(&m, "large", 600u << 20);
    assert_int_equal(failed, -E2BIG);
    assert_int_equal(refused_map("large", m.len, failed, err, sizeof err), failed);
    assert_says(err, "large would take 601 MB, but eBPF programs can use at most 512 MB");
    refused_map("large", m.len, -ENOMEM, err, sizeof err);
    assert_says(err, "MemoryMax=");
    map_fini(&m);
}

/* Drop one capability: the message is the same as without all. */
static void without(unsigned right)
{
    char err[300] = "";
    capng_get_caps_process();
    if (right)
        capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, right, CAP_SYS_ADMIN, -1);
    else
        capng_clear(CAPNG_SELECT_CAPS);
    if (capng_apply(CAPNG_SELECT_CAPS)) _exit(1);
    errno = 0;
    const struct kernel *k = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    _exit(k || errno != EPERM || !strstr(err, "the capabilities BPF, NET_ADMIN and PERFMON; use --exec user") ? 2 : 0);
}

static void test_no_rights(void **state)
{
    (void)state;
    static const unsigned rights[] = {0, CAP_PERFMON, CAP_NET_ADMIN};
    if (!kernel) skip();
    for (unsigned i = 0; i < sizeof rights / sizeof *rights; i++) {
        int status = -1;
        const pid_t child = fork();
        if (!child) without(rights[i]);
        assert_true(child > 0 && waitpid(child, &status, 0) == child);
        assert_int_equal(status, 0);
    }
}

/* ---- one after the other ---- */

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* Judges come and go while frames are judged: one of them decides each, and data that outlives them stays. */
struct asking {
    atomic_bool ends;
    unsigned asked, wrong, failed;
};
static void *ask_on(void *arg)
{
    static const uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xcc};
    struct asking *all = arg;
    struct asker a;
    struct pkt pkt;
    struct kpkt *k;
    pkt_view(&pkt, frame, sizeof frame, sizeof frame, LINK_ETHER, 0);
    asker_init(&a, kernel, 1);
    while (!atomic_load(&all->ends) || all->asked < 100) {
        const bool failed = ask_frame(&a, KERNEL_XDP, &pkt, 5, &k);
        all->failed += failed;
        all->wrong += !failed && k->decision != 5 && k->decision != 7;
        all->asked++;
    }
    return NULL;
}

static void test_judges_change_under_frames(void **state)
{
    (void)state;
    if (!kernel) skip();
    const struct bpf_insn five[] = {MOV(R0, 5), EXIT}, seven[] = {MOV(R0, 7), EXIT};
    struct made of[2];
    struct asking asking = {0};
    pthread_t thread;
    make(&of[0], five, 2, NULL, 0);
    make(&of[1], seven, 2, NULL, 0);
    assert_string_equal(load(&of[0]), "");
    const struct kpkt *kpkts = kernel_kpkts(kernel);
    const unsigned descriptors = open_descriptors();
    assert_int_equal(pthread_create(&thread, NULL, ask_on, &asking), 0);
    for (unsigned i = 1; i <= 200; i++) assert_string_equal(load(&of[i % 2]), "");
    atomic_store(&asking.ends, true);
    pthread_join(thread, NULL);
    assert_int_equal(asking.wrong, 0);
    assert_int_equal(asking.failed, 0);
    assert_ptr_equal(kernel_kpkts(kernel), kpkts);
    assert_int_equal(open_descriptors(), descriptors);
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

int main(void)
{
    char err[300];
    program = compiled("firewall f default drop { accept tcp port 80\naccept udp port 53\naccept tcp port 22 }");
    if (!program) return 1;
    kernel = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP}, err, sizeof err);
    if (!kernel && errno != EPERM && errno != ENOTSUP) return print_error("# %s\n", err), 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_filled_in),
        cmocka_unit_test(test_a_call_finds_its_function),
        cmocka_unit_test(test_a_name_that_nobody_defines),
        cmocka_unit_test(test_one_name_for_two),
        cmocka_unit_test(test_the_verifier_refuses),
        cmocka_unit_test(test_too_much_to_verify),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_a_map_too_large),
        cmocka_unit_test(test_no_rights),
        cmocka_unit_test(test_judges_change_under_frames),
    };
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    kernel_free(kernel);
    program_put(program);
    return status;
}
