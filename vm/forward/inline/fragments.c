/* Fragments of spliced connections: a first one is rewritten like any segment; later ones have no numbers, and leave
 * by the state that the first has stored. */
#include <string.h>

#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/inline/inline.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/fragment.h"

void inline_first_fragment(struct packet_ctx *c, const struct inline_conn *conn, uint32_t number, enum inline_at to,
                           const struct tcp_segment *s)
{
    struct fragment f;
    if (!fragment_read(c->pkt, c->key, &f)) return;
    const uint32_t payload = s->len - !!(s->flags & TCP_SYN) - !!(s->flags & TCP_FIN);
    c->left = (struct leave){.to = inline_outwards(conn, to),
                             .service = conn->service,
                             .server = PBC_NONE,
                             .hash = number,
                             .iface = IFACE_NONE,
                             .way = LEAVE_SPLICED};
    c->left.to.what = TRANSLATE_SRC | TRANSLATE_DST;
    c->left.to.seq = s->seq + payload - f.bytes; /* the number that the datagram's first byte would have */
}

/* Find the spliced connection whose first fragment left with `l`, and the end that it left to. NULL: the connection
 * is over. */
static struct inline_conn *conn_of(struct inlines *all, const struct leave *l, enum inline_at *to)
{
    struct inline_conn *c = all ? inlines_at(all, l->hash) : NULL;
    if (!c || c->state != INLINE_SPLICED || c->service == PBC_NONE) return NULL;
    for (unsigned at = 0; at < 2; at++) {
        const struct translation as = inline_outwards(c, (enum inline_at)at);
        *to = (enum inline_at)at;
        if (address_equal(as.src, l->to.src) && address_equal(as.dst, l->to.dst) && as.src_port == l->to.src_port &&
            as.dst_port == l->to.dst_port)
            return c;
    }
    return NULL;
}

/* Note the bytes of the fragment as sent by its end, as far as the end may send them. */
static void fragment_note(const struct job *j, struct inline_conn *conn, uint32_t number, enum inline_at from,
                          const struct packet_ctx *c)
{
    struct inline_side *side = &conn->side[from];
    struct fragment f;
    if (!fragment_read(c->pkt, c->key, &f)) return;
    inlines_count(j->vm->inlines, number, from, f.bytes, j->vm->now_ns);
    const uint32_t end = c->left.to.seq + f.offset + f.bytes;
    if (!seq_after(end, side->next) || seq_after(end, conn->splice.edge[from])) return;
    side->next = end;
    conn->side[!from].ours = end - conn->splice.end[from].in + conn->splice.end[!from].out;
}

enum pkt_reason inline_later_fragment(const struct job *j, struct packet_ctx *c)
{
    const uint32_t number = c->left.hash;
    enum inline_at to;
    uint32_t told;
    struct inline_conn *conn = conn_of(j->vm->inlines, &c->left, &to);
    if (!conn) return REASON_NO_FLOW;
    const enum inline_at from = to == AT_CLIENT ? AT_SERVER : AT_CLIENT;
    const uint32_t mtu = inline_mtu(j, conn, to, c->key);
    const enum tunnel_fit fit = edge_fit(c->pkt, c->key, mtu, &told);
    if (!conn->side[from].bridged && !inline_has_hop(j, c)) return REASON_TTL_EXCEEDED;
    if (fit == TUNNEL_TOO_BIG) {
        edge_too_big(j, c, told, NULL);
        return REASON_TOO_BIG;
    }
    struct pkt *pkt = tx_has_room(j) ? inline_own_or_copy(j, c) : NULL;
    if (!pkt) return REASON_NO_BUFFER;
    inlines_take(j->vm->inlines, conn, number);
    fragment_note(j, conn, number, from, c);
    const bool own = pkt == c->pkt;
    edit_strip(pkt);
    if (translate(pkt, c->key, &c->left.to)) {
        if (!own) pool_put(pkt);
        return REASON_UNTRANSLATABLE;
    }
    c->gone = own;
    inline_send_in(j, conn, to, pkt, !conn->v6, fit, mtu);
    return REASON_NONE;
}
