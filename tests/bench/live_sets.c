/* Live sets: a look-up in a base of a million ranges against a static set of the same; a look-up among 100,000
 * members of an overlay with one and with eight prefix lengths; the cost of a change; the memory of a member. */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/exchange/heard/heard.h"
#include "runtime/exchange/tape.h"
#include "runtime/live/rules/members/notes.h"
#include "tests/lib/bench.h"
#include "tests/lib/imgbuild.h"
#include "vm/judge/effects.h"
#include "vm/judge/lives.h"

enum { RANGES = 1000000, MEMBERS = 100000, QUERIES_MOST = 1 << 20, FEW = 3000 /* of any kind with SMALL */ };
static unsigned queries;
static volatile unsigned sink; /* prevents the removal of look-ups whose result is unused */

static void row(const char *what, const struct series *ours, const char *peer, const struct series *theirs)
{
    char text[128];
    snprintf(text, sizeof text, "live set: %s", what);
    bench_row(&(struct bench_row){text, "ns", ours, peer, theirs, GOAL_NONE, 0});
}

static void began_to(struct series *s, uint64_t began, unsigned count)
{
    series_add(s, (double)(bench_cpu_ns() - began) / count);
}

/* Measure a million single addresses, drawn. */
static void base_rows(struct key *keys)
{
    const uint32_t count = bench_size(RANGES, FEW);
    struct imgbuild b;
    struct rng r = {2026};
    char err[256] = "";
    img_init(&b);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = (uint32_t)((uint64_t)UINT32_MAX * i / count) + rng_below(&r, 4000);
        img_add_set4(&b, (struct pbc_range){at, at});
    }
    img_add_sets(&b, (struct pbc_set){.count4 = count});
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof err);
    struct live_set *s = live_new(&(struct live_cfg){.size = 1});
    if (!p || !s || !live_replace(s, &(struct live_base){.r4 = p->set4, .count4 = count})) exit(2);
    for (unsigned misses = 0; misses < 2; misses++) {
        struct series live = {0}, fixed = {0};
        unsigned found = 0;
        for (unsigned i = 0; i < queries; i++)
            keys[i] = (struct key){.kind = KIND_IP4,
                                   .src = {misses ? (uint32_t)rng_next(&r) : p->set4[rng_next(&r) % count].lo}};
        for (unsigned run = 0; run < bench_runs(); run++) {
            uint64_t began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++) found += live_has(s, 0, keys[i].src, false);
            began_to(&live, began, queries);
            began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++) found += set_has(p, 0, &keys[i], false);
            began_to(&fixed, began, queries);
        }
        sink = found;
        row(misses ? "base of 1,000,000, misses" : "base of 1,000,000, hits", &live, "a static set", &fixed);
    }
    live_free(s);
    program_put(p);
    img_fini(&b);
}

static struct live_net net_of(uint32_t i, bool v6, unsigned length)
{
    const uint32_t a = i * 2654435761u, len = (v6 ? 128 : 32) - length;
    if (v6) return (struct live_net){{0x20010db8, a, 0, length ? 0 : a}, (uint8_t)(length ? 64 + length : len), true};
    return (struct live_net){{a >> length << length}, (uint8_t)len, false};
}

/* Measure members of `lengths` prefix lengths: nearly all single addresses, and one of each other length. */
static void overlay_rows(struct key *keys, bool v6, unsigned lengths)
{
    const uint32_t count = bench_size(MEMBERS, FEW);
    struct series adds = {0}, renewals = {0}, looks[2] = {{{0}, 0}, {{0}, 0}};
    struct live_set *s = NULL;
    struct rng r = {7};
    char text[100];
    for (unsigned run = 0; run < bench_runs(); run++) {
        live_free(s);
        s = live_new(&(struct live_cfg){.size = count + 8, .seed = run});
        if (!s) exit(2);
        uint64_t began = bench_cpu_ns();
        for (uint32_t i = 0; i < count; i++) {
            const struct live_net net = net_of(2 * i, v6, 0);
            live_add(s, 0, &net, 10, LIVE_SET);
        }
        began_to(&adds, began, count);
        began = bench_cpu_ns();
        for (uint32_t i = 0; i < count; i++) {
            const struct live_net net = net_of(2 * i, v6, 0);
            live_add(s, 0, &net, 20, LIVE_SET);
        }
        began_to(&renewals, began, count);
        for (unsigned i = 1; i < lengths; i++) {
            const struct live_net net = net_of(1, v6, i);
            live_add(s, 0, &net, 20, LIVE_SET);
        }
    }
    for (unsigned misses = 0; misses < 2; misses++) {
        unsigned found = 0;
        for (unsigned i = 0; i < queries; i++) {
            const struct live_net net =
                net_of(2 * (uint32_t)(rng_next(&r) % count) + (misses ? 2 * count + 1 : 0), v6, 0);
            for (unsigned k = 0; k < 4; k++) keys[i].src[k] = net.addr[k];
        }
        for (unsigned run = 0; run < bench_runs(); run++) {
            const uint64_t began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++) found += live_has(s, 0, keys[i].src, v6);
            began_to(&looks[misses], began, queries);
        }
        sink = found;
    }
    static const char *const what[] = {"hits", "misses", "adding one", "renewing one"};
    const struct series *const all[] = {&looks[0], &looks[1], &adds, &renewals};
    for (unsigned i = 0; i < (lengths > 1 ? 2 : 4); i++) {
        snprintf(text, sizeof text, "100,000 members of %s, %u length%s, %s", v6 ? "IPv6" : "IPv4", lengths,
                 lengths > 1 ? "s" : "", what[i]);
        row(text, all[i], NULL, NULL);
    }
    live_free(s);
}

static void to_tape(void *arg, struct heard_answers *h)
{
    struct tape *t = arg;
    tape_heard(t, h);
    heard_clear(h);
    tape_done_to(t, tape_there(t));
}

/* Measure a worker's cost of recording a reply: 64 senders per batch, and only one. */
static void heard_rows(struct key *keys)
{
    static struct heard_answers h;
    struct tape t;
    if (tape_init(&t, 1 << 20, UINT32_MAX, 0)) exit(2);
    heard_init(&h, to_tape, &t);
    for (unsigned one = 0; one < 2; one++) {
        struct series s = {0};
        for (unsigned i = 0; i < queries; i++) keys[i] = (struct key){.kind = KIND_IP4, .src = {one ? 7 : i * 977}};
        lives_listen(&h.ear);
        for (unsigned run = 0; run < bench_runs(); run++) {
            const uint64_t began = bench_cpu_ns();
            for (unsigned i = 0; i < queries; i++) {
                lives_tell(0, &keys[i], false, i & 64);
                if (i % 64 == 63) to_tape(&t, &h);
            }
            began_to(&s, began, queries);
        }
        lives_listen(NULL);
        row(one ? "an answer recorded, of one sender" : "an answer recorded, of 64 senders a batch", &s, NULL, NULL);
    }
    tape_fini(&t);
}

/* Return the bytes of memory that this process has allocated from the system and touched. */
static double resident(void)
{
    unsigned long all, touched;
    malloc_trim(0);
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &all, &touched) != 2) exit(2);
    fclose(f);
    return (double)touched * (double)sysconf(_SC_PAGESIZE);
}

static void memory_row(const char *what, double bytes, double goal)
{
    struct series s = {0};
    char text[128];
    series_add(&s, round(bytes * 100) / 100); /* a page or two belong to no member */
    snprintf(text, sizeof text, "live set: memory, %s", what);
    bench_row(&(struct bench_row){text, "bytes", &s, NULL, NULL, goal > 0 ? GOAL_VALUE : GOAL_NONE, goal});
}

/* Measure a full set of a million members; then a note for each, with its author and a comment of 13 bytes. */
static void member_memory(bool v6)
{
    const double before = resident();
    struct live_set *s = live_new(&(struct live_cfg){.size = RANGES, .seed = 1});
    const struct note_of of = {.wall_ns = 1, .end_ms = LIVE_FOREVER, .comment = "fail2ban sshd", .anew = true};
    if (!s) exit(2);
    for (uint32_t i = 0; i < RANGES; i++) {
        const struct live_net net = net_of(2 * i, v6, 0);
        live_add(s, 0, &net, LIVE_FOREVER, LIVE_SET);
    }
    const double members = resident();
    struct notes *n = notes_new(RANGES, 1);
    if (!n) exit(2);
    for (uint32_t i = 0; i < RANGES; i++) {
        const struct live_net net = net_of(2 * i, v6, 0);
        notes_set(n, &net, &of);
    }
    const double both = resident();
    memory_row(v6 ? "an IPv6 member" : "an IPv4 member", (members - before) / RANGES, v6 ? 0 : 24);
    memory_row(v6 ? "the same with comment and author, IPv6" : "the same with comment and author",
               (both - before) / RANGES, v6 ? 0 : 88);
    notes_free(n);
    live_free(s);
}

/* Measure a base of a million ranges, each a separate address, with its table. */
static void base_memory(bool v6)
{
    struct pbc_range *r4 = calloc(RANGES, sizeof *r4);
    struct pbc_range6 *r6 = calloc(RANGES, sizeof *r6);
    struct live_set *s = live_new(&(struct live_cfg){.size = 1});
    if (!r4 || !r6 || !s) exit(2);
    for (uint32_t i = 0; i < RANGES; i++) {
        const uint32_t at = 4000 * i;
        r4[i] = (struct pbc_range){at, at};
        r6[i] = (struct pbc_range6){0x20010db800000000u + at, 0, 0x20010db800000000u + at, 0};
    }
    const double before = resident();
    if (!live_replace(s, &(struct live_base){r4, r6, v6 ? 0 : RANGES, v6 ? RANGES : 0})) exit(2);
    memory_row(v6 ? "an IPv6 range of the base" : "an IPv4 range of the base", (resident() - before) / RANGES,
               v6 ? 0 : 8);
    live_free(s);
    free(r4);
    free(r6);
}

int main(void)
{
    queries = bench_size(QUERIES_MOST, 1 << 12);
    struct key *keys = aligned_alloc(64, queries * sizeof *keys);
    if (!keys) return 2;
    base_rows(keys);
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned lengths = 1; lengths <= LIVE_LENGTHS_MOST; lengths *= 8) overlay_rows(keys, v6, lengths);
    heard_rows(keys);
    free(keys);
    for (unsigned v6 = 0; v6 < 2; v6++) member_memory(v6), base_memory(v6);
    return 0;
}
