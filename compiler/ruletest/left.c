/* Keep the last packet that was let through as it left, so that its receiver can answer it and errors can quote it.
 *
 *     went to the host, or across         as it came
 *     sent on by a service or a `nat`     rewritten; an answer goes to the new addresses
 *     sent on in a `dsr` mode             the server answers the client directly, past this machine
 *     came in a tunnel                    the packet inside
 *     answered by the vm                  nobody else answers */
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "vm/packet/parse/read.h"
#include "vm/words/words.h"

void test_left_keep(struct test_run *r, const struct tx_entry *e)
{
    const bool goes_on = e->cause == TX_CAUSE_PACKET || e->cause == TX_CAUSE_INNER;
    if (!goes_on || e->cookie != r->cookie || r->left_cookie == r->cookie) return;
    if (e->pkt->head_len > TEST_LEFT_MOST) return;
    memcpy(r->left_frame, e->pkt->data, e->pkt->head_len);
    r->left = *e->pkt;
    r->left.data = r->left_frame;
    r->left.pool = NULL;
    r->left.iface = e->out_if;
    r->left_cookie = r->cookie;
    r->left_hop_family = e->family;
    memcpy(r->left_hop, e->next_hop, sizeof(r->left_hop));
}

/* Fill `left` with `sent` as it left, with changes made on the way. False if the frame that left isn't an IP packet. */
static bool read_left(const struct test_run *r, const struct frame_spec *sent, struct frame_spec *left)
{
    struct pkt pkt = r->left;
    struct key key;
    if (pkt_parse(&pkt, &r->facts, &key) != REASON_NONE || !(key.kind & KIND_IP)) return false;
    *left = *sent;
    left->tunnel = NULL;
    left->family = key.kind & KIND_IP4 ? 4 : 6;
    memcpy(left->src, key.src, sizeof(left->src));
    memcpy(left->dst, key.dst, sizeof(left->dst));
    left->src_port = key.src_port;
    left->dst_port = key.dst_port;
    left->ttl = (uint8_t)key.ttl;
    if (pkt.iface != IFACE_NONE) left->iface = pkt.iface;
    if (key.kind & KIND_TCP_FLAGS) {
        struct tcp_header h;
        tcp_header_read(&pkt, &key, &h);
        left->seq = h.seq;
        left->ack = h.ack;
    }
    if (key.kind & KIND_ICMP_HEADER) left->rest = bytes_get32(&pkt, pkt.l4 + 4u);
    return true;
}

/* Keep the bytes of the frame from its IP header on; none if it has no IP header. */
static void keep_ip(struct test_run *r, struct pkt *pkt)
{
    struct key key;
    r->last_ip = (struct frame_payload){0};
    if (pkt_parse(pkt, &r->facts, &key) != REASON_NONE || !(key.kind & KIND_IP)) return;
    uint8_t *bytes = arena_alloc(r->c->arena, pkt->head_len - pkt->l3);
    memcpy(bytes, pkt->data + pkt->l3, pkt->head_len - pkt->l3);
    r->last_ip = (struct frame_payload){bytes, pkt->head_len - pkt->l3};
}

static void keep_built(struct test_run *r)
{
    struct frame_spec bare = r->last;
    struct pkt pkt;
    bare.tunnel = NULL;
    test_build(r, &bare, &pkt);
    keep_ip(r, &pkt);
}

static bool is_dsr(const struct program *p, const struct verdict *v)
{
    if (v->action != ACTION_FORWARD || v->service >= p->services_count) return false;
    return mode_is(p->services[v->service].mode, MODE_ONE_SIDED);
}

void test_left_note(struct test_run *r, const struct frame_spec *p, const struct verdict *v, uint64_t cookie)
{
    const bool left = r->left_cookie == cookie && cookie;
    struct frame_spec seen;
    if (v->action != ACTION_ACCEPT && v->action != ACTION_FORWARD && v->action != ACTION_PASS) return;
    test_talk_sent(r, p);
    if (p->fragment == KIND_FRAG_LATER) return;
    r->last = *p;
    r->any_left = true;
    r->past = is_dsr(r->program, v);
    r->answered = v->done && !left;
    if (v->action == ACTION_FORWARD && left && !r->past && read_left(r, p, &seen)) {
        test_talk_seen(r, &seen);
        r->last = seen;
    }
    struct pkt pkt = r->left;
    if (left)
        keep_ip(r, &pkt);
    else
        keep_built(r);
}

void test_left_past(struct test_run *r, const struct frame_spec *p)
{
    test_talk_sent(r, p);
    r->last = *p;
    r->past = r->answered = false;
    keep_built(r);
}

/* Add a note on how the packet left, if it was sent on. */
void test_note_left(struct test_run *r, const struct verdict *v)
{
    char text[300], hop[64] = "";
    struct pkt pkt = r->left;
    struct key key;
    if (v->action != ACTION_FORWARD || r->left_cookie != r->cookie) return;
    if (pkt_parse(&pkt, &r->facts, &key) != REASON_NONE) return;
    pkt_describe(&pkt, &key, text, sizeof(text));
    if (r->left_hop_family) address_text(r->left_hop_family, r->left_hop, hop);
    diag_note(r->c->diags, SPAN_NONE, "the packet left as: %s, %u bytes%s%s", text, pkt.wire_len,
              hop[0] ? ", to the machine " : "", hop);
}
