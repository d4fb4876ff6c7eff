/* The first bytes of a connection, read by all readers that are asked (first.h). */
#include "vm/stream/first.h"

#include <stddef.h>
#include <string.h>

static enum stream_read bad(struct first *f, enum stream_reason why)
{
    f->reason = (uint8_t)why;
    return READ_BAD;
}

/* Wait for `need` bytes in all. At the end, or once no more bytes are kept, a started item is bad. `*known` becomes the
 * item's state. */
static enum stream_read wait_for(struct first *f, const struct first_asked *asked, uint8_t *known, uint32_t need)
{
    const bool begun = f->n > f->skip;
    if (!f->ended && f->n < asked->limit) {
        if (f->need == 0 || need < f->need) f->need = need;
        *known = FIRST_NOT_YET;
        return READ_MORE;
    }
    *known = FIRST_ABSENT;
    if (!begun) return READ_WHOLE;
    if (!f->ended) return bad(f, STREAM_FIRST_TOO_LONG);
    return bad(f, asked->end == FIRST_LATE ? STREAM_FIRST_LATE : STREAM_FIRST_CUT);
}

/* Read the PROXY header; the client's own bytes begin behind it. */
static enum stream_read read_proxy(struct first *f, const struct first_asked *asked)
{
    switch (proxy_header_read(&f->from, f->bytes, f->n)) {
    case READ_WHOLE:
        f->skip = (uint16_t)f->from.len;
        f->proxy = f->from.known ? FIRST_KNOWN : FIRST_ABSENT;
        return READ_WHOLE;
    case READ_MORE: return wait_for(f, asked, &f->proxy, f->from.len);
    case READ_OTHER: return bad(f, STREAM_PROXY_MISSING);
    default: return bad(f, STREAM_PROXY_MALFORMED);
    }
}

/* Refuse a PROXY header. Wait while the bytes may become one, unless nothing has come. */
static enum stream_read refuse_proxy(struct first *f, const struct first_asked *asked)
{
    f->proxy = FIRST_ABSENT;
    const enum stream_read said = proxy_header_read(&f->from, f->bytes, f->n);
    if (said == READ_OTHER || f->n == 0) return READ_WHOLE;
    if (said != READ_MORE || f->n >= PROXY_BEGIN_MAX || (f->bytes[0] == 'P' && f->n >= PROXY_V1_BEGIN))
        return bad(f, STREAM_PROXY_UNTRUSTED);
    if (f->ended || f->n >= asked->limit) return READ_WHOLE;
    f->need = f->n + 1;
    return READ_MORE;
}

/* Read the preface of HTTP/2, which counts as an offer of h2. */
static enum stream_read read_preface(struct first *f, const struct first_asked *asked, struct view left)
{
    static const uint8_t offer[] = {2, 'h', '2'};
    const enum stream_read said = http2_preface_read(left.at, left.len);
    f->tls = FIRST_ABSENT;
    if (said == READ_MORE && !f->ended && f->n < asked->limit) return wait_for(f, asked, &f->tls, f->n + 1);
    if (said != READ_WHOLE) return READ_WHOLE;
    f->tls = FIRST_KNOWN;
    f->alpn = (struct view){.at = offer, .len = sizeof offer};
    return READ_WHOLE;
}

static enum stream_read read_hello(struct first *f, struct first_at *at, const struct first_asked *asked,
                                   struct view left)
{
    switch (hello_read(&f->hello, &at->hello, left.at, left.len, f->scratch)) {
    case READ_WHOLE:
        f->tls = FIRST_KNOWN;
        f->sni = f->hello.sni;
        f->alpn = f->hello.alpn;
        return READ_WHOLE;
    case READ_MORE: return wait_for(f, asked, &f->tls, f->skip + f->hello.len);
    case READ_OTHER: return read_preface(f, asked, left);
    default: return bad(f, f->hello.reason);
    }
}

static enum stream_read read_http(struct first *f, struct first_at *at, const struct first_asked *asked,
                                  struct view left)
{
    const uint32_t limit = asked->limit > f->skip ? asked->limit - f->skip : 0;
    if (left.len == 0) return wait_for(f, asked, &f->http, f->skip + 1u);
    switch (http_request_read(&f->head, &at->http, left.at, left.len, limit)) {
    case READ_WHOLE:
        if (!http_path_normal(view_of(left.at, f->head.path), f->scratch, sizeof f->scratch, &f->path))
            return bad(f, STREAM_HTTP_TARGET);
        f->http = FIRST_KNOWN;
        return READ_WHOLE;
    case READ_MORE: return wait_for(f, asked, &f->http, f->skip + f->head.len);
    default: return bad(f, f->head.reason);
    }
}

static enum stream_read read_instruction(struct first *f, const struct first_asked *asked, struct view left)
{
    f->instruction = FIRST_ABSENT;
    switch (instruction_read(&f->told, left.at, left.len)) {
    case READ_WHOLE:
        if (asked->wants & FIRST_SUM && !f->told.sum_holds) return bad(f, STREAM_INSTRUCTION_MALFORMED);
        f->instruction = FIRST_KNOWN;
        return READ_WHOLE;
    case READ_MORE: return wait_for(f, asked, &f->instruction, f->skip + f->told.len);
    case READ_OTHER: return READ_WHOLE;
    default: return bad(f, STREAM_INSTRUCTION_MALFORMED);
    }
}

/* Wait for the bytes that `bytes … at N` looks at; fewer bytes are not a fault. */
static enum stream_read read_bytes(struct first *f, const struct first_asked *asked)
{
    const uint32_t need = f->skip + (asked->wants >> FIRST_BYTES_SHIFT);
    if (f->n >= need || f->n >= asked->limit || f->ended) return READ_WHOLE;
    if (f->need == 0 || need < f->need) f->need = need;
    return READ_MORE;
}

/* Run all readers except the PROXY header's. A reader that waits does not stop the others. */
static enum stream_read read_asked(struct first *f, struct first_at *at, const struct first_asked *asked)
{
    const struct view left = {.at = f->skip ? f->bytes + f->skip : f->bytes, .len = f->n - f->skip};
    enum stream_read all = read_bytes(f, asked), said = READ_WHOLE;
    if (asked->wants & FIRST_TLS) said = read_hello(f, at, asked, left);
    if (said == READ_BAD) return said;
    if (said == READ_MORE) all = said;
    if (asked->wants & FIRST_HTTP) said = read_http(f, at, asked, left);
    if (said == READ_BAD) return said;
    if (said == READ_MORE) all = said;
    if (asked->wants & FIRST_INSTRUCTION) said = read_instruction(f, asked, left);
    return said == READ_WHOLE ? all : said;
}

static uint32_t at_most(uint32_t n, uint32_t most) { return n < most ? n : most; }

enum stream_read first_read(struct first *f, struct first_at *at, const uint8_t *bytes, uint32_t n,
                            const struct first_asked *all)
{
    const struct first_asked bounded = {
        .wants = all->wants, .limit = at_most(all->limit ? all->limit : STREAM_MAX, STREAM_MAX), .end = all->end};
    const struct first_asked *asked = &bounded;
    enum stream_read said = READ_WHOLE;
    memset(f, 0, offsetof(struct first, hello));
    f->bytes = bytes;
    f->n = at_most(n, STREAM_MAX);
    f->ended = asked->end != FIRST_OPEN;
    f->full = n >= asked->limit;
    f->tls = f->http = f->instruction = f->proxy = FIRST_ABSENT;
    if (asked->wants & FIRST_PROXY)
        said = read_proxy(f, asked);
    else if (asked->wants & FIRST_PROXY_NEVER)
        said = refuse_proxy(f, asked);
    if (said == READ_WHOLE) return read_asked(f, at, asked);
    if (asked->wants & FIRST_TLS) f->tls = FIRST_NOT_YET;
    if (asked->wants & FIRST_HTTP) f->http = FIRST_NOT_YET;
    if (asked->wants & FIRST_INSTRUCTION) f->instruction = FIRST_NOT_YET;
    f->waits = true;
    return said;
}

void first_tls(struct first *f, struct view sni, struct view alpn)
{
    f->tls = FIRST_KNOWN;
    f->sni = sni;
    f->alpn = alpn;
}

/* Return the state of a part of a hello or a request, from the state of the whole. */
static enum first_known part_known(uint8_t known, bool there)
{
    return known == FIRST_KNOWN && !there ? FIRST_ABSENT : known;
}

static struct view span_view(const struct first *f, struct view_span s) { return view_of(f->bytes + f->skip, s); }

enum first_known first_sni(const struct first *f, struct view *out)
{
    *out = f->sni;
    return part_known(f->tls, f->sni.at);
}

enum first_known first_alpn(const struct first *f, const char *name, uint32_t len, bool *offers)
{
    *offers = f->tls == FIRST_KNOWN && hello_offers(f->alpn, name, len);
    return part_known(f->tls, f->alpn.at);
}

enum first_known first_host(const struct first *f, struct view *out)
{
    const bool known = f->http == FIRST_KNOWN;
    if (known) *out = span_view(f, f->head.host);
    return part_known(f->http, known && f->head.host.len);
}

enum first_known first_path(const struct first *f, struct view *out)
{
    *out = f->path;
    return part_known(f->http, f->http == FIRST_KNOWN && f->head.form != HTTP_AUTHORITY);
}

enum first_known first_method(const struct first *f, struct view *out)
{
    if (f->http == FIRST_KNOWN) *out = span_view(f, f->head.method);
    return f->http;
}

enum first_known first_header(const struct first *f, const char *name, unsigned *next, struct view *out)
{
    if (f->http != FIRST_KNOWN) return f->http;
    return http_field_next(&f->head, f->bytes + f->skip, name, next, out) ? FIRST_KNOWN : FIRST_ABSENT;
}

enum first_known first_bytes(const struct first *f, uint32_t at, uint32_t len, struct view *out)
{
    const uint32_t there = f->n - f->skip;
    if (f->waits) return FIRST_NOT_YET;
    if (at > there || len > there - at) return f->ended || f->full ? FIRST_ABSENT : FIRST_NOT_YET;
    *out = (struct view){.at = f->bytes + f->skip + at, .len = len};
    return FIRST_KNOWN;
}

enum first_known first_instruction(const struct first *f, const struct instruction **out)
{
    *out = &f->told;
    return f->instruction;
}

enum first_known first_proxy(const struct first *f, const struct proxy_header **out)
{
    *out = &f->from;
    return f->proxy;
}
