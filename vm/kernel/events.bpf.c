/* The ring of events: logs of rules, and other packets that processes want to see. */
#include "vm/flow/track/met.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/loop.bpf.h"
#include "vm/kernel/shapes.h"

extern char map_events;
extern struct kernel_drops state_drops[];
extern const char mask_drops;
extern uint64_t state_events_lost[];
extern const char mask_events_lost;
SECTION(const struct pbc_rule, rules);

uint64_t kernel_meter_take(struct kpkt *k NONNULL, uint32_t id);
bool kernel_flow_is_foreign(struct kpkt *k NONNULL);

static inline uint64_t lost(const struct kpkt *k)
{
    state_events_lost[k->place & MASK(events_lost)]++;
    return 1;
}

/* Fill in a record from the packet's present state. */
static __always_inline void event_fill(struct kernel_event_packet *e, const struct kpkt *k, uint32_t kind,
                                       uint32_t rule)
{
    e->event = (struct kernel_event){.kind = kind, .program = k->program, .now_ns = k->now_ns};
    e->rule = rule;
    e->ifindex = k->ifindex;
    e->place = k->place;
    e->len = k->head_len < KERNEL_EVENT_BYTES ? k->head_len : KERNEL_EVENT_BYTES;
    e->wire_len = k->pkt.wire_len;
    e->iface = k->pkt.iface;
    e->segment = k->pkt.segment;
    e->link = k->pkt.link;
    e->tag_count = k->pkt.tag_count;
    kpkt_put_tags(e->tags, k);
    e->states = (uint16_t)((k->key.marks & MARK_STATES) | (k->flags & KERNEL_JUDGED ? KERNEL_EVENT_JUDGED : 0) |
                           (k->flags & KERNEL_FOREIGN ? KERNEL_EVENT_FOREIGN : 0));
    e->world = state_world.number;
    e->verdict = k->verdict;
    __builtin_memcpy(e->bytes, k->head, KERNEL_EVENT_BYTES);
}

/* Send a packet's record (struct kernel_event_packet). Return 0, or 1: the ring had no room. */
GLOBAL uint64_t kernel_tell(struct kpkt *k NONNULL, uint32_t kind, uint32_t rule)
{
    struct kernel_event_packet *const e = bpf_ringbuf_reserve(&map_events, sizeof *e, 0);
    if (!e) return lost(k);
    event_fill(e, k, kind, rule);
    bpf_ringbuf_submit(e, 0);
    return 0;
}

/* Send a record of a dropped or rejected packet: of each while they are few, otherwise of one in many. Half of the
 * ring stays free for other records. passes: KERNEL_DROP_PASSES, or 0. */
GLOBAL uint64_t kernel_drop(struct kpkt *k NONNULL, uint32_t passes)
{
    struct kernel_drops *const d = &state_drops[k->place & MASK(drops)];
    const struct verdict *v = &k->verdict;
    struct thin *const t = &d->thins.of[BELOW_8(thins_at(v->rule, v->firewall, v->reason))];
    const uint32_t stands = thin_take(t, bpf_ktime_get_coarse_ns(), THIN_DROPS);
    if (!stands) return 0;
    const bool has_room = bpf_ringbuf_query(&map_events, BPF_RB_AVAIL_DATA) <= KERNEL_EVENTS_BYTES / 2;
    if (!has_room || kernel_tell(k, KERNEL_EVENT_DROP, stands | passes)) d->untold += stands;
    return 0;
}

/* Return the packet's findings in the flow table (enum met_has) at the time of look: since then it may have begun a
 * flow. */
static inline uint32_t what_it_met(struct kpkt *k)
{
    const struct track_seen *s = &k->seen;
    const bool had = s->class > SEEN_NEW || (s->class == SEEN_NEW && s->next.reopen);
    const uint32_t out = k->key.kind & KIND_OUT ? MET_OUT : 0;
    if (!(state_world.flags & PBC_KEEPS_FLOWS)) return out;
    return MET_SAID | out | (had ? MET_FLOW : 0) | (!had && kernel_flow_is_foreign(k) ? MET_FOREIGN : 0) |
           (s->picks ? MET_PICKS_UP : 0) | (s->picks == PICKS_OPENED ? MET_OPENED : 0) |
           (k->flags & KERNEL_CHANGED ? MET_CHANGED : 0);
}

/* True for a packet that is dropped or rejected, begins a flow or changes a flow's state. */
static inline bool matters(const struct kpkt *k)
{
    const struct track_seen *s = &k->seen;
    if (k->verdict.action == ACTION_DROP || k->verdict.action == ACTION_REJECT) return true;
    if (s->class == SEEN_NONE || !(state_world.flags & PBC_KEEPS_FLOWS)) return false;
    if (s->class == SEEN_NEW) return s->mark & MARK_NEW;
    if (k->key.kind & KIND_TCP) return s->next.state != k->flow.state;
    return s->dir == FLOW_REPLY && !(k->flow.tcp.flags & TCP_TRACK_HEARD_REPLY);
}

/* Send a record with the line of the flow, for one packet of many, and with world.sample for each packet that
 * matters. The latter needs half of the ring to be free, because other records need room, too. Return 0, or 1: the
 * ring had no room. */
GLOBAL uint64_t kernel_sample(struct kpkt *k NONNULL)
{
    struct thin *const seen = &state_drops[k->place & MASK(drops)].seen;
    const uint32_t of = state_world.sample;
    const uint32_t stands = state_world.thins ? thin_take(seen, bpf_ktime_get_coarse_ns(), KERNEL_THIN_SEEN) : 0;
    const bool is_due = of && (uint32_t)k->serial % of == 0, counts = of && matters(k);
    if (!is_due && !counts && !stands) return 0;
    if (!is_due && !stands && bpf_ringbuf_query(&map_events, BPF_RB_AVAIL_DATA) > KERNEL_EVENTS_BYTES / 2)
        return lost(k);
    struct kernel_event_sample *const e = bpf_ringbuf_reserve(&map_events, sizeof *e, 0);
    if (!e) return lost(k);
    event_fill(&e->packet, k, KERNEL_EVENT_SAMPLE, k->verdict.rule);
    e->flow = k->flow;
    e->at_ns = bpf_ktime_get_ns();
    e->slot = k->seen.slot;
    e->came = k->came;
    e->met = (uint8_t)what_it_met(k);
    e->matters = counts;
    e->stands = stands;
    e->due = is_due;
    e->members = k->heard ? k->members : (struct kernel_members){0};
    bpf_ringbuf_submit(e, 0);
    return 0;
}

/* Log as effect_log does, unless the rule's own meter has no token. */
GLOBAL uint64_t kernel_log(struct kpkt *k NONNULL, uint32_t rule)
{
    if (k->flags & KERNEL_DRY) return 0;
    const uint32_t meter = ROW(rules, rule).log_meter;
    if (meter && !kernel_meter_take(k, meter - 1)) return 0;
    return kernel_tell(k, KERNEL_EVENT_LOG, rule);
}

/* Name types of maps and rings that no function takes by pointer, so that they are among the stages' own types
 * (runtime/kernel/pass/layout.c). These functions are never called, and are in no program. */
#define LIES(name, ...)                                                                                                \
    bool name(__VA_ARGS__) { return false; }
LIES(lies_in_maps, struct kernel_other *others, struct kernel_told *told, struct kernel_route_to *routes,
     struct kernel_datagram *datagrams, struct kernel_datagram_decided *decided);
LIES(lies_in_gate, struct gate_end *ends, struct gate_wide *wides, struct gate_count *counts, struct gate_made *made);
LIES(lies_in_rings, struct kernel_event_packet *packets, struct kernel_event_sample *samples,
     struct kernel_event_flow *flows, struct kernel_event_add *adds);
