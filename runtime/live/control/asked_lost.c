/* The kernel's route to the translated destination tells the device by which it would leave */
#include "runtime/live/control/asked_lost.h"

#include <stdio.h>
#include <string.h>

/* True for a device above others, to which frames may go by a port below it. */
static bool is_stacked(const struct host_link *link)
{
    return link->under || link->vrf_table || !strcmp(link->kind, "bridge") || !strcmp(link->kind, "bond") ||
           !strcmp(link->kind, "team");
}

bool asked_lost(const struct control *control, const struct explain_look *k, char why[ASKED_LOST])
{
    const struct flow_record *to = &k->nat.to;
    if (k->nat.nat == PBC_NONE || k->nat.reason) return false;
    const struct host_query q = {.to = host_addr_of(to->to_dst, to->family)};
    char addr[HOST_ADDR_TEXT];
    struct host_route route;
    if (host_route(control->carry->host, &q, &route)) return false;
    const struct host_link *link = host_link(control->carry->host, route.ifindex);
    host_addr_text(&q.to, addr);
    if (route.local)
        snprintf(why, ASKED_LOST, "%s is this machine itself, which nothing that is sent on reaches", addr);
    else if (link && !options_serve(control->o, link->name) && !is_stacked(link))
        snprintf(why, ASKED_LOST, "the route to %s leaves by %s, which -i does not name", addr, link->name);
    else
        return false;
    return true;
}
