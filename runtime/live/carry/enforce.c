/* The program's parts, compared with the way that frames come by; this decides who routes and who cuts super-packets */
#include "runtime/live/carry/enforce.h"

#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/obstacle.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/worker/watched.h"
#include "vm/words/words.h"

/* Return the number of interfaces outside bridges. */
static unsigned plain(const struct carry *carry)
{
    unsigned count = 0;
    for (unsigned i = 0; i < carry->o->iface_count; i++) count += carry->o->peer[i] == OPTIONS_NO_PEER;
    return count;
}

/* Return the branch that holds packets in vain, because this machine gets its own copy; PBC_NONE: none. */
static uint32_t held_in_vain(const struct carry *carry, const struct program *p)
{
    return plain(carry) && !enforce_routes(carry, p) ? program_holds(p) : PBC_NONE;
}

bool enforce_watched(const struct carry *carry, const struct program *p, char *what, size_t len)
{
    char place[300];
    /* true if the host forwards packets and this process does not take its place */
    const bool forwards =
        carry->forwards.any && (carry->in_kernel || carry->io != &io_XDP) && !enforce_routes(carry, p);
    const struct host_self self = host_self(carry->host);
    const uint32_t holds = held_in_vain(carry, p);
    if (holds != PBC_NONE) {
        const struct pbc_choice *x = &p->choices[holds];
        snprintf(what, len,
                 "%s:%u can't hold packets back (`-> %s` in mode observe), because this machine's network stack gets "
                 "its own copy of each packet",
                 program_str(p, x->place.file), x->place.line, does_name(x->does));
        return true;
    }
    if (!plain(carry) || !watched_place(p, &self, forwards, place, sizeof place)) return false;
    snprintf(what, len, "%s may drop this machine's own traffic%s", place,
             forwards ? " or traffic that it forwards" : "");
    return true;
}

bool enforce_all(const struct carry *carry, const struct program *p, char *why, size_t len)
{
    static const char watch[] = "add --monitor to count that traffic and let it pass";
    struct obstacle o = {0};
    char what[400], no[OBSTACLE_TEXT];
    if (carry->o->monitor || carry->in_kernel || !enforce_watched(carry, p, what, sizeof what)) return true;
    const bool barred = in_kernel_obstacle(carry, &o), user = carry->o->exec == OPTIONS_EXEC_USER;
    if (held_in_vain(carry, p) != PBC_NONE)
        snprintf(why, len, "%s: use --bridge, or %s", what, watch);
    else if (barred)
        snprintf(why, len,
                 "%s, which only the kernel executor can block, and that executor can't run here: %s; fix that, or %s",
                 what, obstacle_text(&o, no, sizeof no), watch);
    else
        snprintf(why, len, "%s, which only the kernel executor can block: %s, or %s", what,
                 user                             ? "start without --exec user"
                 : carry->o->io == OPTIONS_IO_XDP ? "start without --io xdp"
                                                  : "restart with --exec kernel",
                 watch);
    return false;
}

void enforce_watched_now(struct carry *carry)
{
    char what[400];
    const bool now =
        !carry->o->monitor && !carry->in_kernel && enforce_watched(carry, carry->now.program, what, sizeof what);
    if (now && !carry->watched)
        complain("%s; this machine's addresses have changed, and prey can only count that traffic", what);
    carry->watched = now;
}

static bool prey_routes(const struct carry *carry, const struct program *p)
{
    return routed_wanted(p, plain(carry), carry->forwards.any);
}

uint8_t enforce_routed(const struct carry *carry, const struct program *p)
{
    if (prey_routes(carry, p)) return ROUTED_BOTH;
    if (!routed_hidden(p, plain(carry))) return 0;
    return (uint8_t)((carry->forwards.ip4 ? ROUTED_IP4 : 0) | (carry->forwards.ip6 ? ROUTED_IP6 : 0));
}

bool enforce_routes(const struct carry *carry, const struct program *p)
{
    return carry->in_kernel ? prey_routes(carry, p) : enforce_routed(carry, p) != 0;
}

bool enforce_elsewhere(const struct carry *carry)
{
    unsigned count;
    const struct host_link *all = host_links(carry->host, &count);
    for (unsigned i = 0; i < count; i++) {
        bool ours = all[i].loopback || !all[i].up || !strncmp(all[i].name, "prey-", strlen("prey-"));
        for (unsigned at = 0; at < carry->o->iface_count && !ours; at++)
            ours = carry->ifindex[at] && (carry->ifindex[at] == all[i].ifindex || carry->ifindex[at] == all[i].master);
        if (!ours) return true;
    }
    return false;
}

/* True if a service tunnels. Super-packets are then cut here, because no one cuts a packet behind an outer header. */
bool enforce_cuts(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (mode_is(p->services[i].mode, MODE_TUNNELS)) return true;
    return false;
}
