/* The flow table's memory: its size, and the places of its arrays */
#include <stdlib.h>
#include <string.h>

#include "vm/flow/table/table_priv.h"
#include "vm/keyed/archive.h"
#include "vm/keyed/large.h"

enum { LINE = 64, LINES = 4 /* lines of a slot, with a binding */ };

static uint64_t rounded(uint64_t bytes, uint64_t to) { return (bytes + to - 1) & ~(to - 1); }
static uint64_t lines(uint64_t bytes) { return rounded(bytes, LINE); }

/* True if the program translates, so that a flow has a different tuple on each side. */
static bool has_twins(const struct pbc_service *services, uint32_t service_count)
{
    for (uint32_t i = 0; i < service_count; i++)
        if (!mode_is(services[i].mode, MODE_ONE_SIDED)) return true;
    return false;
}

struct flow_table_cfg flow_table_cfg_of(const struct pbc_settings *s, const struct pbc_service *services,
                                        uint32_t service_count, uint32_t nat_count)
{
    struct flow_table_cfg cfg = {.flows = s->flows,
                                 .half_open = s->half_open,
                                 .bound = service_count || nat_count,
                                 .paired = nat_count || has_twins(services, service_count)};
    flow_timeouts(s, cfg.timeout_ns);
    return cfg;
}

/* Number of groups, and the bytes of each array */
struct layout {
    uint64_t groups, hot, cold, binds, recipes, tags, bits, bits2, blocks;
};

static struct layout layout_of_groups(uint64_t groups, bool bound)
{
    const uint64_t slots = groups * GROUP, words = (groups + 63) / 64, words2 = (words + 63) / 64;
    const uint64_t blocks = slots / BLOCK, rows = (blocks + 1) * BLOCK; /* the first block serves all free slots */
    return (struct layout){.groups = groups,
                           .hot = rows * sizeof(struct flow),
                           .cold = rows * sizeof(struct flow_cold),
                           .binds = bound ? rows * sizeof(struct flow_bind) : 0,
                           .recipes = bound ? rows * sizeof(struct recipe) : 0,
                           .tags = lines(slots * sizeof(uint16_t)),
                           .bits = lines(words * 8),
                           .bits2 = lines(words2 * 8),
                           .blocks = lines(blocks * sizeof(uint32_t))};
}

static struct layout layout_of(const struct flow_table_cfg *cfg)
{
    const uint64_t tuples = cfg->paired ? 2 * cfg->flows : cfg->flows, wanted = (tuples * 3 / 2 + GROUP - 1) / GROUP;
    return layout_of_groups(wanted < 2 ? 2 : wanted, cfg->bound);
}

/* Return the bytes that look-ups read at random: tags and block numbers, with the bitmaps of half-open flows. */
static uint64_t tags_bytes(const struct layout *l) { return l->tags + l->blocks + l->bits + l->bits2; }
/* Return the bytes of the lines, with room to align them. */
static uint64_t rows_bytes(const struct layout *l)
{
    return l->hot + l->cold + l->binds + l->recipes + (l->binds ? LINES * LINE : LINE);
}
static uint64_t reserves(const struct layout *l) { return rows_bytes(l) + tags_bytes(l); }

/* Near groups: an eighth at most of a table that is large, and not more than 64 KiB of tags and 2 MiB of each kind of
 * lines. */
enum { NEAR_FROM = 1024, NEAR_PART = 8, NEAR_MOST = 2048 };

uint32_t table_near_of(uint32_t groups)
{
    uint32_t near = NEAR_MOST;
    if (groups < NEAR_FROM) return 0;
    while (near > groups / NEAR_PART) near /= 2;
    return near;
}

uint32_t flow_table_groups(const struct flow_table_cfg *cfg) { return (uint32_t)layout_of(cfg).groups; }

uint64_t flow_table_reserves(const struct flow_table_cfg *cfg)
{
    const struct layout l = layout_of(cfg);
    return reserves(&l);
}

static void table_release_memory(struct flow_table *t)
{
    large_free(t->tags, t->tags_bytes);
    large_sparse_free(t->memory, t->rows_bytes);
}

/* Allocate the rows in one zeroed block, and the tags in another. The system gives the first block page by page as
 * flows begin, or ahead of them (flow_table_ahead). Both blocks use large pages if they fill one (see README.md). */
static bool table_alloc(struct flow_table *t, const struct layout *l)
{
    const bool bound = l->binds;
    t->rows_bytes = (size_t)rows_bytes(l);
    t->tags_bytes = (size_t)tags_bytes(l);
    t->memory = large_growing(t->rows_bytes);
    t->ahead = 0;
    t->tags = large_new(t->tags_bytes);
    t->left = (struct blocks_left){.fresh = 1};
    if (!t->memory || !t->tags) {
        table_release_memory(t);
        return false;
    }
    uint8_t *at = t->memory;
    at += rounded((uintptr_t)at, bound ? LINES * LINE : LINE) - (uintptr_t)at;
    const size_t gap = bound ? LINE : l->hot; /* offset between the kinds of lines */
    t->stride = bound ? LINES * LINE : LINE;
    t->slots = (struct flow *)at;
    t->cold = (struct flow_cold *)(at + gap);
    t->binds = bound ? (struct flow_bind *)(at + 2 * gap) : NULL;
    t->recipes = bound ? (struct recipe *)(at + 3 * gap) : NULL;
    at = (uint8_t *)t->tags;
    t->blocks = (uint32_t *)(void *)(at += l->tags);
    t->half_open = (uint64_t *)(void *)(at += l->blocks);
    t->half_open_words = (uint64_t *)(void *)(at + l->bits);
    return true;
}

/* Number of blocks after which more memory is requested: 1 MiB with bindings */
enum { GROWS_EACH = 1 << 10 };

uint32_t table_fresh_block(struct flow_table *t)
{
    const uint32_t block = t->left.fresh;
    __atomic_store_n(&t->left.fresh, block + 1, __ATOMIC_RELAXED); /* flow_table_ahead reads it in another thread */
    if (t->grows && block % GROWS_EACH == 0) t->grows(t->grows_arg);
    return block;
}

/* Return the bytes of lines that flows have used. Without bindings, lines of one kind are together, and only those
 * of the first kind are counted and allocated ahead. */
size_t flow_table_used(const struct flow_table *t)
{
    return t->ops ? 0 : (size_t)__atomic_load_n(&t->left.fresh, __ATOMIC_RELAXED) * BLOCK * t->stride;
}

void flow_table_ahead(struct flow_table *t, size_t least)
{
    enum { LEAST = 1 << 20 };
    if (t->ops) return;
    const size_t used = flow_table_used(t) < least ? least : flow_table_used(t);
    const size_t wanted = (size_t)rounded(used + used / 2 + LEAST, LARGE_PAGE);
    const size_t to = wanted < t->rows_bytes ? wanted : t->rows_bytes;
    if (to <= t->ahead) return;
    large_take(t->memory, t->ahead, to);
    t->ahead = to;
}

struct flow_table *flow_table_new(const struct flow_table_cfg *cfg)
{
    if (cfg->flows > INT32_MAX / 4) return NULL;
    const struct layout layout = layout_of(cfg);
    struct flow_table *t = aligned_alloc(LINE, lines(sizeof *t));
    if (!t) return NULL;
    *t = (struct flow_table){.groups = (uint32_t)layout.groups,
                             .near = table_near_of((uint32_t)layout.groups),
                             .half_open_most = cfg->half_open,
                             .begins = cfg->begins,
                             .ended = cfg->ended,
                             .arg = cfg->arg,
                             .grows = cfg->grows,
                             .grows_arg = cfg->grows_arg};
    memcpy(t->timeout_ns, cfg->timeout_ns, sizeof t->timeout_ns);
    hash_key_init(&t->key, cfg->seed);
    const uint64_t bytes = flow_table_reserves(cfg);
    if (bytes > SIZE_MAX || !table_alloc(t, &layout)) {
        free(t);
        return NULL;
    }
    if (cfg->prefault) flow_table_ahead(t, 0);
    return t;
}

bool table_resize(struct flow_table *t, uint32_t groups, uint32_t near)
{
    const struct layout layout = layout_of_groups(groups, t->binds);
    struct flow_table was = *t;
    if (groups < 2 || reserves(&layout) > ARCHIVE_RESIZED) return false;
    if (!table_alloc(t, &layout)) {
        *t = was;
        return false;
    }
    t->groups = groups;
    t->near = near;
    table_release_memory(&was);
    return true;
}

void flow_table_free(struct flow_table *t)
{
    if (!t || t->ops) return;
    table_release_memory(t);
    free(t->touched);
    free(t->doubted);
    free(t);
}
