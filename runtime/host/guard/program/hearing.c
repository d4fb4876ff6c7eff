/* A guard match produces others: one notes senders, by family and for a time, and one hides the replies */
#include "runtime/host/guard/program/hearing.h"

#include <netinet/in.h>

#include "runtime/host/guard/program/opened.h"
#include "vm/forward/service.h"
#include "vm/pbc.h"

#define S_NS UINT64_C(1000000000)

/* Seconds for which a TCP sender is noted, less than its flow lives: otherwise a forger could hide a host's own
 * connections for hours. A connection that rests is noted again by its next segment. */
enum { HEARD_TCP_S = 300 };

/* Return the seconds for which a sender stays noted after a packet of that protocol. */
static uint32_t heard_s(const struct program *p, uint8_t proto)
{
    const struct pbc_settings *s = p->settings;
    const uint64_t udp = p->nats_count ? program_udp_idle_ns(p) : 0;
    const uint64_t ns = proto == IPPROTO_TCP                               ? HEARD_TCP_S * S_NS
                        : proto == IPPROTO_UDP                             ? (udp > s->udp_ns ? udp : s->udp_ns)
                        : proto == IPPROTO_SCTP                            ? s->sctp_ns
                        : proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? s->icmp_ns
                                                                           : s->other_ns;
    return (uint32_t)(ns / S_NS) + 1;
}

void hearing_of(const struct program *p, const struct guard_match *m, narrowed_give *give, void *arg)
{
    struct guard_match one = *m;
    one.hides = GUARD_HEARS;
    one.last_s = heard_s(p, m->proto);
    for (unsigned family = 4; family <= 6; family += 2) {
        if (m->to.lo.family && m->to.lo.family != family) continue;
        if (m->from.lo.family && m->from.lo.family != family) continue;
        if (!m->to.lo.family) one.to = guard_all_of(family);
        give(arg, &one);
    }
}

void hearing_answers(const struct guard_match *m, narrowed_give *give, void *arg)
{
    struct guard_match one = *m;
    one.hides = GUARD_HIDES_FROM_HEARD;
    one.reach = GUARD_FOREIGN;
    give(arg, &one);
}

void hearing_map(const struct program *p, const struct pbc_nat *n, narrowed_give *give, void *arg)
{
    const uint8_t of[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, n->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0};
    const struct address_range outside = address_prefix(n->to, n->len, n->family),
                               inside = address_prefix(n->target, n->len, n->family);
    struct guard_match in = {
        .to = guard_range(&outside), .from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT, .reach = GUARD_FOREIGN};
    struct guard_match out = {.from = guard_range(&inside), .from_ports = GUARD_ANY_PORT, .to_ports = GUARD_ANY_PORT};
    for (unsigned i = 0; i < sizeof of; i++) {
        in.proto = out.proto = of[i];
        hearing_of(p, &in, give, arg);
        hearing_answers(&out, give, arg);
    }
}
