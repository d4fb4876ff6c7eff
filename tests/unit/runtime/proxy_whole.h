/* The counts of a proxy, over all its services. */
#ifndef TESTS_UNIT_PROXY_WHOLE_H
#define TESTS_UNIT_PROXY_WHOLE_H

#include "runtime/proxy/core.h"

static inline struct proxy_counters whole(const struct proxy *p)
{
    struct proxy_counters sum = {0};
    proxy_counted_read(proxy_counted(p), PBC_NONE, &sum);
    for (uint32_t i = 0; i < p->program->services_count; i++) proxy_counted_read(proxy_counted(p), i, &sum);
    return sum;
}

#endif
