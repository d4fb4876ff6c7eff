/* Writes an ended session as one line of JSON, members in a fixed order. Names come from strangers: they are
 * escaped, and those of files have plain characters only. */
#include "runtime/observe/line.h"

#include <string.h>
#include <time.h>

#include "lang/json.h"
#include "vm/words/words.h"

enum { NAME_MOST = 1024 /* bytes of a name that a session reports */ };

static void put_time(FILE *out, const char *key, uint64_t ns)
{
    char text[40];
    struct tm parts;
    const time_t s = (time_t)(ns / 1000000000u);
    gmtime_r(&s, &parts);
    const size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + len, sizeof text - len, ".%06uZ", (unsigned)(ns % 1000000000u / 1000));
    fprintf(out, ",\"%s\":\"%s\"", key, text);
}

static void put_ends(FILE *out, const struct observe_event *e)
{
    char client[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];
    const struct observe_ends *ends = e->ends;
    json_print(out, ",'client':%s,'client_port':%u,'server':%s,'server_port':%u",
               address_text(ends->family, ends->client, client), ends->client_port,
               address_text(ends->family, ends->server, server), ends->server_port);
    if (ends->vlan[0] != OBSERVE_NO_VLAN) {
        json_print(out, ",'vlan':[%u", ends->vlan[0]);
        if (ends->vlan[1] != OBSERVE_NO_VLAN) json_print(out, ",%u", ends->vlan[1]);
        putc(']', out);
    }
    if (ends->iface < e->program->ifaces_count)
        json_print(out, ",'interface':%s", program_str(e->program, e->program->ifaces[ends->iface].device));
    if (ends->midstream) json_print(out, ",'midstream':%i", true);
}

static void put_name(FILE *out, const char *key, struct view v)
{
    if (!v.at) return;
    const int len = v.len < NAME_MOST ? (int)v.len : NAME_MOST;
    const uint8_t *zero = memchr(v.at, 0, (size_t)len);
    json_print(out, ",%s:%.*s", key, zero ? (int)(zero - v.at) : len, (const char *)v.at);
}

static void put_names(FILE *out, const struct observe_summary *s)
{
    put_name(out, "sni", s->sni);
    if (s->alpn.at) {
        fputs(",\"alpn\":[", out);
        for (uint32_t at = 0, n = 0; at < s->alpn.len && s->alpn.at[at] && s->alpn.at[at] < s->alpn.len - at && n < 16;
             at += 1u + s->alpn.at[at], n++) {
            json_next(out, n);
            json_print(out, "%.*s", s->alpn.at[at], (const char *)s->alpn.at + at + 1);
        }
        putc(']', out);
    }
    put_name(out, "host", s->host);
    put_name(out, "method", s->method);
    put_name(out, "path", s->path);
    if (s->status) json_print(out, ",'status':%u", s->status);
}

static void put_half(FILE *out, const char *key, const struct observe_sum *s)
{
    json_print(out, ",%s:{'bytes':%llu,'packets':%llu,'holes':%llu,'hole_bytes':%llu,'retransmitted':%llu", key,
               (unsigned long long)s->bytes, (unsigned long long)s->packets, (unsigned long long)s->holes,
               (unsigned long long)s->hole_bytes, (unsigned long long)s->retransmitted);
    json_print(out, ",'reordered':%llu,'differing':%llu,'urgent':%llu,'fin':%i", (unsigned long long)s->reordered,
               (unsigned long long)s->differing, (unsigned long long)s->urgent, s->fin);
    if (s->rtt_count)
        json_print(out, ",'rtt':{'measured':%u,'least_us':%llu,'smoothed_us':%llu,'most_us':%llu}", s->rtt_count,
                   (unsigned long long)(s->rtt_min_ns / 1000), (unsigned long long)(s->rtt_ns / 1000),
                   (unsigned long long)(s->rtt_max_ns / 1000));
    putc('}', out);
}

const char *observed_gap_kind(const struct observed_gap *g)
{
    return g->lost ? "lost" : g->kind == OBSERVE_DIFFERS ? "differs" : "hole";
}

const char *observed_gap_cause(const struct observed_gap *g)
{
    return g->lost || g->kind != OBSERVE_HOLE || g->cause >= OBSERVE_HOLES ? NULL : observe_hole_name[g->cause];
}

static void put_gaps(FILE *out, const struct observed_told *told)
{
    if (told->count) fputs(",\"gaps\":[", out);
    for (uint32_t i = 0; i < told->count; i++) {
        const struct observed_gap *g = &told->gaps[i];
        json_next(out, i);
        json_print(out, "{'kind':%s,'from':%s,'offset':%llu,'bytes':%llu", observed_gap_kind(g),
                   g->half == OBSERVE_CLIENT ? "client" : "server", (unsigned long long)g->offset,
                   (unsigned long long)g->len);
        if (observed_gap_cause(g)) json_print(out, ",'cause':%s", observed_gap_cause(g));
        putc('}', out);
    }
    if (told->count) putc(']', out);
    if (told->more) json_print(out, ",'more_gaps':%llu", (unsigned long long)told->more);
    if (told->lost) json_print(out, ",'lost_bytes':%llu", (unsigned long long)told->lost);
    if (told->files) json_print(out, ",'files':%s", told->files);
}

void observed_line(FILE *out, const struct observe_event *e, uint64_t wall_ns, const struct observed_told *told)
{
    const struct observe_summary *s = e->sum;
    json_print(out, "{'service':%s", program_str(e->program, e->program->observes[e->observe].name));
    put_time(out, "begin", e->begin_ns + wall_ns);
    put_time(out, "end", (s->end_ns ? s->end_ns : e->at_ns) + wall_ns);
    json_print(out, ",'why':%s", s->why < OBSERVE_WHYS ? observe_why_name[s->why] : "?");
    if (s->why == OBSERVE_WHY_RESET) json_print(out, ",'reset_by':%s", s->reset_by_server ? "server" : "client");
    put_ends(out, e);
    json_print(out, ",'branch':%s", e->does < PBC_DOES ? does_name(e->does) : "undecided");
    put_names(out, s);
    if (s->handshake_ns) json_print(out, ",'handshake_us':%llu", (unsigned long long)(s->handshake_ns / 1000));
    put_half(out, "from_client", &s->half[OBSERVE_CLIENT]);
    put_half(out, "from_server", &s->half[OBSERVE_SERVER]);
    put_gaps(out, told);
    fputs("}\n", out);
}

static void stem_append(char stem[OBSERVED_STEM], const char *text)
{
    size_t len = strlen(stem);
    for (; *text && len < OBSERVED_STEM - 1; text++) {
        const char c = *text;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                           c == '-' || (c == '.' && len);
        stem[len++] = plain ? c : '_';
    }
    stem[len] = '\0';
}

void observed_stem(char stem[OBSERVED_STEM], const struct observe_event *e, uint64_t wall_ns)
{
    char client[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN], text[160], time[40];
    const struct observe_ends *ends = e->ends;
    const uint64_t ns = e->begin_ns + wall_ns;
    struct tm parts;
    const time_t s = (time_t)(ns / 1000000000u);
    gmtime_r(&s, &parts);
    strftime(time, sizeof time, "%Y%m%dT%H%M%S", &parts);
    snprintf(text, sizeof text, "%.60s", program_str(e->program, e->program->observes[e->observe].name));
    *stem = '\0';
    stem_append(stem, text);
    snprintf(text, sizeof text, "-%s.%06u-%s-%u-", time, (unsigned)(ns % 1000000000u / 1000),
             address_text(ends->family, ends->client, client), ends->client_port);
    stem_append(stem, text);
    snprintf(text, sizeof text, "%s-%u", address_text(ends->family, ends->server, server), ends->server_port);
    stem_append(stem, text);
    for (unsigned i = 0; i < 2 && ends->vlan[i] != OBSERVE_NO_VLAN; i++) {
        snprintf(text, sizeof text, i ? ".%u" : "-vlan%u", ends->vlan[i]);
        stem_append(stem, text);
    }
}
