/* A buffer of fixed size keeps its last bytes for the closing, so that a cut line is still valid JSON */
#include "runtime/proxy/told/log_line.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void log_address(char text[LOG_ADDRESS_MAX], const struct stream_addr *a)
{
    uint32_t be[4];
    for (unsigned i = 0; i < 4; i++) be[i] = htonl(a->addr[i]);
    inet_ntop(a->v6 ? AF_INET6 : AF_INET, be, text, LOG_ADDRESS_MAX);
}

struct view log_target(char text[LOG_TARGET_MAX], const struct stream_addr *a)
{
    char address[LOG_ADDRESS_MAX];
    log_address(address, a);
    const int len = snprintf(text, LOG_TARGET_MAX, a->v6 ? "[%s]:%u" : "%s:%u", address, a->port);
    return (struct view){.at = (const uint8_t *)text, .len = (uint32_t)len};
}

/* The line under construction. Its last bytes are reserved for the closing. */
struct line {
    char *out;
    size_t n;
};

enum { QUOTED_MAX = 1400, CLOSING = 64 };

static void line_put(struct line *l, const char *text, size_t len)
{
    if (l->n + len > LOG_LINE_MAX - CLOSING) return;
    memcpy(l->out + l->n, text, len);
    l->n += len;
}

static __attribute__((format(printf, 2, 3))) void line_say(struct line *l, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line_put(l, text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
}

/* Append at most QUOTED_MAX bytes, with each byte but plain ASCII written as `escape` */
static void put_quoted(struct line *l, struct view v, const char *escape)
{
    const size_t end = l->n + QUOTED_MAX;
    for (uint32_t i = 0; i < v.len && l->n < end; i++) {
        if (v.at[i] >= 0x20 && v.at[i] < 0x7f && v.at[i] != '"' && v.at[i] != '\\')
            line_put(l, (const char *)v.at + i, 1);
        else if (v.at[i] == '"' || v.at[i] == '\\')
            line_put(l, (char[]){'\\', (char)v.at[i]}, 2);
        else
            line_say(l, escape, v.at[i]);
    }
}

static struct tm utc(uint64_t ns)
{
    const time_t s = (time_t)(ns / 1000000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    return tm;
}

size_t log_common(char out[LOG_LINE_MAX], const struct log_entry *e)
{
    struct line l = {.out = out};
    const struct tm tm = utc(e->at_ns);
    char when[40];
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &tm);
    put_quoted(&l, e->client, "\\x%02x");
    line_say(&l, " - - [%s] \"", when);
    if (e->line.at)
        put_quoted(&l, e->line, "\\x%02x");
    else
        line_put(&l, "-", 1);
    if (e->status)
        line_say(&l, "\" %u ", e->status);
    else
        line_say(&l, "\" - ");
    if (e->bytes_out)
        line_say(&l, "%llu\n", (unsigned long long)e->bytes_out);
    else
        line_say(&l, "-\n");
    return l.n;
}

static void member(struct line *l, const char *name, struct view v)
{
    if (!v.at) return;
    line_say(l, ",\"%s\":\"", name);
    put_quoted(l, v, "\\u%04x");
    line_put(l, "\"", 1);
}

static void text_member(struct line *l, const char *name, const char *text)
{
    if (text) member(l, name, (struct view){.at = (const uint8_t *)text, .len = (uint32_t)strlen(text)});
}

static void ms_member(struct line *l, const char *name, uint64_t ns)
{
    line_say(l, ",\"%s\":%llu.%03llu", name, (unsigned long long)(ns / 1000000),
             (unsigned long long)(ns / 1000 % 1000));
}

size_t log_json(char out[LOG_LINE_MAX], const struct log_entry *e)
{
    struct line l = {.out = out};
    const struct tm tm = utc(e->at_ns);
    char when[40];
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    line_say(&l, "{\"time\":\"%s.%03uZ\"", when, (unsigned)(e->at_ns / 1000000 % 1000));
    member(&l, "client", e->client);
    line_say(&l, ",\"port\":%u", e->port);
    text_member(&l, "service", e->service);
    member(&l, "host", e->host);
    member(&l, "request", e->line);
    line_say(&l, ",\"status\":%u,\"bytes_in\":%llu,\"bytes_out\":%llu", e->status, (unsigned long long)e->bytes_in,
             (unsigned long long)e->bytes_out);
    text_member(&l, "pool", e->pool);
    text_member(&l, "server", e->server);
    member(&l, "target", e->target);
    ms_member(&l, "wait_ms", e->wait_ns);
    ms_member(&l, "took_ms", e->took_ns);
    member(&l, "referrer", e->referrer);
    member(&l, "agent", e->agent);
    text_member(&l, "reason", e->reason);
    l.out[l.n++] = '}';
    l.out[l.n++] = '\n';
    return l.n;
}
