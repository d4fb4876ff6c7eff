#include "runtime/base/options.h"

uint64_t options_explained_after(const struct options *o, uint64_t n)
{
    uint64_t first = 0;
    for (unsigned i = 0; i < o->explained_count; i++) {
        const struct options_span *s = &o->explained[i];
        if (s->last <= n) continue;
        const uint64_t next = s->first > n ? s->first : n + 1;
        if (!first || next < first) first = next;
    }
    return first;
}
