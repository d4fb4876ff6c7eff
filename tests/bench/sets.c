/* sets FOLDER: address sets of 100,000 and 1,000,000 members. A user's time: preyc on a file of them against nft
 * loading the same members in a separate network namespace, each a process; also the program's size and the time to
 * load it. A packet's time: a single look-up, and a batch's look-ups, against a plain open-addressing hash of the
 * same addresses. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/bench.h"
#include "tests/lib/child.h"
#include "tests/lib/rng.h"
#include "vm/judge/effects.h"

enum { PATH = 4200, FEW = 3000 /* members of any set with SMALL */ };
static unsigned queries, process_runs;

/* V4: single addresses. V6: networks and addresses in few providers' blocks. MIXED: both, some of them nested
 * prefixes. */
enum shape { V4, V6, MIXED };
static const char *const shape_name[] = {[V4] = "IPv4 addresses", [V6] = "IPv6 prefixes", [MIXED] = "mixed prefixes"};

static void v4_write(FILE *f, struct rng *r, unsigned len)
{
    const uint32_t a = (uint32_t)rng_next(r) & (uint32_t)(~0ull << (32 - len));
    fprintf(f, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    if (len < 32) fprintf(f, "/%u", len);
}

static void v6_write(FILE *f, struct rng *r)
{
    static const unsigned lengths[] = {48, 56, 64, 64, 128};
    const unsigned len = lengths[rng_below(r, 5)];
    uint64_t upper = rng_next(r), lower = len == 128 ? rng_next(r) : 0;
    upper = (upper >> 32) | (uint64_t)(0x2a000000 + rng_below(r, 4096) * 16) << 32;
    if (len < 64) upper &= ~0ull << (64 - len);
    fprintf(f, "%x:%x:%x:%x:%x:%x:%x:%x", (unsigned)(upper >> 48), (unsigned)(upper >> 32 & 0xffff),
            (unsigned)(upper >> 16 & 0xffff), (unsigned)(upper & 0xffff), (unsigned)(lower >> 48),
            (unsigned)(lower >> 32 & 0xffff), (unsigned)(lower >> 16 & 0xffff), (unsigned)(lower & 0xffff));
    if (len < 128) fprintf(f, "/%u", len);
}

/* Write the i-th member. Both files draw the same ones. */
static void member_write(FILE *f, enum shape shape, struct rng *r, unsigned i)
{
    static const unsigned lengths[] = {16, 20, 24, 24, 24, 28, 32, 32, 32, 32};
    if (shape == V6 || (shape == MIXED && i % 2))
        v6_write(f, r);
    else
        v4_write(f, r, shape == V4 ? 32 : lengths[rng_below(r, 10)]);
}

static void members_write(const char *path, enum shape shape, unsigned n, const char *before, const char *between,
                          const char *after)
{
    struct rng r = {2026};
    FILE *f = fopen(path, "w");
    if (!f) exit(2);
    fputs(before, f);
    for (unsigned i = 0; i < n; i++) {
        if (i) fputs(between, f);
        member_write(f, shape, &r, i);
    }
    fputs(after, f);
    if (fclose(f) != 0) exit(2);
}

struct paths {
    char list[PATH], rules[PATH], program[PATH], nft[PATH];
};

static void files_write(struct paths *p, const char *folder, enum shape shape, unsigned n)
{
    static const char *const key[] = {[V4] = "v4", [V6] = "v6", [MIXED] = "mixed"};
    snprintf(p->list, PATH, "%s/set-%s-%u.txt", folder, key[shape], n);
    snprintf(p->rules, PATH, "%s/set-%s-%u.prey", folder, key[shape], n);
    snprintf(p->program, PATH, "%s/set-%s-%u.pbc", folder, key[shape], n);
    snprintf(p->nft, PATH, "%s/set-%s-%u.nft", folder, key[shape], n);
    members_write(p->list, shape, bench_size(n, FEW), "", "\n", "\n");
    FILE *f = fopen(p->rules, "w");
    if (!f) exit(2);
    fprintf(f, "set many = file \"set-%s-%u.txt\"\nfirewall f default accept { drop from many }\n", key[shape], n);
    if (fclose(f) != 0) exit(2);
    if (shape == V4)
        members_write(p->nft, shape, bench_size(n, FEW), "table ip t {\nset s {\ntype ipv4_addr\nelements = { ", ",\n",
                      " }\n}\n}\n");
    else if (shape == V6)
        members_write(p->nft, shape, bench_size(n, FEW),
                      "table ip6 t {\nset s {\ntype ipv6_addr\nflags interval\nauto-merge\nelements = { ", ",\n",
                      " }\n}\n}\n");
}

struct measured {
    struct series seconds, mb;
};

static bool measure(char *const argv[], struct measured *m)
{
    const struct child c = child_run(argv);
    series_add(&m->seconds, (double)c.wall_ns / 1e9);
    series_add(&m->mb, (double)c.peak_bytes / 1048576);
    return c.status == 0;
}

static void row(const char *name, unsigned n, const char *what, const char *unit, const struct series *ours,
                const char *peer, const struct series *theirs, enum bench_goal goal, double value)
{
    char text[128];
    snprintf(text, sizeof text, "set of %u %s: %s", n, name, what);
    bench_row(&(struct bench_row){text, unit, ours, peer, theirs, goal, value});
}

/* Measure the processes: preyc, and nft if there is one that may run. */
static void compile_rows(const struct paths *p, enum shape shape, unsigned n)
{
    char preyc[PATH];
    const char *b = getenv("B");
    snprintf(preyc, sizeof preyc, "%s/preyc", b ? b : "build");
    char *ours[] = {preyc, "--format=json", (char *)(uintptr_t)p->rules, "-o", (char *)(uintptr_t)p->program, NULL};
    char *nft[] = {
        "/usr/bin/unshare", geteuid() == 0 ? "-n" : "-rn", "/usr/sbin/nft", "-f", (char *)(uintptr_t)p->nft, NULL};
    struct measured a = {0}, t = {0};
    struct series bytes = {0};
    const bool asked = shape == V4 || (shape == V6 && n == 100000); /* nft takes half a minute for a million of V6 */
    bool peer = asked && access(nft[2], X_OK) == 0;
    for (unsigned i = 0; i < process_runs; i++) {
        if (!measure(ours, &a)) bench_note("preyc refuses a set of %u %s", n, shape_name[shape]);
        peer = peer && measure(nft, &t);
    }
    if (!peer && asked)
        bench_note("nft is not installed or may not load a set in a namespace of its own: no peer for %u %s", n,
                   shape_name[shape]);
    struct stat st;
    if (stat(p->program, &st) == 0) series_add(&bytes, (double)st.st_size / bench_size(n, FEW));
    const char *name = peer ? "nft -f, the same members" : NULL;
    row(shape_name[shape], n, "compile", "s", &a.seconds, name, peer ? &t.seconds : NULL,
        n == 1000000 && !peer ? GOAL_VALUE
        : peer                ? GOAL_RATIO
                              : GOAL_NONE,
        peer ? 0.5 : 3);
    row(shape_name[shape], n, "peak memory", "MiB", &a.mb, name, peer ? &t.mb : NULL, GOAL_NONE, 0);
    row(shape_name[shape], n, ".pbc, a member", "B", &bytes, NULL, NULL, shape == V4 ? GOAL_VALUE : GOAL_NONE, 16);
}

static struct program *load_rows(const struct paths *p, enum shape shape, unsigned n)
{
    struct program *program = NULL;
    struct series ms = {0}, mb = {0};
    char err[256];
    for (unsigned i = 0; i < process_runs; i++) {
        program_put(program);
        const uint64_t began = bench_now_ns();
        program = program_load_file(p->program, err, sizeof err);
        series_add(&ms, (double)(bench_now_ns() - began) / 1e6);
        if (!program) {
            bench_note("%s", err);
            return NULL;
        }
    }
    series_add(&mb, (double)program->lookup_bytes / 1048576);
    row(shape_name[shape], n, "load, verify, build tables", "ms", &ms, NULL, NULL,
        n == 1000000 ? GOAL_VALUE : GOAL_NONE, 300);
    row(shape_name[shape], n, "look-up tables", "MiB", &mb, NULL, NULL, GOAL_NONE, 0);
    return program;
}

/* The peer's table: single IPv4 addresses, linear probing, at most half full; 0 marks a free slot. */
struct hash {
    uint32_t *slot, mask;
};

static uint32_t hash_of(uint32_t a)
{
    a *= 2654435761u;
    return a ^ a >> 15;
}

static struct hash hash_new(const struct program *p)
{
    uint32_t keys = 0, size = 1;
    for (uint32_t i = 0; i < p->set4_count; i++) keys += p->set4[i].hi - p->set4[i].lo + 1;
    while (size < 2 * keys) size *= 2;
    struct hash h = {.slot = calloc(size, sizeof *h.slot), .mask = size - 1};
    if (!h.slot) exit(2);
    for (uint32_t i = 0; i < p->set4_count; i++)
        for (uint64_t a = p->set4[i].lo; a <= p->set4[i].hi; a++) {
            uint32_t at = hash_of((uint32_t)a);
            while (h.slot[at & h.mask]) at++;
            h.slot[at & h.mask] = (uint32_t)a;
        }
    return h;
}

static bool hash_has(const struct hash *h, uint32_t a)
{
    for (uint32_t at = hash_of(a);; at++) {
        if (h->slot[at & h->mask] == a) return true;
        if (!h->slot[at & h->mask]) return false;
    }
}

enum traffic { HIT, MISS, HALF, SKEWED, TRAFFICS };
static const char *const traffic_name[] = {
    [HIT] = "hits", [MISS] = "misses", [HALF] = "half hits", [SKEWED] = "few sources"};

static struct key key_of(const struct program *p, enum traffic t, struct rng *r)
{
    const bool hit = t == HIT || t == SKEWED || (t == HALF && rng_one_in(r, 2));
    const uint32_t total = p->set4_count + p->set6_count;
    const uint64_t few = (uint64_t)rng_below(r, 64) * rng_below(r, 64) * 2654435761u;
    const uint32_t i = (uint32_t)((t == SKEWED ? few : rng_next(r)) % total);
    struct key key = {.kind = i < p->set4_count ? KIND_IP4 : KIND_IP6};
    if (key.kind == KIND_IP4) {
        key.src[0] = hit ? p->set4[i].lo : (uint32_t)rng_next(r);
        return key;
    }
    const struct pbc_range6 *x = &p->set6[i - p->set4_count];
    const uint64_t upper = hit ? x->lo_hi : (x->lo_hi & 0xffffffff00000000) | (uint32_t)rng_next(r);
    key.src[0] = (uint32_t)(upper >> 32), key.src[1] = (uint32_t)upper;
    key.src[2] = (uint32_t)(x->lo_lo >> 32), key.src[3] = (uint32_t)x->lo_lo;
    return key;
}

static volatile unsigned sink; /* prevents the removal of look-ups whose result is unused */

static double per_query(uint64_t began) { return (double)(bench_cpu_ns() - began) / queries; }

static void look_up_rows(const struct program *p, enum shape shape, unsigned n)
{
    unsigned found = 0;
    struct hash h = shape == V4 ? hash_new(p) : (struct hash){0};
    struct key *keys = calloc(queries, sizeof *keys);
    struct rng r = {7};
    if (!keys) exit(2);
    for (enum traffic t = 0; t < TRAFFICS; t++) {
        struct series alone = {0}, batch = {0}, hash = {0};
        for (unsigned i = 0; i < queries; i++) keys[i] = key_of(p, t, &r);
        for (unsigned run = 0; run < bench_runs(); run++) {
            uint64_t began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++) found += set_has(p, 0, &keys[i], false);
            series_add(&alone, per_query(began));
            began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++) {
                if (i % VM_BATCH == 0) set_ahead(p, keys + i, ~0ull);
                found += set_has(p, 0, &keys[i], false);
            }
            series_add(&batch, per_query(began));
            began = bench_cpu_ns();
            for (unsigned i = 0; h.slot && i < queries; i++) found += hash_has(&h, keys[i].src[0]);
            if (h.slot) series_add(&hash, per_query(began));
        }
        sink = found;
        char what[64];
        snprintf(what, sizeof what, "look-up, %s", traffic_name[t]);
        row(shape_name[shape], n, what, "ns", &alone, h.slot ? "open-addressing hash" : NULL, h.slot ? &hash : NULL,
            GOAL_NONE, 0);
        if (n < 1000000) continue; /* small enough for the caches: no prefetch */
        snprintf(what, sizeof what, "in batches, %s", traffic_name[t]);
        row(shape_name[shape], n, what, "ns", &batch, h.slot ? "open-addressing hash" : NULL, h.slot ? &hash : NULL,
            GOAL_NONE, 0);
    }
    free(keys);
    free(h.slot);
}

int main(int argc, char **argv)
{
    static struct paths p;
    if (argc != 2) return 2;
    queries = bench_size(1 << 18, 1 << 12);
    process_runs = bench_size(5, 2);
    for (unsigned n = 100000; n <= 1000000; n *= 10)
        for (enum shape shape = V4; shape <= MIXED; shape++) {
            files_write(&p, argv[1], shape, n);
            compile_rows(&p, shape, n);
            struct program *program = load_rows(&p, shape, n);
            if (program) look_up_rows(program, shape, n);
            program_put(program);
            unlink(p.list), unlink(p.nft), unlink(p.program), unlink(p.rules);
        }
    bench_note(
        "sets: whole processes, %u runs each; nft's set of addresses is its hash, that of prefixes its interval tree; "
        "`in batches`: as the vm asks for a large set's memory ahead",
        process_runs);
    return 0;
}
