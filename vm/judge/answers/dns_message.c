/* Reader of DNS messages (dns_message.h). */
#include "vm/judge/answers/dns_message.h"

#include <string.h>

#include "vm/judge/asked/questions.h"
#include "vm/packet/wire.h"

enum {
    FLAG_ANSWER = 1 << 15,
    FLAG_CUT = 1 << 9,
    OPCODE = 15 << 11,
    CODE = 15,
    CLASS_IN = 1,
    LABEL_MOST = 63,
    POINTER = 0xc0,
    POINTERS_MOST = 127, /* most pointers in a name: one for each of the most labels */
    RECORD = 10,         /* bytes of a record behind its name, before its data */
    QUESTIONS_AT = 4,
    ANSWERS_AT = 6,
};

struct wire_name {
    uint32_t len;
    uint8_t bytes[DNS_NAME_MOST]; /* labels in lower case, each behind its length, and the root's 0 */
};

static uint8_t label_lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c; }

/* Read the name at *at, and set *at behind it. A pointer must lead to a place before the name began, or before the
 * part that the last pointer led to, so there are no loops. The number of pointers is limited, because pointers to
 * pointers would make a message costly. False: malformed. */
static bool name_read(const uint8_t *bytes, uint32_t len, uint32_t *at, struct wire_name *name)
{
    uint32_t from = *at, begun = *at;
    unsigned jumps = 0;
    name->len = 0;
    while (from < len) {
        const uint8_t first = bytes[from];
        if ((first & POINTER) == POINTER) {
            if (len - from < 2) return false;
            const uint32_t to = wire_get16(bytes + from) & 0x3fff;
            if (!jumps) *at = from + 2;
            if (++jumps > POINTERS_MOST || to >= begun || to < DNS_HEADER) return false;
            from = begun = to;
            continue;
        }
        if (first > LABEL_MOST || name->len + 1 + first > DNS_NAME_MOST || len - from < 1u + first) return false;
        name->bytes[name->len++] = first;
        for (uint32_t i = 1; i <= first; i++) name->bytes[name->len++] = label_lower(bytes[from + i]);
        from += 1u + first;
        if (first) continue;
        if (!jumps) *at = from;
        return true;
    }
    return false;
}

static bool name_equal(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Write the name as text, and return its length. 0: a label has a NUL, or a dot, with which it would read as two. */
static uint32_t host_write(const struct wire_name *name, char out[MESSAGE_HOST_MOST + 1])
{
    uint32_t used = 0;
    for (uint32_t at = 0; name->bytes[at]; at += 1u + name->bytes[at]) {
        if (used) out[used++] = '.';
        for (uint32_t i = 1; i <= name->bytes[at]; i++) {
            const uint8_t c = name->bytes[at + i];
            if (c == '.' || !c) {
                out[0] = '\0';
                return 0;
            }
            out[used++] = (char)c;
        }
    }
    out[used] = '\0';
    return used;
}

enum message_is message_read(const uint8_t *bytes, uint32_t len, struct message *m)
{
    struct wire_name name;
    uint32_t at = DNS_HEADER;
    if (len < DNS_HEADER || len > MESSAGE_MOST) return MESSAGE_BAD;
    const uint16_t flags = wire_get16(bytes + 2);
    *m = (struct message){.number = wire_get16(bytes),
                          .answers = flags & FLAG_ANSWER,
                          .cut = flags & FLAG_CUT,
                          .code = flags & CODE,
                          .section = at};
    if (flags & OPCODE) return MESSAGE_OTHER;
    if (wire_get16(bytes + QUESTIONS_AT) != 1) return MESSAGE_BAD;
    if (!name_read(bytes, len, &at, &name) || len - at < 4) return MESSAGE_BAD;
    m->len = at + 4 - DNS_HEADER;
    m->type = wire_get16(bytes + at);
    m->host_len = host_write(&name, m->host);
    const bool internet = wire_get16(bytes + at + 2) == CLASS_IN;
    return internet && (m->type == MESSAGE_A || m->type == MESSAGE_AAAA) ? MESSAGE_READ : MESSAGE_OTHER;
}

/* A record: its data is at `at`, and is in bounds. */
struct record {
    struct wire_name name;
    uint16_t type, class;
    uint32_t ttl_s, at, len;
};

static bool record_read(const uint8_t *bytes, uint32_t len, uint32_t *at, struct record *r)
{
    if (!name_read(bytes, len, at, &r->name) || len - *at < RECORD) return false;
    const uint8_t *const fixed = bytes + *at;
    r->type = wire_get16(fixed);
    r->class = wire_get16(fixed + 2);
    r->ttl_s = wire_get32(fixed + 4);
    if (r->ttl_s >> 31) r->ttl_s = 0; /* a TTL with this bit counts as 0 (RFC 2181, 8) */
    r->len = wire_get16(fixed + 8);
    r->at = *at + RECORD;
    *at = r->at + r->len;
    return r->len <= len - r->at;
}

static void address_read(const uint8_t *data, bool v6, uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++) addr[i] = v6 || !i ? wire_get32(data + 4 * i) : 0;
}

/* Follow an alias. False: it is malformed, or there are too many. */
static bool alias_follow(const uint8_t *bytes, uint32_t len, const struct record *r, struct wire_name *name,
                         unsigned *followed)
{
    uint32_t at = r->at;
    return ++*followed <= MESSAGE_CHAIN && name_read(bytes, len, &at, name) && at == r->at + r->len;
}

int message_addresses(const uint8_t *bytes, uint32_t len, const struct message *m,
                      struct message_address out[MESSAGE_ADDRESSES])
{
    struct wire_name name;
    struct record r;
    uint32_t at = DNS_HEADER;
    unsigned followed = 0;
    int count = 0;
    const bool v6 = m->type == MESSAGE_AAAA;
    if (!name_read(bytes, len, &at, &name)) return -1;
    at = m->section + m->len;
    for (unsigned left = wire_get16(bytes + ANSWERS_AT); left; left--) {
        if (!record_read(bytes, len, &at, &r)) return -1;
        if (r.class != CLASS_IN || !name_equal(&r.name, &name)) continue;
        if (r.type == MESSAGE_CNAME) {
            if (!alias_follow(bytes, len, &r, &name, &followed)) return -1;
            count = 0; /* a name with an alias has no addresses itself */
            continue;
        }
        if (r.type != m->type) continue;
        if (r.len != (v6 ? 16 : 4)) return -1;
        if (count < MESSAGE_ADDRESSES) {
            address_read(bytes + r.at, v6, out[count].addr);
            out[count].ttl_s = r.ttl_s;
        }
        count++;
    }
    return count;
}
