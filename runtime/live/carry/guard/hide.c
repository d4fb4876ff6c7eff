/* Guarded packets of this program and of earlier ones that linger, with the devices that are shut */
#include "runtime/live/carry/guard/hide.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/complain.h"
#include "runtime/host/guard/guard_news.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/guard/unjudged.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/tell/log.h"

/* Report to the parent which devices the next guard rules shut. */
static int hide_shut(struct carry *carry, char *err, size_t err_len)
{
    unsigned count;
    struct guard_shut *all = unjudged_shut(carry, &count);
    int failed = all ? 0 : -ENOMEM;
    for (unsigned i = 0; all && i < count && !failed; i++) {
        if (guard_shut_valid(&all[i])) continue;
        snprintf(err, err_len, "guard rules can't name the interface `%s`: rename it in the rules", all[i].device);
        failed = -EINVAL;
    }
    if (!failed) failed = ask_SHUT(carry->tell->channel, all, count, err, err_len);
    free(all);
    return failed;
}

/* Add the ports of which the host's stack gets only packets that a socket takes. False if memory ran out. */
static bool add_given(struct guarded *g, const struct shared_ports *s)
{
    struct guard_match *all = calloc(s->given_count + 1u, sizeof *all);
    for (unsigned i = 0; i < s->given_count && all; i++)
        all[i] = (struct guard_match){.from_ports = GUARD_ANY_PORT,
                                      .to_ports = {s->given[i].lo, s->given[i].hi},
                                      .reach = GUARD_OWN,
                                      .hides = GUARD_HIDES_UNTAKEN};
    const bool added = all && guarded_more(g, all, s->given_count);
    free(all);
    return added;
}

/* Set guard rules for the running program and for the draining flows of earlier ones. On failure the old rules stay:
 * return a negative errno, with one line in err. */
static int hide_program(struct carry *carry, char *err, size_t err_len)
{
    struct guarded g;
    snprintf(err, err_len, "out of memory");
    const bool made = guarded_init(&g, carry->now.program, NULL, &carry->guard.ports.host, true);
    g.routed = enforce_routes(carry, carry->now.program) || carry->guard.lingering.whole_ns[LINGERS_ROUTED];
    g.routed &= !carry->in_kernel; /* the host forwards the packets that the kernel judged */
    if (carry->in_kernel) guarded_spare_sent(&g);
    carry->guard.hears = enforce_elsewhere(carry);
    /* With the kernel executor, flows of earlier programs need no rules: kernel programs take their packets first. */
    const unsigned lingering = carry->in_kernel ? 0 : carry->guard.lingering.count;
    const bool whole = made && guarded_more(&g, carry->guard.lingering.matches, lingering);
    if (!carry->guard.hears) guarded_spare_heard(&g);
    const bool given = whole && add_given(&g, &carry->guard.ports);
    for (unsigned i = 0; i < g.match_count && whole; i++) carry->guard.proxies |= g.matches[i].proxied;
    int failed = given ? hide_shut(carry, err, err_len) : -ENOMEM;
    const struct request_guard asked = {.routed = g.routed};
    if (!failed) failed = ask_GUARD(carry->tell->channel, &asked, g.matches, g.match_count, err, err_len);
    guarded_fini(&g);
    guard_news_settle(carry->guard.news);
    if (!failed) shared_ports_hidden(carry);
    return failed;
}

/* Set guard rules, as hide_program does. If the kernel can't recognise packets for sockets, translation gets only
 * its ports from 61000 on. */
static int hide_rules(struct carry *carry, char *err, size_t err_len)
{
    const int failed = hide_program(carry, err, err_len);
    const unsigned given = carry->guard.ports.given_count;
    if (!failed || !given) return failed;
    char without[500];
    carry->guard.ports.given_count = 0;
    if (hide_program(carry, without, sizeof without)) {
        carry->guard.ports.given_count = given;
        return failed;
    }
    shared_ports_stay(carry);
    complain("notice: %s; the guard rules work without matching sockets, so translation uses only the ports "
             "61000-65535 of this machine's addresses; to fix it, run: modprobe nft_socket; then restart preyrun",
             err);
    return 0;
}

int hide_guard(struct carry *carry)
{
    char err[500];
    const bool told = carry->guard.unhidden;
    carry->guard.unhidden = hide_rules(carry, err, sizeof err);
    if (told && carry->guard.unhidden) return 2;
    if (told) events_tell(&carry->tell->events, TOLD_GUARD, "guard rules are back");
    const char *again = carry->tell->ready ? "; prey tries again every second" : "";
    return carry->guard.unhidden ? tell_fault(carry->tell, "%s%s", err, again) : 0;
}

void hide_past(struct carry *carry)
{
    if (!carry->in_kernel && enforce_elsewhere(carry) != carry->guard.hears) hide_guard(carry);
}

void hide_again(struct carry *carry)
{
    if (carry->guard.unhidden || carry->guard.ports.given_anew) hide_guard(carry);
}

static bool hide_prepare(struct program_change *c) { return !hide_rules(c->carry, c->err, c->err_len); }

const struct part part_hide = {.prepares = hide_prepare};
