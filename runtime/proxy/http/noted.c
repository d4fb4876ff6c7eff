/* Spans in one small buffer, cut if it is full; the response completes the line */
#include "runtime/proxy/http/noted.h"

#include "runtime/proxy/access.h"
#include "runtime/proxy/http/http.h"

static struct view_span noted_keep(struct noted *n, uint16_t *at, struct view v)
{
    struct view_span kept = {.at = *at, .len = (uint16_t)(v.len < NOTED_EACH ? v.len : NOTED_EACH)};
    if (kept.len > NOTED_MAX - *at) kept.len = (uint16_t)(NOTED_MAX - *at);
    if (kept.len) memcpy(n->bytes + *at, v.at, kept.len);
    *at = (uint16_t)(*at + kept.len);
    return kept;
}

static struct view field(const struct http_head *h, const uint8_t *bytes, const char *name)
{
    struct view v = {0};
    unsigned next = 0;
    http_field_next(h, bytes, name, &next, &v);
    return v;
}

void note_request(struct session *s, const struct http_head *h, const uint8_t *bytes)
{
    struct noted *n = access_wanted(s) ? slab_take(&http_loop_of(s)->noted) : NULL;
    uint16_t at = 0;
    http_of(s)->noted = n;
    if (!n) return;
    const uint32_t end = (uint32_t)h->target.at + h->target.len + sizeof " HTTP/1.1" - 1;
    n->host = noted_keep(n, &at, view_of(bytes, h->host));
    n->line = noted_keep(n, &at, (struct view){.at = bytes + h->start, .len = end - h->start});
    n->referrer = noted_keep(n, &at, field(h, bytes, "referer"));
    n->agent = noted_keep(n, &at, field(h, bytes, "user-agent"));
}

static struct view noted_text(const struct noted *n, struct view_span s)
{
    return s.len ? view_of(n->bytes, s) : (struct view){0};
}

static void write_line(struct session *s, const struct noted *n)
{
    const struct http *h = http_of(s);
    const uint64_t begun = h->begun_ns ? h->begun_ns : s->proxy->loop.now_ns;
    struct log_entry e = {
        .wait_ns = h->answer_ns ? h->answer_ns - begun : 0,
        .bytes_in = h->up.body.data,
        .bytes_out = h->down.body.data,
        .line = noted_text(n, n->line),
        .host = noted_text(n, n->host),
        .referrer = noted_text(n, n->referrer),
        .agent = noted_text(n, n->agent),
        .status = h->status,
        .reason = h->reason ? stream_reason_name(h->reason) : NULL,
    };
    access_write_line(s, &e, begun);
}

void note_answer(struct session *s)
{
    static const struct noted nothing;
    struct noted *n = http_of(s)->noted;
    if (!access_wanted(s)) return;
    write_line(s, n ? n : &nothing);
    if (n) slab_give(&http_loop_of(s)->noted, n);
    http_of(s)->noted = NULL;
}
