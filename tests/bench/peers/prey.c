/* Prey's classifier of the list as a rival, built and searched as preyc and preyrun do, by every walk that this
 * processor supports. */
#include <stdlib.h>
#include <string.h>

#include "compiler/classify/tree/builder.h"
#include "tests/bench/peers/rival.h"
#include "tests/lib/bench.h"
#include "tests/lib/worst.h"
#include "vm/judge/classify/classify.h"

enum { BATCH = 64, HOW_MANY_WAYS = 2, NO_LIMIT_MB = 512 };
static struct arena *arena;
static struct program program; /* only the classifier's sections */
static struct pbc_classifier classifier;
static struct built built;
static struct key *keys;
static uint32_t key_count;
static volatile uint32_t sink;

static const char *always(void) { return NULL; }

/* Copy a section to an aligned place, like the loader. */
static void *aligned_copy(const void *from, size_t bytes)
{
    void *to = aligned_alloc(64, (bytes + 127) & ~(size_t)63);
    if (!to) abort();
    memcpy(to, from, bytes);
    return to;
}

static void program_make(uint32_t entries)
{
    struct pbc_entry *e = calloc(entries + 1, sizeof *e);
    if (!e) abort();
    for (uint32_t i = 0; i < entries; i++) e[i].rule = i;
    free((void *)(uintptr_t)program.tree);
    free((void *)(uintptr_t)program.blocks);
    free((void *)(uintptr_t)program.formats);
    free((void *)(uintptr_t)program.ranks);
    free((void *)(uintptr_t)program.entries);
    classifier = (struct pbc_classifier){.entry_count = entries,
                                         .format_count = built.format_count,
                                         .tree_count = built.tree_count,
                                         .block_count = built.block_count,
                                         .rank_count = built.rank_count,
                                         .climbed = built.climbed,
                                         .words = built.words,
                                         .compared = built.compared,
                                         .forks = built.forks,
                                         .chain = built.chain};
    program = (struct program){.classifiers = &classifier,
                               .classifiers_count = 1,
                               .entries = e,
                               .entries_count = entries,
                               .tree = aligned_copy(built.tree, built.tree_count * sizeof *built.tree),
                               .tree_count = built.tree_count,
                               .blocks = aligned_copy(built.blocks, built.block_count * sizeof *built.blocks),
                               .blocks_count = built.block_count,
                               .formats = aligned_copy(built.formats, built.format_count * sizeof *built.formats),
                               .formats_count = built.format_count,
                               .ranks = aligned_copy(built.ranks, built.rank_count * sizeof *built.ranks),
                               .ranks_count = built.rank_count};
}

/* Build. The time is from the compiler's form of the rules to the image. */
static void build(struct arena *a, uint64_t most, struct rival_built *b)
{
    struct boxes boxes;
    arena = a;
    const struct build_limits limits = {.bytes = most ? most : (uint64_t)NO_LIMIT_MB << 20, .workers = 1};
    built_fini(&built);
    const uint64_t begin = bench_now_ns();
    const int error = ruleset_boxes(&a->rules, &boxes)
                          ? classifier_build(&boxes, NULL, header_possible, &limits, &built)
                          : BUILD_NO_MEMORY;
    b->seconds = (double)(bench_now_ns() - begin) / 1e9;
    boxes_fini(&boxes);
    b->good = error == BUILD_OK;
    if (error) {
        snprintf(b->text, sizeof b->text, "classifier_build: %d", error);
        return;
    }
    b->bytes = built_bytes(&built) + a->rules.count * sizeof(struct pbc_entry);
    b->lines = built.lines;
    snprintf(b->text, sizeof b->text,
             "at most %u words, %u blocks, %u lines, %u of them for ranks; %.1f blocks expected", built.words,
             built.compared, built.lines, built.climbed, built.expected_blocks);
    program_make(a->rules.count);
}

/* Return a walk: the best walk's two ways first, then those of each walk. */
static const struct walk_ops *walk_of(unsigned i)
{
    unsigned n = i / HOW_MANY_WAYS;
    if (!n) return walk_best();
    for (enum walk w = 0; w < WALKS; w++)
        if (walk_ops(w) && --n == 0) return walk_ops(w);
    return NULL;
}

static const char *way(unsigned i)
{
    static char name[RIVAL_TEXT];
    const struct walk_ops *w = walk_of(i);
    if (!w) return NULL;
    snprintf(name, sizeof name, "%s, %s", i < HOW_MANY_WAYS ? "best walk" : w->name,
             i % HOW_MANY_WAYS ? "one a call" : "batches of 64");
    return name;
}

static void prepare(struct arena *a, enum traffic t)
{
    if (!keys) keys = aligned_alloc(64, RIVAL_HEADERS * sizeof *keys);
    if (!keys) abort();
    key_count = a->counts[t];
    for (uint32_t i = 0; i < key_count; i++) header_key(&a->rules, &a->headers[t][i], &keys[i]);
}

static void batches(const struct walk_ops *w, uint32_t count, uint32_t *found)
{
    uint32_t here[BATCH];
    for (uint32_t i = 0; i < count; i += BATCH) {
        const uint32_t n = count - i < BATCH ? count - i : BATCH;
        w->batch(&program, 0, keys + i, n == BATCH ? UINT64_MAX : (UINT64_C(1) << n) - 1, here);
        sink = here[0];
        if (found) memcpy(found + i, here, n * sizeof *here);
    }
}

static void singles(const struct walk_ops *w, uint32_t count, uint32_t *found)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t here = w->one(&program, 0, &keys[i], 0);
        sum += here;
        if (found) found[i] = here;
    }
    sink = sum;
}

static void pass(unsigned i, uint32_t count)
{
    const struct walk_ops *w = walk_of(i);
    if (w) i % HOW_MANY_WAYS ? singles(w, count, NULL) : batches(w, count, NULL);
}

static void search(struct arena *a, unsigned i, uint32_t *found)
{
    (void)a;
    const struct walk_ops *w = walk_of(i);
    if (w) i % HOW_MANY_WAYS ? singles(w, key_count, found) : batches(w, key_count, found);
}

/* Find the worst headers by climbing from headers of the rules and from random ones. */
static void worst(struct arena *a)
{
    enum { SEEDS = 4096, WORST = 4096, CLIMBS = 4096, STEPS = 250 };
    struct key *seeds = aligned_alloc(64, SEEDS * sizeof *seeds), *out = aligned_alloc(64, WORST * sizeof *out);
    struct rng r = {.state = 21};
    if (!seeds || !out) abort();
    for (uint32_t i = 0; i < SEEDS; i++) {
        const enum traffic t = i % 4 ? TRAFFIC_TRACE : TRAFFIC_RANDOM;
        header_key(&a->rules, &a->headers[t][rng_below(&r, a->counts[t])], &seeds[i]);
    }
    worst_keys(&program, 0, seeds, SEEDS, &r, CLIMBS, bench_size(STEPS, 10), out, WORST);
    for (uint32_t i = 0; i < WORST; i++) header_of_key(&out[i], &a->headers[TRAFFIC_WORST][i]);
    a->counts[TRAFFIC_WORST] = WORST;
    free(seeds);
    free(out);
}

const struct rival rival_prey = {
    .name = "prey",
    .why_not = always,
    .build = build,
    .way = way,
    .prepare = prepare,
    .search = search,
    .pass = pass,
    .worst = worst,
};
