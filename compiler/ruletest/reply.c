/* Build packets as they are sent: the packet of a `reply`, and the parts of a packet that depend on earlier ones. */
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Most bytes of an ICMP error (RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c)) */
enum { ERROR4_MOST = 576, ERROR6_MOST = 1280 };

static struct diags *complain(struct test_run *r, const struct test_step *s, const char *what)
{
    diag(r->c->diags, E_TEST_REPLY, s->packet_span, "test \"%s\": %s", r->test->name.s, what);
    return r->c->diags;
}

/* Add a note with the packet that would be answered. */
static void note_last(struct test_run *r, const char *what)
{
    struct pkt pkt;
    struct key key;
    test_build(r, &r->last, &pkt);
    test_parse(r, &pkt, &key);
    test_note_packet(r, what, &pkt, &key);
}

static void note_answered(struct test_run *r) { note_last(r, "the last packet that passed"); }

void test_note_quoted(struct test_run *r, const struct test_step *s)
{
    const struct frame_spec *p = s->packet;
    if (s->reply == REPLY_BARE || !frame_is_icmp_error(p) || p->payload.len) return;
    if (s->reply == REPLY_NOT)
        diag_note(r->c->diags, SPAN_NONE,
                  "this ICMP error quotes no packet; to quote the last packet, write `reply: icmp ...`");
    else if (p->family == r->last.family && memcmp(p->dst, r->last.src, sizeof(p->dst)) == 0)
        note_last(r, "this ICMP error quotes the last packet that passed");
    else
        note_last(r, "this ICMP error quotes the last packet that passed, which its receiver didn't send");
}

/* Return the ICMP type that answers a query; -1 if none does. */
static int answering(const struct frame_spec *p)
{
    static const uint8_t pairs4[][2] = {{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}};
    static const uint8_t pairs6[][2] = {{128, 129}, {133, 134}, {135, 136}, {139, 140}};
    const bool v6 = p->form == FORM_ICMP6;
    for (size_t i = 0; i < (v6 ? sizeof(pairs6) : sizeof(pairs4)) / 2; i++)
        if ((v6 ? pairs6[i][0] : pairs4[i][0]) == p->type) return v6 ? pairs6[i][1] : pairs4[i][1];
    return -1;
}

static bool takes_ip(const struct frame_spec *parts)
{
    return parts->flags || parts->notes & NOTE_TTL || parts->length || parts->payload.len ||
           parts->fragment != KIND_FRAG_NO;
}

/* True if a bare `reply` can answer the last packet with these parts; else report. */
static bool can_answer(struct test_run *r, const struct test_step *s)
{
    const struct frame_spec *parts = s->packet, *last = &r->last;
    const bool tcp = last->form == FORM_TCP, icmp = last->form == FORM_ICMP || last->form == FORM_ICMP6;
    if (r->answered) {
        complain(r, s, "this machine has already replied to the last packet");
    } else if (last->form != FORM_ARP && address_is_group(last->family, last->dst)) {
        diag_advise(complain(r, s, "the last packet went to a group address, which sends no reply"),
                    "write the packet itself: `reply: PACKET`");
    } else if (last->form == FORM_ARP && takes_ip(parts)) {
        complain(r, s, "an ARP reply has no IP header, so it can't have these parts");
    } else if (tcp && !parts->flags && parts->fragment != KIND_FRAG_LATER) {
        diag_suggest(complain(r, s, "a TCP reply needs flags, such as `reply syn ack`"), span_after(s->packet_span),
                     " %s", last->flags & TCP_SYN && !(last->flags & TCP_ACK) ? "syn ack" : "ack");
    } else if (!tcp && parts->flags) {
        complain(r, s, "only a TCP reply has flags");
    } else if (icmp && answering(last) < 0) {
        diag_advise(complain(r, s, "this ICMP message has no reply"), "write the packet itself: `reply: PACKET`");
    } else {
        return true;
    }
    note_answered(r);
    return false;
}

static void swap_sides(const struct frame_spec *last, struct frame_spec *p)
{
    p->form = last->form;
    p->family = last->family;
    p->proto = last->proto;
    memcpy(p->src, last->dst, sizeof(p->src));
    memcpy(p->dst, last->src, sizeof(p->dst));
    p->src_port = last->dst_port;
    p->dst_port = last->src_port;
    if (p->form == FORM_ICMP || p->form == FORM_ICMP6) p->type = (uint8_t)answering(last);
    p->arp_answer = p->form == FORM_ARP;
    if (!p->dst_mac) p->dst_mac = last->src_mac;
    if (!p->src_mac && !(last->dst_mac >> 40 & 1)) p->src_mac = last->dst_mac;
    if (!(p->notes & NOTE_TTL)) p->ttl = frame_ttl(p);
    p->rest = last->rest;
    if (p->fragment == KIND_FRAG_LATER) p->offset = FRAME_LATER_OFFSET;
    /* An SCTP reply without further description goes on with the handshake, or acknowledges data. */
    enum { INIT = 1, INIT_ACK, COOKIE_ECHO = 10 };
    static const uint8_t init_ack[] = {2, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1};
    static const uint8_t cookie_echo[] = {10, 0, 0, 4}, cookie_ack[] = {11, 0, 0, 4}, sack[16] = {3, 0, 0, 16};
    if (p->form != FORM_SCTP || p->payload.len || p->length || p->fragment != KIND_FRAG_NO) return;
    switch (last->payload.len ? *last->payload.bytes : 0) {
    case INIT: p->payload = (struct frame_payload){init_ack, sizeof init_ack}; break;
    case INIT_ACK: p->payload = (struct frame_payload){cookie_echo, sizeof cookie_echo}; break;
    case COOKIE_ECHO: p->payload = (struct frame_payload){cookie_ack, sizeof cookie_ack}; break;
    default: p->payload = (struct frame_payload){sack, sizeof sack};
    }
}

/* Return NULL if the packet holds the written parts, else an error text. */
static const char *misfit(const struct frame_spec *p)
{
    const uint32_t least = frame_least(p);
    if (p->form == FORM_ARP) return NULL;
    if (least > UINT16_MAX || (p->length && p->length < least))
        return "the reply's headers and payload are longer than `length`, or than an IP packet can be";
    if (p->fragment == KIND_FRAG_FIRST && frame_carried(p) % 8)
        return "a first fragment carries a multiple of 8 bytes, so the reply can't have this `length`";
    return NULL;
}

/* Build the reply to the last packet: the same form, sides swapped, with the written parts. False after a report. */
static bool answer_make(struct test_run *r, const struct test_step *s, struct frame_spec *p)
{
    if (!can_answer(r, s)) return false;
    swap_sides(&r->last, p);
    const char *wrong = misfit(p);
    if (!wrong) return true;
    complain(r, s, wrong);
    note_answered(r);
    return false;
}

/* Quote the last packet, as it left, in an ICMP error without a payload. */
static void quote(const struct test_run *r, struct frame_spec *p)
{
    const uint32_t head = p->family == 4 ? IP4_LEN + ICMP_LEN : IP6_LEN + ICMP_LEN;
    const uint32_t room = (p->family == 4 ? ERROR4_MOST : ERROR6_MOST) - head;
    if (!frame_is_icmp_error(p) || p->payload.len || p->fragment == KIND_FRAG_LATER) return;
    p->payload = r->last_ip;
    if (p->payload.len > room) p->payload.len = room;
    if (p->length && p->length < head + p->payload.len) p->payload.len = p->length > head ? p->length - head : 0;
}

bool test_is_past(const struct test_run *r, const struct test_step *s)
{
    return s->reply == REPLY_BARE && r->past && s->stepped;
}

/* Report an expectation of a reply that goes directly from server to client and is not judged here. */
static bool complain_past(struct test_run *r, const struct test_step *s)
{
    if (s->reply != REPLY_BARE || !r->past || s->stepped) return false;
    diag_advise(
        complain(r, s, "in `dsr` modes, the server replies to the client directly, so prey doesn't judge the reply"),
        "write `reply` without an expectation");
    note_answered(r);
    return true;
}

bool test_packet_ready(struct test_run *r, const struct test_step *s, struct frame_spec *p)
{
    *p = *s->packet;
    if (s->reply != REPLY_NOT && !r->any_left) {
        complain(r, s,
                 "`reply` needs an earlier packet in this test that the rules let through, but they let none through");
        return false;
    }
    if (complain_past(r, s)) return false;
    if (s->reply == REPLY_BARE && !answer_make(r, s, p)) return false;
    if (s->reply != REPLY_NOT) {
        /* The reply has the last packet's tags, and its interface if this machine is one of the two ends. */
        const struct frame_spec *last = &r->last;
        if (!p->tags) {
            p->tags = last->tags;
            memcpy(p->vid, last->vid, sizeof(p->vid));
        }
        if (!(p->notes & NOTE_ON) &&
            sides_of(r->self, last->family, last->src, last->dst) & (KIND_SRC_SELF | KIND_DST_SELF))
            p->iface = last->iface;
    }
    if (s->reply == REPLY_WRITTEN) quote(r, p);
    test_talk_number(r, p);
    test_datagram_place(r, p);
    return true;
}
