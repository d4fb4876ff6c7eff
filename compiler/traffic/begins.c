/* Begins of connections (begins.h). A TCP connection begins with its SYN. In other protocols the side seen first
 * begins, unless it sends from a well-known port: then it answers. */
#include "compiler/traffic/begins.h"

#include <stdlib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, ICMP6 = 58, WELL_KNOWN = 1024 };

static bool begins_same(const struct begin *a, const struct begin *b)
{
    return a->family == b->family && a->proto == b->proto && a->port == b->port && a->has_port == b->has_port &&
           a->to_self == b->to_self && !memcmp(a->src, b->src, sizeof(a->src)) &&
           !memcmp(a->dst, b->dst, sizeof(a->dst));
}

static uint64_t begin_hash(const struct hash_key *key, const struct begin *b)
{
    const uint64_t words[] = {hash_pair(b->src[0], b->src[1]), hash_pair(b->src[2], b->src[3]),
                              hash_pair(b->dst[0], b->dst[1]), hash_pair(b->dst[2], b->dst[3]),
                              hash_pair(b->port, (uint32_t)b->proto << 2 | (uint32_t)b->has_port << 1 | b->to_self)};
    return hash_words(key, words, sizeof(words) / sizeof(words[0]));
}

static struct begin *begin_slot(const struct begins *b, const struct begin *what)
{
    for (uint64_t i = begin_hash(&b->key, what);; i++) {
        struct begin *s = &b->slots[i & (b->room - 1)];
        if (!s->family || begins_same(s, what)) return s;
    }
}

/* Begin with a secret hash key, since senders chose the contents of the capture. */
void begins_init(struct begins *b)
{
    *b = (struct begins){0};
    hash_key_init(&b->key, hash_pair(arc4random(), arc4random()));
}

static bool begins_make_room(struct begins *b)
{
    if (b->count * 2 < b->room) return true;
    struct begins more = {.key = b->key, .room = b->room ? b->room * 2 : 256};
    more.slots = calloc(more.room, sizeof(*more.slots));
    if (!more.slots) return false;
    for (size_t i = 0; i < b->room; i++)
        if (b->slots[i].family) *begin_slot(&more, &b->slots[i]) = b->slots[i];
    free(b->slots);
    b->slots = more.slots;
    b->room = more.room;
    return true;
}

/* Return the flow that the packet would begin; back: the flow that it would answer. */
static struct begin begin_of(const struct key *k, bool back)
{
    const bool icmp = k->kind & (KIND_ICMP | KIND_ICMP6), ports = k->kind & KIND_PORTS;
    struct begin b = {.family = k->kind & KIND_IP4 ? 4 : 6, .proto = (uint8_t)k->proto, .has_port = ports};
    memcpy(b.src, back ? k->dst : k->src, sizeof(b.src));
    b.to_self = k->kind & (back ? KIND_SRC_SELF : KIND_DST_SELF);
    if (!b.to_self) memcpy(b.dst, back ? k->src : k->dst, sizeof(b.dst));
    if (ports) b.port = back ? k->src_port : k->dst_port;
    if (ports) b.src_port = back ? k->dst_port : k->src_port;
    if (icmp) b.port = k->icmp_type;
    return b;
}

/* True for messages that begin something: not for errors and replies, nor for neighbour discovery, which has a
 * separate rule. */
static bool icmp_begins(const struct key *k)
{
    static const uint8_t others[] = {0, 3, 4, 5, 11, 12, 14, 16, 18};
    const uint16_t t = k->icmp_type;
    if (!(k->kind & KIND_ICMP_HEADER)) return false;
    if (k->kind & KIND_ICMP6) return t >= 128 && t != 129 && !(t >= 133 && t <= 137);
    return !memchr(others, t, sizeof(others)) && t < 256;
}

static bool answers_begin(struct begins *b, const struct key *k)
{
    const struct begin back = begin_of(k, true);
    struct begin *of = b->room ? begin_slot(b, &back) : NULL;
    if (!of || !of->family) return false;
    of->answered = true;
    return true;
}

static bool opener_add(struct begins *b, const struct key *k, uint64_t frame, uint16_t iface)
{
    struct begin what = begin_of(k, false);
    if (!begins_make_room(b)) return false;
    struct begin *s = begin_slot(b, &what);
    if (!s->family && b->count == BEGINS_MOST) {
        b->full = true;
        return true;
    }
    if (!s->family) {
        what.first_frame = frame;
        what.iface = iface;
        *s = what;
        b->count++;
    }
    s->seen++;
    return true;
}

/* True if the key has all that a rule would ask for. */
static bool is_known_key(const struct key *k)
{
    const bool v4 = k->kind & KIND_IP4, needs_ports = k->kind & KIND_WITH_PORTS;
    if (!(k->kind & KIND_IP) || !(k->kind & KIND_PROTO) || (needs_ports && !(k->kind & KIND_PORTS))) return false;
    return k->proto != (v4 ? ICMP6 : ICMP); /* protocol of the other family */
}

bool begins_add(struct begins *b, const struct key *key, bool malformed, bool sent, uint64_t frame, uint16_t iface)
{
    const uint32_t flags = key->marks & 0xff;
    const bool own = key->kind & KIND_SRC_SELF || sent;
    if (key->kind & KIND_FRAG_LATER && !malformed) return true;
    if (malformed || !is_known_key(key)) {
        b->other += !(key->kind & KIND_ARP) && !sent;
        return true;
    }
    if (key->proto == TCP) {
        if (!(key->kind & KIND_TCP_FLAGS) || !(flags & TCP_SYN)) return true;
        if (!(flags & TCP_ACK)) return own || opener_add(b, key, frame, iface);
        b->any_answer = true;
        answers_begin(b, key);
        return true;
    }
    if (key->kind & (KIND_ICMP | KIND_ICMP6)) return own || !icmp_begins(key) || opener_add(b, key, frame, iface);
    if (answers_begin(b, key) || own) return true;
    const struct begin what = begin_of(key, false);
    const bool known = b->room && begin_slot(b, &what)->family;
    if (!known && key->kind & KIND_PORTS && key->src_port < WELL_KNOWN && key->dst_port >= WELL_KNOWN) {
        b->late++;
        return true;
    }
    return opener_add(b, key, frame, iface);
}

static int order(const void *x, const void *y)
{
    const struct begin *a = x, *b = y;
    if (a->to_self != b->to_self) return a->to_self ? -1 : 1;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    if (a->proto != b->proto) return a->proto < b->proto ? -1 : 1;
    for (unsigned i = 0; i < 4; i++)
        if (a->dst[i] != b->dst[i]) return a->dst[i] < b->dst[i] ? -1 : 1;
    if (a->port != b->port) return a->port < b->port ? -1 : 1;
    if (a->has_port != b->has_port) return a->has_port ? 1 : -1;
    if (a->iface != b->iface) return a->iface < b->iface ? -1 : 1;
    for (unsigned i = 0; i < 4; i++)
        if (a->src[i] != b->src[i]) return a->src[i] < b->src[i] ? -1 : 1;
    return 0;
}

void begins_sort(struct begins *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->room; i++)
        if (b->slots[i].family) b->slots[n++] = b->slots[i];
    if (n) qsort(b->slots, n, sizeof(*b->slots), order);
    b->room = 0;
}

void begins_fini(struct begins *b) { free(b->slots); }
