/* Reader and writer of the PROXY header (first.h). */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "vm/packet/wire.h"
#include "vm/stream/first.h"

enum { V2_HEADER = 16, V2_IP4 = 12, V2_IP6 = 36, V2_UNIX = 216, TLV_HEADER = 3, TLV_CRC32C = 3 };
enum { TLV_SSL = 0x20, SSL_LEAST = 5, SSL_CLIENT = 1 << 0 }; /* flags and result of a verification, then TLVs */
enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21 };
static const uint8_t v1_begin[PROXY_V1_BEGIN] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_begin[PROXY_BEGIN_MAX] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static enum stream_read header_needs(struct proxy_header *h, uint32_t need)
{
    h->len = need;
    return READ_MORE;
}

/* Return the next word of the line, up to its space or the end; move *at behind it. */
static struct view next_word(const uint8_t *line, uint32_t *at, uint32_t end)
{
    const uint32_t begin = *at;
    while (*at < end && line[*at] != ' ') ++*at;
    const struct view word = {.at = line + begin, .len = *at - begin};
    if (*at < end) ++*at;
    return word;
}

/* Read the line between `PROXY ` and CRLF. */
static bool read_v1_line(struct proxy_header *h, const uint8_t *line, uint32_t end)
{
    uint32_t at = sizeof v1_begin;
    const struct view family = next_word(line, &at, end);
    const bool v6 = view_is(family, "TCP6");
    if (view_is(family, "UNKNOWN")) return true;
    if (!v6 && !view_is(family, "TCP4")) return false;
    const struct view src = next_word(line, &at, end), dst = next_word(line, &at, end);
    const struct view src_port = next_word(line, &at, end);
    h->known = true;
    return stream_addr_read(&h->src, v6, src.at, src.len) && stream_addr_read(&h->dst, v6, dst.at, dst.len) &&
           stream_port_read(&h->src.port, 0, src_port.at, src_port.len) &&
           stream_port_read(&h->dst.port, 0, line + at, end - at);
}

static enum stream_read read_v1(struct proxy_header *h, const uint8_t *bytes, uint32_t n)
{
    const uint32_t bound = n < PROXY_V1_MAX ? n : PROXY_V1_MAX;
    const uint8_t *lf = memchr(bytes, '\n', bound);
    if (!lf && n >= PROXY_V1_MAX) return READ_BAD;
    if (!lf) return header_needs(h, n + 1);
    const uint32_t end = (uint32_t)(lf - bytes);
    h->version = 1;
    h->len = end + 1;
    return bytes[end - 1] == '\r' && read_v1_line(h, bytes, end - 1) ? READ_WHOLE : READ_BAD;
}

/* True if each TLV from `at` on ends inside the header and a checksum of the header, itself zeroed, is right. Sets
 * h->tls. */
static bool tlvs_hold(struct proxy_header *h, const uint8_t *bytes, uint32_t at, uint32_t end)
{
    static const uint8_t zeros[4] = {0};
    bool summed = false;
    while (at < end) {
        if (end - at < TLV_HEADER) return false;
        const uint32_t value = at + TLV_HEADER, len = wire_get16(bytes + at + 1);
        if (len > end - value) return false;
        if (bytes[at] == TLV_CRC32C) {
            if (len != sizeof zeros || summed) return false;
            uint32_t sum = csum_crc32c(0, bytes, value);
            sum = csum_crc32c(sum, zeros, sizeof zeros);
            sum = csum_crc32c(sum, bytes + value + len, end - value - len);
            if (sum != wire_get32(bytes + value)) return false;
            summed = true;
        }
        if (bytes[at] == TLV_SSL && len < SSL_LEAST) return false;
        if (bytes[at] == TLV_SSL) h->tls = bytes[value] & SSL_CLIENT;
        at = value + len;
    }
    return true;
}

static void read_addr(struct stream_addr *a, bool v6, const uint8_t *addr, const uint8_t *port)
{
    a->v6 = v6;
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) a->addr[i] = wire_get32(addr + 4 * i);
    a->port = wire_get16(port);
}

static enum stream_read read_v2(struct proxy_header *h, const uint8_t *bytes, uint32_t n)
{
    if (n < V2_HEADER) return header_needs(h, V2_HEADER);
    const uint8_t family = bytes[13], *addr = bytes + V2_HEADER;
    const uint32_t end = V2_HEADER + wire_get16(bytes + 14);
    if (bytes[12] != V2_LOCAL && bytes[12] != V2_PROXY) return READ_BAD;
    if (end > PROXY_V2_MAX) return READ_BAD;
    if (n < end) return header_needs(h, end);
    h->version = 2;
    h->len = end;
    if (bytes[12] == V2_LOCAL || family >> 4 == 0) return READ_WHOLE;
    if (family >> 4 > 3 || (family & 15) > 2) return READ_BAD;
    static const uint32_t family_len[] = {0, V2_IP4, V2_IP6, V2_UNIX}; /* bytes of the addresses, by family */
    const uint32_t tlvs = V2_HEADER + family_len[family >> 4];
    if (end < tlvs || !tlvs_hold(h, bytes, tlvs, end)) return READ_BAD;
    h->known = family == FAMILY_TCP4 || family == FAMILY_TCP6;
    if (h->known) {
        const bool v6 = family == FAMILY_TCP6;
        const uint32_t size = v6 ? 16 : 4;
        read_addr(&h->src, v6, addr, addr + 2 * size);
        read_addr(&h->dst, v6, addr + size, addr + 2 * size + 2);
    }
    return READ_WHOLE;
}

/* True if the bytes, as far as they have come, begin with `with`. */
static bool begins(const uint8_t *bytes, uint32_t n, const uint8_t *with, uint32_t len)
{
    return memcmp(bytes, with, n < len ? n : len) == 0;
}

enum stream_read proxy_header_read(struct proxy_header *h, const uint8_t *bytes, uint32_t n)
{
    *h = (struct proxy_header){.len = 0};
    if (n == 0) return header_needs(h, sizeof v1_begin);
    if (begins(bytes, n, v1_begin, sizeof v1_begin))
        return n < sizeof v1_begin ? header_needs(h, sizeof "PROXY UNKNOWN\r\n" - 1) : read_v1(h, bytes, n);
    return begins(bytes, n, v2_begin, sizeof v2_begin) ? read_v2(h, bytes, n) : READ_OTHER;
}

static void write_text(char out[INET6_ADDRSTRLEN], const struct stream_addr *a)
{
    uint8_t wire[16];
    for (unsigned i = 0; i < 4; i++) wire_put32(wire + 4 * i, a->addr[i]);
    inet_ntop(a->v6 ? AF_INET6 : AF_INET, wire, out, INET6_ADDRSTRLEN);
}

static uint32_t write_v1(uint8_t out[PROXY_HEADER_OUT], const struct stream_addr *src, const struct stream_addr *dst)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], line[PROXY_HEADER_OUT + 1];
    if (!src) {
        memcpy(out, "PROXY UNKNOWN\r\n", 15);
        return 15;
    }
    write_text(from, src);
    write_text(to, dst);
    const int len =
        snprintf(line, sizeof line, "PROXY TCP%c %s %s %u %u\r\n", src->v6 ? '6' : '4', from, to, src->port, dst->port);
    memcpy(out, line, (size_t)len);
    return (uint32_t)len;
}

static uint32_t write_v2(uint8_t out[PROXY_HEADER_OUT], const struct stream_addr *src, const struct stream_addr *dst)
{
    const uint32_t words = src && src->v6 ? 4 : 1, len = !src ? 0 : src->v6 ? V2_IP6 : V2_IP4;
    uint8_t *addr = out + V2_HEADER;
    memcpy(out, v2_begin, sizeof v2_begin);
    out[12] = src ? V2_PROXY : V2_LOCAL;
    out[13] = !src ? 0 : src->v6 ? FAMILY_TCP6 : FAMILY_TCP4;
    wire_put16(out + 14, (uint16_t)len);
    if (!src) return V2_HEADER;
    for (unsigned i = 0; i < words; i++) {
        wire_put32(addr + 4 * i, src->addr[i]);
        wire_put32(addr + 4 * (words + i), dst->addr[i]);
    }
    wire_put16(addr + 8 * words, src->port);
    wire_put16(addr + 8 * words + 2, dst->port);
    return V2_HEADER + len;
}

uint32_t proxy_header_write(uint8_t out[PROXY_HEADER_OUT], unsigned version, const struct stream_addr *src,
                            const struct stream_addr *dst)
{
    return version == 1 ? write_v1(out, src, dst) : write_v2(out, src, dst);
}
