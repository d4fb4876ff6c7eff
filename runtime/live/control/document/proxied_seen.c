/* Proxy counters: the text is made from the document's part, and that part from rows (proxied_seen.h) */
#include "runtime/live/control/document/proxied_seen.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "runtime/live/carry/tally.h"
#include "runtime/proxy/told/proxy_counters.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/json.h"

static const char *const ends[] = {
#define END(ident, name, class, doc) name,
#include "runtime/counters/proxy_end.def"
};

/* Return the number of connections that have left their sockets and still exist. */
static uint64_t spliced_now(const struct proxy_counters *c)
{
    return c->spliced > c->spliced_ended ? c->spliced - c->spliced_ended : 0;
}

uint64_t proxied_now(const struct proxy_counters *c)
{
    const uint64_t ended = proxy_counters_ended(c) + c->stayed;
    return c->sessions > ended ? c->sessions - ended : 0;
}

void proxied_text(FILE *out, const cJSON *root, const struct tally *t)
{
    const cJSON *one;
    uint32_t i = 0;
    fill(out, root,
         "{/proxy proxy       {#sessions|connection was|connections were} accepted, {#now} open, {#ended} "
         "{=ended|has|have} ended\n"
         "  moved     {#up_bytes|byte} from clients, {#down_bytes} to them\n"
         "  servers   {#connects|connection} begun, {#connected} made; {#retried|retry|retries} after a failure\n"
         "{?spliced   spliced   {#spliced|connection}, {#spliced_now} of them still open\n}"
         "{*ended_by?.|  ended     |, |{#.} {$}|\n}{*refused?.|  refused   |, |{#.} {$}|\n}"
         "{*http?.|  http      |, |{#.} {$}|\n}{*tls?.|  tls       |, |{#.} {$}|\n}"
         "{*stays?.|  stays     |, |{#.} {$}|\n}}");
    cJSON_ArrayForEach(one, item(root, "services"))
    {
        const bool counted = i < t->program->services_count && t->proxy_of[i];
        if (counted)
            fill(out, one,
                 "  service   {service}: {/proxy {#sessions} accepted, {#now} open, {#up_bytes|byte} from "
                 "clients, {#down_bytes} to them{?http.requests , {#http.requests|request}}}\n");
        i++;
    }
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
