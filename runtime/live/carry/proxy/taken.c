/* Each loop answers the main thread between two of its turns */
#include "runtime/live/carry/proxy/taken.h"

#include <sched.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/proxy/proxy.h"

#define PATIENCE_NS UINT64_C(1000000000)

/* Wait until `is` is true of the loop. False: it never became true. */
static bool comes(bool is(const struct proxy *p), const struct proxy *p)
{
    const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + PATIENCE_NS;
    while (!is(p)) {
        if (clock_ns(CLOCK_MONOTONIC) > until_ns) return false;
        sched_yield();
    }
    return true;
}

int taken_listeners(const struct carry *carry, int each(void *with, unsigned worker, const struct proxy_listen *l),
                    void *with)
{
    struct proxy_listen l;
    int result = 0;
    for (unsigned i = 0; i < proxied_loops(carry); i++)
        for (unsigned at = 0; !result && proxy_listener(proxied_loop(carry, i), at, &l); at++)
            if (l.service != PBC_NONE) result = each(with, l.number, &l);
    return result;
}

/* Return the counters of a service, with which another process continues. The ends of remaining sessions are counted
 * in this one. */
static struct proxy_counters counted_of(const struct carry *carry, uint32_t service)
{
    struct proxy_counters c = {0};
    proxied_counters(carry, service, &c);
    c.stayed = c.sessions - proxy_counters_ended(&c);
    c.spliced = c.spliced_ended;
    return c;
}

#ifndef COUNTED_MORE
#define COUNTED_MORE 0 /* in tests: number of bytes by which another version's counters are longer */
#endif

/* Write or read counters. Those of another layout, from another version, begin again. */
static void counted_archive(struct carry *carry, struct archive *a)
{
    const uint32_t services = carry->now.program->services_count, own = sizeof(struct proxy_counters) + COUNTED_MORE;
    uint8_t more[COUNTED_MORE + 1] = {0};
    uint32_t size = own;
    ARCHIVE(a, size);
    if (size != own) {
        const uint64_t bytes = (services + UINT64_C(1)) * size;
        if (!archive_sound(a, bytes <= a->left)) return;
        a->at += bytes;
        a->left -= bytes;
        return;
    }
    for (uint32_t i = 0; i <= services && !a->bad; i++) {
        const uint32_t service = i < services ? i : PBC_NONE;
        struct proxy_counters c = {0};
        if (!a->reads) c = counted_of(carry, service);
        ARCHIVE(a, c);
        archive_part(a, more, COUNTED_MORE);
        if (a->reads && !a->bad) proxied_count_on(carry, service, &c);
    }
}

static bool remembered_write(struct carry *carry, unsigned at, struct archive *a)
{
    struct proxy *p = proxied_loop(carry, at);
    proxy_pack(p, a);
    while (!comes(proxy_packed, p))
        if (proxy_pack_not(p, a)) return false;
    return !a->bad;
}

bool taken_archive(struct carry *carry, struct archive *a, bool waits)
{
    uint32_t loops = waits ? proxied_count(carry) : 0;
    ARCHIVE(a, loops);
    if (!archive_sound(a, !loops || (loops <= WORKERS_MOST && proxied_count(carry)))) return false;
    for (unsigned i = 0; i < loops && !a->reads; i++)
        if (!remembered_write(carry, i, a)) return false;
    if (loops && a->reads && !proxied_unpack(carry, loops, a)) return false;
    if (loops) counted_archive(carry, a);
    return !a->bad;
}

bool taken_leave(const struct carry *carry)
{
    bool left = true;
    for (unsigned i = 0; i < proxied_loops(carry); i++) proxy_leave(proxied_loop(carry, i));
    for (unsigned i = 0; i < proxied_loops(carry); i++) left &= comes(proxy_has_left, proxied_loop(carry, i));
    return left;
}

void taken_return(const struct carry *carry)
{
    for (unsigned i = 0; i < proxied_loops(carry); i++) proxy_return(proxied_loop(carry, i));
}

uint32_t taken_sessions(const struct carry *carry)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < proxied_loops(carry); i++) n += proxy_sessions(proxied_loop(carry, i));
    return n;
}
