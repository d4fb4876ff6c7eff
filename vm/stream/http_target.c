/* The target of a request: its form, its host, its path (RFC 9112, 3.2; RFC 9110, 4.2 and 7.1). */
#include <string.h>

#include "vm/stream/http_priv.h"

static struct view_span span_between(uint32_t from, uint32_t to)
{
    return (struct view_span){.at = (uint16_t)from, .len = (uint16_t)(to - from)};
}

/* Return the first position of either byte from `at` on, or `end`. */
static uint32_t find_either(const uint8_t *bytes, uint32_t at, uint32_t end, char a, char b)
{
    while (at < end && bytes[at] != (uint8_t)a && bytes[at] != (uint8_t)b) at++;
    return at;
}

bool http_host_read(struct http_head *h, const uint8_t *bytes, struct view_span text)
{
    uint32_t at = text.at;
    const uint32_t end = at + text.len;
    uint16_t port = 0;
    if (at < end && bytes[at] == '[') {
        struct stream_addr literal;
        at = find_either(bytes, at, end, ']', ']');
        if (at == end || !stream_addr_read(&literal, true, bytes + text.at + 1, at - text.at - 1)) return false;
        at++;
    } else {
        at += http_run(bytes, at, end, HTTP_NAME);
    }
    h->host = span_between(text.at, at);
    if (h->host.len && bytes[at - 1] == '.') h->host.len--;
    if (at < end && bytes[at++] != ':') return false;
    if (at < end && !stream_port_read(&port, 0, bytes + at, end - at)) return false;
    h->port = port;
    return h->host.len > 0 && h->host.len <= HTTP_HOST_MAX;
}

/* Read path and query, from `at` to the end. A backslash, a slash to some servers, is refused; `%` has two digits. */
static enum stream_reason read_path(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end)
{
    const uint32_t query = find_either(bytes, at, end, '?', '?');
    h->path = span_between(at, query);
    h->query = span_between(query, end);
    for (uint32_t i = at; i < query; i++) {
        if (bytes[i] == '\\') return STREAM_HTTP_TARGET;
        if (bytes[i] != '%') continue;
        if (query - i < 3 || !http_is(bytes[i + 1], HTTP_HEX) || !http_is(bytes[i + 2], HTTP_HEX) ||
            (bytes[i + 1] == '0' && bytes[i + 2] == '0'))
            return STREAM_HTTP_TARGET;
    }
    return STREAM_NONE;
}

/* Read SCHEME "://" AUTHORITY PATH; a user before the host is refused (RFC 9110, 4.2.4). */
static enum stream_reason read_absolute(struct http_head *h, const uint8_t *bytes, uint32_t at, uint32_t end)
{
    const uint32_t colon = find_either(bytes, at, end, ':', ':');
    const struct view scheme = {.at = bytes + at, .len = colon - at};
    if (!view_is_word(scheme, "http") && !view_is_word(scheme, "https")) return STREAM_HTTP_TARGET;
    if (end - colon < 3 || bytes[colon + 1] != '/' || bytes[colon + 2] != '/') return STREAM_HTTP_TARGET;
    const uint32_t host = colon + 3, path = find_either(bytes, host, end, '/', '?');
    if (!http_host_read(h, bytes, span_between(host, path))) return STREAM_HTTP_TARGET;
    return read_path(h, bytes, path, end);
}

enum stream_reason http_target_read(struct http_head *h, const uint8_t *bytes)
{
    const uint32_t at = h->target.at, end = at + h->target.len;
    const struct view method = view_of(bytes, h->method), target = view_of(bytes, h->target);
    if (view_is(method, "CONNECT")) {
        h->form = HTTP_AUTHORITY;
        return http_host_read(h, bytes, h->target) && h->port ? STREAM_NONE : STREAM_HTTP_TARGET;
    }
    if (target.at[0] == '/') {
        h->form = HTTP_ORIGIN;
        return read_path(h, bytes, at, end);
    }
    if (view_is(target, "*")) {
        h->form = HTTP_ASTERISK;
        h->path = h->target;
        return view_is(method, "OPTIONS") ? STREAM_NONE : STREAM_HTTP_TARGET;
    }
    h->form = HTTP_ABSOLUTE;
    return read_absolute(h, bytes, at, end);
}

static uint8_t hex_upper(uint8_t c) { return c >= 'a' ? (uint8_t)(c - 0x20) : c; }

/* True if a segment that is `.` or `..` begins at s. */
static bool is_dots(const uint8_t *s, uint32_t left)
{
    if (left == 0 || s[0] != '.') return false;
    if (left == 1 || s[1] == '/') return true;
    return s[1] == '.' && (left == 2 || s[2] == '/');
}

static bool is_normal(struct view path)
{
    if (path.len == 0 || path.at[0] != '/') return false;
    for (uint32_t i = 0; i < path.len; i++)
        if (path.at[i] == '%' || (path.at[i] == '/' && is_dots(path.at + i + 1, path.len - i - 1))) return false;
    return true;
}

/* Decode unneeded escapes and set *len to the new length; false: an escape without two digits. */
static bool unescape(struct view path, uint8_t *out, uint32_t *len)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < path.len; i++) {
        if (path.at[i] != '%') {
            out[to++] = path.at[i];
            continue;
        }
        if (path.len - i < 3 || !http_is(path.at[i + 1], HTTP_HEX) || !http_is(path.at[i + 2], HTTP_HEX)) return false;
        const uint8_t c = (uint8_t)(http_hex(path.at[i + 1]) << 4 | http_hex(path.at[i + 2]));
        if (http_is(c, HTTP_NAME)) {
            out[to++] = c;
        } else {
            out[to++] = '%';
            out[to++] = hex_upper(path.at[i + 1]);
            out[to++] = hex_upper(path.at[i + 2]);
        }
        i += 2;
    }
    *len = to;
    return true;
}

/* Remove `.` and `..` in place (RFC 3986, 5.2.4); return the new length. */
static uint32_t remove_dots(uint8_t *s, uint32_t len)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < len;) {
        /* s[i] is the slash before a segment */
        uint32_t end = i + 1;
        while (end < len && s[end] != '/') end++;
        if (is_dots(s + i + 1, len - i - 1)) {
            if (end - i == 3)
                while (to > 0 && s[--to] != '/') continue;
            if (end == len) s[to++] = '/';
        } else {
            memmove(s + to, s + i, end - i);
            to += end - i;
        }
        i = end;
    }
    return to;
}

bool http_path_normal(struct view path, uint8_t *scratch, uint32_t size, struct view *out)
{
    static const uint8_t root[] = "/";
    if (path.len == 0) {
        *out = (struct view){.at = root, .len = 1};
        return true;
    }
    *out = path;
    if (is_normal(path) || view_is(path, "*")) return true;
    if (path.at[0] != '/' || path.len > size || !unescape(path, scratch, &out->len)) return false;
    out->at = scratch;
    out->len = remove_dots(scratch, out->len);
    return true;
}
