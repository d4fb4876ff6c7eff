/* The tables of the packet notation, and the computations of both directions: fields, next numbers, checksums. */
#include "tests/lib/note_priv.h"

#include <string.h>

const struct layer_desc note_layers[L_COUNT] = {
#define LAYER(ident, name, bytes, places, ether, proto, tail) {name, bytes, places, ether, proto, tail},
#include "tests/lib/note.def"
};

const struct field_desc note_fields[] = {
#define FIELD(layer, name, kind, bit, bits, usual) {L_##layer, name, F_##kind, bit, bits, usual},
#include "tests/lib/note.def"
    {.name = NULL},
};

#define FAMILY_LAYER_4 L_ICMP
#define FAMILY_LAYER_6 L_ICMP6
const struct icmp_name note_icmp[] = {
#define ICMP_TYPE(family, type, name) {FAMILY_LAYER_##family, type, name},
#include "vm/icmp.def"
    {.name = NULL},
};

uint64_t bits_get(const uint8_t *header, unsigned bit, unsigned bits)
{
    uint64_t v = 0;
    for (unsigned i = bit; i < bit + bits; i++) v = v << 1 | (header[i / 8] >> (7 - i % 8) & 1);
    return v;
}

void bits_set(uint8_t *header, unsigned bit, unsigned bits, uint64_t v)
{
    for (unsigned i = bit + bits; i-- > bit; v >>= 1) {
        const uint8_t mask = (uint8_t)(1u << (7 - i % 8));
        header[i / 8] = (uint8_t)((v & 1) ? header[i / 8] | mask : header[i / 8] & ~mask);
    }
}

uint64_t field_get(const struct field_desc *f, const uint8_t *header)
{
    const uint64_t v = bits_get(header, f->bit, f->bits);
    return f->layer == L_BSD ? __builtin_bswap32((uint32_t)v) : v;
}

void field_set(const struct field_desc *f, uint8_t *header, uint64_t v)
{
    bits_set(header, f->bit, f->bits, f->layer == L_BSD ? __builtin_bswap32((uint32_t)v) : v);
}

static bool leads_by_ether(enum layer_id id)
{
    return id == L_ETH || id == L_VLAN || id == L_SLL || id == L_SLL2 || id == L_GRE;
}

uint64_t next_number(enum layer_id from, enum layer_id to, uint64_t usual)
{
    if (to == L_COUNT) /* end of the frame: IPv6's "no next header", else the same as before data */
        return from == L_IP6 || (from >= L_HBH && from <= L_SHIM6) ? 59 : usual;
    if (from == L_BSD || from == L_LOOP) return to == L_IP4 ? 2 : to == L_IP6 ? 30 : usual;
    if (leads_by_ether(from)) return note_layers[to].ether ? note_layers[to].ether : usual;
    return note_layers[to].proto >= 0 ? (uint64_t)note_layers[to].proto : usual;
}

enum layer_id next_layer(enum layer_id from, uint64_t number)
{
    if (from == L_BSD || from == L_LOOP)
        return number == 2 ? L_IP4 : number == 24 || number == 28 || number == 30 ? L_IP6 : L_PAYLOAD;
    if (leads_by_ether(from) && (number == 0x88a8 || number == 0x9100)) return L_VLAN;
    for (enum layer_id id = 0; id < L_COUNT; id++) {
        if (leads_by_ether(from) ? note_layers[id].ether && note_layers[id].ether == number
                                 : note_layers[id].proto >= 0 && (uint64_t)note_layers[id].proto == number)
            return id;
    }
    return L_PAYLOAD;
}

unsigned words_from_bytes(enum layer_id id, unsigned bytes)
{
    switch (id) {
    case L_IP4:
    case L_TCP: return bytes / 4;
    case L_AH: return bytes / 4 - 2;
    default: return bytes / 8 - 1;
    }
}

unsigned bytes_from_words(enum layer_id id, unsigned words)
{
    switch (id) {
    case L_IP4:
    case L_TCP: return words * 4;
    case L_AH: return (words + 2) * 4;
    default: return (words + 1) * 8;
    }
}

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Sum the pseudo header (RFC 768, 9293, 8200): addresses, length, protocol. */
static uint32_t pseudo_sum(const uint8_t *ip, enum layer_id ip_id, unsigned proto, size_t len)
{
    const uint8_t tail[8] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, (uint8_t)proto};
    const uint32_t sum = ip_id == L_IP4 ? sum16(0, ip + 12, 8) : sum16(0, ip + 8, 32);
    return sum16(sum, tail, sizeof(tail));
}

/* Compute the CRC32c of RFC 9260, appendix A, in wire order. */
static uint32_t crc32c(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= i >= 8 && i < 12 ? 0 : bytes[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return __builtin_bswap32(~crc);
}

/* Return the offset of the 16-bit checksum in a header. */
static size_t csum_at(enum layer_id id) { return id == L_IP4 ? 10 : id == L_TCP ? 16 : id == L_UDP ? 6 : 2; }

uint32_t note_csum(const uint8_t *bytes, enum layer_id id, size_t at, size_t end, enum layer_id ip_id, long ip)
{
    const uint8_t *header = bytes + at;
    size_t len = end - at;
    if (id == L_SCTP) return crc32c(header, len);
    if (id == L_IP4) {
        const size_t ihl = (header[0] & 15u) * 4u;
        len = ihl < 20 || ihl > len ? 20 : ihl;
    }
    if (id == L_UDP) { /* a UDP length smaller than the datagram leaves slack, which the checksum doesn't cover */
        const size_t udp = (size_t)header[4] << 8 | header[5];
        len = udp >= 8 && udp < len ? udp : len;
    }
    uint32_t sum =
        id == L_IP4 || id == L_ICMP || ip < 0 ? 0 : pseudo_sum(bytes + ip, ip_id, (unsigned)note_layers[id].proto, len);
    const size_t hole = csum_at(id);
    sum = sum16(sum, header, hole);
    sum = sum16(sum, header + hole + 2, len - hole - 2);
    const uint32_t csum = ~sum & 0xffff;
    return id == L_UDP && csum == 0 ? 0xffff : csum;
}
