/* Addresses of rules are looked up in the routes, to find those behind a device without a port */
#include "runtime/live/rules/translated.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/host/look/translators.h"

enum {
    TOLD_MOST = 5,
    RANGES_MOST = 64,
    QUESTIONS_MOST = 8192
}; /* most rules in notices; most ranges per set; most questions */

struct notices {
    const struct rules *rules;
    const struct program *p;
    struct host_translators by;
    const char **behind; /* [sets_count]: the device behind which the set's addresses are; NULL: not known yet */
    bool *walked;        /* [chains_count] chains already looked at */
    unsigned told, ranges, questions; /* notices; ranges that represent each set; questions */
    bool cut;                         /* not all of a set's first RANGES_MOST ranges were looked up */
};
static const char nowhere[] = ""; /* in `behind`: the addresses are behind no device */

/* Return the device by which a foreign address is reached if it is no port, or NULL. The unspecified address (RFC
 * 4291, 2.5.2) belongs to no host, though a default route contains it. */
static const char *behind_of(struct notices *n, const uint32_t addr[4], uint8_t family)
{
    const struct host_query q = {.to = host_addr_of(addr, family)};
    struct host_route route;
    if (!(addr[0] | addr[1] | addr[2] | addr[3])) return NULL;
    n->questions++;
    if (host_route(n->rules->carry->host, &q, &route) || route.local) return NULL;
    const struct host_link *link = host_link(n->rules->carry->host, route.ifindex);
    return link && !link->loopback && !options_serve(n->rules->o, link->name) ? link->name : NULL;
}

/* Return the device behind which a range is. Its last address but one represents the range, or its second address if
 * that finds no device: a network's own and broadcast addresses lead nowhere. */
static const char *behind_range(struct notices *n, const struct address_range *r)
{
    const uint8_t last = r->family == 6 ? 3 : 0;
    uint32_t addr[4] = {r->hi[0], r->hi[1], r->hi[2], r->hi[3]};
    if (!memcmp(r->lo, r->hi, sizeof r->lo)) return behind_of(n, addr, r->family);
    addr[last]--;
    const char *found = behind_of(n, addr, r->family);
    memcpy(addr, r->lo, sizeof addr);
    addr[last]++;
    return found ? found : behind_of(n, addr, r->family);
}

/* Return the device behind which the set's addresses are, or `nowhere`. Only the set's first ranges are looked up. */
static const char *behind_set(struct notices *n, uint32_t set)
{
    struct address_walk w = address_walk(n->p, set, 1, 0);
    struct address_range r;
    const char *found = n->behind[set];
    if (found) return found;
    for (unsigned i = 0; i < RANGES_MOST && !found && address_next(&w, &r); i++) {
        if (i >= n->ranges || n->questions >= QUESTIONS_MOST) {
            n->cut = true;
            break;
        }
        found = behind_range(n, &r);
    }
    n->behind[set] = found ? found : nowhere;
    return n->behind[set];
}

/* Return the device behind which the condition's addresses are; NULL: none. */
static const char *behind(struct notices *n, const struct pbc_cond *c)
{
    const char *found = nowhere;
    for (uint32_t set = c->first; set < c->first + c->count && !*found; set++) found = behind_set(n, set);
    return *found ? found : NULL;
}

/* Return the device behind which the rule's addresses of one side are; NULL: it has none there. */
static const char *asks_behind(struct notices *n, const struct pbc_rule *r, unsigned kind)
{
    const char *found = NULL;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count && !found; i++) {
        const struct pbc_cond *c = &n->p->conds[i];
        if (c->kind == kind && !(c->flags & PBC_COND_NOT)) found = behind(n, c);
    }
    return found;
}

static bool asks_for(const struct notices *n, const struct pbc_rule *r, unsigned kind)
{
    bool any = false;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) any |= n->p->conds[i].kind == kind;
    return any;
}

/* Return the bridge among the ports that the firewall judges; NULL: none. */
static const char *bridge_of(const struct notices *n, const struct pbc_firewall *f)
{
    const struct options *o = n->rules->o;
    for (unsigned i = 0; i < o->iface_count; i++) {
        const struct host_link *link = host_link_named(n->rules->carry->host, o->ifaces[i]);
        const char *on = f->iface == PBC_NONE ? o->ifaces[i] : program_str(n->p, n->p->ifaces[f->iface].device);
        const bool judges = !strcmp(on, o->ifaces[i]) || iface_holds(on, o->ifaces[i]);
        if (link && judges && !strcmp(link->kind, "bridge")) return link->name;
    }
    return NULL;
}

/* Report a rule for packets that cross this machine. */
static void look_across(struct notices *n, const struct pbc_rule *r)
{
    const char *from = *n->by.leaving ? asks_behind(n, r, COND_FROM) : NULL;
    const char *to = *n->by.arriving ? asks_behind(n, r, COND_TO) : NULL;
    if (from && n->told++ < TOLD_MOST)
        complain("notice: %.80s:%u matches sources behind %s, but prey judges packets from there only when they "
                 "leave, and the table `%s` may have translated the sources by then; to fix it, add -i %s",
                 program_str(n->p, r->place.file), r->place.line, from, n->by.leaving, from);
    if (to && n->told++ < TOLD_MOST)
        complain("notice: %.80s:%u matches destinations behind %s, but the table `%s` translates packets to them only "
                 "after prey has judged these packets; to fix it, write a rule with `to self` for arriving packets",
                 program_str(n->p, r->place.file), r->place.line, to, n->by.arriving);
}

/* Report a rule for packets from a bridge of the kernel, which br_netfilter has translated. */
static void look_at_bridge(struct notices *n, const struct pbc_rule *r, const char *bridge)
{
    if (!n->by.bridges || !*n->by.arriving || !(asks_for(n, r, COND_TO) || asks_for(n, r, COND_PORT))) return;
    if (n->told++ < TOLD_MOST)
        complain("notice: %.80s:%u matches destinations of packets from %s, and br_netfilter makes the table `%s` "
                 "translate them first; to fix it, run: sysctl -w net.bridge.bridge-nf-call-iptables=0 "
                 "net.bridge.bridge-nf-call-ip6tables=0",
                 program_str(n->p, r->place.file), r->place.line, bridge, n->by.arriving);
}

/* Look at rules, and at those of chains that they call, each chain once; the verifier excludes recursion. bridge:
 * the bridge whose arriving packets the rules judge; NULL if they judge crossing packets. */
static void look_at(struct notices *n, uint32_t from, uint32_t count, const char *bridge)
{
    for (uint32_t i = from; i < from + count; i++) {
        const struct pbc_rule *r = &n->p->rules[i];
        const struct pbc_chain *c = r->verdict == PBC_V_DO ? &n->p->chains[r->chain] : NULL;
        if (bridge)
            look_at_bridge(n, r, bridge);
        else
            look_across(n, r);
        if (!c || n->walked[r->chain]) continue;
        n->walked[r->chain] = true;
        look_at(n, c->rules, c->rule_count, bridge);
    }
}

static bool direction_is_judged(const struct program *p, enum pbc_direction d)
{
    bool any = false;
    for (uint32_t i = 0; i < p->firewalls_count; i++) any |= firewall_judges(&p->firewalls[i], d);
    return any;
}

/* True if the rules translate the sources of leaving packets. */
static bool is_translated_here(const struct program *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->nats_count; i++) any |= p->nats[i].kind != PBC_NAT_FORWARD;
    return any;
}

/* Report that other programs' translation of packets between ports conflicts with prey. After the kernel executor
 * the host forwards packets, so replies come to this machine; the user executor forwards them past the table. */
static void look_between(const struct notices *n)
{
    const struct options *o = n->rules->o;
    unsigned ports = 0;
    for (unsigned i = 0; i < o->iface_count; i++) ports += o->peer[i] == OPTIONS_NO_PEER;
    if (ports < 2 || !*n->by.leaving || !direction_is_judged(n->p, PBC_DIR_FORWARD) || is_translated_here(n->p)) return;
    if (!n->rules->carry->in_kernel)
        complain("notice: prey forwards packets between interfaces of -i, and the table `%s` doesn't translate them; "
                 "to fix it, write a `nat` in the rules",
                 n->by.leaving);
    else if (direction_is_judged(n->p, PBC_DIR_IN))
        complain("notice: the table `%s` may translate packets between interfaces of -i: then replies arrive for this "
                 "machine and don't belong to a known connection; to fix it, write a `nat` in the rules",
                 n->by.leaving);
}

/* Look at all rules for crossing packets, then at all for packets from bridges, each once. */
static void look_at_all(struct notices *n)
{
    for (uint32_t i = 0; i < n->p->firewalls_count && n->rules->carry->in_kernel; i++) {
        const struct pbc_firewall *f = &n->p->firewalls[i];
        if (firewall_judges(f, PBC_DIR_FORWARD)) look_at(n, f->rules, f->rule_count, NULL);
    }
    memset(n->walked, 0, n->p->chains_count * sizeof *n->walked);
    for (uint32_t i = 0; i < n->p->firewalls_count; i++) {
        const struct pbc_firewall *f = &n->p->firewalls[i];
        const char *bridge = f->direction != PBC_DIR_OUT ? bridge_of(n, f) : NULL;
        if (bridge) look_at(n, f->rules, f->rule_count, bridge);
    }
    if (n->told > TOLD_MOST)
        complain("notice: %u more rules match addresses that other programs translate", n->told - TOLD_MOST);
    if (n->cut)
        complain("notice: preyrun didn't check all addresses in the rules, because there are too many; more rules may "
                 "match addresses that other programs translate");
}

void translated_notice(const struct rules *rules)
{
    const struct program *p = rules->carry->now.program;
    struct notices n = {.rules = rules, .p = p};
    if (!p->firewalls_count) return;
    host_translators(&n.by);
    if (!*n.by.arriving && !*n.by.leaving) return;
    look_between(&n);
    const uint32_t ranges = QUESTIONS_MOST / 2 / (p->sets_count + 1);
    n.ranges = ranges < 1 ? 1 : ranges < RANGES_MOST ? ranges : RANGES_MOST;
    n.behind = calloc(p->sets_count + 1, sizeof *n.behind);
    n.walked = calloc(p->chains_count + 1, sizeof *n.walked);
    if (n.behind && n.walked)
        look_at_all(&n);
    else
        complain("notice: preyrun didn't check the rules for addresses that other programs translate, because memory "
                 "was short");
    free(n.behind);
    free(n.walked);
}
