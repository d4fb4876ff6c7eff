/* Findings in a line of the table, copied at one moment; later looks find the tuple in the copy instead of the table */
#include "vm/flow/track/met.h"

#include <string.h>

#include "vm/flow/table/lookup.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/track/track_look.h"
#include "vm/flow/track/track_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

static void note_bind(const struct flow_bind *b, struct flow_met *m)
{
    memcpy(m->to_src, b->to_src, sizeof m->to_src);
    memcpy(m->to_dst, b->to_dst, sizeof m->to_dst);
    m->to_src_port = b->to_src_port;
    m->to_dst_port = b->to_dst_port;
    m->server = b->server;
    m->branch = b->branch;
    m->nat = b->nat;
    m->kind = b->kind;
    m->delta = b->seq_delta;
    m->has |= MET_BOUND | (b->flags & BIND_AWAITED ? 0 : MET_JOINT);
}

/* Read the line of that slot as it is at one moment. False: it is free, or keeps changing. */
static bool line_read(const struct track *t, int32_t slot, struct flow *f)
{
    if (t->table->ops) return table_read(t->table, slot, f);
    *f = *table_slot(t->table, slot);
    return f->taken;
}

static void met_note(const struct track *t, int32_t slot, const struct flow *f, uint8_t has, struct flow_met *m)
{
    *m = (struct flow_met){.tcp = f->tcp, .state = f->state, .flags = f->flags, .joined = f->joined};
    m->has = has | MET_SAID | MET_FLOW;
    flow_id_in(f, table_cold(t->table, slot), &m->own);
    if (f->flags & FLOW_BOUND) note_bind(track_bind_at(t, slot), m);
    if (f->joined && m->has & MET_JOINT)
        m->joint = table_cold(t->table, slot)->joint;
    else
        m->has &= (uint8_t)~MET_JOINT;
}

void track_met(const struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s,
               struct flow_met *m)
{
    struct key now = *key;
    struct flow f;
    track_peek(t, &now, pkt, s);
    const uint8_t has = (s->picks ? MET_PICKS_UP : 0) | (s->picks == PICKS_OPENED ? MET_OPENED : 0);
    *m = (struct flow_met){.has = MET_SAID | has | (s->at & AT_FOREIGN ? MET_FOREIGN : 0)};
    if (s->slot == FLOW_NONE) return;
    if (line_read(t, s->slot, &f))
        met_note(t, s->slot, &f, has, m);
    else
        m->has |= MET_CHANGED;
}

/* True if the slot still belongs to that flow. A reopened flow has the same tuple, so its begin time is compared. */
static bool is_still(const struct track *t, const struct met_told *told)
{
    const uint64_t tick_ns = 10000000;
    struct flow f;
    if (told->slot < 0 || (uint32_t)told->slot >= t->table->groups * GROUP) return false;
    if (!line_read(t, told->slot, &f) || f.hash != told->line->hash) return false;
    return table_cold(t->table, told->slot)->began_ns <= told->now_ns + tick_ns;
}

void track_met_at(const struct track *t, const struct met_told *told, struct flow_met *m)
{
    *m = (struct flow_met){.has = told->has};
    if (!(told->has & MET_FLOW)) return;
    m->has &= MET_OUT;
    if (is_still(t, told)) met_note(t, told->slot, told->line, told->has, m);
}

struct track_tuple met_own(const struct flow_met *m) { return track_tuple_of(&m->own, m->flags & FLOW_OPENED_BY_HIGH); }

/* Make the line under the packet's tuple: the flow's own, or its twin's. False: the tuple belongs to neither. */
static bool met_find(const struct flow_met *m, const struct track_seen *s, struct flow *at)
{
    struct flow_tuple twin;
    const uint8_t there = MET_SAID | MET_FLOW;
    if (!may_have_flow(s) || (m->has & there) != there || m->state >= FLOW_STATES) return false;
    *at = (struct flow){.flags = m->flags & (FLOW_OPENED_BY_HIGH | FLOW_PAIRED)};
    struct flow_id own = m->own;
    own.stack = s->id.stack; /* the number of a VLAN stack is only valid in its own table */
    if (memcmp(&own, &s->id, sizeof own) == 0) return true;
    if (!(m->flags & FLOW_PAIRED) || !(m->has & MET_BOUND)) return false;
    /* the tuple of the flow's other side */
    struct track_tuple t = {.src_port = m->to_src_port, .dst_port = m->to_dst_port};
    memcpy(t.src, m->to_src, sizeof t.src);
    memcpy(t.dst, m->to_dst, sizeof t.dst);
    tuple_in_order(&own, own.proto == IPPROTO_NR_ICMP || own.proto == IPPROTO_NR_ICMP6, &t, &twin);
    *at = (struct flow){.flags = FLOW_TWIN | (twin.opened_by_high ? FLOW_OPENED_BY_HIGH : 0)};
    return memcmp(&twin.id, &s->id, sizeof twin.id) == 0;
}

void met_look(const struct flow_met *m, struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    struct flow at = {0}, own = {.tcp = m->tcp, .state = m->state, .flags = m->flags & (uint8_t)~FLOW_TWIN};
    if (!(m->has & MET_BOUND)) own.flags &= (uint8_t)~FLOW_BOUND;
    own.joined = m->joined != 0;
    own.proto = m->own.proto;
    /* the packet's tuple, or that of the packet that an error quotes */
    const uint16_t query = key->kind & KIND_ICMP_HEADER ? icmp_query_read(pkt) : 0;
    *s = (struct track_seen){.slot = FLOW_NONE, .tuple = FLOW_NONE, .room = FLOW_NONE};
    if (key->kind & (KIND_ICMP | KIND_ICMP6) && icmp_is_error(key))
        s->how = (uint8_t)related_tuple(key, pkt, 0, s);
    else
        s->how = (uint8_t)tuple_of(key, query, 0, &s->id, &s->at);
    s->picks = m->has & MET_OPENED ? PICKS_OPENED : m->has & MET_PICKS_UP ? PICKS_NEW : PICKS_NONE;
    s->delta = m->delta;
    if (met_find(m, s, &at)) {
        s->slot = s->tuple = 0;
        look_side(&at, s);
    }
    if ((m->has & (MET_FLOW | MET_FOREIGN)) == MET_FOREIGN) s->at |= AT_FOREIGN;
    look_at(s->slot == FLOW_NONE ? NULL : &own, m->has & MET_JOINT ? &m->joint : NULL, key, pkt, s);
}
