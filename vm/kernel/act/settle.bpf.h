/* Turn decisions into verdicts, and count them: the choices of settle.c, express.c and forward.c for packets that
 * the kernel finishes. All other packets go up, and are counted here only as going up. */
#pragma once

#include "vm/flow/inquiry.h"
#include "vm/forward/bind/routed.h"
#include "vm/judge/asked/questions.h"
#include "vm/judge/decided.h"
#include "vm/kernel/addresses/own.bpf.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/count.bpf.h"
#include "vm/kernel/counts.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/parse/header.h"

extern struct kernel_port state_ports[];
extern const char mask_ports;

static inline struct kernel_counters *settle_counters(void)
{
    return &state_counters[(uint64_t)bpf_get_smp_processor_id() & MASK(counters)];
}

static inline uint32_t settle_up(struct kpkt *k, enum kernel_up why)
{
    k->up = (uint8_t)why;
    return KERNEL_UP;
}

static __always_inline void settle_verdict(struct kpkt *k, enum action action, decided by, uint32_t service,
                                           uint32_t server)
{
    struct verdict *v = &k->verdict;
    v->action = (uint8_t)action;
    v->reason = REASON_NONE;
    v->flags = (uint8_t)(k->pkt.flags & (PKT_SNAPPED | PKT_BAD_CSUM));
    v->done = 0;
    v->rule = decided_rule(by);
    v->firewall = decided_firewall(by);
    v->service = service;
    v->server = server;
    v->would = 0;
}

/* Drop a malformed packet, but pass ARP that no rule asks for (vm/worker/batch.c, lets_pass). */
static __always_inline uint32_t settle_malformed(struct kpkt *k)
{
    const bool arp = k->pkt.reason == REASON_SHORT_ARP || (k->pkt.reason == REASON_SNAPPED && k->key.kind & KIND_ARP);
    const bool passes = arp && !(count_program(k->program)->flags & KERNEL_NAMES_ARP);
    settle_verdict(k, passes ? ACTION_PASS : ACTION_DROP, decided_by_nobody(ACTION_DROP), PBC_NONE, PBC_NONE);
    k->verdict.flags = 0;
    if (!passes) k->verdict.reason = k->pkt.reason;
    return passes ? KERNEL_PASS : KERNEL_DROP;
}

static __always_inline uint32_t settle_ordinary(struct kpkt *k, decided by)
{
    const struct recipe *r = &k->recipe;
    const bool nat = r->service == RECIPE_NAT;
    settle_verdict(k, ACTION_FORWARD, by, nat ? PBC_NONE : r->service, nat ? PBC_NONE : r->server);
    k->verdict.flags = k->seen.twin ? VERDICT_REPLY : 0;
    return KERNEL_SEND;
}

uint64_t kernel_is_told(struct kpkt *k, uint64_t at); /* defined in answered.bpf.c */

/* Return the offset in the head of the address that an ARP request, a neighbour solicitation or an echo request asks
 * for, or 0 for any other packet. */
static inline uint64_t settle_asked_at(const struct kpkt *k)
{
    const struct key *key = &k->key;
    const bool v6 = key->kind & KIND_IP6;
    if (key->kind & KIND_OUT) return 0;
    if (key->kind & KIND_ARP) {
        const uint8_t *arp = k->head + (k->pkt.l3 & (KERNEL_HEAD - 1));
        return wire_get16(arp + ARP_OP) == ARP_REQUEST ? k->pkt.l3 + ARP_TARGET_IP : 0;
    }
    if (!(key->kind & KIND_ICMP_HEADER)) return 0;
    if (key->kind & KIND_ND) return key->icmp_type == ICMP6_SOLICIT ? k->pkt.l4 + ND_TARGET : 0;
    if (key->icmp_type != (v6 ? ICMP6_ECHO : ICMP4_ECHO)) return 0;
    return k->pkt.l3 + (v6 ? IP6_DST : IP4_DST);
}

static inline bool settle_asks(struct kpkt *k)
{
    const uint64_t at = settle_asked_at(k);
    return at && kernel_is_told(k, at);
}

/* True if user space must forward the packet, because the host does not forward its family. */
static inline bool settle_needs_router(const struct kpkt *k)
{
    const uint32_t kind = k->key.kind, of = kind & KIND_IP4 ? KERNEL_ROUTES_4 : KERNEL_ROUTES_6;
    return kind & KIND_FORWARD && kind & KIND_IP && state_world.routes & of && !(k->flags & KERNEL_STAYS);
}

/* True for a reply to this machine at an address that is not its own: packet sockets receive it at the interface,
 * and the host stack must not forward it. */
static inline bool settle_is_heard(const struct kpkt *k)
{
    return k->verdict.done && !(k->flags & KERNEL_STAYS) && !state_world.watches;
}

/* Let an accepted packet pass. A request for one of the services' addresses goes up, because the worker replies to
 * it (forward/vips.c). */
static __always_inline uint32_t settle_here(struct kpkt *k, decided by)
{
    const bool sends = count_program(k->program)->flags & KERNEL_SENDS_ON && !(k->flags & KERNEL_STAYS);
    if (sends && settle_asks(k)) return settle_up(k, KERNEL_UP_ANSWER);
    if (settle_needs_router(k)) return settle_up(k, KERNEL_UP_WAY);
    settle_verdict(k, decided_action(by), by, PBC_NONE, PBC_NONE);
    if (track_answers(&k->seen)) k->verdict.done = inquiry_is_elsewhere(&k->key);
    return KERNEL_PASS;
}

/* True for a packet that opens a TCP connection. */
static inline bool settle_opens(const struct kpkt *k) { return (k->key.marks & (TCP_SYN | TCP_ACK)) == TCP_SYN; }

/* Pass an accepted packet of a proxy's service to the host. A packet that opens a connection goes up: user space
 * notes for the proxy which rule accepted it, and checks the service's rate. */
static __always_inline uint32_t settle_proxied(struct kpkt *k, decided by)
{
    if (k->flags & KERNEL_ASKED || settle_opens(k)) return settle_up(k, KERNEL_UP_BEGIN);
    settle_verdict(k, ACTION_FORWARD, by, k->verdict.service, PBC_NONE);
    return KERNEL_PASS;
}

static inline bool settle_is_error(const struct key *key)
{
    return key->kind & KIND_ICMP_HEADER && icmp_type_is_error(key->kind & KIND_IP6, (uint8_t)key->icmp_type);
}

/* True if a nat may forward the packet's destination port, or translate to it. */
static inline bool settle_nat_has_port(const struct kernel_program *p, const struct key *key)
{
    bool taken = false;
#pragma unroll
    for (uint32_t i = 0; i < KERNEL_NAT_PORTS; i++)
        taken |= p->nat_ports[i].lo <= key->dst_port && key->dst_port <= p->nat_ports[i].hi;
    return taken;
}

/* True for a packet to the host itself at a port that no nat forwards or translates to: such a packet stays with the
 * host. ICMP is not included, because a nat may map the identifiers of echoes. */
static inline bool settle_is_hosts(const struct kpkt *k)
{
    const struct kernel_program *p = count_program(k->program);
    const struct key *key = &k->key;
    if (!(key->kind & KIND_DST_SELF)) return false;
    if (!(key->kind & KIND_PORTS)) return !(key->kind & KIND_ICMP_HEADER || p->flags & KERNEL_FORWARDS_BARE);
    return !settle_nat_has_port(p, key);
}

/* True if a statement of the nats translates packets that leave by the interface with this id in rules. */
static inline bool settle_nat_leaves(const struct kernel_program *p, uint32_t iface)
{
    if (p->flags & KERNEL_NATS_ANY_WAY) return true;
    if (iface >= KERNEL_WAYS) return false;
    return p->nat_ways[iface / 32 & (KERNEL_NAT_WAYS - 1)] >> (iface & 31) & 1;
}

/* True if translation may change the destination to an inside one: it is an outside address of a nat, or a nat
 * forwards from any address. */
static inline bool settle_is_outside(struct kpkt *k)
{
    const struct kernel_program *p = count_program(k->program);
    if (p->flags & KERNEL_FORWARDS_ANY && (!(k->key.kind & KIND_PORTS) || settle_nat_has_port(p, &k->key))) return true;
    return kernel_is_told(k, k->pkt.l3 + (k->key.kind & KIND_IP6 ? IP6_DST : IP4_DST));
}

/* True if a forwarded packet's way is known and leads by a nat's interface, or if a statement needs no way. If the
 * way is unknown, the host routes the packet, and the nat sees it again as it leaves (look.bpf.c, is_nats). */
static inline bool settle_leaves_by_nat(const struct kpkt *k)
{
    const struct kernel_program *p = count_program(k->program);
    return p->flags & KERNEL_NATS_ALL || (k->pkt.way && settle_nat_leaves(p, k->pkt.way - 1u));
}

/* True if a nat's statements may concern the packet (bind/nat.c, nat_choose). The host itself handles link-local
 * addresses. */
static inline bool settle_may_nat(struct kpkt *k)
{
    const struct key *key = &k->key;
    const bool v6 = key->kind & KIND_IP6;
    if (settle_is_hosts(k) || k->seen.picks == PICKS_OPENED) return false;
    if (!(key->kind & KIND_IP) || key->kind & (KIND_SRC_SELF | KIND_FRAG_LATER | KIND_ND)) return false;
    if (!is_routed(key->src, v6) || !is_routed(key->dst, v6)) return false;
    return !(key->kind & KIND_FORWARD) || settle_leaves_by_nat(k) || settle_is_outside(k);
}

/* True for a packet that the host forwards by a nat's interface, if a statement may translate it there: it has no
 * flow yet, its flow is translated, only the flow's opener was heard, or it is an error that is not related to its
 * flow. */
static inline bool settle_nat_looks(const struct kpkt *k)
{
    const uint32_t kind = k->key.kind;
    const struct kernel_port *port = &state_ports[k->ifindex & MASK(ports)];
    if (port->ifindex != k->ifindex || !port->nats || !(kind & KIND_FORWARD) || !(kind & KIND_IP)) return false;
    if (kind & KIND_VLAN) return false; /* a tagged packet leaves by a VLAN device */
    if (k->seen.class != SEEN_UNBOUND) return k->seen.class <= SEEN_ORIGINAL;
    if (settle_is_error(&k->key)) return k->seen.mark != MARK_RELATED;
    return k->seen.dir == FLOW_ORIGINAL && !(k->flow.tcp.flags & TCP_TRACK_HEARD_REPLY);
}

/* True for a packet of a translated flow if only the host can know its way: the host routes the packet, the nat sees
 * it again as it leaves, and so user space learns the flow's next hop again (forward/nat.c). False if any statement
 * needs no way, because the flow may belong to that statement. */
static inline bool settle_is_hosts_way(const struct kpkt *k)
{
    if (!kpkt_is_old(k) || count_program(k->program)->flags & KERNEL_NATS_ALL) return false;
    return k->key.kind & KIND_FORWARD && k->pkt.way_why != WAY_KNOWN && k->pkt.way_why != WAY_SEVERAL;
}

/* Settle an accepted packet of a program with services or nats. A packet that begins a flow there goes up. TCP to a
 * service in the wire that does not open a connection belongs neither to the service nor to a nat. */
static __always_inline uint32_t settle_sent_on(struct kpkt *k, decided by)
{
    const uint32_t translates = count_program(k->program)->flags & KERNEL_TRANSLATES;
    const bool proxied = k->branch != PBC_NONE && k->flags & KERNEL_PROXIED;
    const bool wire = k->branch != PBC_NONE && k->flags & KERNEL_WIRE;
    if (k->flags & KERNEL_ORDINARY) return settle_ordinary(k, by);
    if (wire && (proxied || settle_opens(k))) return settle_up(k, KERNEL_UP_INLINE);
    if (k->seen.class == SEEN_UNBOUND) {
        if (translates && settle_is_error(&k->key)) return settle_up(k, KERNEL_UP_ERROR);
        return proxied ? settle_proxied(k, by) : settle_here(k, by);
    }
    const bool hosts = settle_is_hosts_way(k);
    if (k->seen.class == SEEN_ORIGINAL && !hosts) return settle_up(k, KERNEL_UP_BEGIN);
    if (proxied) return settle_proxied(k, by);
    if (k->branch != PBC_NONE && !wire) return settle_up(k, KERNEL_UP_BEGIN);
    if (translates && !wire && !hosts && settle_may_nat(k)) return settle_up(k, KERNEL_UP_BEGIN);
    if (translates && k->key.kind & KIND_FORWARD) settle_counters()->unknown_ways[k->pkt.way_why & 15]++;
    return settle_here(k, by);
}

/* True if the packet passes whatever the rules decide (world.watches). */
static inline bool settle_watches(const struct kpkt *k)
{
    if (!state_world.watches || k->key.kind & state_world.enforces) return false;
    return k->branch == PBC_NONE || k->flags & KERNEL_FOREIGN;
}

/* True for a forwarded SYN whose MSS user space clamps. */
static inline bool settle_clamps(const struct kpkt *k)
{
    const struct key *key = &k->key;
    if (!(count_program(k->program)->flags & KERNEL_CLAMPS) || k->flags & KERNEL_STAYS) return false;
    return key->kind & KIND_FORWARD && key->kind & KIND_TCP_FLAGS && key->marks & TCP_SYN;
}

static __always_inline uint32_t settle_judged(struct kpkt *k)
{
    const decided by = k->decision;
    const enum action action = decided_action(by);
    const bool sends = count_program(k->program)->flags & KERNEL_SENDS_ON && !(k->flags & KERNEL_STAYS);
    if (k->flags & KERNEL_OPENS) return settle_up(k, KERNEL_UP_TUNNEL);
    if (action == ACTION_ACCEPT && settle_clamps(k)) return settle_up(k, KERNEL_UP_BEGIN);
    if (action == ACTION_ACCEPT) return sends ? settle_sent_on(k, by) : settle_here(k, by);
    if (action == ACTION_PASS) return settle_here(k, by);
    if (action == ACTION_REJECT && !(k->flags & KERNEL_STAYS) && !settle_watches(k))
        return settle_up(k, KERNEL_UP_ANSWER);
    settle_verdict(k, action, by, PBC_NONE, PBC_NONE);
    return KERNEL_DROP;
}

/* True for a router's message about the size of tunnelled packets, sent to the tunnels' own source address. User space
 * reads it (runtime/worker/pmtu.h), whatever the rules decide. */
static inline bool settle_tells_mtu(const struct kpkt *k)
{
    const struct key *key = &k->key;
    if (!(key->kind & KIND_ICMP_HEADER) || !(key->kind & KIND_DST_SELF) || k->flags & KERNEL_STAYS) return false;
    if (!(count_program(k->program)->flags & KERNEL_HAS_TUNNELS)) return false;
    if (key->kind & KIND_IP6) return key->icmp_type == ICMP6_TOO_BIG;
    return key->icmp_type == ICMP4_UNREACHABLE && key->icmp_code == ICMP4_CODE_TOO_BIG;
}

/* True for an error about a flow that is sent on, as it leaves: an error of the host itself, or of a host behind an
 * interface that is not served. */
static inline bool settle_tells_on(const struct kpkt *k) { return k->seen.class == SEEN_ERROR && kpkt_is_sent(k); }

/* Return the packet's destination (enum kernel_out) from the findings of look and judge. Nothing is counted yet. */
static __always_inline uint32_t settle(struct kpkt *k)
{
    if (settle_tells_on(k)) k->up = KERNEL_UP_NONE;
    if (k->up) return KERNEL_UP;
    if (k->pkt.reason) return settle_malformed(k);
    if (settle_tells_on(k)) return settle_here(k, decided_by_nobody(ACTION_ACCEPT));
    if (settle_tells_mtu(k)) return settle_up(k, KERNEL_UP_ERROR);
    if (k->flags & KERNEL_JUDGED) return settle_judged(k);
    if (k->flags & KERNEL_ORDINARY) return settle_ordinary(k, decided_by_nobody(ACTION_ACCEPT));
    return settle_up(k, k->seen.class == SEEN_ERROR ? KERNEL_UP_ERROR : KERNEL_UP_BEGIN);
}

bool kernel_is_resolver(struct kpkt *k, bool dst); /* defined in asked.bpf.c */

/* True if the program takes members from DNS answers, and the packet may be a DNS message (answers_may). */
static inline bool settle_hears(const struct kpkt *k)
{
    const struct key *key = &k->key;
    if (!(key->kind & KIND_UDP) || (key->src_port != DNS_PORT && key->dst_port != DNS_PORT)) return false;
    return key->kind & KIND_PORTS && count_program(k->program)->flags & KERNEL_HEARS_DNS;
}

/* Send up a resolver's accepted answer, and a question that would be sent on from here: the worker sees the question
 * as it leaves. Packets that the host stack sends pass. */
static inline uint32_t settle_names(struct kpkt *k, uint32_t out)
{
    const struct key *key = &k->key;
    if ((out != KERNEL_PASS && out != KERNEL_SEND) || k->flags & KERNEL_STAYS || !settle_hears(k)) return out;
    if (!(key->kind & KIND_FRAG_NO) || k->verdict.action == ACTION_PASS) return out;
    if (key->src_port == DNS_PORT && !(key->kind & KIND_OUT) && kernel_is_resolver(k, false))
        return settle_up(k, KERNEL_UP_NAMES);
    return key->dst_port == DNS_PORT && out == KERNEL_SEND ? settle_up(k, KERNEL_UP_NAMES) : out;
}

/* Count the packet for its rule or default, service, server and nat. */
static __always_inline void settle_count_served(const struct kpkt *k)
{
    const struct verdict *v = &k->verdict;
    const struct kernel_program *p = count_program(k->program);
    const uint32_t bytes = k->pkt.wire_len;
    if (v->rule < RULE_DEFAULT)
        count_at(p, v->rule, bytes);
    else if (v->firewall != PBC_NONE)
        count_at(p, p->rules + 1 + v->firewall, bytes);
    if (v->action != ACTION_FORWARD) return;
    if (v->service != PBC_NONE) count_of(p, p->services, p->unserved, v->service, bytes);
    if (v->server != PBC_NONE) count_of(p, p->servers, p->nats, v->server, bytes);
    if (v->service == PBC_NONE) count_of(p, p->nats, p->would, k->recipe.server, bytes);
}

/* Count the packet at one place of the would-be counters (audit_count). */
static inline void settle_count_would_at(const struct kernel_program *p, uint32_t at, const struct kpkt *k)
{
    const uint64_t place = p->first + bpf_get_smp_processor_id() * p->row + p->would + at;
    const uint32_t bytes = k->pkt.wire_len;
    count_add(&state_counts[place & MASK(counts)], bytes);
    if (!(k->said & KERNEL_WOULD_CHANGES)) return;
    count_add(&state_counts[(place + 1) & MASK(counts)], bytes);
    state_counts[(place + 2) & MASK(counts)].packets += (k->said & KERNEL_WOULD_BEGAN) != 0;
}

/* Note in the verdict that another rule would decide, and count the packet for that rule (vm/worker/audit.c,
 * audit_settle). */
static __attribute__((noinline)) void settle_count_would(struct kpkt *k)
{
    struct verdict *v = &k->verdict;
    const struct kernel_program *p = count_program(k->program);
    const uint32_t rule = decided_rule(k->would);
    v->would = 1 + decided_action(k->would);
    v->would_rule = rule;
    v->would_firewall = decided_firewall(k->would);
    settle_count_would_at(p, decided_action(k->would) * KERNEL_WOULD_CELLS, k);
    if (rule != RULE_NONE) settle_count_would_at(p, kernel_would_at(decided_twin_at(k->would, p->would_rules)), k);
}

static __always_inline void settle_count(struct kpkt *k)
{
    struct kernel_counters *c = settle_counters();
    const struct verdict *v = &k->verdict;
    if (k->said & KERNEL_WOULD_OTHER) settle_count_would(k);
    const uint32_t bytes = k->pkt.wire_len;
    count_add(&c->verdicts[v->action & 7], bytes);
    count_add(&c->served[k->served & (KERNEL_SERVED - 1)], bytes);
    if (v->reason) {
        count_add(&c->reasons[v->reason & 63], bytes);
        count_add(&c->refused, bytes);
    }
    if (v->flags) {
        c->snapped += (v->flags & PKT_SNAPPED) != 0;
        c->bad_checksum += (v->flags & PKT_BAD_CSUM) != 0;
        c->replies += (v->flags & VERDICT_REPLY) != 0;
    }
    if (v->rule == RULE_NONE && (v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD))
        count_add(v->flags & VERDICT_REPLY ? &c->answers : &c->nobody, bytes);
    if (v->rule != RULE_NONE || v->action == ACTION_FORWARD) settle_count_served(k);
}
