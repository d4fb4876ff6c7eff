/* A new head is written field by field, each kept, merged with the proxy's, or left out, depending on the trust in
 * the client */
#include "runtime/proxy/http/rewrite.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "runtime/proxy/told/log_line.h"

uint32_t request_forwards(const struct http_head *h, const uint8_t *bytes)
{
    const struct view method = view_of(bytes, h->method);
    struct view v;
    unsigned next = 0;
    uint32_t n = 0;
    if (!view_is(method, "OPTIONS") && !view_is(method, "TRACE")) return FORWARDS_ANY;
    if (!http_field_next(h, bytes, "max-forwards", &next, &v) || !v.len) return FORWARDS_ANY;
    for (uint32_t i = 0; i < v.len; i++) {
        if (v.at[i] < '0' || v.at[i] > '9') return FORWARDS_ANY;
        n = n * 10 + (uint32_t)(v.at[i] - '0');
        if (n > FORWARDS_MOST) n = FORWARDS_MOST;
    }
    return n;
}

static struct view_span put_text(struct told *t, uint16_t *at, const char *text)
{
    const size_t len = strlen(text);
    memcpy(t->text + *at, text, len);
    const struct view_span s = {.at = *at, .len = (uint16_t)len};
    *at = (uint16_t)(*at + len);
    return s;
}

void told_make(struct told *t, const struct stream_addr *client, uint16_t port, bool tls)
{
    char addr[LOG_ADDRESS_MAX], element[LOG_ADDRESS_MAX + 32], line[LOG_ADDRESS_MAX + 32];
    log_address(addr, client);
    /* An IPv6 address is in brackets, and so in quotes (RFC 7239, section 6) */
    snprintf(element, sizeof element, client->v6 ? "for=\"[%s]\";proto=%s" : "for=%s;proto=%s", addr,
             tls ? "https" : "http");
    uint16_t at = 0;
    t->proto = put_text(t, &at, tls ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n");
    snprintf(line, sizeof line, "X-Forwarded-Port: %u\r\n", port);
    t->port = put_text(t, &at, line);
    snprintf(line, sizeof line, "X-Real-IP: %s\r\n", addr);
    t->real = put_text(t, &at, line);
    put_text(t, &at, "X-Forwarded-For: ");
    t->client = put_text(t, &at, addr);
    put_text(t, &at, "\r\nForwarded: ");
    t->forwarded = put_text(t, &at, element);
    put_text(t, &at, "\r\n");
    t->via = put_text(t, &at, "Via: 1.1 prey\r\n\r\n");
    t->tls = tls;
}

/* Return the start of field i's line; for i == fields the end of the last line */
static uint16_t line_start(const struct http_head *h, unsigned i)
{
    return i < h->fields ? h->field[i].name.at : (uint16_t)(h->len - 2);
}

static void add_line(struct head_text *out, const struct http_head *h, const uint8_t *bytes, unsigned i)
{
    const uint16_t from = h->field[i].name.at;
    head_add(out, bytes + from, (uint32_t)(line_start(h, i + 1) - from));
}

static bool field_is(const struct http_head *h, const uint8_t *bytes, unsigned i, const char *name)
{
    const struct view_span s = h->field[i].name;
    return s.len == strlen(name) && !strncasecmp((const char *)bytes + s.at, name, s.len);
}

/* Return HOST:PORT of a target `http://HOST:PORT/PATH`, as written */
static struct view authority(const struct http_head *h, const uint8_t *bytes)
{
    const struct view target = view_of(bytes, h->target);
    const uint8_t *from = memmem(target.at, target.len, "://", 3);
    const uint16_t end = h->path.len    ? h->path.at
                         : h->query.len ? h->query.at
                                        : (uint16_t)(h->target.at + h->target.len);
    if (!from) return (struct view){0};
    return (struct view){.at = from + 3, .len = (uint32_t)(bytes + end - from - 3)};
}

static void add_request_line(struct head_text *out, const struct http_head *h, const uint8_t *bytes)
{
    const uint32_t target_end = (uint32_t)h->target.at + h->target.len;
    if (h->form != HTTP_ABSOLUTE) {
        if (h->minor == 1) {
            head_add(out, bytes + h->start, (uint32_t)line_start(h, 0) - h->start);
            return;
        }
        head_add(out, bytes + h->start, target_end - h->start);
    } else {
        head_add(out, bytes + h->method.at, h->method.len + 1u);
        if (!h->path.len) head_say(out, view_is(view_of(bytes, h->method), "OPTIONS") && !h->query.len ? "*" : "/");
        head_add(out, bytes + h->path.at, h->path.len);
        head_add(out, bytes + h->query.at, h->query.len);
    }
    head_say(out, " HTTP/1.1\r\n");
}

/* True if no quote is open in a client's list. An open quote would swallow the element added behind it, so such a
 * field is left out. */
static bool quote_is_closed(struct view v)
{
    bool quoted = false;
    for (uint32_t i = 0; i < v.len; i++) {
        if (quoted && v.at[i] == '\\')
            i++;
        else if (v.at[i] == '"')
            quoted = !quoted;
    }
    return !quoted;
}

static void add_list(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const char *name,
                     const char *ours, const struct told *told, struct view_span value)
{
    unsigned next = 0;
    struct view v;
    head_say(out, ours);
    while (http_field_next(h, bytes, name, &next, &v)) {
        if (!v.len || !quote_is_closed(v)) continue;
        head_add(out, v.at, v.len);
        head_say(out, ", ");
    }
    head_add(out, told->text + value.at, value.len);
    head_say(out, "\r\n");
}

/* Fields that describe a client, as bits of a set: those of one value, then those of a list */
enum {
    TELLS_PROTO = 1 << 0,
    TELLS_HOST = 1 << 1,
    TELLS_PORT = 1 << 2,
    TELLS_REAL = 1 << 3,
    TELLS_FOR = 1 << 4,
    TELLS_FORWARDED = 1 << 5,
    TRUSTED = 1 << 6 /* the client is trusted */
};
static const char *const tells[] = {"x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
                                    "x-real-ip",         "x-forwarded-for",  "forwarded"};

static void add_span(struct head_text *out, const struct told *told, struct view_span span)
{
    head_add(out, told->text + span.at, span.len);
}

/* Write the host that the client requested, as its server reads it */
static void add_asked_host(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const char *host)
{
    struct view asked = {0};
    unsigned next = 0;
    if (h->form == HTTP_ABSOLUTE)
        asked = authority(h, bytes);
    else
        http_field_next(h, bytes, "host", &next, &asked);
    head_say(out, "X-Forwarded-Host: ");
    if (asked.len)
        head_add(out, asked.at, asked.len);
    else
        head_say(out, host);
    head_say(out, "\r\n");
}

/* Write the client that a trusted front names, the last of its list; otherwise this connection's client */
static void add_real(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const struct told *told,
                     unsigned has)
{
    unsigned next = 0;
    struct view v, last = {0};
    while (has & TELLS_FOR && http_field_next(h, bytes, "x-forwarded-for", &next, &v)) last = v;
    while (last.len && strchr(", \t", last.at[last.len - 1]))
        last.len--; /* empty elements of a list (RFC 9110, 5.6.1) */
    for (uint32_t i = last.len; i; i--)
        if (last.at[i - 1] == ',') {
            last = (struct view){.at = last.at + i, .len = last.len - i};
            break;
        }
    while (last.len && *last.at == ' ') last = (struct view){.at = last.at + 1, .len = last.len - 1};
    if (!last.len) {
        add_span(out, told, told->real);
        return;
    }
    head_say(out, "X-Real-IP: ");
    head_add(out, last.at, last.len);
    head_say(out, "\r\n");
}

/* Write the fields that describe the client. has: fields that the client wrote, and that are lists or that it is
 * trusted with. A front that names only the protocol does not mean the proxy's port. */
static void add_told(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const struct told *told,
                     const char *host, unsigned has)
{
    const uint32_t list = (uint32_t)told->real.at + told->real.len; /* X-Forwarded-For; below, Forwarded */
    const uint32_t forwarded = (uint32_t)told->client.at + told->client.len + 2;
    if (!(has & TELLS_HOST)) add_asked_host(out, h, bytes, host);
    if (!(has & TELLS_PROTO)) add_span(out, told, told->proto);
    if (!(has & (TELLS_PORT | TELLS_PROTO))) add_span(out, told, told->port);
    if (!(has & TELLS_REAL)) add_real(out, h, bytes, told, has & TRUSTED ? has : 0);
    if (has & TELLS_FOR)
        add_list(out, h, bytes, "x-forwarded-for", "X-Forwarded-For: ", told, told->client);
    else
        head_add(out, told->text + list, forwarded - list);
    if (has & TELLS_FORWARDED)
        add_list(out, h, bytes, "forwarded", "Forwarded: ", told, told->forwarded);
    else
        head_add(out, told->text + forwarded, told->via.at - forwarded);
    if (h->minor == 1)
        head_add(out, told->text + told->via.at, told->via.len);
    else
        head_say(out, "Via: 1.0 prey\r\n\r\n");
}

bool request_upgrades(const struct http_head *h)
{
    return (h->has & HTTP_HAS_UPGRADE) && h->minor == 1 && h->framing == HTTP_NO_BODY;
}

static void add_upgrade(struct head_text *out, const struct http_head *h, const uint8_t *bytes)
{
    head_say(out, "Connection: upgrade\r\n");
    for (unsigned i = 0; i < h->fields; i++)
        if (field_is(h, bytes, i, "upgrade")) add_line(out, h, bytes, i);
}

/* True if a server that takes `_` for `-` (CGI and its successors) reads the field by that name */
static bool is_like(const struct http_head *h, const uint8_t *bytes, unsigned i, const char *name)
{
    const struct view v = view_of(bytes, h->field[i].name);
    bool like = v.len == strlen(name);
    for (uint32_t k = 0; like && k < v.len; k++) like = (v.at[k] == '_' ? '-' : v.at[k] | 0x20) == (uint8_t)name[k];
    return like;
}

/* True if the field is one of `X-Forwarded-…` */
static bool is_forwarded(const struct http_head *h, const uint8_t *bytes, unsigned i)
{
    static const char begin[] = "x-forwarded-";
    const struct view v = view_of(bytes, h->field[i].name);
    bool like = v.len >= sizeof begin - 1;
    for (uint32_t k = 0; like && k < sizeof begin - 1; k++)
        like = (v.at[k] == '_' ? '-' : v.at[k] | 0x20) == (uint8_t)begin[k];
    return like;
}

enum telling { TELLING_NOT, TELLING_STAYS, TELLING_LISTED, TELLING_GOES };

/* Return the fate of a client's field that describes clients, and note it in *has: it stays, is joined in one line
 * with the proxy's, or is left out. NOT: it is another field. */
static enum telling telling(const struct http_head *h, const uint8_t *bytes, unsigned i, enum name_trust trust,
                            unsigned *has)
{
    enum { ONE_VALUE = TELLS_FOR - 1 };
    for (unsigned k = 0; k < sizeof tells / sizeof *tells; k++) {
        const unsigned bit = 1u << k;
        if (!is_like(h, bytes, i, tells[k])) continue;
        const bool exact = field_is(h, bytes, i, tells[k]);
        const bool goes = !exact || trust == NAME_UNTRUSTED || (bit & ONE_VALUE && trust != NAME_TRUSTED);
        if (!goes) *has |= bit;
        return goes ? TELLING_GOES : bit & ONE_VALUE ? TELLING_STAYS : TELLING_LISTED;
    }
    return trust == NAME_UNTRUSTED && is_forwarded(h, bytes, i) ? TELLING_GOES : TELLING_NOT;
}

void request_rewrite(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const struct told *told,
                     const char *host, enum name_trust trust, bool last)
{
    const uint32_t forwards = request_forwards(h, bytes);
    unsigned has = trust == NAME_TRUSTED ? TRUSTED : 0;
    out->n = 0;
    add_request_line(out, h, bytes);
    if (h->form == HTTP_ABSOLUTE) {
        const struct view a = authority(h, bytes);
        head_say(out, "Host: ");
        head_add(out, a.at, a.len);
        head_say(out, "\r\n");
    } else if (!(h->has & HTTP_HAS_HOST)) {
        head_say(out, "Host: ");
        head_say(out, host);
        head_say(out, "\r\n");
    }
    for (unsigned i = 0; i < h->fields; i++) {
        const enum telling tells_of = telling(h, bytes, i, trust, &has);
        const bool dropped = (h->form == HTTP_ABSOLUTE && field_is(h, bytes, i, "host")) ||
                             (forwards != FORWARDS_ANY && field_is(h, bytes, i, "max-forwards")) ||
                             (h->minor == 0 && field_is(h, bytes, i, "expect")) || http_field_is_hop(h, bytes, i);
        if (tells_of == TELLING_STAYS || (tells_of == TELLING_NOT && !dropped)) add_line(out, h, bytes, i);
    }
    if (request_upgrades(h))
        add_upgrade(out, h, bytes);
    else if (last)
        head_say(out, "Connection: close\r\n");
    if (forwards != FORWARDS_ANY) {
        char line[40];
        snprintf(line, sizeof line, "Max-Forwards: %u\r\n", forwards - 1);
        head_say(out, line);
    }
    add_told(out, h, bytes, told, host, has);
}

void response_rewrite(struct head_text *out, const struct http_head *h, const uint8_t *bytes, enum after after,
                      bool unchunk, const char *added)
{
    static const char *const said[] = {
        [AFTER_KEEP] = "", [AFTER_KEEP_SAID] = "Connection: keep-alive\r\n", [AFTER_CLOSE] = "Connection: close\r\n"};
    out->n = 0;
    uint32_t from = h->start;
    if (h->minor == 0) {
        head_say(out, "HTTP/1.1");
        from += sizeof "HTTP/1.0" - 1;
    }
    head_add(out, bytes + from, line_start(h, 0) - from);
    for (unsigned i = 0; i < h->fields; i++)
        if (!http_field_is_hop(h, bytes, i) && !(unchunk && field_is(h, bytes, i, "transfer-encoding")))
            add_line(out, h, bytes, i);
    head_say(out, added);
    if (after == AFTER_SWITCH)
        add_upgrade(out, h, bytes);
    else
        head_say(out, said[after]);
    head_say(out, "\r\n");
}
