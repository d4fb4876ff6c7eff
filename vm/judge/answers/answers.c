/* From packets to questions and members (answers.h). */
#include "vm/judge/answers/answers.h"

#include "vm/judge/decide.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/program/program.h"

uint64_t answers_sets(const struct program *p)
{
    uint64_t sets = 0;
    for (uint32_t i = 0; i < p->lives_count; i++) sets |= (uint64_t)(p->lives[i].answers != 0) << i;
    return sets;
}

/* Return those of the sets that trust a resolver: the packet's destination (dst) or source. */
static uint64_t sets_of_resolver(const struct program *p, const struct key *key, bool dst)
{
    uint64_t sets = answers_sets(p);
    for (uint64_t left = sets; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        if (!set_has_plain(p, p->lives[i].from, key, dst)) sets &= ~(left & -left);
    }
    return sets;
}

/* Return those of the sets that want the addresses of a host. */
static uint64_t sets_of_host(const struct program *p, uint64_t sets, const struct message *m)
{
    for (uint64_t left = sets; left; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        const bool wants = m->host_len && names_match(p, p->lives[i].answers - 1, m->host, m->host_len);
        if (!wants) sets &= ~(left & -left);
    }
    return sets;
}

/* Copy the message of a datagram. Return its length; 0: none, too long, or not captured completely. */
static uint32_t message_copy(const struct pkt *pkt, uint8_t bytes[MESSAGE_MOST])
{
    const uint32_t said = bytes_get16(pkt, pkt->l4 + UDP_LENGTH);
    const uint32_t len = said < UDP_LEN ? 0 : said - UDP_LEN;
    if (!pkt->payload || pkt->segment || !len || len > MESSAGE_MOST || pkt->payload + len > pkt->l3_end) return 0;
    return bytes_copy(pkt, pkt->payload, len, bytes) == len ? len : 0;
}

/* True if the packet may be an answer, else it may be a question. If both ports are 53, the flag in the message
 * decides. */
static bool may_give(const struct key *key, const struct pkt *pkt)
{
    uint8_t head[4];
    if (key->src_port != DNS_PORT || key->kind & KIND_OUT) return false;
    if (key->dst_port != DNS_PORT || !pkt->payload) return true;
    return bytes_copy(pkt, pkt->payload, sizeof head, head) != sizeof head || head[2] >> 7;
}

static enum dns_part question_read(const struct program *p, const struct questions *q, const uint8_t *bytes,
                                   struct answer_read *r)
{
    r->sets = sets_of_host(p, r->sets, &r->message);
    r->hash = question_hash(q->head, bytes + r->message.section, r->message.len);
    return r->sets ? DNS_ASKS : DNS_NONE;
}

static enum dns_part gift_read(const struct program *p, const struct key *key, const uint8_t *bytes, uint32_t len,
                               uint64_t now_ns, struct answer_read *r)
{
    struct questions *const q = p->members->questions;
    const struct message *const m = &r->message;
    r->sets = sets_of_host(p, r->sets, m);
    if (!r->sets) return DNS_NONE;
    r->hash = question_hash(q->head, bytes + m->section, m->len);
    question_id_of(&r->id, key->dst, key->src, key->dst_port, m->number, key->kind & KIND_IP6, r->hash);
    if (!question_waits(q, &r->id, now_ns, false)) return DNS_UNASKED;
    r->count = m->cut ? -1 : m->code ? 0 : message_addresses(bytes, len, m, r->of);
    return DNS_GIVES;
}

enum dns_part answers_read(const struct program *p, const struct key *key, const struct pkt *pkt, uint64_t now_ns,
                           struct answer_read *r)
{
    uint8_t bytes[MESSAGE_MOST];
    const struct questions *const q = p->members ? p->members->questions : NULL;
    const bool gives = may_give(key, pkt);
    r->part = DNS_NONE;
    if (!q || !(key->kind & KIND_FRAG_NO) || !(r->sets = sets_of_resolver(p, key, !gives))) return DNS_NONE;
    const uint32_t len = message_copy(pkt, bytes);
    const enum message_is is = message_read(bytes, len, &r->message);
    if (is == MESSAGE_BAD) return r->part = gives ? DNS_BAD : DNS_NONE;
    if (is == MESSAGE_OTHER || r->message.answers != gives) return DNS_NONE;
    return r->part = gives ? gift_read(p, key, bytes, len, now_ns, r) : question_read(p, q, bytes, r);
}

static void address_add(const struct program *p, uint32_t live, const struct message *m,
                        const struct message_address *a)
{
    struct lives *const l = p->members;
    const bool v6 = m->type == MESSAGE_AAAA;
    const struct live_net net = {
        .addr = {a->addr[0], a->addr[1], a->addr[2], a->addr[3]}, .len = v6 ? 128 : 32, .v6 = v6};
    const uint32_t least_s = a->ttl_s > ANSWER_TTL_LEAST_S ? a->ttl_s : ANSWER_TTL_LEAST_S;
    const uint32_t ttl_s = least_s < ANSWER_TTL_MOST_S ? least_s : ANSWER_TTL_MOST_S;
    const uint64_t now_ms = lives_now(l), end_ms = now_ms + (UINT64_C(0) + ttl_s + ANSWER_GRACE_S) * 1000;
    if (!live_is_of_host(a->addr, v6) || lives_refuse(p, live, &net) != LIVE_MAY) {
        __atomic_fetch_add(&l->refused[live], 1, __ATOMIC_RELAXED);
        return;
    }
    const enum live_said said = live_add(lives_set(l, live), now_ms, &net, end_ms, LIVE_LATER);
    if (said == LIVE_ADDED || said == LIVE_RENEWED) lives_name(l, live, &net, end_ms, m->host);
}

static void count_for(uint64_t sets, struct live_answered *of, enum dns_part part)
{
    for (; sets; sets &= sets - 1) {
        struct live_answered *to = &of[__builtin_ctzll(sets)];
        uint64_t *count = part == DNS_GIVES ? &to->answers : part == DNS_UNASKED ? &to->unasked : &to->bad;
        __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    }
}

static void gift_make(const struct program *p, const struct answer_read *r)
{
    const int taken = r->count < MESSAGE_ADDRESSES ? r->count : MESSAGE_ADDRESSES;
    for (uint64_t left = r->sets; left; left &= left - 1) {
        const unsigned live = (unsigned)__builtin_ctzll(left);
        for (int i = 0; i < taken; i++) address_add(p, live, &r->message, &r->of[i]);
        if (r->count > taken)
            __atomic_fetch_add(&p->members->refused[live], (uint64_t)(r->count - taken), __ATOMIC_RELAXED);
    }
}

void answers_make(const struct program *p, const struct answer_read *r, const struct key *key, uint64_t now_ns)
{
    struct questions *const q = p->members->questions;
    enum dns_part part = r->part;
    if (part == DNS_ASKS) {
        struct question_id id;
        question_id_of(&id, key->src, key->dst, key->src_port, r->message.number, key->kind & KIND_IP6, r->hash);
        question_put(q->head, q->slots, &id, now_ns);
        return;
    }
    /* If two workers read equal answers at once, only one of them takes the question. */
    if (part == DNS_GIVES && !question_waits(q, &r->id, now_ns, true)) part = DNS_UNASKED;
    if (part == DNS_GIVES && r->count < 0) part = DNS_BAD;
    count_for(r->sets, p->members->answered, part);
    if (part == DNS_GIVES) gift_make(p, r);
}
