/* The worker's sums minus the amounts counted before */
#include "runtime/proxy/inline/spliced_session.h"

#include "runtime/exchange/begun/leaving.h"

struct spliced_seen spliced_seen(const struct session *s)
{
    const struct leave *l = s->inlined->leave;
    const struct inline_carried c = leaving_carried(s->proxy->leaving, s->inlined->number);
    struct spliced_seen seen = {.seen_ns = c.seen_ns > l->since_ns ? c.seen_ns : l->since_ns};
    for (unsigned at = 0; at < 2; at++)
        seen.bytes[at] = c.bytes[at] > l->carried[at] ? c.bytes[at] - l->carried[at] : 0;
    return seen;
}

void spliced_count(struct session *s)
{
    struct leave *l = s->inlined->leave;
    struct proxy_counters *c = session_counts(s);
    if (l->state != LEAVE_SPLICED) return;
    const struct spliced_seen seen = spliced_seen(s);
    for (unsigned at = 0; at < 2; at++) l->carried[at] += seen.bytes[at];
    s->up.moved += seen.bytes[AT_CLIENT];
    s->down.moved += seen.bytes[AT_SERVER];
    count_up(&c->up_bytes, seen.bytes[AT_CLIENT]);
    count_up(&c->down_bytes, seen.bytes[AT_SERVER]);
}
