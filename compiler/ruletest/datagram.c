/* Group the fragments of a test into datagrams and give them offsets. Fragments with the same addresses, protocol
 * and tags are one datagram until another `first` comes, or a fragment after the last. A later fragment begins where
 * the one before it ends, and at 1480 or above, which leaves room for a first fragment that comes after it. A later
 * fragment is the last if its length isn't a multiple of 8 bytes. */
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "vm/packet/parse/header.h"

struct test_datagram {
    struct test_datagram *next;
    uint32_t src[4], dst[4];
    uint8_t family, proto, tags;
    uint16_t vid[2];
    uint32_t id, end; /* identification; offset behind the last byte so far */
    bool has_first, has_last;
};

static unsigned bucket_of(const struct frame_spec *p)
{
    unsigned h = 0;
    for (unsigned i = 0; i < 4; i++) h = (h * 31 + p->src[i] * 7u + p->dst[i]) * 0x9e3779b1u;
    return (h >> 16) % TEST_BUCKETS;
}

static bool is_datagram_of(const struct test_datagram *d, const struct frame_spec *p)
{
    return d->family == p->family && d->proto == p->proto && d->tags == p->tags &&
           memcmp(d->vid, p->vid, sizeof(d->vid)) == 0 && memcmp(d->src, p->src, sizeof(d->src)) == 0 &&
           memcmp(d->dst, p->dst, sizeof(d->dst)) == 0;
}

static struct test_datagram *datagram_of(struct test_run *r, const struct frame_spec *p)
{
    struct test_datagram *d = r->datagrams[bucket_of(p)], **bucket = &r->datagrams[bucket_of(p)];
    while (d && !is_datagram_of(d, p)) d = d->next;
    if (d) return d;
    d = arena_alloc(r->c->arena, sizeof(*d));
    *d = (struct test_datagram){.next = *bucket, .family = p->family, .proto = p->proto, .tags = p->tags};
    memcpy(d->src, p->src, sizeof(d->src));
    memcpy(d->dst, p->dst, sizeof(d->dst));
    memcpy(d->vid, p->vid, sizeof(d->vid));
    d->id = ++r->datagram;
    *bucket = d;
    return d;
}

static uint32_t later_at(const struct test_datagram *d)
{
    return d->end > FRAME_LATER_OFFSET ? (d->end + 7) / 8 * 8 : FRAME_LATER_OFFSET;
}

void test_datagram_place(struct test_run *r, struct frame_spec *p)
{
    const bool first = p->fragment == KIND_FRAG_FIRST;
    const uint32_t carried = frame_carried(p);
    if (p->fragment == KIND_FRAG_NO) return;
    struct test_datagram *d = datagram_of(r, p);
    const bool full = d->has_last || (d->end && later_at(d) + carried > UINT16_MAX - IP4_LEN);
    if (first ? d->has_first : full) {
        d->id = ++r->datagram;
        d->end = 0;
        d->has_first = d->has_last = false;
    }
    p->datagram = d->id;
    p->offset = first ? 0 : later_at(d);
    if (p->offset + carried > d->end) d->end = p->offset + carried;
    d->has_first |= first;
    d->has_last |= !first && carried % 8;
}
