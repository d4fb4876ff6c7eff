/* The choice of the kernel executor, and the programs that it can take. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/kernel/maps/live_sets.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/tell/log.h"
#include "vm/kernel/gate.h"

/* Write an obstacle. Return true. */
__attribute__((format(printf, 2, 3))) static bool bars(struct obstacle *o, const char *fmt, ...)
{
    va_list args;
    *o = (struct obstacle){0};
    va_start(args, fmt);
    vsnprintf(o->why, sizeof o->why, fmt, args);
    va_end(args);
    return true;
}

bool in_kernel_obstacle(const struct carry *carry, struct obstacle *o)
{
    char why[200];
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[i]);
        enum pkt_link kind;
        if (link && link->loopback) return bars(o, "only the user-space executor judges packets of the loopback");
        if (carry->by_tc >> i & 1) continue;
        if (link && host_link_reads(link, &kind) && kind == LINK_RAW)
            return bars(o, "%.15s carries no Ethernet, and XDP sees only Ethernet frames", link->name);
        if (in_kernel_silent(link))
            return bars(o, "%.15s is an ipvlan in mode L3, which loses packets that XDP sends", link->name);
        if (link && !carry->latest && xdp_refuses_mtu(link->name, link->mtu, sizeof(struct kernel_note), o))
            return true;
    }
    if (carry->o->bridge_count) return bars(o, "only the user-space executor supports --bridge");
    if (program_holds(carry->now.program) != PBC_NONE)
        return bars(o, "a branch of mode observe holds packets back, which only the user-space executor can do");
    if (live_sets_lack(carry->now.program, why, sizeof why)) return bars(o, "%s", why);
    if (carry->o->io == OPTIONS_IO_PACKET) return bars(o, "--io packet is only for the user-space executor");
    if (!io_XDP.open) return bars(o, "this preyrun was built without clang (make KERNEL=0)");
    *o = carry->exec.lacks;
    return *o->why;
}

static bool is_auto(const struct options *o) { return o->exec == OPTIONS_EXEC_UNSET || o->exec == OPTIONS_EXEC_AUTO; }

static void choice_set(struct carry *carry, bool in_kernel, const char *why)
{
    carry->in_kernel = in_kernel;
    snprintf(carry->exec.why, sizeof carry->exec.why, "%s", why);
}

/* True if the command line or an interface bars the kernel executor. */
static bool is_barred(const struct carry *carry, char *why, size_t len)
{
    struct obstacle o;
    const bool barred = in_kernel_obstacle(carry, &o);
    if (barred) obstacle_text(&o, why, len);
    return barred;
}

/* True if this machine lacks something that the kernel executor needs. */
static bool is_lacking(const struct carry *carry, char *why, size_t len)
{
    struct obstacle o;
    bool lacks = false;
    for (unsigned i = 0; i < IN_KERNEL_LOOKS && !lacks; i++) lacks = in_kernel_look(carry, i, &o);
    if (lacks) obstacle_text(&o, why, len);
    return lacks;
}

/* Choose the executor if this process could enforce all rules: the kernel, unless it cannot, or gains nothing. */
static void choose_faster(struct carry *carry)
{
    char why[600] = "the kernel executor supports all rules";
    const struct program *p = carry->now.program;
    carry->exec.by_rules = in_kernel_comes_up(carry, p, why, sizeof why);
    const bool here = is_barred(carry, why, sizeof why) || carry->exec.by_rules ||
                      in_kernel_here(carry, p, why, sizeof why) || is_lacking(carry, why, sizeof why);
    choice_set(carry, !here, why);
}

/* Choose the executor if this process could only watch: the kernel, unless something prevents it. */
static void choose_enforcing(struct carry *carry, const char *unenforced)
{
    char why[600];
    struct obstacle o;
    refused_here(&carry->exec.lacks);
    const bool barred = carry->o->io == OPTIONS_IO_XDP ? bars(&o, "--io xdp is only for the user-space executor")
                                                       : in_kernel_obstacle(carry, &o);
    if (barred)
        obstacle_text(&o, why, sizeof why);
    else if (!enforce_watched(carry, carry->now.program, why, sizeof why))
        snprintf(why, sizeof why, "%s", unenforced);
    choice_set(carry, !barred, why);
}

/* Choose the executor of the previous instance. */
static int choose_as_before(struct carry *carry)
{
    char why[OBSTACLE_TEXT];
    struct obstacle o;
    const char *where = carry->passed ? "in the kernel" : "in user space";
    if (!is_auto(carry->o) && (carry->o->exec == OPTIONS_EXEC_KERNEL) != (carry->passed != NULL))
        return complain("--takeover: the running instance judges %s, so --exec %s isn't possible; remove --exec, or "
                        "stop prey and start it without --takeover",
                        where, carry->passed ? "user" : "kernel");
    if (carry->passed && in_kernel_obstacle(carry, &o))
        return complain("--takeover: the running instance judges in the kernel, but this start can't: %s",
                        obstacle_text(&o, why, sizeof why));
    choice_set(carry, carry->passed, "the previous process did so");
    return 0;
}

int in_kernel_choose(struct carry *carry)
{
    char what[600], why[OBSTACLE_TEXT];
    struct obstacle o;
    carry->in_kernel = false;
    if (carry->takes) return choose_as_before(carry);
    if (is_auto(carry->o)) {
        carry->exec.either = enforce_all(carry, carry->now.program, what, sizeof what);
        if (carry->exec.either)
            choose_faster(carry);
        else
            choose_enforcing(carry, what);
        return 0;
    }
    const bool asked = carry->o->exec == OPTIONS_EXEC_KERNEL;
    const bool barred = asked && in_kernel_obstacle(carry, &o);
    choice_set(carry, asked && !barred, asked ? "--exec kernel was given" : "--exec user was given");
    if (!barred) return 0;
    const bool watched = !carry->o->monitor && enforce_watched(carry, carry->now.program, what, sizeof what);
    return complain("--exec kernel: %s; use --exec user%s", obstacle_text(&o, why, sizeof why),
                    watched ? " --monitor" : "");
}

bool in_kernel_gives_way(struct carry *carry, const char *refusal)
{
    static const char advice[] = "; use --exec user", cut[] = "...";
    const size_t len = strlen(refusal), tail = sizeof advice - 1;
    const bool advises = len > tail && !strcmp(refusal + len - tail, advice);
    if (!is_auto(carry->o)) return false;
    struct obstacle *const o = &carry->exec.lacks;
    *o = (struct obstacle){0};
    const int all = snprintf(o->why, sizeof o->why, "%.*s", (int)(len - (advises ? tail : 0)), refusal);
    if (all >= (int)sizeof o->why) memcpy(o->why + sizeof o->why - sizeof cut, cut, sizeof cut);
    return true;
}

void in_kernel_say(const struct carry *carry)
{
    const char *who = carry->in_kernel ? "kernel" : "user";
    if (!is_auto(carry->o)) return;
    if (carry->o->preflight)
        fprintf(stderr, "--exec auto: %s, because %s\n", who, carry->exec.why);
    else
        events_tell(&carry->tell->events, TOLD_EXEC, "%s, because %s", who, carry->exec.why);
}

void in_kernel_why(struct carry *carry)
{
    char why[500];
    const struct program *p = carry->now.program;
    if (!is_auto(carry->o)) return;
    const bool up = in_kernel_comes_up(carry, p, why, sizeof why);
    if (!carry->in_kernel && carry->exec.by_rules)
        choice_set(carry, false,
                   up ? why : "the rules at the start needed user space; a restart may choose the kernel");
    else if (carry->in_kernel && !enforce_watched(carry, p, carry->exec.why, sizeof carry->exec.why))
        snprintf(carry->exec.why, sizeof carry->exec.why, "%s%s", up ? "as at the start, though " : "",
                 up ? why : "the kernel executor supports all rules");
}

bool in_kernel_takes(const struct carry *carry, const struct program *p, char *why, size_t len)
{
    const char *lack = carry->kernel ? flows_lack(carry->kernel->kernel, p) : NULL;
    if (!lack && program_holds(p) != PBC_NONE) {
        snprintf(why, len,
                 "--exec kernel: a branch of mode observe holds packets back, which only user space can do: restart "
                 "with --exec user");
        return false;
    }
    char large[200];
    if (!lack && live_sets_lack(p, large, sizeof large)) {
        snprintf(why, len, "--exec kernel: %s", large);
        return false;
    }
    if (lack)
        snprintf(why, len,
                 "--exec kernel: these rules %s, which needs tables that prey creates only when it starts: restart "
                 "prey",
                 lack);
    return !lack;
}
