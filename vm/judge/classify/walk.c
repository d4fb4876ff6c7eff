/* Choice of the walk: the first of the list that is built for this processor and can run there. */
#include "vm/judge/classify/walk_priv.h"

#ifdef __x86_64__
static const struct walk_ops *if_there(const struct walk_ops *w, bool there) { return there ? w : NULL; }

const struct walk_ops *walk_ops(enum walk w)
{
    __builtin_cpu_init();
    switch (w) {
    case WALK_SCALAR: return &walk_scalar;
    case WALK_SSE: return if_there(&walk_sse, __builtin_cpu_supports("sse4.1"));
    case WALK_AVX2: return if_there(&walk_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"));
    case WALK_NEON:
    case WALKS: return NULL;
    }
    return NULL;
}
#else
const struct walk_ops *walk_ops(enum walk w)
{
#ifdef __aarch64__
    if (w == WALK_NEON) return &walk_neon;
#endif
    return w == WALK_SCALAR ? &walk_scalar : NULL;
}
#endif

static const struct walk_ops *walk_choose(void)
{
    static const enum walk order[] = {WALK_AVX2, WALK_SSE, WALK_NEON};
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        if (walk_ops(order[i])) return walk_ops(order[i]);
    return &walk_scalar;
}

/* Choose at the first call. Threads that call at once choose the same. */
const struct walk_ops *walk_best(void)
{
    static const struct walk_ops *best;
    const struct walk_ops *w = __atomic_load_n(&best, __ATOMIC_RELAXED);
    if (__builtin_expect(!w, 0)) {
        w = walk_choose();
        __atomic_store_n(&best, w, __ATOMIC_RELAXED);
    }
    return w;
}

uint32_t classify_one(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from)
{
    return walk_best()->one(p, classifier, key, from);
}

void classify_batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                    uint32_t found[])
{
    walk_best()->batch(p, classifier, keys, todo, found);
}
