/* Packet notation, frame to text. Every layer that can be distinguished is printed, with only those fields that
 * note_parse would not supply by itself. The result is parsed again; if that gives other bytes, the frame is printed
 * as hex. */
#include "tests/lib/note.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/note_priv.h"

struct printer {
    const uint8_t *bytes;
    size_t len, end; /* end: of the IP packet without padding */
    char *buf;
    size_t buf_len, used;
    enum layer_id ip_id; /* the last IP header seen */
    long ip;
};

__attribute__((format(printf, 2, 3))) static void put(struct printer *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(p->buf + p->used, p->buf_len - p->used, fmt, ap);
    va_end(ap);
    p->used += n > 0 ? (size_t)n : 0;
    if (p->used >= p->buf_len) p->used = p->buf_len - 1;
}

static void put_mac(struct printer *p, uint64_t v)
{
    for (unsigned i = 0; i < 6; i++) put(p, "%s%02x", i ? ":" : "", (unsigned)(v >> (40 - 8 * i) & 0xff));
}

static void put_hex(struct printer *p, size_t at, size_t len)
{
    put(p, "x\"");
    for (size_t i = 0; i < len; i++) put(p, "%02x", p->bytes[at + i]);
    put(p, "\"");
}

/* Print bytes as text if all are printable, else as hex. */
static void put_bytes(struct printer *p, size_t at, size_t len)
{
    bool plain = true;
    for (size_t i = 0; i < len; i++) {
        const int c = p->bytes[at + i];
        plain = plain && isprint(c) && c != '"' && c != '\\';
    }
    if (plain)
        put(p, "\"%.*s\"", (int)len, (const char *)p->bytes + at);
    else
        put_hex(p, at, len);
}

static void put_value(struct printer *p, const struct field_desc *f, const uint8_t *header)
{
    char text[INET6_ADDRSTRLEN];
    if (f->kind == F_IP4 || f->kind == F_IP6) {
        put(p, "%s", inet_ntop(f->kind == F_IP4 ? AF_INET : AF_INET6, header + f->bit / 8, text, sizeof(text)));
        return;
    }
    const uint64_t v = field_get(f, header);
    if (f->kind == F_MAC) {
        put_mac(p, v);
        return;
    }
    for (const struct icmp_name *t = note_icmp; f->kind == F_TYPE && t->name; t++)
        if (t->layer == f->layer && t->type == v) {
            put(p, "%s", t->name);
            return;
        }
    const bool hex = f->kind == F_CSUM || (f->kind == F_NEXT && f->bits == 16);
    put(p, hex ? "0x%llx" : "%llu", (unsigned long long)(f->kind == F_UNITS ? v * 8 : v));
}

/* Return the header's size from its own length field, or the usual size if that is invalid. */
static size_t header_bytes(const struct printer *p, enum layer_id id, size_t at)
{
    const size_t fixed = note_layers[id].bytes, least = fixed + strlen(note_layers[id].tail) / 2;
    for (const struct field_desc *f = note_fields; f->name; f++) {
        if (f->layer != id || f->kind != F_WORDS) continue;
        const size_t said = bytes_from_words(id, (unsigned)field_get(f, p->bytes + at));
        return said >= fixed && at + said <= p->end ? said : least;
    }
    return fixed;
}

/* True if note_parse would supply this value by itself. */
static bool supplied(const struct printer *p, const struct field_desc *f, size_t at, size_t header, enum layer_id next)
{
    const uint64_t v = f->bits > 64 ? 0 : field_get(f, p->bytes + at);
    switch (f->kind) {
    case F_NEXT:
        if (next == L_VLAN) return true; /* because of `tpid` in the next layer */
        return v == next_number(f->layer, next, f->usual);
    case F_LEN: return v == p->end - at - (f->layer == L_IP6 ? 40 : 0);
    case F_WORDS: return v == words_from_bytes(f->layer, (unsigned)header);
    case F_CSUM: return v == note_csum(p->bytes, f->layer, at, p->end, p->ip_id, p->ip);
    default: return v == f->usual;
    }
}

static void put_fields(struct printer *p, enum layer_id id, size_t at, size_t header, enum layer_id next)
{
    unsigned place = 0;
    const unsigned places = note_layers[id].places;
    const uint8_t *h = p->bytes + at;
    const bool icmp = id == L_ICMP || id == L_ICMP6;
    for (const struct field_desc *f = note_fields; f->name; f++) {
        if (f->layer != id) continue;
        if (place++ < places) {
            put(p, place == 1 ? " " : " > ");
            put_value(p, f, h);
        } else if (icmp && (strcmp(f->name, "mtu") == 0)) {
            continue; /* another name for bits printed already */
        } else if (f->kind == F_TYPE || (id == L_ARP && place <= 2) || !supplied(p, f, at, header, next)) {
            put(p, " %s", f->name);
            if (f->kind != F_FLAG) {
                put(p, " ");
                put_value(p, f, h);
            }
        }
    }
}

/* Print the tail: bytes of the header after the fixed part. */
static void put_tail(struct printer *p, enum layer_id id, size_t at, size_t header)
{
    const size_t fixed = note_layers[id].bytes, len = header - fixed;
    const char *usual = note_layers[id].tail;
    bool same = strlen(usual) == 2 * len;
    for (size_t i = 0; same && i < len; i++) {
        char hex[3];
        snprintf(hex, sizeof(hex), "%02x", p->bytes[at + fixed + i]);
        same = strncmp(hex, usual + 2 * i, 2) == 0;
    }
    if (!same) {
        put(p, " opt ");
        put_hex(p, at + fixed, len);
    }
}

static uint64_t next_value(const struct printer *p, enum layer_id id, size_t at)
{
    for (const struct field_desc *f = note_fields; f->name; f++)
        if (f->layer == id && f->kind == F_NEXT) return field_get(f, p->bytes + at);
    return 0;
}

static bool is_later_fragment(const struct printer *p, enum layer_id id, size_t at)
{
    const uint8_t *h = p->bytes + at;
    return (id == L_IP4 && bits_get(h, 51, 13)) || (id == L_FRAG6 && bits_get(h, 16, 13));
}

/* Return the first layer of the packet that an ICMP error quotes. */
static enum layer_id quoted(const struct printer *p, enum layer_id id, size_t at, size_t next_at)
{
    const unsigned type = p->bytes[at];
    const bool error = id == L_ICMP ? type == 3 || type == 11 || type == 12 || type == 5 : type >= 1 && type <= 4;
    return error && next_at < p->end ? id == L_ICMP ? L_IP4 : L_IP6 : L_PAYLOAD;
}

/* Return the layer after the one at `at`; COUNT if nothing is left. */
static enum layer_id follow(const struct printer *p, enum layer_id id, size_t at, size_t header)
{
    const size_t next_at = at + header;
    if (next_at >= p->end) return L_COUNT;
    enum layer_id next = L_PAYLOAD;
    if (id == L_ICMP || id == L_ICMP6)
        next = quoted(p, id, at, next_at);
    else if (id != L_ARP && id < L_TCP && !is_later_fragment(p, id, at))
        next = next_layer(id, next_value(p, id, at));
    if (layer_is_data(next) || layer_is_link(next) || next_at + header_bytes(p, next, next_at) > p->end)
        return L_PAYLOAD;
    return next;
}

/* Return the end of the IP packet by its own length, if that is credible; the rest is padding. */
static size_t ip_end(const struct printer *p, enum layer_id id, size_t at)
{
    const size_t len = id == L_IP4 ? bits_get(p->bytes + at, 16, 16) : 40 + bits_get(p->bytes + at, 32, 16);
    return len >= note_layers[id].bytes && at + len <= p->len ? at + len : p->len;
}

static enum layer_id first_layer(const struct printer *p, enum pkt_link link)
{
    static const enum layer_id layers[LINK_COUNT] = {
        [LINK_ETHER] = L_ETH, [LINK_RAW] = L_COUNT, [LINK_IP4] = L_IP4, [LINK_IP6] = L_IP6,
        [LINK_SLL] = L_SLL,   [LINK_SLL2] = L_SLL2, [LINK_BSD] = L_BSD, [LINK_LOOP] = L_LOOP,
    };
    enum layer_id id = link < LINK_COUNT ? layers[link] : L_COUNT;
    if (link == LINK_RAW && p->len) id = p->bytes[0] >> 4 == 4 ? L_IP4 : p->bytes[0] >> 4 == 6 ? L_IP6 : L_COUNT;
    return id != L_COUNT && note_layers[id].bytes <= p->len ? id : L_RAW;
}

static void put_rest(struct printer *p, size_t at)
{
    if (at < p->end) {
        put(p, " / payload ");
        put_bytes(p, at, p->end - at);
    }
    if (p->end < p->len) {
        put(p, " / pad ");
        put_hex(p, p->end, p->len - p->end);
    }
}

static void put_frame(struct printer *p, enum pkt_link link)
{
    size_t at = 0;
    uint64_t tpid = 0x8100;
    enum layer_id id = first_layer(p, link);
    if (id == L_RAW) {
        put(p, "raw ");
        put_hex(p, 0, p->len);
        return;
    }
    while (id != L_COUNT && id != L_PAYLOAD) {
        const bool ip = id == L_IP4 || id == L_IP6;
        if (ip && p->ip < 0) p->end = ip_end(p, id, at);
        const size_t header = header_bytes(p, id, at);
        const enum layer_id next = follow(p, id, at, header);
        put(p, "%s%s", at ? " / " : "", note_layers[id].name);
        put_fields(p, id, at, header, next);
        if (id == L_VLAN && tpid != 0x8100) put(p, " tpid 0x%llx", (unsigned long long)tpid);
        put_tail(p, id, at, header);
        tpid = next_value(p, id, at);
        if (ip) {
            p->ip = (long)at;
            p->ip_id = id;
        }
        at += header;
        id = next;
    }
    put_rest(p, at);
}

static bool parses_back(const struct printer *p)
{
    char err[8];
    struct note *n = malloc(sizeof(*n));
    const bool same = n && note_parse(p->buf, n, err, sizeof(err)) == 0 && n->wire_len == p->len &&
                      memcmp(n->bytes, p->bytes, p->len) == 0;
    free(n);
    return same;
}

void note_print(const uint8_t *bytes, size_t len, enum pkt_link link, char *buf, size_t buf_len)
{
    struct printer p = {.bytes = bytes, .len = len, .end = len, .buf = buf, .buf_len = buf_len, .ip = -1};
    buf[0] = '\0';
    put_frame(&p, link);
    if (p.used + 1 < buf_len && !parses_back(&p)) {
        p.used = 0;
        p.end = len;
        put(&p, "raw ");
        put_hex(&p, 0, len);
    }
}

void note_hexdump(const uint8_t *bytes, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i += 16) {
        fprintf(out, "    %04zx ", i);
        for (size_t k = i; k < i + 16 && k < len; k++) fprintf(out, " %02x", bytes[k]);
        fputc('\n', out);
    }
}
