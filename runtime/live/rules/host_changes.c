/* Changes that this instance makes to the host: guard rules, reserved ports. The parent makes them, and undoes them
 * at the end. */
#include "runtime/live/rules/host_changes.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/host/guard/guard_news.h"
#include "runtime/host/state.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/hide.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/rules/leftover.h"
#include "runtime/live/tell/log.h"

enum { END_MS = 10000 };

static void changes_say(void *arg, const char *line) { fprintf(stderr, "preyrun: %s\n", line); }

int host_changes_begin(struct rules *rules)
{
    char err[500];
    if (steered_tun(rules->carry, rules->carry->now.program, err, sizeof err))
        return tell_fault(rules->tell, "%s", err);
    if (shared_ports_reserve(rules->carry, rules->carry->now.program, err, sizeof err))
        return tell_fault(rules->tell, "%s", err);
    if (!rules->o->takeover) return hide_guard(rules->carry);
    /* Until the first second has passed, the former instance's guard rules are in force. */
    rules->carry->guard.hears = enforce_elsewhere(rules->carry);
    rules->carry->guard.ports.given_anew = true;
    return 0;
}

/* Report once that a filter had to be set again; report it again only after the filter was found in place. */
static void tell_kept(struct rules *rules, unsigned at, int kept, const char *why)
{
    const char *name = rules->o->ifaces[at];
    if (kept > 0) rules->carry->workers[0]->ports[at].before.set_again += (unsigned)kept;
    if (kept && !rules->unkept[at])
        events_tell(&rules->tell->events, TOLD_GUARD,
                    "%s: another program removed prey's traffic-control filter, or put another filter before it; %s%s",
                    name,
                    kept > 0 ? "prey has put its own filter back"
                             : "prey tries every second to put its own filter back, but can't: ",
                    kept > 0 ? "" : why);
    rules->unkept[at] = kept;
}

void host_changes_keep(struct rules *rules)
{
    char why[500];
    if (change_pending(rules->carry)) return;
    hide_again(rules->carry);
    if (!(rules->carry->in_kernel || rules->carry->guard.proxies)) return;
    for (unsigned at = 0; at < rules->o->iface_count; at++) {
        uint64_t kept;
        const int failed = ask_KEEP(rules->tell->channel, &(struct request_at){at}, &kept, why, sizeof why);
        tell_kept(rules, at, failed ? failed : (int)kept, why);
    }
}

void host_changes_tick(struct rules *rules, uint64_t now_ns)
{
    if (rules->reload || !lingering_due(&rules->carry->guard.lingering, now_ns)) return;
    const struct lingering_used used = leftover_used(rules);
    if (!lingering_end(&rules->carry->guard.lingering, &used, now_ns)) return;
    if (!hide_guard(rules->carry)) steered_rules(rules->carry);
}

int host_changes_watch(struct rules *rules)
{
    char err[200];
    rules->carry->guard.news = guard_news_open(rules->o->name, err, sizeof err);
    return rules->carry->guard.news ? 0 : complain("%s", err);
}

void host_changes_follow(struct rules *rules)
{
    char who[48];
    if (!guard_news_read(rules->carry->guard.news, who, sizeof who)) return;
    /* An instance that this process has replaced removes its own rules, which needs no report */
    if (strncmp(who, "preyrun", strlen("preyrun")) != 0)
        events_tell(&rules->tell->events, TOLD_GUARD, "guard rules were changed%s%s; prey puts them back",
                    *who ? " by " : "", who);
    hide_guard(rules->carry);
}

void host_changes_await(const struct options *o) { state_await(STATE_RUN, o->name, END_MS, changes_say, NULL); }

int host_changes_cleanup(const struct options *o)
{
    const int left = state_cleanup(STATE_RUN, o->name, changes_say, NULL);
    const bool right = left != -EACCES && left != -EPERM;
    if (left < 0) return complain("--cleanup: %s%s", strerror(-left), right ? "" : ": run it as root, with sudo");
    return left ? 2 : 0;
}
