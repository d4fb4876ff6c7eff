/* Findings about privileges, interfaces, drivers, subnets, servers and forwarding; each function looks at one of
 * these */
#include "runtime/host/look/preflight_priv.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/device/tun.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/host/proc_priv.h"
#include "vm/words/words.h"

void preflight_tell(struct look *l, bool fatal, const char *format, ...)
{
    char text[700];
    va_list more;
    va_start(more, format);
    vsnprintf(text, sizeof text, format, more);
    va_end(more);
    char *mend = strrchr(text, '|');
    *mend = 0;
    l->fatal += fatal;
    l->say(l->arg, fatal, text, mend + 1);
}

/* Check privileges: for guard rules and neighbours, for packet sockets */
static void look_at_rights(struct look *l)
{
    if (capng_get_caps_process()) return;
    const bool admin = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
    const bool raw = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
    if (admin && raw) return;
    const char *what = admin ? "y CAP_NET_RAW" : raw ? "y CAP_NET_ADMIN" : "ies CAP_NET_ADMIN and CAP_NET_RAW";
    const char *option = admin ? "NET_RAW" : raw ? "NET_ADMIN" : "NET_ADMIN --cap-add NET_RAW";
    if (geteuid())
        preflight_tell(l, true, "preyrun must run as root (sudo): it lacks the capabilit%s|", what);
    else
        preflight_tell(l, true, "start the container with --cap-add %s: preyrun lacks the capabilit%s|", option, what);
}

static unsigned least_of_three(unsigned a, unsigned b, unsigned c) { return a < b ? (a < c ? a : c) : (b < c ? b : c); }

/* Return the edit distance (Levenshtein); names are shorter than IFNAMSIZ */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[IFNAMSIZ + 1];
    const size_t len = strnlen(b, IFNAMSIZ);
    for (unsigned i = 0; i <= len; i++) row[i] = i;
    for (unsigned k = 1; *a && k < 64; a++, k++) {
        unsigned corner = row[0];
        row[0] = k;
        for (size_t i = 1; i <= len; i++) {
            const unsigned above = row[i];
            row[i] = least_of_three(above + 1, row[i - 1] + 1, corner + (*a != b[i - 1]));
            corner = above;
        }
    }
    return row[len];
}

static bool is_used(const struct look *l, unsigned ifindex)
{
    const struct host_link *link = host_link(l->host, ifindex);
    for (unsigned i = 0; link && i < l->p->interface_count; i++)
        if (!strcmp(link->name, l->p->interfaces[i])) return true;
    return false;
}

/* Return the nearest name of an interface that -i doesn't name yet, or NULL; list all names that fit in `all`. Prey's
 * own devices are left out. */
static const char *nearest(const struct look *l, const char *name, char *all, size_t len)
{
    unsigned count, best = 3;
    const struct host_link *links = host_links(l->host, &count);
    const char *found = NULL;
    size_t used = 0;
    *all = 0;
    for (unsigned i = 0; i < count; i++) {
        if (tun_is_given(l->host, &links[i])) continue;
        const unsigned d = is_used(l, links[i].ifindex) ? best : distance(name, links[i].name);
        if (d < best) found = links[i].name;
        if (d < best) best = d;
        if (used + IFNAMSIZ + 4 < len)
            used += (size_t)snprintf(all + used, len - used, "%s%s", used ? ", " : "", links[i].name);
    }
    return found;
}

/* Write "-i a -i b" for a list "a,b" in one option; false if it isn't a list. */
static bool apart(const char *name, char *buf, size_t len)
{
    const size_t first = strcspn(name, ", ");
    size_t used = 0;
    for (const char *at = name; *at && used < len; at += strspn(at, ", ")) {
        const size_t n = strcspn(at, ", ");
        used += (size_t)snprintf(buf + used, len - used, "%s-i %.*s", used ? " " : "", (int)n, at);
        at += n;
    }
    return name[first];
}

/* Return the interface with that alternative name (`ip link property add … altname`), or NULL. */
static const struct host_link *other_name(const struct look *l, const char *name)
{
    const unsigned ifindex = if_nametoindex(name);
    return ifindex ? host_link(l->host, ifindex) : NULL;
}

static void tell_unknown(struct look *l, const char *name, bool fatal)
{
    char all[300], each[120];
    const struct host_link *other = other_name(l, name);
    const char *near = nearest(l, name, all, sizeof all),
               *later = fatal ? "" : ", which preyrun serves once it appears";
    if (apart(name, each, sizeof each))
        preflight_tell(l, true, "`%.40s` matches several interfaces, and -i takes only one|%s", name, each);
    else if (other)
        preflight_tell(l, true, "`%.40s` is an alternative name of %s, and preyrun takes only the first name|-i %s",
                       name, other->name, other->name);
    else if (near)
        preflight_tell(l, fatal, "there is no interface `%.40s`%s; there are: %s|-i %s", name, later, all, near);
    else
        preflight_tell(l, fatal, "there is no interface `%.40s`%s; there are: %s|", name, later, all);
}

/* True if some interface exists and is up, so that others may come later */
static bool is_any_up(const struct look *l)
{
    bool any = false;
    for (unsigned i = 0; i < l->p->interface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->p->interfaces[i]);
        any |= link && link->up;
    }
    return any;
}

/* Look at an ipvlan: it shares its MAC address with the device below, which keeps packets to addresses that no
 * ipvlan has. */
static void look_at_ipvlan(struct look *l, const struct host_link *link)
{
    const struct host_link *below = link->above ? host_link(l->host, link->above) : NULL;
    if (!strcmp(link->kind, "ipvlan") && link->no_arp)
        preflight_tell(l, false,
                       "%s is an ipvlan in mode L3, and some kernels, such as Linux 6.1, lose the packets that prey "
                       "forwards through it|"
                       "ip link set %s type ipvlan mode l2",
                       link->name, link->name);
    if (below && !strcmp(link->kind, "ipvlan") && !is_used(l, below->ifindex))
        preflight_tell(
            l, false,
            "%s is an ipvlan and receives only packets for its own addresses: other packets arrive on %s|-i %s",
            link->name, below->name, below->name);
}

static void look_at_interface(struct look *l, const char *name, bool bridged)
{
    const bool needed = !l->p->waits && (bridged || !is_any_up(l));
    const struct host_link *link = host_link_named(l->host, name);
    if (!link) {
        tell_unknown(l, name, needed);
        return;
    }
    const struct host_link *master = link->master ? host_link(l->host, link->master) : NULL;
    enum pkt_link kind;
    char why[300];
    if (!host_link_reads(link, &kind)) {
        preflight_tell(l, true, "%s", host_link_unread(link, why, sizeof why));
        return;
    }
    if (bridged && kind != LINK_ETHER)
        preflight_tell(l, true, "%s carries no Ethernet, so it can't be a bridge port|-i %s in place of --bridge", name,
                       name);
    look_at_ipvlan(l, link);
    if (!link->up && l->p->waits && !l->p->looks_only)
        ; /* at boot the network isn't configured yet; the line `ready` shows that it is down */
    else if (!link->up)
        preflight_tell(l, needed, "%s is down%s|ip link set %s up", name,
                       needed ? "" : ": preyrun serves it once it is up", name);
    else if (!link->carrier)
        preflight_tell(l, false, "%s has no carrier: nothing arrives until its peer is up|", name);
    const bool bridge = master && !strcmp(master->kind, "bridge");
    if (master && bridged && !bridge)
        preflight_tell(l, true, "%s belongs to %s, which takes the arriving frames|ip link set %s nomaster", name,
                       master->name, name);
    if (bridge)
        preflight_tell(
            l, bridged,
            "%s is a port of the kernel's bridge %s, which also forwards the arriving frames|ip link set %s nomaster",
            name, master->name, name);
}

/* Look at drivers without XDP. A refusal that concerns only the size of frames can't be predicted. */
static void look_at_drivers(struct look *l)
{
    if (!l->p->xdp || !l->p->looks_only) return;
    struct xmit *x = xmit_open();
    for (unsigned i = 0; i < l->p->interface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->p->interfaces[i]);
        if (link && l->p->xdp >> i & 1 && !xmit_driver_has_xdp(x, link))
            preflight_tell(l, false,
                           "%s runs XDP programs only in generic mode, which is slower: its driver has no native mode|",
                           link->name);
    }
    xmit_close(x);
}

static bool same_bits(const struct host_addr *a, const struct host_addr *b, unsigned bits)
{
    if (a->family != b->family) return false;
    for (unsigned i = 0; i < 4 && bits; i++) {
        const unsigned here = bits < 32 ? bits : 32;
        if ((a->word[i] ^ b->word[i]) >> (32 - here)) return false;
        bits -= here;
    }
    return true;
}

/* True if the address defines a subnet on its link with other members */
static bool makes_subnet(const struct host_address *a)
{
    return a->scope < RT_SCOPE_LINK && a->prefix < (a->addr.family == 4 ? 32 : 128);
}

bool host_is_in_subnet(const struct host_address *of, const struct host_addr *addr)
{
    return makes_subnet(of) && same_bits(&of->addr, addr, of->prefix);
}

static const char *name_at(const struct look *l, unsigned ifindex)
{
    const struct host_link *link = host_link(l->host, ifindex);
    return link ? link->name : "?";
}

/* Compare two interfaces' addresses for overlapping subnets; the remedy removes the unused one */
static void compare_subnets(struct look *l, const struct host_address *a, const struct host_address *b)
{
    const unsigned bits = a->prefix < b->prefix ? a->prefix : b->prefix;
    char text[HOST_ADDR_TEXT];
    if (!makes_subnet(a) || !makes_subnet(b) || !same_bits(&a->addr, &b->addr, bits)) return;
    if (!is_used(l, a->ifindex) && !is_used(l, b->ifindex)) return;
    const struct host_address *stays = is_used(l, a->ifindex) ? a : b, *goes = stays == a ? b : a;
    const char *other = name_at(l, goes->ifindex);
    host_addr_text(&goes->addr, text);
    preflight_tell(
        l, false,
        "%s and %s are in one subnet, %s/%u: replies leave by the interface of the route|ip addr del %s/%u dev %s",
        name_at(l, stays->ifindex), other, text, bits, text, goes->prefix, other);
}

/* A server with its route, and the links whose subnets contain it */
struct standing {
    const struct preflight_server *server;
    char addr[HOST_ADDR_TEXT];
    struct host_route route;
    int no_way; /* 0 or a negative errno */
    unsigned link[2], links;
};

static struct standing stand(const struct look *l, const struct preflight_server *server)
{
    const struct host_query q = {.to = server->addr};
    struct standing s = {.server = server};
    unsigned count;
    const struct host_address *all = host_addresses(l->host, &count);
    host_addr_text(&server->addr, s.addr);
    s.no_way = host_route(l->host, &q, &s.route);
    for (unsigned i = 0; i < count && s.links < 2; i++)
        if (host_is_in_subnet(&all[i], &server->addr) && (!s.links || s.link[0] != all[i].ifindex))
            s.link[s.links++] = all[i].ifindex;
    return s;
}

/* Return the words before the name: a server's name includes its pool, a target's is its nat's. */
static const char *what_of(const struct standing *s)
{
    return strchr(s->server->name, '/') ? "server" : "the target of nat";
}

/* True if an earlier server has this name and address: a nat statement lists its target once per port. */
static bool is_again(const struct look *l, unsigned at)
{
    const struct preflight_server *s = &l->p->servers[at];
    bool again = false;
    for (unsigned i = at; i-- > 0 && !again && !strchr(s->name, '/');) {
        const struct preflight_server *e = &l->p->servers[i];
        again = e->addr.family == s->addr.family && !memcmp(e->addr.word, s->addr.word, sizeof s->addr.word) &&
                !strcmp(e->name, s->name);
    }
    return again;
}

/* Each function recognises one kind of finding, and reports it if `told` */
static bool no_route(struct look *l, const struct standing *s, bool told)
{
    if (s->no_way && told)
        preflight_tell(l, false, "no route leads to %s %s, %s|ip route add %s via GATEWAY", what_of(s), s->server->name,
                       s->addr, s->addr);
    return s->no_way;
}

static bool is_self(struct look *l, const struct standing *s, bool told)
{
    const bool found = s->server->sent_on && !s->no_way && s->route.local, pooled = strchr(s->server->name, '/');
    if (found && told)
        preflight_tell(
            l, false, "%s %s, %s, is this machine itself, which forwarded packets can't reach%s|%s", what_of(s),
            s->server->name, s->addr, pooled ? ", so it counts as down" : "",
            pooled
                ? "use `mode proxy`, or the address of another host"
                : "use the address of another host; to let clients reach this machine itself, write a firewall `in`");
    return found;
}

static bool by_another(struct look *l, const struct standing *s, bool told)
{
    const bool found = s->server->sent_on && !s->no_way && !s->route.local && !is_used(l, s->route.ifindex);
    const char *out = name_at(l, s->route.ifindex);
    if (found && told)
        preflight_tell(l, false, "the route to %s %s, %s, leaves by %s, which no -i names|-i %s", what_of(s),
                       s->server->name, s->addr, out, out);
    return found;
}

static bool on_two(struct look *l, const struct standing *s, bool told)
{
    if (s->links > 1 && told)
        preflight_tell(l, false,
                       "%s %s, %s, is in the subnets of %s and %s: packets leave by the interface of the route|",
                       what_of(s), s->server->name, s->addr, name_at(l, s->link[0]), name_at(l, s->link[1]));
    return s->links > 1;
}

static bool too_narrow(struct look *l, const struct standing *s, bool told)
{
    uint32_t longest = 0;
    for (unsigned i = 0; i < l->p->interface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->p->interfaces[i]);
        if (link && link->mtu > longest && link->mtu < 65536) longest = link->mtu;
    }
    const bool found = s->server->overhead && !s->no_way && s->route.mtu < longest + s->server->overhead;
    const char *out = name_at(l, s->route.ifindex);
    if (found && told)
        preflight_tell(l, false,
                       "a packet of %u bytes doesn't fit into the tunnel to server %s: the server's route takes only "
                       "%u bytes, and the tunnel needs %u; senders must use smaller packets, and some packets are "
                       "delayed|ip link set %s mtu %u",
                       longest, s->server->name, s->route.mtu, longest + s->server->overhead, out,
                       longest + s->server->overhead);
    return found;
}

static void look_at_servers(struct look *l)
{
    static const struct {
        bool (*find)(struct look *, const struct standing *, bool told);
        const char *of_one, *of_more;
    } kinds[] = {{no_route, "has no route", "have no route"},
                 {is_self, "is this machine itself", "are this machine itself"},
                 {by_another, "is behind an interface that no -i names", "are behind interfaces that no -i names"},
                 {on_two, "is in the subnets of two interfaces", "are in the subnets of two interfaces"},
                 {too_narrow, "has a route too narrow for the tunnel", "have routes too narrow for the tunnel"}};
    unsigned found[sizeof kinds / sizeof kinds[0]] = {0};
    for (unsigned i = 0; i < l->p->server_count; i++) {
        const struct standing s = stand(l, &l->p->servers[i]);
        if (is_again(l, i)) continue;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            found[k] += kinds[k].find(l, &s, found[k] < TOLD_MOST);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        if (found[k] > TOLD_MOST)
            preflight_tell(l, false, "%u more server%s %s|", found[k] - TOLD_MOST, text_plural(found[k] - TOLD_MOST),
                           found[k] - TOLD_MOST == 1 ? kinds[k].of_one : kinds[k].of_more);
}

static void look_at_forwarding(struct look *l)
{
    static const struct {
        const char *path, *name;
    } settings[] = {{"/proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward"},
                    {"/proc/sys/net/ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding"}};
    if (!l->p->sends_on || l->p->guarded) return;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (proc_is_on(settings[i].path))
            preflight_tell(l, true,
                           "the kernel forwards packets itself (%s), and would send a second copy of each packet that "
                           "prey forwards|"
                           "sysctl -w %s=0",
                           settings[i].name, settings[i].name);
}

bool host_lacks_rights(preflight_say *say, void *arg)
{
    struct look l = {.say = say, .arg = arg};
    look_at_rights(&l);
    return l.fatal;
}

unsigned host_preflight(struct host *h, const struct preflight *p, preflight_say *say, void *arg)
{
    struct look l = {h, p, say, arg, 0};
    look_at_rights(&l);
    const unsigned without = l.fatal;
    for (unsigned i = 0; i < p->interface_count; i++)
        look_at_interface(&l, p->interfaces[i], p->bridged && p->bridged[i]);
    look_at_name(&l);
    look_at_state(&l);
    look_at_log(&l);
    look_at_record(&l);
    look_at_stats(&l);
    look_at_listeners(&l);
    look_at_memory(&l);
    if (!without) look_at_programs(&l);
    if (!without) look_at_drivers(&l);
    if (!without) look_at_rules(&l);
    if (l.fatal) return l.fatal; /* the remedies will change the routes to servers */
    look_at_ports(&l);
    unsigned count;
    const struct host_address *all = host_addresses(l.host, &count);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < i; k++)
            if (all[k].ifindex != all[i].ifindex) compare_subnets(&l, &all[k], &all[i]);
    look_at_servers(&l);
    look_at_forwarding(&l);
    return l.fatal;
}
