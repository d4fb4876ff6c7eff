/* The tree as text: one node per line, indented by its depth, with its payload and its place. */
#include "lang/tree/dump.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_str(const struct str *s, FILE *out)
{
    fputc('"', out);
    for (size_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->s[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void put_addr(const struct addr *a, FILE *out)
{
    char text[INET6_ADDRSTRLEN];
    fputs(inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof(text)), out);
}

static const char *word_of(const struct node *n)
{
    static const char *const verdicts[] = {
#define VERDICT_WORD(token, text) text,
#include "lang/words/word.def"
    };
    static const char *const answers[] = {"default", "rst", "unreachable", "prohibited"};
    static const char *const directions[] = {"any", "in", "out", "forward"};
    static const char *const protos[] = {
#define PROTOCOL_WORD(token, text) text,
#include "lang/words/word.def"
    };
    switch (n->kind) {
    case N_VERDICT: return verdicts[n->v.i];
    case N_WITH: return answers[n->v.i];
    case N_DIRECTION: return directions[n->v.i];
    case N_PROTO_WORD: return protos[n->v.i];
    case N_CLAUSE:
    case N_CHOICE:
    case N_STEP:
    case N_PACKET:
    case N_PROTO_PORTS: return node_words(n);
    case N_OTHER_FRAMES: return n->v.i ? "pass" : "drop";
    default: return NULL;
    }
}

/* Return the unit of a node's number. */
static const char *unit_of(const struct node *n)
{
    switch (n->kind) {
    case N_DURATION: return "ns";
    case N_BANDWIDTH: return "bit/s";
    case N_SIZE: return "bytes";
    case N_PERCENT: return "%";
    case N_STATUS: return "xx";
    case N_TIME: return "min";
    default: return "";
    }
}

static void dump_range(const struct value *v, FILE *out)
{
    if (!v->range.open_lo) fprintf(out, "%" PRIu64, v->range.lo);
    fputc('-', out);
    if (!v->range.open_hi) fprintf(out, "%" PRIu64, v->range.hi);
}

static void put_endpoint(const struct value *v, FILE *out)
{
    if (v->endpoint.is_self) {
        fputs("self", out);
    } else {
        fputs(v->endpoint.addr.family == 6 ? "[" : "", out);
        put_addr(&v->endpoint.addr, out);
        fputs(v->endpoint.addr.family == 6 ? "]" : "", out);
    }
    fprintf(out, ":%u", v->endpoint.port);
}

static void put_value(const struct node *n, FILE *out)
{
    const struct value *v = &n->v;
    if (v->kind == VALUE_NONE) return;
    fputc(' ', out);
    switch (v->kind) {
    case VALUE_NONE: break;
    case VALUE_INT:
        if (word_of(n))
            fputs(word_of(n), out);
        else
            fprintf(out, "%" PRIu64 "%s", v->i, unit_of(n));
        break;
    case VALUE_STR:
        if (n->kind == N_STRING || n->kind == N_FILE)
            put_str(&v->str, out);
        else if (n->kind == N_BYTES)
            for (size_t i = 0; i < v->str.len; i++) fprintf(out, "%02x", (unsigned char)v->str.s[i]);
        else
            fwrite(v->str.s, 1, v->str.len, out);
        break;
    case VALUE_ADDR: put_addr(&v->addr, out); break;
    case VALUE_PREFIX:
        put_addr(&v->prefix.addr, out);
        fprintf(out, "/%u", v->prefix.len);
        break;
    case VALUE_ADDR_RANGE:
        put_addr(&v->addr_range->lo, out);
        fputc('-', out);
        put_addr(&v->addr_range->hi, out);
        if (n->kind == N_ENDPOINT_RANGE) fprintf(out, " port %u", v->addr_range->port);
        break;
    case VALUE_RANGE: dump_range(v, out); break;
    case VALUE_MAC:
        fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1], v->mac[2], v->mac[3], v->mac[4], v->mac[5]);
        break;
    case VALUE_ENDPOINT: put_endpoint(v, out); break;
    case VALUE_RATE: fprintf(out, "%" PRIu64 " per %" PRIu64 "ns", v->rate.count, v->rate.per_ns); break;
    }
}

/* Print a node and its children. Recursion is as deep as the tree, which the parser bounds. */
static void dump(const struct node *n, struct sources *sources, FILE *out, int depth)
{
    unsigned line, col;
    source_place(sources, n->span.file, n->span.start, &line, &col);
    fprintf(out, "%*s%s", 2 * depth, "", node_kind_name((enum node_kind)n->kind));
    if (n->flags & NF_NOT) fputs(" not", out);
    if (n->flags & NF_REPLY) fputs(" reply", out);
    if (n->flags & NF_ELSE) fputs(" else", out);
    put_value(n, out);
    fprintf(out, " @%u:%u\n", line, col);
    node_each(c, n) dump(c, sources, out, depth + 1);
}

void lang_dump(const struct node *tree, struct sources *sources, FILE *out) { dump(tree, sources, out, 0); }
