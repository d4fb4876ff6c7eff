/* TLS ClientHello (first.h): first the records, then, once it has all come, the message. */
#include <string.h>

#include "vm/packet/wire.h"
#include "vm/stream/first.h"

enum { RECORD_HEADER = 5, RECORD_MAX = 1 << 14, MESSAGE_HEADER = 4, RECORD_HANDSHAKE = 22, CLIENT_HELLO = 1 };
enum { EXT_SERVER_NAME = 0, EXT_ALPN = 16, EXT_VERSIONS = 43, HOST_NAME = 0 };

static enum stream_read bad(struct hello *h, enum stream_reason why)
{
    h->reason = (uint8_t)why;
    return READ_BAD;
}

static enum stream_read hello_needs(struct hello *h, uint32_t need)
{
    h->len = need;
    return READ_MORE;
}

/* The unread rest of a field. Reading past its end makes it bad and yields zeros. */
struct cursor {
    const uint8_t *at;
    uint32_t left;
    bool bad;
};

static const uint8_t *bytes_take(struct cursor *c, uint32_t len)
{
    const uint8_t *at = c->at;
    if (len > c->left) {
        c->bad = true;
        c->left = 0;
        return NULL;
    }
    c->at += len;
    c->left -= len;
    return at;
}

static uint8_t take8(struct cursor *c)
{
    const uint8_t *p = bytes_take(c, 1);
    return p ? *p : 0;
}

static uint16_t take16(struct cursor *c)
{
    const uint8_t *p = bytes_take(c, 2);
    return p ? wire_get16(p) : 0;
}

/* Take a field behind its length of `bytes` bytes. */
static struct cursor take_field(struct cursor *c, unsigned bytes)
{
    const uint32_t len = bytes == 1 ? take8(c) : take16(c);
    const uint8_t *at = bytes_take(c, len);
    return (struct cursor){.at = at, .left = at ? len : 0, .bad = c->bad};
}

static bool is_name(const uint8_t *s, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f) return false;
    return len > 0 && len <= UINT8_MAX;
}

/* Read a list of names, at most one of them a host's. False: malformed. */
static bool read_server_name(struct hello *h, struct cursor ext)
{
    struct cursor list = take_field(&ext, 2);
    if (list.bad || ext.left || !list.left || h->sni.at) return false;
    while (list.left) {
        const uint8_t type = take8(&list);
        const struct cursor name = take_field(&list, 2);
        if (list.bad || name.bad) return false;
        if (type != HOST_NAME) continue;
        if (h->sni.at || !is_name(name.at, name.left)) return false;
        h->sni = (struct view){.at = name.at, .len = name.left};
    }
    return true;
}

static bool read_alpn(struct hello *h, struct cursor ext)
{
    struct cursor list = take_field(&ext, 2);
    if (list.bad || ext.left || !list.left || h->alpn.at) return false;
    h->alpn = (struct view){.at = list.at, .len = list.left};
    while (list.left) {
        const struct cursor name = take_field(&list, 1);
        if (name.bad || !name.left) return false;
    }
    return true;
}

static bool is_grease(uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 255); }

static bool read_versions(struct hello *h, struct cursor ext, bool *seen)
{
    struct cursor list = take_field(&ext, 1);
    uint16_t highest = 0;
    if (list.bad || ext.left || !list.left || list.left % 2 || *seen) return false;
    while (list.left) {
        const uint16_t version = take16(&list);
        if (!is_grease(version) && version > highest) highest = version;
    }
    if (highest) h->version = highest;
    *seen = true;
    return true;
}

static bool read_extensions(struct hello *h, struct cursor all)
{
    bool versions = false;
    while (all.left) {
        const uint16_t type = take16(&all);
        const struct cursor ext = take_field(&all, 2);
        if (all.bad || ext.bad) return false;
        if (type == EXT_SERVER_NAME && !read_server_name(h, ext)) return false;
        if (type == EXT_ALPN && !read_alpn(h, ext)) return false;
        if (type == EXT_VERSIONS && !read_versions(h, ext, &versions)) return false;
    }
    return true;
}

/* Read the complete message behind its header. */
static bool read_message(struct hello *h, struct cursor c)
{
    h->version = take16(&c);
    bytes_take(&c, 32);
    const struct cursor session = take_field(&c, 1);
    const struct cursor ciphers = take_field(&c, 2);
    const struct cursor compressions = take_field(&c, 1);
    if (c.bad || session.left > 32 || !ciphers.left || ciphers.left % 2 || !compressions.left) return false;
    if (h->version >> 8 != 3) return false;
    if (!c.left) return true;
    const struct cursor extensions = take_field(&c, 2);
    return !extensions.bad && !c.left && read_extensions(h, extensions);
}

/* True if the bytes at `record`, as far as they have come, are a record of a hello. */
static bool record_fits(const uint8_t *record, uint32_t n)
{
    if (n > 0 && record[0] != RECORD_HANDSHAKE) return false;
    if (n > 1 && record[1] != 3) return false;
    return n < RECORD_HEADER || (wire_get16(record + 3) > 0 && wire_get16(record + 3) <= RECORD_MAX);
}

/* Return the length of the message with its header; 0 while the header has not all come. The header may be in
 * several records, so each call reads it again. */
static uint32_t message_len(const uint8_t *bytes, uint32_t n)
{
    uint8_t header[MESSAGE_HEADER];
    uint32_t got = 0, at = 0;
    while (got < sizeof header && at + RECORD_HEADER < n && record_fits(bytes + at, n - at)) {
        const uint32_t len = wire_get16(bytes + at + 3);
        for (uint32_t i = 0; i < len && got < sizeof header && at + RECORD_HEADER + i < n; i++)
            header[got++] = bytes[at + RECORD_HEADER + i];
        at += RECORD_HEADER + len;
    }
    return got < sizeof header ? 0 : MESSAGE_HEADER + (wire_get32(header) & 0xffffff);
}

/* Return the records' payload in one piece. */
static const uint8_t *records_joined(const uint8_t *bytes, uint32_t len, uint8_t scratch[HELLO_MAX])
{
    if (wire_get16(bytes + 3) >= len) return bytes + RECORD_HEADER;
    for (uint32_t at = 0, got = 0; got < len;) {
        const uint32_t record = wire_get16(bytes + at + 3), part = record < len - got ? record : len - got;
        memcpy(scratch + got, bytes + at + RECORD_HEADER, part);
        got += part;
        at += RECORD_HEADER + record;
    }
    return scratch;
}

enum stream_read hello_read(struct hello *h, struct hello_at *at, const uint8_t *bytes, uint32_t n,
                            uint8_t scratch[HELLO_MAX])
{
    *h = (struct hello){.len = 0};
    if ((n > 0 && bytes[0] != RECORD_HANDSHAKE) || (n > 1 && bytes[1] != 3)) return READ_OTHER;
    if (n > RECORD_HEADER && bytes[RECORD_HEADER] != CLIENT_HELLO) return bad(h, STREAM_HELLO_MALFORMED);
    const uint32_t whole = message_len(bytes, n);
    if (whole > HELLO_MAX) return bad(h, STREAM_HELLO_TOO_LONG);
    while (true) {
        const uint8_t *record = bytes + at->record;
        const uint32_t there = n - at->record;
        if (!record_fits(record, there)) return bad(h, STREAM_HELLO_MALFORMED);
        if (there < RECORD_HEADER) return hello_needs(h, at->record + RECORD_HEADER + (whole ? whole - at->got : 1));
        const uint32_t len = wire_get16(record + 3), left = whole ? whole - at->got : 0;
        if (whole && left <= len) {
            if (there < RECORD_HEADER + left) return hello_needs(h, at->record + RECORD_HEADER + left);
            h->len = at->record + RECORD_HEADER + left;
            break;
        }
        if (there < RECORD_HEADER + len) {
            /* At least one more record header follows, then the rest. */
            if (whole) return hello_needs(h, at->record + 2 * RECORD_HEADER + left);
            return hello_needs(h, n + 1);
        }
        if (at->record + RECORD_HEADER + len > STREAM_MAX) return bad(h, STREAM_HELLO_TOO_LONG);
        at->record = (uint16_t)(at->record + RECORD_HEADER + len);
        at->got = (uint16_t)(at->got + len);
    }
    const uint8_t *message = records_joined(bytes, whole, scratch);
    const struct cursor c = {.at = message + MESSAGE_HEADER, .left = whole - MESSAGE_HEADER};
    return read_message(h, c) ? READ_WHOLE : bad(h, STREAM_HELLO_MALFORMED);
}

bool hello_offers(struct view alpn, const char *name, uint32_t len)
{
    for (uint32_t i = 0; i < alpn.len; i += 1u + alpn.at[i])
        if (alpn.at[i] == len && i + 1 + len <= alpn.len && memcmp(alpn.at + i + 1, name, len) == 0) return true;
    return false;
}
