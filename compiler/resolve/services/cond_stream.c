/* Conditions of a `when` on a connection's first bytes: sni, alpn, host, path, method, header, instruction, and
 * `bytes payload`. A service can ask only those that it sees, which depends on where TLS ends and on whether it
 * reads requests. */
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "vm/judge/decide.h"
#include "vm/stream/first.h"

/* Return why the service can't ask this; NULL: no reason. *fix: a remedy. */
static const char *why_blind(const struct service_work *w, const struct node *n, const char **fix)
{
    const bool requests = mode_is(w->mode, MODE_REQUESTS), wire = mode_is(w->mode, MODE_INLINE);
    *fix = wire ? "use `mode proxy inline`" : "use `mode proxy`";
    if (n->kind == N_C_BYTES) {
        if (requests) return "this mode reads HTTP requests, and compares no other bytes";
        *fix = "write `bytes payload`";
        return n->first && !str_is(n->first->v.str, "payload")
                   ? "a proxied connection has only payload, no packet headers"
                   : NULL;
    }
    switch (clause_of(n)) {
    case CL_SNI:
    case CL_ALPN:
        *fix = wire ? "add `tls cert \"FILE\" key \"FILE\"`, or use `mode proxy inline`"
                    : "add `tls cert \"FILE\" key \"FILE\"`, or use `mode proxy`";
        return requests && !w->tls ? "the condition needs TLS, and this service has none" : NULL;
    case CL_INSTRUCTION: return requests ? "this mode reads HTTP requests, and compares no other bytes" : NULL;
    default:
        *fix = wire ? "use `mode proxy inline http`" : "use `mode proxy http`";
        return requests ? NULL : "only `proxy http` reads requests";
    }
}

bool stream_cond_visible(const struct service_work *w, const struct node *n)
{
    const char *fix, *why = why_blind(w, n, &fix);
    if (!why) return true;
    mark_names_used(w->c, n);
    diag(w->c->diags, E_MODE_BLIND, n->span, "`%s` isn't possible here: %s",
         n->kind == N_CLAUSE ? node_words(n) : "bytes", why);
    diag_advise(w->c->diags, "%s", fix);
    return false;
}

static void put_list(struct rule_work *w, const struct node *n, const struct node *list, uint8_t kind, bool good,
                     uint32_t index)
{
    struct pbc_cond *cond = good ? cond_add(w, kind, n) : NULL;
    if (!cond) {
        w->bad = true;
        return;
    }
    cond->flags = list->flags & NF_NOT ? PBC_COND_NOT : 0;
    cond->first = index;
    cond->count = 1;
    if (w->c->image->names[index].name) cond->name = w->c->image->names[index].name;
}

static void hosts_cond(struct rule_work *w, const struct node *n, uint8_t kind)
{
    uint32_t index = 0;
    const bool good = names_of(w->c, n->first, &index);
    put_list(w, n, n->first, kind, good, index);
}

static void texts_cond(struct rule_work *w, const struct node *n, const struct node *list, uint8_t kind,
                       enum text_kind what)
{
    uint32_t index = 0;
    const bool good = texts_of(w->c, list, what, &index);
    put_list(w, n, list, kind, good, index);
}

/* Return a field's name in lower case; 0 after a report. */
uint32_t field_name(struct compile *c, const struct node *n)
{
    const struct str s = n->v.str;
    char *name = arena_strndup(c->arena, s.s, s.len);
    for (size_t i = 0; i < s.len; i++) {
        const bool upper = s.s[i] >= 'A' && s.s[i] <= 'Z';
        if (upper) name[i] = (char)(s.s[i] - 'A' + 'a');
        if (upper || (s.s[i] > ' ' && s.s[i] < 127 && !strchr("\"(),/:;<=>?@[\\]{}", s.s[i]))) continue;
        diag(c->diags, E_TEXT, n->span,
             "this isn't a header's name, which has only letters, digits, hyphens and a few signs");
        return 0;
    }
    if (!s.len) diag(c->diags, E_TEXT, n->span, "a header's name can't be empty");
    return s.len ? text_of(c, (struct str){name, s.len}) : 0;
}

static void header_cond(struct rule_work *w, const struct node *n)
{
    const uint32_t name = field_name(w->c, n->first), before = w->c->image->conds_count;
    texts_cond(w, n, n->first->next, COND_HEADER, TEXT_VALUE);
    if (w->c->image->conds_count > before) w->c->image->conds[before].arg = name;
    if (!name) w->bad = true;
}

/* Return 1 + the pattern of the acknowledgement; 0: none. */
static uint32_t ack_of(struct rule_work *w, const struct node *clause)
{
    struct pbc_pattern p = {.layer = PBC_PAYLOAD};
    if (!clause) return 0;
    const struct str s = clause->first->v.str;
    if (s.len == 0 || s.len > sizeof(p.value)) {
        diag(w->c->diags, E_OUT_OF_RANGE, clause->span, "`ack` sends 1 to 64 bytes");
        return 0;
    }
    p.len = (uint8_t)s.len;
    memcpy(p.value, s.s, s.len);
    memset(p.mask, 0xff, s.len);
    const uint32_t at = image_share(w->c->image, PBC_PATTERNS, &p, 1);
    if (at == PBC_NONE) report_full(w->c, clause->span, "byte patterns", 1u << 20);
    return at == PBC_NONE ? 0 : at + 1;
}

static const struct node *stream_part(const struct node *n, enum clause which)
{
    node_each(x, n) if (is_clause(x, which)) return x;
    return NULL;
}

static void instruction_cond(struct rule_work *w, struct service_work *s, const struct node *n)
{
    const struct node *to = node_child(n, N_C_TO);
    struct addr_list list = {0};
    /* All instructions of a service agree on `check sum`, since one reader reads them. */
    const struct node *check = stream_part(n, CL_CHECK);
    const bool sum = check && is_choice(check->first, CL_SUM);
    if (s->instruction && s->instruction_sum != sum) {
        diag(w->c->diags, E_INSTRUCTION, n->span, "one `when` of this service has `check sum`, but another doesn't");
        diag_note(w->c->diags, s->instruction->span, "the first one is here");
        w->bad = true;
    }
    s->instruction = n;
    s->instruction_sum = sum;
    s->wants |= FIRST_INSTRUCTION | (sum ? FIRST_SUM : 0u);
    const uint32_t ack = ack_of(w, stream_part(n, CL_ACK));
    const bool good = to && addr_list_of(w->c, to->first, &list);
    if (good && (list.self || (list.any && to->first->flags & NF_NOT))) {
        diag(w->c->diags, E_INSTRUCTION, to->span, "`instruction to` needs addresses: %s",
             list.self ? "`self` isn't possible" : "`not any` leaves nothing");
    } else if (good) {
        struct pbc_cond *cond = cond_add(w, COND_INSTRUCTION, n);
        if (cond) {
            cond->flags = to->first->flags & NF_NOT || list.any ? PBC_COND_NOT : 0; /* `not` without a set means any */
            cond->arg = ack;
            const uint32_t at = w->c->image->conds_count - 1;
            uint32_t first = 0, count = 0;
            if (!list.any && addr_list_place(w->c, &list, n->span, &first, &count)) {
                w->c->image->conds[at].first = first;
                w->c->image->conds[at].count = count;
            }
        }
        set_fini(&list.set);
        return;
    }
    set_fini(&list.set);
    w->bad = true;
}

void stream_cond_resolve(struct rule_work *w, struct service_work *s, const struct node *n)
{
    switch (clause_of(n)) {
    case CL_SNI: hosts_cond(w, n, COND_SNI); break;
    case CL_HOST: hosts_cond(w, n, COND_HOST); break;
    case CL_ALPN: texts_cond(w, n, n->first, COND_ALPN, TEXT_ALPN); break;
    case CL_PATH: texts_cond(w, n, n->first, COND_PATH, TEXT_PATH); break;
    case CL_METHOD: texts_cond(w, n, n->first, COND_METHOD, TEXT_METHOD); break;
    case CL_HEADER: header_cond(w, n); break;
    case CL_INSTRUCTION: instruction_cond(w, s, n); break;
    default: break;
    }
}

/* Sort the conditions from `from` on: those on the key before those on bytes, each in the file's order. */
static void order(struct image *img, uint32_t from)
{
    for (uint32_t i = from + 1; i < img->conds_count; i++)
        for (uint32_t k = i; k > from && !stream_asks(&img->conds[k]) && stream_asks(&img->conds[k - 1]); k--) {
            const struct pbc_cond cond = img->conds[k];
            const struct span span = img->cond_span[k];
            img->conds[k] = img->conds[k - 1];
            img->cond_span[k] = img->cond_span[k - 1];
            img->conds[k - 1] = cond;
            img->cond_span[k - 1] = span;
        }
}

static void want(struct service_work *s, const struct pbc_cond *c)
{
    const struct pbc_pattern *t = c->kind == COND_BYTES ? s->c->image->patterns + c->first : NULL;
    uint32_t *wants = c->flags & PBC_COND_REPLY ? &s->wants_reply : &s->wants;
    const uint32_t looks = *wants >> FIRST_BYTES_SHIFT, most = (uint32_t)s->c->image->settings->first_bytes;
    switch (c->kind) {
    case COND_SNI:
    case COND_ALPN: *wants |= s->tls ? 0 : FIRST_TLS; break;
    case COND_HOST:
    case COND_PATH:
    case COND_METHOD:
    case COND_HEADER: *wants |= FIRST_HTTP; break;
    case COND_BYTES:
        if (t->at + t->len > most) {
            diag(s->c->diags, E_OUT_OF_RANGE, span_at(s->c, &c->place),
                 "these bytes end at byte %u, but prey reads only the first %u bytes of a connection", t->at + t->len,
                 most);
            diag_advise(s->c->diags, "to read more bytes, raise `limits { first_bytes N }`");
        }
        if (looks < (uint32_t)t->at + t->len)
            *wants = (*wants & ((1u << FIRST_BYTES_SHIFT) - 1)) | (uint32_t)(t->at + t->len) << FIRST_BYTES_SHIFT;
        break;
    default: break;
    }
}

void stream_conds_settle(struct service_work *s, uint32_t from)
{
    struct image *img = s->c->image;
    order(img, from);
    for (uint32_t i = from; i < img->conds_count; i++) want(s, &img->conds[i]);
}
