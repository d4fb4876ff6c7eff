/* A neighbour's reply is made for each lease, and judged by the program */
#include "runtime/live/rules/leased.h"

#include <linux/if_addr.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/exchange/first_frame.h"
#include "runtime/exchange/iface_id.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"

/* Kinds of replies that renew an address */
enum lease { LEASE_DHCP, LEASE_DHCP6, LEASE_ROUTER };
static const char *const lease_names[] = {"DHCP", "DHCPv6", "router advertisements"};

static enum lease lease_of(const struct host_address *a)
{
    if (a->addr.family == 4) return LEASE_DHCP;
    return a->prefix == 128 ? LEASE_DHCP6 : LEASE_ROUTER;
}

/* Return the reply, sent by a neighbour of the address. */
static struct frame_spec answer_to(const struct host_address *a, enum lease lease)
{
    const bool v6 = a->addr.family == 6, router = lease == LEASE_ROUTER;
    struct frame_spec s = {.family = a->addr.family, .fragment = KIND_FRAG_NO, .iface = IFACE_NONE};
    s.proto = router ? IPPROTO_NR_ICMP6 : IPPROTO_NR_UDP;
    s.form = frame_form_of(s.proto, v6);
    s.src_port = v6 ? DHCP6_SERVER : DHCP_SERVER;
    s.dst_port = v6 ? DHCP6_CLIENT : DHCP_CLIENT;
    s.type = router ? ICMP6_ND_FIRST + 1 : 0;
    s.ttl = router ? 255 : 64;
    memcpy(s.dst, a->addr.word, sizeof s.dst);
    memcpy(s.src, a->addr.word, sizeof s.src);
    s.src[v6 ? 3 : 0] ^= 1;
    if (!v6) return s;
    memcpy(s.src, (uint32_t[4]){0xfe800000, 0, 0, 1}, sizeof s.src);
    if (router) memcpy(s.dst, (uint32_t[4]){0xff020000, 0, 0, 1}, sizeof s.dst);
    return s;
}

static bool is_let_in(const struct program *p, const struct host_address *a, enum lease lease, uint16_t iface)
{
    const uint32_t *w = a->addr.word;
    const uint64_t hi = (uint64_t)w[0] << 32 | w[1], lo = (uint64_t)w[2] << 32 | w[3];
    const struct pbc_range6 own6 = {hi, lo, hi, lo};
    const bool v6 = a->addr.family == 6;
    const struct facts facts = {.self4 = w, .self4_count = !v6, .self6 = &own6, .self6_count = v6};
    const struct frame_spec s = answer_to(a, lease);
    const struct decision d = first_frame_judge(p, &facts, &s, iface, MARK_RELATED);
    return d.action == ACTION_ACCEPT || d.action == ACTION_PASS;
}

static void notice(const struct host_address *a, enum lease lease, const char *device)
{
    char text[HOST_ADDR_TEXT];
    complain(
        "notice: %s has %s only for a time (%s), and the rules drop the reply that renews it; to fix it, add the rule "
        "`accept state established, related`",
        device, host_addr_text(&a->addr, text), lease_names[lease]);
}

void leased_notice(const struct rules *rules)
{
    const struct program *p = rules->carry->now.program;
    unsigned count;
    const struct host_address *all = host_addresses(rules->carry->host, &count);
    for (unsigned at = 0; at < rules->o->iface_count; at++) {
        const char *device = rules->o->ifaces[at];
        const struct host_link *link = host_link_named(rules->carry->host, device);
        const uint16_t iface = port_iface_id(p, device, at);
        uint32_t told = 0;
        for (unsigned i = 0; link && rules->o->peer[at] == OPTIONS_NO_PEER && i < count; i++) {
            const enum lease lease = lease_of(&all[i]);
            /* An address that expires is leased: a program gave its lifetime to the kernel. */
            const bool leased = !(all[i].flags & IFA_F_PERMANENT) && all[i].scope == 0; /* RT_SCOPE_UNIVERSE */
            if (all[i].ifindex != link->ifindex || !leased || told >> lease & 1) continue;
            if (is_let_in(p, &all[i], lease, iface)) continue;
            notice(&all[i], lease, device);
            told |= 1u << lease;
        }
    }
}
