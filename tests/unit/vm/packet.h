/* Packets for the tests of vm/, from notation, in a heap block of exactly their captured size, so that a sanitizer
 * finds any read outside. There is one at a time: the next packet frees the one before. */
#ifndef TESTS_UNIT_VM_PACKET_H
#define TESTS_UNIT_VM_PACKET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note.h"
#include "vm/vm.h"

struct packet {
    struct pkt pkt;
    struct key key;
    enum pkt_reason reason;
    uint8_t *bytes;
};

static struct packet packet;
static const struct facts no_facts;

/* Make a view of `cap` bytes of a frame of `wire` bytes. */
static inline void packet_view(struct packet *p, const uint8_t *bytes, uint32_t cap, uint32_t wire, enum pkt_link link)
{
    free(p->bytes);
    p->bytes = malloc(cap ? cap : 1);
    assert_non_null(p->bytes);
    if (cap) memcpy(p->bytes, bytes, cap);
    pkt_view(&p->pkt, p->bytes, cap, wire, link, 7);
}

static inline void packet_parse(struct packet *p, const struct facts *facts)
{
    memset(&p->key, 0xa5, sizeof(p->key)); /* shows fields that the parser leaves unset */
    p->reason = pkt_parse(&p->pkt, facts, &p->key);
    assert_int_equal(p->reason, p->pkt.reason);
}

static inline const struct note *packet_note(const char *notation)
{
    static struct note note;
    char err[200];
    if (note_parse(notation, &note, err, sizeof(err)) != 0) fail_msg("%s: %s", notation, err);
    return &note;
}

/* Parse a packet written as notation, with these facts. */
static inline struct packet *packet_facts(const char *notation, const struct facts *facts)
{
    const struct note *n = packet_note(notation);
    packet_view(&packet, n->bytes, n->cap_len, n->wire_len, n->link);
    packet.pkt.tag_count = n->tag_count;
    memcpy(packet.pkt.tags, n->tags, sizeof(packet.pkt.tags));
    packet_parse(&packet, facts);
    return &packet;
}

static inline struct packet *packet_of(const char *notation) { return packet_facts(notation, &no_facts); }

static inline int packet_free(void **state)
{
    (void)state;
    free(packet.bytes);
    packet.bytes = NULL;
    return 0;
}

/* Draw a number; the same numbers in every run. */
static inline uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % below);
}

/* Compute the internet checksum as in RFC 1071's text: the reference for the tested ones. */
static inline uint16_t plain_sum(const uint8_t *p, size_t len, uint32_t start)
{
    uint32_t sum = start;
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

#endif
