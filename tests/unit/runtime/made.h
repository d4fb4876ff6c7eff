/* Captures that tests make byte by byte, in either byte order, independently of the reader. */
#ifndef TESTS_UNIT_RUNTIME_MADE_H
#define TESTS_UNIT_RUNTIME_MADE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct made {
    uint8_t bytes[8192];
    size_t len;
    bool big; /* byte order */
};
enum { MADE_FRAMES = 5 };

static inline void put_n(struct made *m, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) m->bytes[m->len++] = (uint8_t)(v >> 8 * (m->big ? n - 1 - i : i));
}
static inline void put16(struct made *m, uint32_t v) { put_n(m, v & 0xffff, 2); }
static inline void put32(struct made *m, uint32_t v) { put_n(m, v, 4); }
static inline void put64(struct made *m, uint64_t v) { put_n(m, v, 8); }
static inline void put_fill(struct made *m, uint8_t seed, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) m->bytes[m->len++] = (uint8_t)(seed + i);
}

/* Captured and sent lengths of the frames, and their times: ordinary, empty, cut, and the limits of 32 bits. */
static const struct {
    uint32_t cap, wire, sec, frac;
} made_frame[MADE_FRAMES] = {
    {60, 60, 1700000000, 999999},     {0, 0, 0, 0}, {0, 90, 1, 1}, {54, 1514, 0x7fffffff, 999999999},
    {33, 33, 0xffffffff, 0xffffffff},
};

static inline void made_pcap_header(struct made *m, uint32_t magic, const uint16_t version[2], uint32_t snaplen,
                                    uint32_t type)
{
    put32(m, magic);
    put16(m, version[0]);
    put16(m, version[1]);
    put32(m, 0);
    put32(m, 0);
    put32(m, snaplen);
    put32(m, type);
}

static inline void made_pcap(struct made *m, uint32_t magic, const uint16_t version[2], uint32_t snaplen, uint32_t type)
{
    made_pcap_header(m, magic, version, snaplen, type);
    const bool swapped = version[0] == 543 || version[1] < 3;
    for (unsigned i = 0; i < MADE_FRAMES; i++) {
        put32(m, made_frame[i].sec);
        put32(m, made_frame[i].frac);
        put32(m, swapped ? made_frame[i].wire : made_frame[i].cap);
        put32(m, swapped ? made_frame[i].cap : made_frame[i].wire);
        if (magic == 0xa1b2cd34) put64(m, 0x0102030405060708);
        put_fill(m, (uint8_t)i, made_frame[i].cap);
    }
}

/* Begin a pcapng block. It contains everything that `put` calls add until its end. */
static inline size_t block_begin(struct made *m, uint32_t type)
{
    put32(m, type);
    put32(m, 0);
    return m->len - 8;
}
static inline void block_end(struct made *m, size_t at)
{
    while (m->len % 4) m->bytes[m->len++] = 0;
    const uint32_t total = (uint32_t)(m->len - at + 4);
    put32(m, total);
    const size_t len = m->len;
    m->len = at + 4;
    put32(m, total);
    m->len = len;
}

static inline void made_section(struct made *m)
{
    const size_t b = block_begin(m, 0x0a0d0d0a);
    put32(m, 0x1a2b3c4d);
    put16(m, 1);
    put16(m, 0);
    put64(m, UINT64_MAX);
    put16(m, 2); /* hardware, three bytes and padding */
    put16(m, 3);
    put_fill(m, 'a', 4);
    put32(m, 0);
    block_end(m, b);
}

/* Write an interface. Resolution and offset are the options' values; an offset of 0 is omitted. */
static inline void made_interface(struct made *m, uint16_t type, uint32_t snaplen, uint8_t resolution, uint64_t offset)
{
    const size_t b = block_begin(m, 1);
    put16(m, type);
    put16(m, 0);
    put32(m, snaplen);
    put16(m, 2); /* name */
    put16(m, 4);
    put_fill(m, 'e', 4);
    put16(m, 9);
    put16(m, 1);
    put_n(m, resolution, 1);
    put_fill(m, 0, 3);
    if (offset) {
        put16(m, 14);
        put16(m, 8);
        put64(m, offset);
    }
    put32(m, 0);
    block_end(m, b);
}

static inline void made_enhanced(struct made *m, uint32_t iface, uint64_t t, uint32_t cap, uint32_t wire, uint8_t seed)
{
    const size_t b = block_begin(m, 6);
    put32(m, iface);
    put32(m, (uint32_t)(t >> 32));
    put32(m, (uint32_t)t);
    put32(m, cap);
    put32(m, wire);
    put_fill(m, seed, cap);
    block_end(m, b);
}

static inline void made_obsolete(struct made *m, uint16_t iface, uint64_t t, uint32_t cap, uint32_t wire, uint8_t seed)
{
    const size_t b = block_begin(m, 2);
    put16(m, iface);
    put16(m, 7);
    put32(m, (uint32_t)(t >> 32));
    put32(m, (uint32_t)t);
    put32(m, cap);
    put32(m, wire);
    put_fill(m, seed, cap);
    block_end(m, b);
}

static inline void made_simple(struct made *m, uint32_t wire, uint32_t cap, uint8_t seed)
{
    const size_t b = block_begin(m, 3);
    put32(m, wire);
    put_fill(m, seed, cap);
    block_end(m, b);
}

static inline void made_unknown(struct made *m, uint32_t type, uint32_t body)
{
    const size_t b = block_begin(m, type);
    put_fill(m, 1, body);
    block_end(m, b);
}

/* Write one section with every kind of block that libpcap takes: MADE_FRAMES frames on two interfaces. */
static inline void made_pcapng(struct made *m, uint8_t resolution, uint64_t offset)
{
    made_section(m);
    made_unknown(m, 0x0bad, 0);
    made_interface(m, 1, 96, resolution, offset);
    made_interface(m, 1, 96, 6, 0);
    made_enhanced(m, 0, 1700000000123456, 60, 60, 1);
    made_unknown(m, 5, 12);
    made_obsolete(m, 1, UINT64_MAX, 33, 33, 2);
    made_simple(m, 1500, 96, 3);
    made_unknown(m, 10, 44);
    made_enhanced(m, 0, UINT64_MAX - 1, 0, 0, 4);
    made_enhanced(m, 0, 0x8000000000000001, 7, 9, 5);
}

#endif
