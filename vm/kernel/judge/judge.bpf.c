/* The second stage: the decision, by code that is generated when a program is loaded (gen/). */
#include <linux/pkt_cls.h>

#include "vm/forward/cookie/may_prove.h"
#include "vm/judge/decided.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/count.bpf.h"
#include "vm/kernel/judge/way_find.h"
#include "vm/kernel/loop.bpf.h"
#include "vm/kernel/shapes.h"

SECTION(const struct pbc_branch, branches);
SECTION(const struct pbc_service, services);
SECTION(const uint8_t, verdicts);

uint64_t judge_program(struct kpkt *k);
uint64_t judge_services(struct kpkt *k);
/* Judge by the same program without `audit`, with the code around it (would.bpf.c). For programs without `audit`
 * these functions do nothing. */
uint64_t judge_would(struct kpkt *k);
uint64_t would_begin(struct kpkt *k);
uint64_t would_end(struct kpkt *k);
uint64_t kernel_key_settle(struct kpkt *k);
extern const char const_asks_routes;
extern const char const_nats_by_way;
extern const char const_live_sets;

/* Type of generated functions: k is never NULL. */
GLOBAL uint64_t code_template(struct kpkt *k NONNULL) { return k->decision; }

/* Type of generated functions that are a turn of the kernel's own loop (EACH_TURN). */
GLOBAL long code_turn(uint32_t turn, void *k) { return k && turn; }

/* True for a mode whose connections end in the inline stack. */
inline_whole bool ends_inline(unsigned mode)
{
    const uint32_t inlines = 0
#define MODE(ident, name, traits, doc) | (uint32_t)(((traits)&MODE_INLINE_STACK) != 0) << PBC_MODE_##ident
#include "vm/mode.def"
        ;
    return inlines >> (mode & 31) & 1;
}

/* Find the service that takes an accepted packet. */
inline_whole void serve(struct kpkt *k)
{
    const uint64_t found = judge_services(k);
    if (!found) return;
    k->branch = (uint32_t)found - 1;
    const uint32_t number = ROW(branches, k->branch).service;
    const struct pbc_service *s = &ROW(services, number);
    k->verdict.service = number;
    const bool inlined = count_program(k->program)->flags & KERNEL_HAS_WIRES && ends_inline(s->mode);
    if (inlined) k->flags |= KERNEL_WIRE;
    if (inlined ? s->mode == PBC_MODE_PROXY_SPLICED : s->proxy != 0) k->flags |= KERNEL_PROXIED;
}

/* True if the packet may prove a SYN cookie. It goes up unjudged, because only accepted SYNs get a cookie. */
inline_whole bool may_prove(struct kpkt *k)
{
    if (!(count_program(k->program)->flags & KERNEL_HAS_COOKIES)) return false;
    if (k->flags & (KERNEL_ONLY_JUDGE | KERNEL_STAYS | KERNEL_ORDINARY)) return false;
    if (!cookie_may_prove(&k->key, &k->seen, k->seen.slot == FLOW_NONE ? NULL : &k->flow, false)) return false;
    const uint64_t branch = judge_services(k);
    return branch && ROW(services, ROW(branches, branch - 1).service).flags & PBC_SERVICE_COOKIES;
}

/* True if the packet's interface and schedules may be numbered for another program. */
inline_whole bool is_misnumbered(const struct kpkt *k) { return state_world.renumbers && !(k->flags & KERNEL_ASKED); }

/* Choose the leg that rules are asked about if only the host knows the packet's leg (vm/judge/ways.c, settle_leg).
 * If a leg can't be judged here, the packet goes up. False: the way is unknown. */
inline_whole bool choose_leg(struct kpkt *k)
{
    k->flags |= KERNEL_DRY;
#pragma unroll
    for (uint32_t i = 0; i < KERNEL_ROUTE_LEGS; i++)
        if (kernel_leg(k, i)) kernel_leg_take(k, judge_program(k));
    k->flags &= ~KERNEL_DRY;
    return k->pkt.way_why == WAY_KNOWN;
}

/* Set the packet's facts from the routes; a process that asks only for the judgement has set them. */
inline_whole void settle_ways(struct kpkt *k)
{
    const bool asks = !(k->flags & KERNEL_ONLY_JUDGE);
    bool known = !asks || kernel_settle_ways(k, (uint32_t)NUMBER(asks_routes));
    k->source_failed = (uint16_t)pkt_source_failed(&k->pkt);
    if (asks && k->legs) known &= choose_leg(k);
    if (!known) k->flags |= KERNEL_NO_WAY;
    k->way = (uint16_t)pkt_way(&k->pkt, &k->key);
}

/* Find the way of an accepted, forwarded packet that begins a flow, or whose flow's recipe is out of date, because a
 * nat's statement may need it. */
inline_whole void find_way(struct kpkt *k)
{
    k->pkt.way = 0;
    k->pkt.way_why = WAY_KNOWN;
    if (!(k->key.kind & KIND_IP) || !(k->key.kind & KIND_FORWARD)) return;
    if ((k->seen.class > SEEN_NEW && !kpkt_is_old(k)) || k->flags & (KERNEL_STAYS | KERNEL_ONLY_JUDGE)) return;
    for (unsigned i = 0; i < 4; i++) k->routed.to[i] = k->key.dst[i];
    const struct way_found way = kernel_way_of(kernel_way_find(k));
    k->pkt.way = way.out;
    k->pkt.way_why = way.why;
    k->nowhere = way.kind == ROUTE_REFUSED;
}

/* True if something is in audit. The flag is read from a map, so that the kernel's verifier checks the functions of
 * the second judgement: Linux 6.18 can't remove uncalled functions from code around a bpf_loop. */
inline_whole bool audits(const struct kpkt *k) { return count_program(k->program)->flags & KERNEL_AUDITS; }

/* True if a process asks only for the decision without `audit`. */
inline_whole bool asks_would(const struct kpkt *k) { return k->flags & KERNEL_WOULD && audits(k); }

/* Judge a second time, as if nothing were in audit. If this is impossible here, the packet goes up as if nothing had
 * judged it. */
inline_whole void judge_again(struct kpkt *k)
{
    if (!audits(k) || k->flags & KERNEL_ONLY_JUDGE || k->up != KERNEL_UP_NONE) return;
    would_begin(k);
    k->would = judge_would(k);
    would_end(k);
    if (k->up != KERNEL_UP_NONE) k->flags &= ~KERNEL_JUDGED;
}

/* Decide by the rules. A packet from an unserved device is seen only as it leaves. If no firewall judges packets
 * that come in by that device, the firewall of the outgoing interface does, and the packet counts as coming in by
 * that interface from here on. */
inline_whole decided decide(struct kpkt *k)
{
    const decided d = judge_program(k);
    if (!k->came || d != decided_by_nobody(ACTION_ACCEPT)) return d;
    k->key.iface = (uint16_t)known_as(k->pkt.iface);
    return judge_program(k);
}

/* Judge the packet. Inlined, like all of the entry function, because the calls below need every stack frame that the
 * kernel has. */
inline_whole void judge(struct kpkt *k)
{
    if (k->program != (uint32_t)NUMBER(serial)) k->flags &= ~KERNEL_ORDINARY; /* the recipe is another program's */
    k->program = (uint32_t)NUMBER(serial);
    if (is_misnumbered(k)) {
        k->up = KERNEL_UP_RELOAD;
        return;
    }
    if (IS_ANY(live_sets)) {
        k->members = (struct kernel_members){0};
        k->heard = 1;
    }
    const struct facts *facts = &state_world.facts;
    if (facts->self4_count | facts->self6_count) kernel_key_settle(k);
    if (may_prove(k)) {
        k->up = KERNEL_UP_PROOF;
        return;
    }
    k->pkt.way_why = WAY_KNOWN;
    if (IS_ANY(asks_routes)) settle_ways(k);
    const decided d = asks_would(k) ? judge_would(k) : decide(k);
    const uint32_t rule = decided_rule(d);
    k->decision = d;
    if (k->up == KERNEL_UP_NONE) k->flags |= KERNEL_JUDGED; /* otherwise bytes that rules test are not in the head */
    k->branch = k->verdict.service = PBC_NONE;
    if (asks_would(k)) return;
    judge_again(k);
    /* A packet that passes because of `watches` needs its service, too. */
    if (decided_action(d) == ACTION_ACCEPT || state_world.watches) serve(k);
    if (IS_ANY(nats_by_way) && decided_action(d) == ACTION_ACCEPT) find_way(k);
    if (rule < RULE_DEFAULT && ROW(verdicts, rule) > PBC_V_REJECT) k->flags |= KERNEL_OPENS;
}

SEC("xdp") int judge_xdp(struct xdp_md *ctx)
{
    struct kpkt *k = kpkt_xdp(ctx);
    judge(k);
    bpf_tail_call(ctx, &map_stages_xdp, STAGE_ACT);
    count_uncalled(k);
    return XDP_DROP;
}

SEC("tc") int judge_tc(struct __sk_buff *ctx)
{
    struct kpkt *k = kpkt_tc(ctx);
    judge(k);
    bpf_tail_call(ctx, &map_stages_tc, STAGE_ACT);
    count_uncalled(k);
    return TC_ACT_SHOT;
}
