/* The maps are mapped once more for the sets, which outlive the judge: a change of programs reads the former sets */
#include "runtime/kernel/maps/live_sets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/kernel/maps/judge_tables.h"
#include "vm/judge/asked/questions.h"
#include "vm/kernel/keyed/lives.h"

enum { PARTS = KERNEL_TABLE_live_ranges - KERNEL_TABLE_live_cells + 1 };

struct mapped {
    struct {
        void *memory; /* memory of the part; NULL: not mapped */
        uint64_t len;
    } part[PARTS];
};

static void unmap(void *memory)
{
    struct mapped *m = memory;
    for (unsigned i = 0; i < PARTS; i++)
        if (m->part[i].memory) munmap(m->part[i].memory, m->part[i].len);
    free(m);
}

/* Map all parts. NULL: out of memory. */
static struct mapped *map_again(const struct judge_tables *t)
{
    struct mapped *m = calloc(1, sizeof *m);
    for (unsigned i = 0; m && i < PARTS; i++) {
        const struct map *of = &t->v[KERNEL_TABLE_live_cells + i];
        void *at = mmap(NULL, of->len, PROT_READ | PROT_WRITE, MAP_SHARED, of->fd, 0);
        if (at == MAP_FAILED) {
            unmap(m);
            return NULL;
        }
        m->part[i].memory = at;
        m->part[i].len = of->len;
    }
    return m;
}

int live_sets_move(const struct judge_tables *t, const struct program *p, struct lives *l, uint64_t seed,
                   const struct lives *shared)
{
    struct mapped *m = map_again(t);
    if (!m) return -ENOMEM;
    l->memory = m;
    l->give_back = unmap;
    enum { FIRST = KERNEL_TABLE_live_cells };
    const struct kernel_lives to = {.cells = m->part[KERNEL_TABLE_live_cells - FIRST].memory,
                                    .tags = m->part[KERNEL_TABLE_live_tags - FIRST].memory,
                                    .words = m->part[KERNEL_TABLE_live_words - FIRST].memory,
                                    .keys = m->part[KERNEL_TABLE_live_keys - FIRST].memory,
                                    .ranges = m->part[KERNEL_TABLE_live_ranges - FIRST].memory};
    return kernel_lives_move(&to, p, l, seed, shared);
}

bool live_sets_ask(struct lives *l, const struct map *head, const struct map *places)
{
    struct questions *q = questions_over(head->memory, places->memory);
    lives_ask_as(l, q);
    questions_put(q);
    return q;
}

void live_sets_refused(struct lives *l)
{
    const struct mapped *m = l->give_back == unmap ? l->memory : NULL;
    struct kernel_live *cells = m ? m->part[0].memory : NULL;
    for (uint32_t i = 0; cells && i < l->count; i++) {
        const uint64_t n = __atomic_exchange_n(&cells[i].refused, 0, __ATOMIC_RELAXED);
        if (n) __atomic_fetch_add(&l->refused[i], n, __ATOMIC_RELAXED);
    }
}

bool live_sets_lack(const struct program *p, char *why, size_t len)
{
    struct kernel_lives_layout layout;
    const uint32_t large = kernel_lives_layout(p, &layout);
    uint64_t all = 0;
    for (uint32_t i = 0; i < p->lives_count; i++) all += p->lives[i].size;
    if (large == PBC_NONE) return false;
    snprintf(why, len,
             "the live sets have room for %" PRIu64
             " members, but the kernel's maps only for 8,000,000: `%.60s` doesn't fit",
             all, program_str(p, p->lives[large].name));
    return true;
}
