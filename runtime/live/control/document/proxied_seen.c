#include "runtime/live/control/document/proxied_seen.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "runtime/live/carry/tally.h"
#include "runtime/proxy/told/counters.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

static const char *const ends[] = {
#define END(ident, name, class, doc) name,
#include "runtime/counters/proxy_end.def"
};

/* Return the number of connections that have left their sockets and go on. */
static uint64_t spliced_now(const struct proxy_counters *c)
{
    return c->spliced > c->spliced_ended ? c->spliced - c->spliced_ended : 0;
}

uint64_t proxied_now(const struct proxy_counters *c)
{
    const uint64_t ended = proxy_counters_ended(c);
    return c->sessions > ended ? c->sessions - ended : 0;
}

/* Write "NUMBER NAME" after a comma, unless the number is 0. */
static void list_one(FILE *out, const char **begin, uint64_t n, const char *name)
{
    char a[TEXT_NUMBER];
    if (!n) return;
    fprintf(out, "%s%s %s", *begin, text_number(n, a), name);
    *begin = ", ";
}

static void list_end(FILE *out, const char *begin) { fputs(strcmp(begin, ", ") ? "" : "\n", out); }

static void reasons_text(FILE *out, const struct proxy_counters *c)
{
    const char *begin = "  ended     ";
    for (unsigned i = 0; i < SESSION_ENDS; i++) list_one(out, &begin, c->ends[i], ends[i]);
    list_end(out, begin);
    begin = "  refused   ";
    for (unsigned i = 0; i < STREAM_REASON_COUNT; i++)
        list_one(out, &begin, c->refused[i], stream_reason_name((enum stream_reason)i));
    list_end(out, begin);
    begin = "  http      ";
#define HTTP_COUNT(ident, name, doc) list_one(out, &begin, c->http[HTTP_COUNT_##ident], name);
#include "runtime/counters/proxy_http_count.def"
    list_end(out, begin);
    begin = "  tls       ";
#define TLS_COUNT(ident, name, doc) list_one(out, &begin, c->tls[TLS_COUNT_##ident], name);
#include "runtime/counters/proxy_tls_count.def"
    list_end(out, begin);
    begin = "  stays     ";
#define SPLICE_WHY(ident, name, doc) list_one(out, &begin, c->stays[SPLICE_WHY_##ident], name);
#include "vm/flow/splice_stays.def"
#undef SPLICE_WHY
    list_end(out, begin);
}

static void service_text(FILE *out, const struct proxy_counters *c, const char *name)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], d[TEXT_NUMBER], e[TEXT_NUMBER];
    fprintf(out, "  service   %s: %s accepted, %s %s on, %s bytes from clients, %s to them", name,
            text_number(c->sessions, a), text_number(proxied_now(c), b), proxied_now(c) == 1 ? "goes" : "go",
            text_number(c->up_bytes, d), text_number(c->down_bytes, e));
    if (c->http[HTTP_COUNT_REQUESTS])
        fprintf(out, ", %s request%s", text_number(c->http[HTTP_COUNT_REQUESTS], a),
                text_plural(c->http[HTTP_COUNT_REQUESTS]));
    fputc('\n', out);
}

void proxied_text(FILE *out, const struct tally *t, const struct labels *labels)
{
    const struct proxy_counters *const c = &t->proxy;
    const uint64_t now = proxied_now(c), ended = proxy_counters_ended(c);
    char a[TEXT_NUMBER], b[TEXT_NUMBER], d[TEXT_NUMBER];
    fprintf(out, "proxy       %s connection%s accepted, %s %s on, %s %s ended\n", text_number(c->sessions, a),
            c->sessions == 1 ? " was" : "s were", text_number(now, b), now == 1 ? "goes" : "go", text_number(ended, d),
            ended == 1 ? "has" : "have");
    fprintf(out, "  moved     %s bytes from clients, %s to them\n", text_number(c->up_bytes, a),
            text_number(c->down_bytes, b));
    fprintf(out, "  servers   %s connect%s, %s of them came about, %s after one that failed\n",
            text_number(c->connects, a), text_plural(c->connects), text_number(c->connected, b),
            text_number(c->retried, d));
    if (c->spliced)
        fprintf(out, "  spliced   %s left %s sockets, %s of them %s on in packets\n", text_number(c->spliced, a),
                c->spliced == 1 ? "its" : "their", text_number(spliced_now(c), b), spliced_now(c) == 1 ? "goes" : "go");
    reasons_text(out, c);
    for (uint32_t i = 0; i < t->program->services_count; i++)
        if (t->proxy_of[i]) service_text(out, t->proxy_of[i], label_service(labels, i));
}

static void took_json(cJSON *took, const char *key, const struct proxy_took *t)
{
    cJSON *one = cJSON_AddObjectToObject(took, key);
    json_number(one, "count", proxy_took_count(t));
    json_number(one, "sum_us", t->sum_us);
    cJSON *within = cJSON_AddObjectToObject(one, "within_s");
#define BOUND(ident, us, seconds) json_number(within, seconds, t->within[BOUND_##ident]);
#include "runtime/counters/proxy_bound.def"
    json_number(within, "more", t->within[PROXY_BOUNDS]);
}

static void reasons_json(cJSON *proxy, const struct proxy_counters *c)
{
    cJSON *ended = cJSON_AddObjectToObject(proxy, "ended_by");
    for (unsigned i = 0; i < SESSION_ENDS; i++) json_number(ended, ends[i], c->ends[i]);
    cJSON *refused = cJSON_AddObjectToObject(proxy, "refused");
    for (unsigned i = STREAM_NONE + 1; i < STREAM_REASON_COUNT; i++)
        json_number(refused, stream_reason_name((enum stream_reason)i), c->refused[i]);
    cJSON *stays = cJSON_AddObjectToObject(proxy, "stays");
#define SPLICE_WHY(ident, name, doc) json_number(stays, name, c->stays[SPLICE_WHY_##ident]);
#include "vm/flow/splice_stays.def"
#undef SPLICE_WHY
}

static void counters_json(cJSON *to, const struct proxy_counters *c)
{
    cJSON *proxy = cJSON_AddObjectToObject(to, "proxy");
    json_number(proxy, "now", proxied_now(c));
    json_number(proxy, "ended", proxy_counters_ended(c));
#define COUNT(field, key, doc) json_number(proxy, key, c->field);
#include "runtime/counters/proxy_count.def"
    json_number(proxy, "spliced_now", spliced_now(c));
    reasons_json(proxy, c);
    cJSON *http = cJSON_AddObjectToObject(proxy, "http"), *took = cJSON_AddObjectToObject(proxy, "took");
#define HTTP_COUNT(ident, name, doc) json_number(http, name, c->http[HTTP_COUNT_##ident]);
#include "runtime/counters/proxy_http_count.def"
    cJSON *tls = cJSON_AddObjectToObject(proxy, "tls");
#define TLS_COUNT(ident, name, doc) json_number(tls, name, c->tls[TLS_COUNT_##ident]);
#include "runtime/counters/proxy_tls_count.def"
#define PROXY_TIME(ident, key, doc) took_json(took, key, &c->took[PROXY_TIME_##ident]);
#include "runtime/counters/proxy_time.def"
}

void proxied_json(cJSON *root, const struct tally *t, bool runs)
{
    static const struct proxy_counters nothing;
    const struct program *p = t->program;
    uint32_t i = 0;
    cJSON *one;
    if (!runs) {
        cJSON_AddNullToObject(root, "proxy");
        return;
    }
    counters_json(root, &t->proxy);
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(root, "services"))
    {
        const struct proxy_counters *of = i < p->services_count ? t->proxy_of[i] : NULL;
        if (i < p->services_count && mode_is(p->services[i].mode, MODE_PROXIES)) counters_json(one, of ? of : &nothing);
        i++;
    }
}
