/* ICMP errors about packets that prey has sent on the wire: the packet's socket is notified. */
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/cut.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/read.h"

/* Return the ends of the inline stack's own packet that left towards `to`: those of replies, reversed. */
static struct translation as_sent(const struct inlines *all, const struct inline_conn *c, uint32_t number,
                                  enum inline_at to)
{
    const struct translation in = inline_inwards(all, c, number, to);
    struct translation out = {.src_port = in.dst_port, .dst_port = in.src_port, .what = in.what};
    memcpy(out.src, in.dst, sizeof out.src);
    memcpy(out.dst, in.src, sizeof out.dst);
    return out;
}

/* Give the copy of an error the link header of the client's frames, unless its own is that of a bridge. */
static bool link_to_client(const struct job *j, const struct inline_conn *c, struct pkt *copy)
{
    const struct inline_side *client = &c->side[AT_CLIENT];
    if (client->bridged && client->stack == c->side[AT_SERVER].stack) return true;
    edit_strip(copy);
    return inline_link(j, c, AT_CLIENT, copy, !c->v6);
}

/* Pass a router's error about prey's SYN to the server on to the client of `server first`, as if the SYN had been
 * its own. */
static void tell_client(const struct job *j, struct packet_ctx *c, const struct inline_conn *conn, uint32_t seq)
{
    const struct inline_side *client = &conn->side[AT_CLIENT];
    const struct translation outer = {.what = 0};
    struct translation inner = {.what = TRANSLATE_SEQ | TRANSLATE_DST | TRANSLATE_DST_PORT,
                                .dst_port = conn->server_port,
                                .seq = conn->client_seq - seq};
    struct pkt *copy = j->vm->cfg.pool && tx_has_room(j) ? pool_copy(j->vm->cfg.pool, c->pkt) : NULL;
    if (!copy) return;
    memcpy(inner.dst, conn->server, sizeof inner.dst);
    if ((!client->bridged && !ttl_decrement(copy, c->key)) || quoted_translate(copy, c->key, &outer, &inner) ||
        !link_to_client(j, conn, copy)) {
        pool_put(copy);
        return;
    }
    struct tx_entry *e = tx_add(j, c, copy, TX_SEND, TX_CAUSE_INLINE);
    e->out_if = client->iface;
}

bool inline_error(const struct job *j, struct packet_ctx *c)
{
    struct inlines *all = j->vm->inlines;
    struct quoted q;
    enum inline_at sent_by;
    uint32_t number;
    if (!quoted_read(c->pkt, c->key, &q) || !(q.key.kind & KIND_TCP)) return false;
    struct inline_conn *conn = inlines_find(all, &q.key, c->pkt, &number, &sent_by);
    if (!conn || !address_equal(c->key->dst, q.key.src)) return false;
    if (inlines_cut_waits(all, conn)) return false; /* the ends' own packets still pass */
    /* A packet in the name of `sent_by` was sent by the socket that talks to the other end */
    const enum inline_at to = sent_by == AT_CLIENT ? AT_SERVER : AT_CLIENT;
    if (to == AT_SERVER && !conn->own_port) return false;
    struct translation inner = as_sent(all, conn, number, to);
    inline_cut_quoted(j, conn, to, &inner);
    struct translation outer = {.what = TRANSLATE_DST};
    memcpy(outer.dst, inner.src, sizeof outer.dst);
    *c->v = (struct verdict){.action = ACTION_FORWARD,
                             .flags = VERDICT_REPLY,
                             .rule = RULE_NONE,
                             .firewall = PBC_NONE,
                             .service = conn->service,
                             .server = PBC_NONE};
    c->left.way = LEAVE_NOT;
    if (conn->state == INLINE_SPLICED) {
        if (!inline_spliced_error(j, c, conn, sent_by)) forward_refuse(c, REASON_UNTRANSLATABLE);
        settle_whole(j, c);
        return true;
    }
    struct pkt *copy = j->vm->cfg.pool && tx_has_room(j) ? pool_copy(j->vm->cfg.pool, c->pkt) : NULL;
    if (copy && !quoted_translate(copy, c->key, &outer, &inner))
        tx_add(j, c, copy, TX_INLINE_STACK, TX_CAUSE_PACKET);
    else
        forward_refuse(c, copy ? REASON_UNTRANSLATABLE : REASON_NO_BUFFER);
    if (copy && c->v->action == ACTION_DROP) pool_put(copy);
    if (to == AT_SERVER && conn->state == INLINE_WAITS && q.seq == conn->own_seq) tell_client(j, c, conn, q.seq);
    settle_whole(j, c);
    return true;
}
