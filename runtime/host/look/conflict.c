/* Preflight about others: instances of that name, programs that see the interfaces' packets, users of wanted ports */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/guard/served.h"
#include "runtime/host/guard/sockets.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/host_priv.h"
#include "runtime/host/look/chains.h"
#include "runtime/host/look/preflight_priv.h"
#include "runtime/host/manager.h"
#include "runtime/host/proc_priv.h"
#include "runtime/host/socket/listen.h"
#include "runtime/host/state.h"

void look_at_name(struct look *l)
{
    const long owner = l->p->name ? state_owner(STATE_RUN, l->p->name) : 0;
    bool same = false; /* that instance serves one of this instance's interfaces */
    char groups[40], unit[80];
    if (!owner || owner == getpid() || l->p->takes_over) return; /* taken before this check, or handed over after it */
    for (unsigned i = 0; i < l->p->interface_count && !same; i++)
        same = served_by(STATE_RUN, l->p->interfaces[i], l->p->name);
    const char *help =
        same ? "use `preyctl load` to change its rules, or `preyctl takeover` to change its options or version"
             : "choose another --name";
    snprintf(groups, sizeof groups, "/proc/%ld/cgroup", owner);
    if (manager_unit(groups, unit, sizeof unit))
        preflight_tell(l, true,
                       "another preyrun named `%s` already runs here (%s): %s; to end it, run: systemctl stop %s|",
                       l->p->name, unit, help, unit);
    else
        preflight_tell(l, true, "another preyrun named `%s` already runs here (process %ld): %s|", l->p->name, owner,
                       help);
}

static int read_xdp(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[IFLA_XDP + 1], *xdp[IFLA_XDP_PROG_ID + 1];
    uint32_t *id = arg;
    netlink_attributes(nlh, sizeof(struct ifinfomsg), at, IFLA_XDP);
    netlink_nested(at[IFLA_XDP], xdp, IFLA_XDP_PROG_ID);
    *id = netlink_u32(xdp[IFLA_XDP_PROG_ID]);
    return MNL_CB_OK;
}

/* Return the id of the interface's XDP program; 0: none, or one that the instance has left, which a start removes */
static uint32_t xdp_of(struct host *h, const char *instance, const struct host_link *link)
{
    char buf[256];
    uint32_t id = 0;
    const struct ifinfomsg which = {.ifi_index = (int)link->ifindex};
    struct nlmsghdr *nlh = netlink_begin(buf, RTM_GETLINK, 0, &which, sizeof which);
    if (netlink_ask(&h->ask, nlh, read_xdp, &id)) return 0;
    return id && instance && hooks_left(instance, link->name, id) ? 0 : id;
}

bool host_xdp_is_taken(struct host *h, const char *instance, const char *interface)
{
    const struct host_link *link = host_link_named(h, interface);
    return link && xdp_of(h, instance, link);
}

struct filters {
    uint32_t own; /* handle of this instance's leftover filter, which the start removes */
    unsigned count;
};

static int count_filter(const struct nlmsghdr *nlh, void *arg)
{
    const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
    struct filters *f = arg;
    /* handle 0 is the list of a priority */
    f->count += mnl_nlmsg_get_payload_len(nlh) >= sizeof *t && t->tcm_handle && t->tcm_handle != f->own;
    return MNL_CB_OK;
}

static unsigned filters_of(const struct look *l, unsigned ifindex, uint32_t side)
{
    char buf[256];
    struct filters f = {.own = l->p->name ? hooks_handle(l->p->name) : 0};
    const struct tcmsg which = {.tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, side)};
    struct nlmsghdr *nlh = netlink_begin(buf, RTM_GETTFILTER, NLM_F_DUMP, &which, sizeof which);
    return netlink_ask(&l->host->ask, nlh, count_filter, &f) ? 0 : f.count;
}

/* Look at other programs. A packet socket gets frames after XDP and before tc's ingress; sent frames pass tc's egress,
 * but not those of XDP. Before Linux 6.6, filters may belong to another instance that serves the interface. */
void look_at_programs(struct look *l)
{
    char err[300];
    /* A process that has its name already knows that no other instance serves these interfaces. */
    const bool ours = l->p->name && (l->p->takes_over || state_owner(STATE_RUN, l->p->name) == getpid());
    const char *name = ours ? NULL : l->p->name;
    for (unsigned i = 0; i < l->p->interface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->p->interfaces[i]);
        if (!link) continue;
        const bool alone = l->p->xdp >> i & 1;
        const uint32_t xdp =
            alone && l->p->takes_over ? 0 : xdp_of(l->host, l->p->name, link); /* prey's own program is handed over */
        if (xdp && name && served_by(STATE_RUN, l->p->interfaces[i], name)) continue; /* see look_at_name */
        const bool served = !ours && served_already(STATE_RUN, l->p->interfaces[i], err, sizeof err);
        if (xdp && served)
            preflight_tell(l, true, "%s|", err); /* the instance goes on, so its program is not removed */
        else if (xdp && alone && l->p->xdp_replace)
            preflight_tell(l, false, "--xdp-replace removes XDP program %" PRIu32 " from %s for good|", xdp,
                           link->name);
        else if (xdp)
            preflight_tell(l, alone,
                           "%s has an XDP program (number %" PRIu32
                           ") of another process%s|%sip link set dev %s xdp off, or end that process",
                           link->name, xdp,
                           alone ? ", and an interface takes only one"
                                 : ", which sees frames first and may drop or redirect some",
                           alone ? "--xdp-replace, or " : "", link->name);
        if (!alone && !served && filters_of(l, link->ifindex, TC_H_MIN_EGRESS))
            preflight_tell(
                l, false,
                "%s has tc filters that see leaving packets and may drop or redirect some|tc filter show dev %s egress",
                link->name, link->name);
    }
}

/* True if the line of a chain's hook names the interface, in quotes or as a whole word */
static bool names(const char *line, size_t len, const char *interface)
{
    const size_t name = strlen(interface);
    for (const char *at = line; (at = memmem(at, len - (size_t)(at - line), interface, name)); at++)
        if (at > line && strchr(" \",{", at[-1]) && strchr(" \",;}", at[name])) return true;
    return false;
}

/* Look at rules for packets that leave by one of the interfaces */
static void look_at_egress(struct look *l, const char *table, const char *line, size_t len)
{
    for (unsigned i = 0; i < l->p->interface_count; i++)
        if (names(line, len, l->p->interfaces[i]))
            preflight_tell(l, false,
                           "the nftables table `%s` has rules for packets that leave by %s, including packets that "
                           "prey forwards|nft list table netdev %s",
                           table, l->p->interfaces[i], table);
}

static void look_at_chain(void *arg, const struct chain_line *c)
{
    struct look *l = arg;
    if (memmem(c->text, c->len, " hook egress ", 13)) look_at_egress(l, c->table, c->text, c->len);
    if (l->p->port_count && memmem(c->text, c->len, "type nat hook postrouting", 25))
        preflight_tell(l, false,
                       "the nftables table `%s %s` also translates, perhaps to ports that prey's `nat` uses|write "
                       "`masquerade to :1024-60999` in its rules",
                       c->family, c->table);
}

/* Look at nftables' rules: arriving frames reach prey before these rules, leaving frames pass them. */
void look_at_rules(struct look *l) { chains_each(look_at_chain, l); }

static bool is_wanted(const struct look *l, unsigned port)
{
    for (unsigned i = 0; i < l->p->port_count; i++) {
        const struct host_ports *r = &l->p->ports[i];
        if (!r->yields && r->lo <= port && port <= r->hi) return true;
    }
    return false;
}

/* Look at ports of masquerade that sockets have and keep */
static void look_at_bound(struct look *l)
{
    if (!l->p->bound_count) return;
    const struct facts_port *first = l->p->bound;
    const unsigned n = l->p->bound_count;
    preflight_tell(l, false, "%u port%s of `masquerade`, such as %s %u, %s of this machine, which keeps the port%s|", n,
                   n == 1 ? "" : "s", first->udp ? "udp" : "tcp", first->port, n == 1 ? "has a socket" : "have sockets",
                   n == 1 ? "" : "s");
}

/* Look at a file like /proc/net/tcp: a socket per line */
static void look_at_sockets(struct look *l, const char *path, const char *proto)
{
    char line[400];
    struct socket_line s;
    unsigned found = 0, first = 0;
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        if (!socket_line_read(line, &s) || !is_wanted(l, s.port)) continue;
        if (!found++) first = s.port;
    }
    if (f) fclose(f);
    if (found)
        preflight_tell(
            l, false,
            "%u socket%s of this machine use%s %s ports that translation takes, such as %u: nothing reaches %s while "
            "prey runs; to see the programs, run: ss -anp%c sport = :%u|",
            found, found == 1 ? "" : "s", found == 1 ? "s" : "", proto, first, found == 1 ? "it" : "them", *proto,
            first);
}

void look_at_ports(struct look *l)
{
    char err[300];
    struct host_kept kept = {0};
    if (!l->p->port_count) return;
    if (ports_look(NULL, l->p->ports, l->p->port_count, &kept, err, sizeof err))
        preflight_tell(l, true, "%s|", err);
    else if (kept.hi)
        preflight_tell(l, false, PORTS_STAY "|", kept.lo, kept.hi);
    look_at_bound(l);
    look_at_sockets(l, "/proc/net/tcp", "tcp");
    look_at_sockets(l, "/proc/net/tcp6", "tcp");
    look_at_sockets(l, "/proc/net/udp", "udp");
    look_at_sockets(l, "/proc/net/udp6", "udp");
}

void look_at_stats(struct look *l)
{
    char err[500];
    if (!l->p->stats) return;
    const int fd = listen_tcp(l->p->stats, l->p->stats_text, err, sizeof err);
    if (fd < 0)
        preflight_tell(l, true, "--stats %s|", err);
    else
        close(fd);
}
