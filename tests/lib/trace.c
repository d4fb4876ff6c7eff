/* Assembling TCP connections of a capture: see trace.h. */
#include "tests/lib/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/capture/capture.h"
#include "vm/vm.h"

static void *some(void *p)
{
    if (p) return p;
    puts("not ok - memory");
    exit(1);
}

static void read_tags(const uint8_t *frame, uint32_t len, uint32_t tags[4])
{
    for (uint32_t at = 12, i = 0; i < 4 && at + 4 <= len; at += 4, i++) {
        const uint32_t type = (uint32_t)frame[at] << 8 | frame[at + 1];
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100) return;
        tags[i] = type << 16 | (uint32_t)(frame[at + 2] & 15) << 8 | frame[at + 3];
    }
}

static void add(struct trace *t, const struct pkt *pkt, const struct key *key, unsigned frame, uint64_t time_ns)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 256;
        t->v = some(realloc(t->v, t->cap * sizeof *t->v));
    }
    struct trace_segment *s = &t->v[t->count++];
    memset(s, 0, sizeof *s);
    memcpy(s->from.addr, key->src, sizeof s->from.addr);
    memcpy(s->to.addr, key->dst, sizeof s->to.addr);
    s->from.port = key->src_port;
    s->to.port = key->dst_port;
    if (pkt->link == LINK_ETHER) read_tags(pkt->data, pkt->cap_len, s->from.tags);
    memcpy(s->to.tags, s->from.tags, sizeof s->to.tags);
    s->frame = frame;
    s->time_ns = time_ns;
    tcp_read(pkt, key, &s->tcp);
    s->bytes = some(malloc(pkt->cap_len));
    memcpy(s->bytes, pkt->data, pkt->cap_len);
    s->cap_len = pkt->cap_len;
    s->wire_len = pkt->wire_len;
    s->link = pkt->link;
}

bool trace_read(struct trace *t, const char *path)
{
    static const struct facts facts;
    char err[200];
    struct capture_frame f;
    struct capture *c = capture_open(path, err, sizeof err);
    *t = (struct trace){0};
    if (!c) return false;
    for (unsigned frame = 1; capture_next(c, &f) == 1; frame++) {
        struct pkt pkt;
        struct key key;
        pkt_view(&pkt, f.data, f.cap_len < f.wire_len ? f.cap_len : f.wire_len, f.wire_len, (enum pkt_link)f.link,
                 IFACE_NONE);
        if (pkt_parse(&pkt, &facts, &key) == REASON_NONE && key.kind & KIND_TCP_FLAGS)
            add(t, &pkt, &key, frame, f.time_ns);
    }
    capture_close(c);
    return true;
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < t->count; i++) free(t->v[i].bytes);
    free(t->v);
    *t = (struct trace){0};
}

static bool same(const struct trace_side *a, const struct trace_side *b) { return memcmp(a, b, sizeof *a) == 0; }

static bool has(const struct trace_segment *s, unsigned set, unsigned clear)
{
    return (s->tcp.flags & set) == set && !(s->tcp.flags & clear);
}

static void take(struct connection *c, struct trace_segment *s, unsigned dir)
{
    s->taken = true;
    c->dir[c->count] = (uint8_t)dir;
    c->v[c->count++] = s;
}

static bool answers(const struct trace_segment *s, const struct trace_segment *syn)
{
    return has(s, TCP_SYN | TCP_ACK, TCP_RST) && same(&s->from, &syn->to) && same(&s->to, &syn->from) &&
           s->tcp.ack - syn->tcp.seq - 1 < syn->tcp.len;
}

static bool whole_handshake(const struct connection *c)
{
    const struct trace_segment *answer = NULL;
    for (size_t i = 1; i < c->count; i++) {
        if (!answer && answers(c->v[i], c->v[0])) answer = c->v[i];
        if (answer && c->dir[i] == 0 && has(c->v[i], TCP_ACK, TCP_SYN | TCP_RST) &&
            c->v[i]->tcp.ack == answer->tcp.seq + 1)
            return true;
    }
    return false;
}

bool trace_connection(struct trace *t, struct connection *c)
{
    size_t first = 0;
    while (first < t->count && (t->v[first].taken || !has(&t->v[first], TCP_SYN, TCP_ACK | TCP_RST))) first++;
    *c = (struct connection){.one_sided = true};
    if (first == t->count) return false;
    struct trace_segment *syn = &t->v[first];
    c->v = some(calloc(t->count, sizeof *c->v));
    c->dir = some(calloc(t->count, 1));
    take(c, syn, 0);
    for (size_t i = 0; i < t->count; i++) {
        struct trace_segment *s = &t->v[i];
        const bool original = same(&s->from, &syn->from) && same(&s->to, &syn->to);
        const bool reply = same(&s->from, &syn->to) && same(&s->to, &syn->from);
        if (s->taken || (i < first ? !answers(s, syn) : !original && !reply)) continue;
        if (i < first) c->put_right = true;
        if (!original) c->one_sided = false;
        take(c, s, !original);
    }
    c->whole = whole_handshake(c);
    return true;
}

void connection_free(struct connection *c)
{
    free(c->v);
    free(c->dir);
    *c = (struct connection){0};
}
