#include "runtime/live/carry/guard/hide.h"

#include <errno.h>

#include "runtime/host/guard/guard_news.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/tell/log.h"

int hide_rules(struct live *l, char *err, size_t err_len)
{
    struct guarded g;
    snprintf(err, err_len, "out of memory");
    const bool made = guarded_init(&g, l->carry.now.program, NULL, &l->carry.ports.host, true);
    g.routed = enforce_routes(l, l->carry.now.program) || l->carry.lingering.whole_ns[LINGERS_ROUTED];
    g.routed &= !l->carry.in_kernel; /* there the host sends on what was judged */
    /* What flows of those before are left the programs in the kernel take before the host's stack does. */
    const unsigned lingering = l->carry.in_kernel ? 0 : l->carry.lingering.count;
    const bool whole = made && guarded_more(&g, l->carry.lingering.matches, lingering);
    for (unsigned i = 0; i < g.match_count && whole; i++) l->carry.proxies |= g.matches[i].proxied;
    const int failed = whole ? ask_guard(l->tell.channel, &g, err, err_len) : -ENOMEM;
    guarded_fini(&g);
    guard_news_settle(l->carry.guard_news);
    return failed;
}

int hide_guard(struct live *l)
{
    char err[500];
    return hide_rules(l, err, sizeof err) ? tell_fault(&l->tell, "%s", err) : 0;
}
