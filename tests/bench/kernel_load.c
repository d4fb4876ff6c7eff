/* kernel_load: time to load programs into the kernel: its stages once, then judges of 1 to 100,000 rules that
 * replace each other, and the verification of each. Processor time, including the kernel's verifier. Skipped if
 * loading is not allowed. */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/compiler.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/prove.h"
#include "tests/lib/bench.h"
#include "tests/lib/ruleset.h"

enum { FEW = 300 /* rules of any list with SMALL */ };

/* Return the processor time of all threads. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
static double ms_since(uint64_t begin) { return (double)(cpu_ns() - begin) / 1e6; }

static struct program *compiled(const struct ruleset *rs)
{
    char *text = NULL, err[300];
    size_t len;
    FILE *f = open_memstream(&text, &len);
    struct compile c;
    if (!f) exit(2);
    ruleset_print(rs, f);
    fclose(f);
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, rs->name, text, len)) exit(2);
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    free(text);
    return p;
}

/* Return the number of instructions that the verifier processed. */
static uint32_t verified(const struct kernel *k, enum kernel_entry e)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    return bpf_obj_get_info_by_fd(kernel_program(k, e), &info, &len) ? 0 : info.verified_insns;
}

/* Prepare a program, verify it and put it in force. On a failure err gives the reason. */
static void load(struct kernel *k, const struct program *p, struct series *judged, struct series *proved,
                 struct proof *proof, char *err, size_t err_len)
{
    struct asker a;
    uint64_t begin = cpu_ns();
    struct judge *j = kernel_prepare(k, p, err, err_len);
    if (!j) return;
    series_add(judged, ms_since(begin));
    asker_init(&a, k, 0);
    a.judge = j;
    begin = cpu_ns();
    if (kernel_prove(&a, p, proof, err, err_len) || kernel_swap(k, j, err, err_len))
        kernel_discard(j);
    else
        series_add(proved, ms_since(begin));
}

/* Print a row; the name has `count`, even if SMALL reduces the list. */
static void put_row(const char *what, const char *list, uint32_t count, const struct series *ms, double goal)
{
    char name[120];
    snprintf(name, sizeof name, "%s: %s, %u rule%s", what, list, count, count == 1 ? "" : "s");
    bench_row(&(struct bench_row){name, "ms", ms, NULL, NULL, goal > 0 ? GOAL_VALUE : GOAL_NONE, goal});
}

static void judge_row(struct kernel *k, const struct ruleset *rs, uint32_t count, double goal)
{
    char err[400] = "";
    struct series judged = {0}, proved = {0};
    struct proof proof = {0};
    struct program *p = compiled(rs);
    for (unsigned i = 0; p && !*err && i < bench_size(count > 10000 ? 3 : bench_runs(), 1); i++)
        load(k, p, &judged, &proved, &proof, err, sizeof err);
    if (*err)
        bench_note("%s, %u rules: %s", rs->name, rs->count, err);
    else {
        put_row("into the kernel", rs->name, count, &judged, goal);
        put_row("proved", rs->name, count, &proved, count > 10000 ? 500 : 0);
        bench_note("%s, %u rules: %u instructions verified, %llu frames proved", rs->name, rs->count,
                   verified(k, KERNEL_ENTRY_judge_xdp), (unsigned long long)proof.frames);
    }
    program_put(p);
}

static void made_row(struct kernel *k, enum ruleset_kind kind, bool v6, uint32_t count, double goal)
{
    static const char *const names[] = {"acl", "fw", "ipc"};
    struct ruleset rs;
    ruleset_make(&rs, kind, v6, bench_size(count, FEW), 1);
    snprintf(rs.name, sizeof rs.name, "%s%s", names[kind], v6 ? ", IPv6" : "");
    judge_row(k, &rs, count, goal);
    ruleset_fini(&rs);
}

int main(void)
{
    char err[400];
    struct series ms = {0};
    struct kernel *k = NULL;
    struct ruleset one;
    ruleset_make(&one, RULES_ACL, false, 1, 1);
    struct program *p = compiled(&one);
    ruleset_fini(&one);
    for (unsigned i = 0; p && i < bench_size(3, 1); i++) {
        kernel_free(k);
        const uint64_t begin = cpu_ns();
        k = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC}, err, sizeof err);
        if (!k) break;
        series_add(&ms, ms_since(begin));
    }
    if (!k) return bench_note("%s", err), 0;
    bench_row(&(struct bench_row){"into the kernel: all stages but the judge", "ms", &ms, NULL, NULL, GOAL_NONE, 0});
    bench_note("look: %u, act: %u instructions verified", verified(k, KERNEL_ENTRY_look_xdp),
               verified(k, KERNEL_ENTRY_act_xdp));
    for (uint32_t n = 1; n <= 10000; n *= 10) made_row(k, RULES_ACL, false, n, n == 1 ? 3 : 0);
    static const char *const sets[] = {"acl1_100k_s1", "fw1_100k_s1", "ipc1_100k_s1"};
    for (unsigned kind = RULES_ACL; kind <= RULES_IPC; kind++) {
        struct ruleset rs;
        if (!bench_small() && ruleset_classbench(&rs, sets[kind])) {
            judge_row(k, &rs, rs.count, 500);
            ruleset_fini(&rs);
        } else
            made_row(k, kind, false, 100000, 500);
    }
    made_row(k, RULES_ACL, true, 100000, 500);
    kernel_free(k);
    program_put(p);
    return 0;
}
