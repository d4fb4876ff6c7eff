/* `http GET|HEAD|OPTIONS "/p" [host "h"] [header "n" "v"] expect 200 [body has "ok"]`. The request is HTTP/1.0 so
 * that the reply comes in one piece and ends with the connection (RFC 1945); the status line may be of any HTTP/1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/check/probe.h"

enum { PART_STATUS, PART_HEAD, PART_BODY };

/* True if a step sets that header */
static bool sets(const struct program *p, const struct pbc_check *c, const char *name)
{
    const size_t len = strlen(name);
    for (uint32_t i = c->steps; i < c->steps + c->step_count; i++) {
        const struct pbc_step *s = &p->steps[i];
        const char *line = (const char *)p->said + s->bytes;
        if (s->kind == PBC_STEP_HEADER && s->len > len && line[len] == ':' && !strncasecmp(line, name, len))
            return true;
    }
    return false;
}

uint8_t *http_request(const struct program *p, const struct pbc_check *c, size_t *len)
{
    static const char *const methods[PBC_METHODS] = {"GET", "HEAD", "OPTIONS"};
    const char *host = c->host ? program_str(p, c->host) : c->sni ? program_str(p, c->sni) : "";
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out) return NULL;
    fprintf(out, "%s %s HTTP/1.0\r\n", methods[c->method], c->path ? program_str(p, c->path) : "/");
    if (*host) fprintf(out, "Host: %s\r\n", host);
    if (!sets(p, c, "User-Agent")) fputs("User-Agent: prey\r\n", out);
    for (uint32_t i = c->steps; i < c->steps + c->step_count; i++) {
        const struct pbc_step *s = &p->steps[i];
        if (s->kind == PBC_STEP_HEADER) fprintf(out, "%.*s\r\n", (int)s->len, (const char *)p->said + s->bytes);
    }
    fputs("Connection: close\r\n\r\n", out);
    const bool failed = ferror(out);
    if (!fclose(out) && !failed) return (uint8_t *)text;
    free(text);
    return NULL;
}

/* Return the step that looks for a text in the body; NULL: none */
static const struct pbc_step *body_step(const struct probe *p)
{
    const struct pbc_check *c = p->check;
    if (!c->step_count) return NULL;
    const struct pbc_step *last = &p->program->steps[c->steps + c->step_count - 1];
    return last->kind == PBC_STEP_HAS ? last : NULL;
}

static bool is_expected(const struct probe *p, unsigned status)
{
    const struct pbc_range *r = &p->program->ranges[p->check->status];
    for (uint32_t i = 0; i < p->check->status_count; i++)
        if (status >= r[i].lo && status <= r[i].hi) return true;
    return false;
}

/* Judge a status line: "HTTP/1.1 200 OK" */
static enum probe_result judge_line(struct probe *p)
{
    unsigned major, minor, status;
    char after = ' ';
    p->http.line[p->http.line_len] = 0;
    const int n = sscanf(p->http.line, "HTTP/%1u.%1u %3u%c", &major, &minor, &status, &after);
    if (n < 3 || major != 1 || status < 100 || (n == 4 && after != ' ' && after != '\r'))
        return probe_bad(p, "the reply isn't HTTP/1");
    p->http.status = (uint16_t)status;
    if (!is_expected(p, status)) return probe_bad(p, "status %u", status);
    if (!body_step(p)) return PROBE_GOOD;
    p->http.part = PART_HEAD;
    p->http.blank = 1; /* the end of the status line counts */
    return PROBE_GOES_ON;
}

/* Read a part of the status line; return the number of bytes that belong to it */
static size_t hear_line(struct probe *p, const uint8_t *bytes, size_t n, enum probe_result *r)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            *r = judge_line(p);
            return i + 1;
        }
        /* a reason phrase of any length is ignored */
        if (p->http.line_len < sizeof p->http.line - 1) p->http.line[p->http.line_len++] = (char)bytes[i];
    }
    return n;
}

static size_t hear_head(struct probe *p, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\r') continue;
        p->http.blank = bytes[i] == '\n' ? p->http.blank + 1 : 0;
        if (p->http.blank < 2) continue;
        p->http.part = PART_BODY;
        return i + 1;
    }
    return n;
}

/* Search the body for the expected text, which may be split among reads */
static enum probe_result hear_body(struct probe *p, const uint8_t *bytes, size_t n)
{
    const struct seek *s = &p->seeks[p->check->step_count - 1];
    seek_on(s, &p->http.matched, bytes, n);
    return p->http.matched == s->len ? PROBE_GOOD : PROBE_GOES_ON;
}

enum probe_result http_hear(struct probe *p, const uint8_t *bytes, size_t n)
{
    enum probe_result r = PROBE_GOES_ON;
    size_t at = 0;
    if (!n && p->http.part == PART_STATUS)
        return probe_bad(p, p->heard ? "the server closed the connection in the middle of its reply"
                                     : "the server closed the connection before it replied");
    if (!n) return probe_bad(p, "status %u, but the body lacks the text of `body has`", p->http.status);
    if (p->http.part == PART_STATUS) at = hear_line(p, bytes, n, &r);
    if (r == PROBE_GOES_ON && p->http.part == PART_HEAD) at += hear_head(p, bytes + at, n - at);
    if (r == PROBE_GOES_ON && p->http.part == PART_BODY && at < n) r = hear_body(p, bytes + at, n - at);
    return r;
}

static enum probe_result http_endless(struct probe *p)
{
    return probe_bad(p, "the reply is longer than the 256 KiB that prey reads");
}

void http_talk(struct probe *p)
{
    p->talk = (struct talk){.say = p->request, .say_len = p->request_len, .hear = http_hear, .endless = http_endless};
}

static enum probe_result http_begin(struct probe *p)
{
    http_talk(p);
    return stream_begin(p);
}

const struct probe_ops probe_http = {.begin = http_begin, .step = stream_step};
