/* Fields of an HTTP/1 head: their lines, and their combined meaning for the message (RFC 9112, 5 and 6). */
#include <string.h>

#include "vm/packet/wire.h"
#include "vm/stream/http_priv.h"

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* True if none of the eight bytes is a control character (tab counts as one here). */
static bool is_text8(uint64_t x)
{
    const uint64_t ones = UINT64_MAX / 255, high = ones * 0x80, del = x ^ ones * 0x7f;
    return !((((x - ones * ' ') & ~x) | ((del - ones) & ~del)) & high);
}

/* The same as http_run for HTTP_VALUE, eight bytes at a time: values are most of a head. */
static uint32_t value_run(const uint8_t *bytes, uint32_t at, uint32_t end)
{
    const uint32_t begin = at;
    while (at + 8 <= end && is_text8(wire_raw64(bytes + at))) at += 8;
    return at - begin + http_run(bytes, at, end, HTTP_VALUE);
}

/* Read one line from *at; move *at behind its CRLF. */
static enum stream_reason read_field(struct http_field *f, const uint8_t *bytes, uint32_t *at, uint32_t end)
{
    uint32_t i = *at;
    const uint32_t name = http_run(bytes, i, end, HTTP_TOKEN);
    if (name == 0 && is_blank(bytes[i])) return STREAM_HTTP_OBS_FOLD;
    f->name = (struct view_span){.at = (uint16_t)i, .len = (uint16_t)name};
    i += name;
    if (is_blank(bytes[i])) return STREAM_HTTP_NAME_SPACE;
    if (bytes[i] == '\r' && bytes[i + 1] == '\n') return STREAM_HTTP_FIELD_NAME;
    if (name == 0 || bytes[i] != ':') return http_wrong_byte(bytes[i], STREAM_HTTP_FIELD_NAME);
    for (i++; is_blank(bytes[i]); i++) continue;
    const uint32_t value = i;
    i += value_run(bytes, i, end);
    if (bytes[i] != '\r' || bytes[i + 1] != '\n') return http_wrong_byte(bytes[i], STREAM_HTTP_CONTROL);
    *at = i + 2;
    while (i > value && is_blank(bytes[i - 1])) i--;
    f->value = (struct view_span){.at = (uint16_t)value, .len = (uint16_t)(i - value)};
    return is_blank(bytes[*at]) ? STREAM_HTTP_OBS_FOLD : STREAM_NONE;
}

/* Give the next element of a list without blanks around it; move `left` behind its comma. False at the end. */
static bool next_element(struct view *left, struct view *element)
{
    if (!left->at) return false;
    const uint8_t *comma = left->len ? memchr(left->at, ',', left->len) : NULL;
    *element = (struct view){.at = left->at, .len = comma ? (uint32_t)(comma - left->at) : left->len};
    *left = comma ? (struct view){.at = comma + 1, .len = left->len - element->len - 1} : (struct view){.at = NULL};
    for (; element->len && is_blank(element->at[0]); element->len--) element->at++;
    while (element->len && is_blank(element->at[element->len - 1])) element->len--;
    return true;
}

bool http_list_has(struct view list, const char *word)
{
    for (struct view element; next_element(&list, &element);)
        if (view_is_word(element, word)) return true;
    return false;
}

static enum stream_reason read_length(struct http_head *h, struct view v)
{
    if (h->has & HTTP_HAS_LENGTH || (v.len && memchr(v.at, ',', v.len))) return STREAM_HTTP_TWO_LENGTHS;
    h->has |= HTTP_HAS_LENGTH;
    if (v.len == 0 || v.len > 18) return STREAM_HTTP_LENGTH;
    for (uint32_t i = 0; i < v.len; i++) {
        if (v.at[i] < '0' || v.at[i] > '9') return STREAM_HTTP_LENGTH;
        h->length = 10 * h->length + (uint64_t)(v.at[i] - '0');
    }
    return STREAM_NONE;
}

/* Read Transfer-Encoding: only a single `chunked` is understood. A coding before `chunked` is unknown. If `chunked`
 * is not last, nothing marks the message's end. */
static enum stream_reason read_coding(struct http_head *h, struct view v)
{
    struct view element = {.at = NULL};
    unsigned chunked = 0;
    if (h->has & HTTP_HAS_CODING || h->minor == 0) return STREAM_HTTP_CODING;
    h->has |= HTTP_HAS_CODING;
    if (view_is_word(v, "chunked")) return STREAM_NONE;
    while (next_element(&v, &element)) {
        if (element.len == 0) return STREAM_HTTP_CODING;
        chunked += view_is_word(element, "chunked");
    }
    return chunked == 1 && view_is_word(element, "chunked") ? STREAM_HTTP_CODING_UNKNOWN : STREAM_HTTP_CODING;
}

static void read_connection(struct http_head *h, struct view v)
{
    for (struct view element; next_element(&v, &element);) {
        if (view_is_word(element, "close"))
            h->has |= HTTP_HAS_CLOSE;
        else if (view_is_word(element, "keep-alive"))
            h->has |= HTTP_HAS_KEEP;
        else
            h->has |= HTTP_HAS_NAMED;
    }
}

/* Read a field that describes the message. Host is read with its line. */
static enum stream_reason read_known(struct http_head *h, const uint8_t *bytes, const struct http_field *f)
{
    const struct view name = view_of(bytes, f->name), value = view_of(bytes, f->value);
    switch (name.len) {
    case 4:
        if (!view_is_word(name, "host")) break;
        if (h->has & HTTP_HAS_HOST) return STREAM_HTTP_TWO_HOSTS;
        h->has |= HTTP_HAS_HOST;
        break;
    case 6:
        if (view_is_word(name, "expect") && view_is_word(value, "100-continue")) h->has |= HTTP_HAS_CONTINUE;
        break;
    case 10:
        if (view_is_word(name, "connection")) read_connection(h, value);
        break;
    case 14:
        if (view_is_word(name, "content-length")) return read_length(h, value);
        if (view_is_word(name, "content_length")) return STREAM_HTTP_FIELD_NAME;
        break;
    case 17:
        if (view_is_word(name, "transfer-encoding")) return read_coding(h, value);
        if (view_is_word(name, "transfer_encoding")) return STREAM_HTTP_FIELD_NAME;
        break;
    }
    return STREAM_NONE;
}

enum stream_reason http_fields_read(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end)
{
    enum stream_reason why = STREAM_NONE;
    for (end -= 2; at < end && !why;) {
        if (h->fields == HTTP_FIELDS_MAX) return STREAM_HTTP_TOO_MANY_FIELDS;
        struct http_field *f = &h->field[h->fields++];
        why = read_field(f, bytes, &at, end + 2);
        if (!why) why = read_known(h, bytes, f);
    }
    return why;
}

bool http_field_next(const struct http_head *h, const uint8_t *bytes, const char *name, unsigned *next,
                     struct view *value)
{
    const size_t len = strlen(name);
    while (*next < h->fields) {
        const struct http_field *f = &h->field[(*next)++];
        if (f->name.len != len || !view_is_word_of_its_length(view_of(bytes, f->name), name)) continue;
        *value = view_of(bytes, f->value);
        return true;
    }
    return false;
}

/* True if one of the Connection fields has the word. */
static bool connection_has(const struct http_head *h, const uint8_t *bytes, const char *word)
{
    unsigned next = 0;
    for (struct view v; http_field_next(h, bytes, "connection", &next, &v);)
        if (http_list_has(v, word)) return true;
    return false;
}

/* True for one Upgrade to one protocol other than HTTP or TLS: a server that accepted those would bypass all checks
 * here. */
static bool asks_upgrade(const struct http_head *h, const uint8_t *bytes)
{
    unsigned next = 0;
    struct view v, more;
    if (!(h->has & HTTP_HAS_NAMED) || !http_field_next(h, bytes, "upgrade", &next, &v)) return false;
    if (http_field_next(h, bytes, "upgrade", &next, &more) || v.len == 0 || memchr(v.at, ',', v.len)) return false;
    if (view_is_word(v, "h2c") || view_is_word(v, "h2")) return false;
    if (v.len >= 4 && view_is_word((struct view){.at = v.at, .len = 4}, "http")) return false;
    if (v.len >= 3 && view_is_word((struct view){.at = v.at, .len = 3}, "tls")) return false;
    return connection_has(h, bytes, "upgrade");
}

/* Check what requests and responses share. */
static enum stream_reason settle_both(struct http_head *h, const uint8_t *bytes)
{
    if (h->has & HTTP_HAS_LENGTH && h->has & HTTP_HAS_CODING) return STREAM_HTTP_TWO_LENGTHS;
    if (h->minor == 1 && asks_upgrade(h, bytes)) h->has |= HTTP_HAS_UPGRADE;
    return STREAM_NONE;
}

/* Check the Host field. Its host counts only if the target names none. */
static enum stream_reason settle_host(struct http_head *h, const uint8_t *bytes)
{
    const struct view_span host = h->host;
    const uint16_t port = h->port;
    if (!(h->has & HTTP_HAS_HOST)) return h->minor == 1 ? STREAM_HTTP_NO_HOST : STREAM_NONE;
    for (unsigned i = 0; i < h->fields; i++) {
        if (!view_is_word(view_of(bytes, h->field[i].name), "host")) continue;
        if (!http_host_read(h, bytes, h->field[i].value)) return STREAM_HTTP_HOST;
    }
    if (h->form == HTTP_ABSOLUTE || h->form == HTTP_AUTHORITY) {
        h->host = host;
        h->port = port;
    }
    return STREAM_NONE;
}

enum stream_reason http_request_settle(struct http_head *h, const uint8_t *bytes)
{
    enum stream_reason why = settle_both(h, bytes);
    if (!why) why = settle_host(h, bytes);
    if (why) return why;
    if (h->form == HTTP_AUTHORITY && h->has & HTTP_HAS_LENGTH) return STREAM_HTTP_LENGTH;
    if (h->form == HTTP_AUTHORITY && h->has & HTTP_HAS_CODING) return STREAM_HTTP_CODING;
    if (h->has & HTTP_HAS_CODING)
        h->framing = HTTP_CHUNKED;
    else if (h->length)
        h->framing = HTTP_LENGTH;
    return STREAM_NONE;
}

enum stream_reason http_response_settle(struct http_head *h, const uint8_t *bytes)
{
    const enum stream_reason why = settle_both(h, bytes);
    h->framing = (uint8_t)http_response_framing(h, false, false);
    return why;
}

enum http_framing http_response_framing(const struct http_head *h, bool was_head, bool was_connect)
{
    if (h->status == 101) return HTTP_TUNNEL;
    if (was_head || h->status < 200 || h->status == 204 || h->status == 304) return HTTP_NO_BODY;
    if (was_connect && h->status < 300) return HTTP_TUNNEL;
    if (h->has & HTTP_HAS_CODING) return HTTP_CHUNKED;
    if (h->has & HTTP_HAS_LENGTH) return h->length ? HTTP_LENGTH : HTTP_NO_BODY;
    return HTTP_CLOSE;
}

bool http_keeps(const struct http_head *h)
{
    if (h->has & HTTP_HAS_CLOSE) return false;
    return h->minor == 1 || (h->has & HTTP_HAS_KEEP) != 0;
}

/* True if a Connection field names this field. */
static bool connection_names(const struct http_head *h, const uint8_t *bytes, struct view name)
{
    unsigned next = 0;
    for (struct view list; http_field_next(h, bytes, "connection", &next, &list);)
        for (struct view element; next_element(&list, &element);)
            if (element.len == name.len && strncasecmp((const char *)element.at, (const char *)name.at, name.len) == 0)
                return true;
    return false;
}

static bool is_hop(struct view name)
{
    switch (name.len) {
    case 2: return view_is_word(name, "te");
    case 7: return view_is_word(name, "upgrade");
    case 10: return view_is_word(name, "connection") || view_is_word(name, "keep-alive");
    case 16: return view_is_word(name, "proxy-connection");
    default: return false;
    }
}

bool http_field_is_hop(const struct http_head *h, const uint8_t *bytes, unsigned i)
{
    static const char *const kept[] = {"host", "content-length", "transfer-encoding"};
    const struct view name = view_of(bytes, h->field[i].name);
    if (is_hop(name)) return true;
    if (!(h->has & HTTP_HAS_NAMED)) return false;
    for (unsigned k = 0; k < sizeof kept / sizeof *kept; k++)
        if (view_is_word(name, kept[k])) return false;
    return connection_names(h, bytes, name);
}
