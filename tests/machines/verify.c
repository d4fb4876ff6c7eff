/* verify: load programs and say what the running kernel's verifier makes of them.
 *
 *   verify [-n COUNT] FOLDER|FILE.pbc|FILE.bpf.o...
 *
 * Of a folder all such files; with -n so many programs of it, evenly spread. The stages are loaded once, then the
 * judge of each program for both hooks, with the sweep of its meters, and then the proof at load is run on it. Without
 * -n the stages are also loaded as each kind of program wants them (with flows, flows that are sent on, flows counted
 * by source, proxies). A .bpf.o is loaded as it is. A line each says how many instructions the verifier looked at and
 * how long loading took, in milliseconds of the processor; of what is refused it shows the verifier's last lines, and
 * where the rules are. It takes nothing else of the project.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/kernel/prove.h"
#include "tests/lib/some_files.h"
#include "vm/program/program.h"

/* ---- figures ---- */

static const char *const entry_names[] = {
#define ENTRY(name, type, array, at, doc) #name,
#include "vm/kernel/entry.def"
};

/* The worst of a kind, and who was it. */
struct worst {
    double value;
    char who[200];
};

static void worst_of(struct worst *w, double value, const char *program, const char *of)
{
    if (value <= w->value) return;
    w->value = value;
    snprintf(w->who, sizeof w->who, "%s of %s", program, of);
}

static struct run {
    struct kernel *kernel;
    unsigned passed, failed, skipped;
    uint64_t frames;
    struct worst stage, judge, load;
} all;

/* Processor time of all threads. */
static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Instructions that the verifier looked at. */
static uint32_t looked_at(int fd)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.verified_insns;
}

/* A line's figures: "judge_xdp 1234, judge_tc 1240". */
struct figures {
    char text[400];
    size_t len;
};

static void figure(struct figures *f, struct worst *w, const char *program, const char *of, int fd)
{
    const uint32_t count = looked_at(fd);
    const int n =
        snprintf(f->text + f->len, sizeof f->text - f->len, "%s%s %" PRIu32, f->len ? ", " : "", program, count);
    if (n > 0 && f->len + (size_t)n < sizeof f->text) f->len += (size_t)n;
    worst_of(w, count, program, of);
}

/* ---- what the verifier says ---- */

enum { SHOWN = 20 /* lines */, SHOWN_WIDTH = 400 };

static const char *last_lines(const char *log, unsigned lines)
{
    const char *at = log + strlen(log);
    at -= at > log && at[-1] == '\n';
    while (at > log && !(at[-1] == '\n' && --lines == 0)) at--;
    return at;
}

static void show(const char *log)
{
    for (const char *at = last_lines(log, SHOWN), *end; *at; at = *end ? end + 1 : end) {
        end = strchrnul(at, '\n');
        printf("# | %.*s\n", end - at > SHOWN_WIDTH ? SHOWN_WIDTH : (int)(end - at), at);
    }
}

static void refused(const char *name, const char *log)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    printf("# %s is refused; the verifier's last lines:\n", name);
    show(log);
    pthread_mutex_unlock(&one_at_a_time);
}

/* ---- programs ---- */

static struct program *program_of(const char *path)
{
    char err[300] = "";
    struct program *p = program_load_file(path, err, sizeof err);
    if (!p) printf("not ok - %s # %s\n", path, err);
    if (!p) all.failed++;
    return p;
}

/* "drawn-17" of "net/drawn-17.pbc" */
static void name_of(const char *path, char name[100])
{
    const char *slash = strrchr(path, '/');
    snprintf(name, 100, "%s", slash ? slash + 1 : path);
    char *end = strstr(name, ".pbc");
    if (end) *end = 0;
}

static void say_refused(const char *path, const char *name, const char *err)
{
    printf("# its rules: %.*s.prey\nnot ok - %s # %s\n", (int)(strlen(path) - strlen(".pbc")), path, name, err);
    all.failed++;
}

static void judge(const char *path, const char *name, struct program *p)
{
    char err[700] = "";
    struct figures f = {.len = 0};
    struct proof proof = {0};
    kernel_place(all.kernel, p);
    const double begin = cpu_ms();
    struct judge *j = kernel_prepare(all.kernel, p, err, sizeof err);
    const double ms = cpu_ms() - begin;
    for (unsigned e = 0; j && e < KERNEL_ENTRIES; e++)
        if (kernel_prepared(j, e) >= 0) figure(&f, &all.judge, entry_names[e], name, kernel_prepared(j, e));
    const bool good = j && !kernel_prove_prepared(all.kernel, j, p, &proof, err, sizeof err);
    kernel_discard(j);
    all.frames += proof.frames;
    if (!good) {
        say_refused(path, name, err);
        return;
    }
    worst_of(&all.load, ms, "judges", name);
    all.passed++;
    printf("ok - %s # instructions looked at: %s; load ms %.1f; %" PRIu64 " frames proved\n", name, f.text, ms,
           proof.frames);
}

/* ---- stages ---- */

/* What stages are made for, as bits: it decides which maps they have and how long these are. */
enum wants {
    WANTS_FLOWS = 1,
    WANTS_SOURCES = 2,
    WANTS_PROXIES = 4,
    WANTS_BOUND = 8,
    WANTS_COPIES = 16,
    WANTS_SPLICES = 32,
    WANTS_ALL = 64
};
static unsigned wants_of(const struct program *p)
{
    const struct kernel_sizes s = kernel_sizes_of(p, 1);
    return (s.flow_slots > 1 ? WANTS_FLOWS : 0) | (s.source_slots ? WANTS_SOURCES : 0) |
           (p->proxies_count ? WANTS_PROXIES : 0) | (s.flow_bound > 1 ? WANTS_BOUND : 0) |
           (s.copies ? WANTS_COPIES : 0) | (s.splice_groups ? WANTS_SPLICES : 0);
}

/* By what they want, the program with the smallest flow table. */
struct kinds {
    char *path[WANTS_ALL];
    uint64_t slots[WANTS_ALL];
    const char *largest;
    uint32_t rules; /* of the largest */
};

static void kind_of(struct kinds *k, char *path)
{
    struct program *p = program_of(path);
    if (!p) return;
    const unsigned w = wants_of(p);
    const uint64_t slots = kernel_sizes_of(p, 1).flow_slots;
    if (!k->path[w] || slots < k->slots[w]) {
        k->path[w] = path;
        k->slots[w] = slots;
    }
    if (p->rules_count >= k->rules) {
        k->largest = path;
        k->rules = p->rules_count;
    }
    program_put(p);
}

static void say_stages(const struct kernel *k, const char *name, double ms)
{
    struct figures f = {.len = 0};
    for (unsigned e = 0; e < KERNEL_ENTRIES; e++)
        if (kernel_program(k, e) >= 0) figure(&f, &all.stage, entry_names[e], name, kernel_program(k, e));
    printf("ok - the stages, as %s wants them # instructions looked at: %s; load ms %.1f\n", name, f.text, ms);
    all.passed++;
}

/* NULL after saying why. */
static struct kernel *stages(const char *path)
{
    char err[700] = "", name[100];
    struct program *p = program_of(path);
    if (!p) return NULL;
    name_of(path, name);
    const double begin = cpu_ms();
    const struct kernel_cfg cfg = {.hooks = KERNEL_XDP | KERNEL_TC | KERNEL_BARE, .refused = refused};
    struct kernel *k = kernel_new(p, &cfg, err, sizeof err);
    const int failed = errno;
    if (k) {
        say_stages(k, name, cpu_ms() - begin);
    } else if (failed == EPERM || failed == ENOSYS) {
        printf("ok - the stages, as %s wants them # SKIP %s\n", name, err);
        all.skipped++;
    } else {
        say_refused(path, name, err);
    }
    program_put(p);
    return k;
}

/* Those for who wants most are kept, for judges. False: there are none. */
static bool all_stages(struct kinds *kinds, bool each)
{
    for (unsigned w = WANTS_ALL; w--;) {
        if (!kinds->path[w] || (all.kernel && !each)) continue;
        struct kernel *k = stages(kinds->path[w]);
        if (all.skipped) return false;
        if (all.kernel)
            kernel_free(k);
        else
            all.kernel = k;
    }
    return all.kernel;
}

/* Room for the counters of all, which is made by stages that are loaded again, is no time of a judge. */
static void make_room(const char *path)
{
    char err[700];
    struct program *p = program_of(path);
    if (p) kernel_discard(kernel_prepare(all.kernel, p, err, sizeof err));
    program_put(p);
}

/* ---- objects ---- */

static char said[1 << 16];
static size_t said_len;
static int keep_said(enum libbpf_print_level level, const char *format, va_list args)
{
    if (level == LIBBPF_DEBUG) return 0;
    const int n = vsnprintf(said + said_len, sizeof said - said_len, format, args);
    if (n > 0) said_len += (size_t)n < sizeof said - said_len ? (size_t)n : sizeof said - said_len - 1;
    return n;
}

/* A function of the kernel's that the object calls and this kernel has not, as it was said; NULL: that is not why. */
static const char *lacking(size_t *len)
{
    static const char before[] = "extern (func ksym) '";
    const char *at = strstr(said, before);
    if (!at || !strstr(at, "not found in kernel")) return NULL;
    at += sizeof before - 1;
    *len = strcspn(at, "'");
    return at;
}

static void say_object_refused(const char *path, int failed)
{
    size_t len = 0;
    const char *lacks = lacking(&len);
    if (lacks) {
        printf("ok - %s # SKIP this kernel has no %.*s\n", path, (int)len, lacks);
        return;
    }
    show(said);
    printf("not ok - %s # %s\n", path, strerror(-failed));
    all.failed++;
}

static void say_object(const char *path, const struct bpf_object *o, double ms)
{
    struct figures f = {.len = 0};
    struct bpf_program *p;
    bpf_object__for_each_program(p, o)
    {
        if (bpf_program__fd(p) >= 0) figure(&f, &all.stage, bpf_program__name(p), path, bpf_program__fd(p));
    }
    printf("ok - %s # instructions looked at: %s; load ms %.1f\n", path, f.text, ms);
    all.passed++;
}

/* Of a program that has a form for older kernels, NAME_old, one is left out: as runtime/io/steer/filter.c loads it. */
static bool leave_out(const struct bpf_object *o, bool old)
{
    struct bpf_program *p;
    bool any = false;
    bpf_object__for_each_program(p, o)
    {
        char name[100];
        snprintf(name, sizeof name, "%s_old", bpf_program__name(p));
        struct bpf_program *other = bpf_object__find_program_by_name(o, name);
        if (other) bpf_program__set_autoload(old ? p : other, false);
        any |= other != NULL;
    }
    return any;
}

/* *two: it has two forms. */
static int load_object(const char *path, bool old, struct bpf_object **o, bool *two)
{
    said_len = 0;
    said[0] = 0;
    *o = bpf_object__open_file(path, NULL);
    if (!*o) return -errno;
    *two = leave_out(*o, old);
    return bpf_object__load(*o);
}

static void object(const char *path)
{
    struct bpf_object *o;
    bool two = false;
    libbpf_set_print(keep_said);
    const double begin = cpu_ms();
    int failed = load_object(path, false, &o, &two);
    if (failed && two) {
        bpf_object__close(o);
        failed = load_object(path, true, &o, &two);
    }
    if (failed)
        say_object_refused(path, failed);
    else
        say_object(path, o, cpu_ms() - begin);
    bpf_object__close(o);
}

/* ---- all ---- */

static void programs(const struct some_files *files, bool each)
{
    struct kinds kinds = {.path = {NULL}};
    for (size_t i = 0; i < files->count; i++) kind_of(&kinds, files->paths[i]);
    if (!all_stages(&kinds, each)) return;
    make_room(kinds.largest);
    for (size_t i = 0; i < files->count; i++) {
        char name[100];
        struct program *p = program_of(files->paths[i]);
        name_of(files->paths[i], name);
        if (p) judge(files->paths[i], name, p);
        program_put(p);
        fflush(stdout);
    }
}

static void say_worst(const char *what, const struct worst *w)
{
    if (w->value > 0) printf("# %s: %.0f, %s\n", what, w->value, w->who);
}

int main(int argc, char **argv)
{
    struct some_files files = {.count = 0}, objects = {.count = 0};
    size_t part = 0;
    for (int i; (i = getopt(argc, argv, "n:")) != -1;)
        if (i == 'n')
            part = strtoul(optarg, NULL, 10);
        else
            return 2;
    for (int i = optind; i < argc; i++)
        some_files_add(&files, argv[i], ".pbc", part), some_files_add(&objects, argv[i], ".bpf.o", 0);
    if (files.count) programs(&files, !part);
    for (size_t i = 0; i < objects.count && !all.skipped; i++) object(objects.paths[i]);
    say_worst("most instructions looked at in a stage", &all.stage);
    say_worst("most instructions looked at in a judge", &all.judge);
    say_worst("longest load of a judge, ms", &all.load);
    printf("# %zu programs: %u passed, %u failed, %" PRIu64 " frames proved\n", files.count, all.passed, all.failed,
           all.frames);
    kernel_free(all.kernel);
    some_files_free(&files);
    some_files_free(&objects);
    return all.failed || !(all.passed || all.skipped) ? 1 : 0;
}
