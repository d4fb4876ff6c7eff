/* Ordinary packets of bound flows: those of which the recipe of their direction says all that happens to them. */
#include "vm/flow/table_priv.h"
#include "vm/flow/track_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* A segment with nothing but data and ACK, whose header is in the head. */
static void read_segment(const struct key *key, const struct pkt *pkt, struct tcp_segment *s)
{
    const uint8_t *tcp = pkt->data + pkt->l4;
    s->seq = wire_get32(tcp + TCP_SEQ);
    s->ack = wire_get32(tcp + TCP_ACKNO);
    s->len = (uint32_t)pkt->l3 + key->length - pkt->payload;
    s->window = wire_get16(tcp + TCP_WINDOW);
    s->flags = TCP_ACK;
    s->scale = SCALE_ABSENT;
    s->mss = 0;
    s->first_fragment = false;
}

/* Within window, and the flow stays as open as it is. */
static bool is_ordinary_tcp(const struct flow *f, const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    const uint8_t fins = TCP_TRACK_FIN_ORIGINAL | TCP_TRACK_FIN_REPLY;
    struct tcp_segment segment;
    if (f->state != FLOW_STATE_OPEN || f->tcp.flags & fins) return false;
    read_segment(key, pkt, &segment);
    s->mark = MARK_ESTABLISHED;
    return tcp_within(&f->tcp, (enum flow_dir)s->dir, &segment);
}

/* The flow's state stays as it is: the other side's first packet is not ordinary. */
static bool is_ordinary_udp(const struct flow *f, struct track_seen *s)
{
    const bool heard = f->tcp.flags & TCP_TRACK_HEARD_REPLY, both = heard || f->flags & FLOW_ONE_SIDED;
    s->mark = both ? MARK_ESTABLISHED : MARK_NEW;
    return f->state == (both ? FLOW_STATE_UDP : FLOW_STATE_UDP_ONE_WAY) && (heard || s->dir == FLOW_ORIGINAL);
}

const struct recipe *track_ordinary(const struct track *t, const struct key *key, const struct pkt *pkt,
                                    struct track_seen *s, uint32_t generation)
{
    const struct flow_table *table = t->table;
    if (s->slot == FLOW_NONE) return NULL;
    s->recipe = table_slot(table, s->tuple)->recipe;
    if (!s->recipe) return NULL;
    const struct recipe *r = table_recipe(table, s->tuple);
    const struct flow *f = table_slot(table, s->slot);
    if (r->generation != generation || s->twin != (s->dir == FLOW_REPLY) || f->joined) return NULL;
    s->next.reopen = s->next.by_other = false;
    s->class = s->twin ? SEEN_REPLY : SEEN_ORIGINAL;
    return (s->how == HOW_TCP ? is_ordinary_tcp(f, key, pkt, s) : is_ordinary_udp(f, s)) ? r : NULL;
}

void track_keep_ordinary(struct track *t, const struct key *key, const struct pkt *pkt, const struct track_seen *s)
{
    struct flow *f = table_slot(t->table, s->slot);
    f->seen_ns = t->now_ns;
    if (s->how != HOW_TCP) return;
    struct tcp_segment segment;
    read_segment(key, pkt, &segment);
    tcp_take(&f->tcp, (enum flow_dir)s->dir, &segment);
}

struct recipe *track_make_recipe(struct track *t, const struct track_seen *s, uint8_t kind)
{
    const struct flow *f = table_slot(t->table, s->slot);
    int32_t slot = s->slot;
    if (f->joined || s->how == HOW_ERROR || (s->dir == FLOW_REPLY && !s->twin)) return NULL;
    if (s->twin) slot = s->tuple;
    table_slot(t->table, slot)->recipe = kind;
    return table_recipe(t->table, slot);
}

void track_drop_recipes(struct track *t, const struct track_seen *s)
{
    struct flow_table *table = t->table;
    table_slot(table, s->slot)->recipe = RECIPE_NONE;
    if (table_slot(table, s->slot)->flags & FLOW_PAIRED)
        table_slot(table, table_cold(table, s->slot)->twin)->recipe = RECIPE_NONE;
}
