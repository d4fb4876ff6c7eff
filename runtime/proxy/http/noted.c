/* What the access log is told. */
#include "runtime/proxy/http/noted.h"

#include <time.h>

#include "runtime/proxy/http/http.h"
#include "runtime/proxy/http/log_line.h"

static bool has_log(const struct session *s)
{
    return proxy_says(s->proxy, s->service)->flags & (PBC_PROXY_LOG_COMMON | PBC_PROXY_LOG_JSON);
}

static struct view_span keep(struct noted *n, uint16_t *at, struct view v)
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
    struct noted *n = has_log(s) ? slab_take(&http_loop_of(s)->noted) : NULL;
    uint16_t at = 0;
    http_of(s)->noted = n;
    if (!n) return;
    const uint32_t end = (uint32_t)h->target.at + h->target.len + sizeof " HTTP/1.1" - 1;
    n->host = keep(n, &at, view_of(bytes, h->host));
    n->line = keep(n, &at, (struct view){.at = bytes + h->start, .len = end - h->start});
    n->referrer = keep(n, &at, field(h, bytes, "referer"));
    n->agent = keep(n, &at, field(h, bytes, "user-agent"));
}

/* The mono time as one of the wall's. */
static uint64_t wall(const struct session *s, uint64_t mono_ns)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec - (s->proxy->loop.now_ns - mono_ns);
}

static struct view said(const struct noted *n, struct view_span s)
{
    return s.len ? view_of(n->bytes, s) : (struct view){0};
}

static void write_line(struct session *s, const struct noted *n)
{
    const struct http *h = http_of(s);
    const struct program *p = s->proxy->program;
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    const uint64_t now = s->proxy->loop.now_ns;
    const struct pbc_server *server = s->chosen == PBC_NONE ? NULL : &p->servers[s->chosen];
    const struct log_entry e = {
        .at_ns = wall(s, h->begun_ns),
        .wait_ns = h->answer_ns ? h->answer_ns - h->begun_ns : 0,
        .took_ns = now - h->begun_ns,
        .bytes_in = h->up.body.data,
        .bytes_out = h->down.body.data,
        .client = view_of((const uint8_t *)h->told.text, h->told.client),
        .port = s->key.src_port,
        .line = said(n, n->line),
        .host = said(n, n->host),
        .referrer = said(n, n->referrer),
        .agent = said(n, n->agent),
        .status = h->status,
        .service = program_str(p, p->services[s->service].name),
        .pool = server ? program_str(p, p->pools[server->pool].name) : NULL,
        .server = server ? program_str(p, server->name) : NULL,
        .reason = h->reason ? stream_reason_name(h->reason) : NULL,
    };
    char line[LOG_LINE_MAX];
    const size_t len = says->flags & PBC_PROXY_LOG_JSON ? log_json(line, &e) : log_common(line, &e);
    const char *path = says->flags & PBC_PROXY_LOG_SYSLOG ? "syslog" : program_str(p, says->log_file);
    proxy_log(s->proxy, path, line, (uint32_t)len);
}

void note_answer(struct session *s)
{
    static const struct noted nothing;
    struct noted *n = http_of(s)->noted;
    if (!has_log(s)) return;
    write_line(s, n ? n : &nothing);
    if (n) slab_give(&http_loop_of(s)->noted, n);
    http_of(s)->noted = NULL;
}
