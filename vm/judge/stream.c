/* Connections to proxy services: their key, the result of a condition on their first bytes, and the branch that
 * takes them. */
#include <string.h>

#include "vm/judge/decide.h"
#include "vm/judge/effects.h"
#include "vm/program/program.h"
#include "vm/stream/first.h"

struct asked {
    const struct program *p;
    const struct pbc_cond *c;
    const struct first *first;
    bool plain;
};

static enum stream_says says_if(const struct asked *a, bool yes)
{
    return yes != !!(a->c->flags & PBC_COND_NOT) ? STREAM_YES : STREAM_NO;
}

const char *stream_path_fault(const char *path, size_t len)
{
    uint8_t scratch[HELLO_MAX];
    struct view normal;
    if (!len || *path != '/') return "a path begins with `/`";
    if (memchr(path, '?', len)) return "paths are compared without the query: remove the `?` and the query";
    if (!http_path_normal((struct view){(const uint8_t *)path, (uint32_t)len}, scratch, sizeof scratch, &normal))
        return "two hex digits must follow `%`";
    return normal.len == len && memcmp(normal.at, path, len) == 0
               ? NULL
               : "paths are compared in normal form: write it without `.`, `..` and needless `%` escapes";
}

/* Return the result for a missing field: a condition on it is false, and so is its `not`. */
static enum stream_says not_said(enum first_known known) { return known == FIRST_NOT_YET ? STREAM_LATER : STREAM_NO; }

static bool in_names(const struct asked *a, struct view v)
{
    return (a->plain ? names_match_plain : names_match)(a->p, a->c->first, (const char *)v.at, v.len);
}

typedef enum first_known view_fn(const struct first *f, struct view *out);

static enum stream_says of_view(const struct asked *a, view_fn *read)
{
    struct view v;
    const enum first_known known = read(a->first, &v);
    return known == FIRST_KNOWN ? says_if(a, in_names(a, v)) : not_said(known);
}

static enum stream_says of_alpn(const struct asked *a)
{
    const struct pbc_names *l = &a->p->names[a->c->first];
    bool offers = false;
    for (uint32_t i = 0; i < l->count && !offers; i++) {
        const char *name = program_str(a->p, a->p->hosts[l->first + i]);
        const enum first_known known = first_alpn(a->first, name, (uint32_t)strlen(name), &offers);
        if (known != FIRST_KNOWN) return not_said(known);
    }
    return says_if(a, offers);
}

static enum stream_says of_header(const struct asked *a)
{
    const char *name = program_str(a->p, a->c->arg);
    enum first_known known;
    struct view v;
    bool any = false;
    for (unsigned next = 0; (known = first_header(a->first, name, &next, &v)) == FIRST_KNOWN; any = true)
        if (in_names(a, v)) return says_if(a, true);
    return any && known == FIRST_ABSENT ? says_if(a, false) : not_said(known);
}

static enum stream_says of_bytes(const struct asked *a)
{
    const struct pbc_pattern *t = &a->p->patterns[a->c->first];
    struct view v;
    const enum first_known known = first_bytes(a->first, t->at, t->len, &v);
    if (known != FIRST_KNOWN) return not_said(known);
    for (unsigned i = 0; i < t->len; i++)
        if ((v.at[i] & t->mask[i]) != t->value[i]) return t->is_not ? STREAM_YES : STREAM_NO;
    return t->is_not ? STREAM_NO : STREAM_YES;
}

static enum stream_says of_instruction(const struct asked *a)
{
    const struct instruction *i;
    const enum first_known known = first_instruction(a->first, &i);
    if (known != FIRST_KNOWN) return not_said(known);
    struct key key = {.kind = i->target.v6 ? KIND_IP6 : KIND_IP4};
    memcpy(key.dst, i->target.addr, sizeof key.dst);
    for (uint32_t s = a->c->first; s < a->c->first + a->c->count; s++)
        if (a->plain ? set_has_plain(a->p, s, &key, true) : set_has(a->p, s, &key, true)) return says_if(a, true);
    return says_if(a, false);
}

enum stream_says stream_cond(const struct program *p, const struct pbc_cond *c, const struct first *first, bool plain)
{
    const struct asked a = {.p = p, .c = c, .first = first, .plain = plain};
    switch (c->kind) {
    case COND_SNI: return of_view(&a, first_sni);
    case COND_HOST: return of_view(&a, first_host);
    case COND_PATH: return of_view(&a, first_path);
    case COND_METHOD: return of_view(&a, first_method);
    case COND_ALPN: return of_alpn(&a);
    case COND_HEADER: return of_header(&a);
    case COND_INSTRUCTION: return of_instruction(&a);
    default: return of_bytes(&a);
    }
}

bool stream_fails(struct stream_run *run, const struct program *p, uint32_t cond)
{
    const enum stream_says said = stream_cond(p, &p->conds[cond], run->first, false);
    run->waits = (run->waits || said == STREAM_LATER) && said != STREAM_NO; /* the next branch starts again */
    return said == STREAM_NO;
}

uint32_t program_stream(const struct program *p, const struct key *key, const struct first *first)
{
    struct pkt *const none[] = {NULL}; /* no code of meta.streams reads a packet */
    struct stream_run run = {.first = first};
    decided d;
    if (!p->meta->streams) return PBC_NONE;
    run_code(p, p->meta->streams, key, none, 1, NULL, &(struct effects){.stream = &run}, &d);
    if (decided_action(d) != ACTION_FORWARD || !p->services[p->branches[decided_rule(d)].service].proxy)
        return PBC_NONE;
    return run.waits ? STREAM_MORE : decided_rule(d);
}

unsigned program_wants(const struct program *p, uint32_t service)
{
    const uint32_t proxy = p->services[service].proxy;
    return proxy ? p->proxies[proxy - 1].wants : 0;
}

const struct pbc_pattern *program_ack(const struct program *p, uint32_t branch)
{
    const struct pbc_branch *b = &p->branches[branch];
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++)
        if (p->conds[c].kind == COND_INSTRUCTION) return p->conds[c].arg ? &p->patterns[p->conds[c].arg - 1] : NULL;
    return NULL;
}

bool program_refuses(const struct program *p, uint32_t branch, const struct first *first)
{
    const struct pbc_branch *b = &p->branches[branch];
    return branch_goes(b) == PBC_GOES_NOWHERE && first->instruction == FIRST_KNOWN;
}

struct key stream_key(unsigned family, const uint32_t src[4], uint16_t sport, const uint32_t dst[4], uint16_t dport,
                      bool from_self, bool to_self, uint32_t schedules)
{
    struct key key = {.kind = (family == 4 ? KIND_IP4 : KIND_IP6) | KIND_TCP | KIND_PORTS | KIND_PROTO | KIND_FRAG_NO |
                              KIND_IN | (from_self ? KIND_SRC_SELF : 0) | (to_self ? KIND_DST_SELF : 0),
                      .marks = schedules << MARK_SCHEDULES,
                      .src_port = sport,
                      .dst_port = dport,
                      .proto = 6,
                      .iface = IFACE_NONE};
    memcpy(key.src, src, sizeof key.src);
    memcpy(key.dst, dst, sizeof key.dst);
    return key;
}
