#include "runtime/exchange/moments.h"

int moments_init(struct moments *m)
{
    *m = (struct moments){0};
    return ring_init(&m->ring, MOMENTS_KEPT, sizeof(struct session_moment));
}

void moments_fini(struct moments *m) { ring_fini(&m->ring); }

void moments_put(struct moments *m, const struct session_moment *one)
{
    if (!ring_put(&m->ring, one)) __atomic_add_fetch(&m->lost, 1, __ATOMIC_RELAXED);
}

unsigned moments_there(const struct moments *m)
{
    return __atomic_load_n(&m->ring.put, __ATOMIC_ACQUIRE) - __atomic_load_n(&m->ring.taken, __ATOMIC_RELAXED);
}

bool moments_take(struct moments *m, struct session_moment *one) { return ring_take(&m->ring, one); }
