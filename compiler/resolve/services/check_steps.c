/* Steps of a check: bytes to send and to find in the reply, in the order of the file, and lines of a request */
#include "compiler/resolve/services/check_steps.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Append a step with its bytes. False after a report that there is no room. */
static bool add_step(struct step_work *w, enum pbc_step_kind kind, struct span span, const char *bytes, size_t len)
{
    struct image *img = w->c->image;
    if (w->check->step_count == PBC_CHECK_STEPS_MAX) {
        diag(w->c->diags, E_CHECK_STEPS, span, "a check has at most %u steps", PBC_CHECK_STEPS_MAX);
        return false;
    }
    struct pbc_step *step = image_add_steps(img);
    if (step) *step = (struct pbc_step){.bytes = img->said_count, .len = (uint16_t)len, .kind = (uint8_t)kind};
    for (size_t i = 0; step && i < len; i++) {
        uint8_t *to = image_add_said(img);
        if (!to) step = NULL;
        if (to) *to = (uint8_t)bytes[i];
    }
    if (!step) {
        const bool full = img->said_count >= 1u << 24;
        report_full(w->c, span, full ? "bytes in checks" : "steps of checks", full ? 1u << 24 : 1u << 20);
        return false;
    }
    w->check->step_count++;
    return true;
}

/* Append the bytes of a clause, a text or hex bytes. False after a report that there is no room for further steps. */
static bool add_bytes(struct step_work *w, enum pbc_step_kind kind, const struct node *n)
{
    const struct str s = n->v.str;
    if (s.len >= 1 && s.len <= PBC_STEP_BYTES_MAX) return add_step(w, kind, n->span, s.s, s.len);
    diag(w->c->diags, E_CHECK_BYTES, n->span, "a step of a check sends or expects 1 to %u bytes, not %zu",
         PBC_STEP_BYTES_MAX, s.len);
    return true;
}

static bool is_bytes(const struct node *n) { return n->kind == N_BYTES || n->kind == N_STRING; }

/* Return the kind of a clause's step; PBC_STEP_KINDS if it has none. */
static enum pbc_step_kind kind_of_step(const struct node *n)
{
    if (is_clause(n, CL_SEND)) return PBC_STEP_SEND;
    if (is_clause(n, CL_EXPECT_HAS)) return PBC_STEP_HAS;
    return is_clause(n, CL_EXPECT) ? PBC_STEP_EXPECT : PBC_STEP_KINDS;
}

void steps_of_tcp(struct step_work *w)
{
    node_each(n, w->options)
    {
        const enum pbc_step_kind kind = kind_of_step(n);
        if (kind == PBC_STEP_KINDS || !n->first) continue;
        if (!is_bytes(n->first))
            diag(w->c->diags, E_CHECK_OPTION, n->first->span,
                 "after `expect`, write a text or bytes, such as \"220 \" or x\"16 03\"");
        else if (!add_bytes(w, kind, n->first))
            return;
    }
}

void steps_of_udp(struct step_work *w)
{
    const struct node *found[2] = {NULL, NULL}; /* `send`; `expect` or `expect has` */
    node_each(n, w->options)
    {
        const enum pbc_step_kind kind = kind_of_step(n);
        if (kind == PBC_STEP_KINDS || !n->first) continue;
        const struct node **slot = &found[kind != PBC_STEP_SEND];
        if (*slot) {
            diag(w->c->diags, E_CLAUSE_TWICE, n->span, "a `udp` check takes one `send` and one `expect`");
            diag_note(w->c->diags, (*slot)->span, "the first one is here");
        } else if (!is_bytes(n->first)) {
            diag(w->c->diags, E_CHECK_OPTION, n->first->span,
                 "after `expect`, write a text or bytes, such as \"220 \" or x\"16 03\"");
            return;
        } else {
            *slot = n;
        }
    }
    if (!found[0] || !found[1]) {
        diag(w->c->diags, E_CHECK_NEEDS, w->kind->span,
             "a `udp` check needs `send` and `expect`: a working server may stay silent until it is asked");
        diag_advise(w->c->diags, "write `udp send \"..\" expect \"..\"`");
    } else if (add_bytes(w, PBC_STEP_SEND, found[0]->first)) {
        add_bytes(w, kind_of_step(found[1]), found[1]->first);
    }
}

/* ---- requests ---- */

/* Return the reason why a check can't set that header; NULL: it may set it. */
static const char *header_taken(const struct str *name)
{
    static const struct {
        const char *name, *why;
    } taken[] = {
        {"Host", "write `host \"NAME\"` instead"},
        {"Connection", "a check sends one request per connection"},
        {"Content-Length", "a check's request has no body"},
        {"Transfer-Encoding", "a check's request has no body"},
    };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strlen(taken[i].name) == name->len && !strncasecmp(taken[i].name, name->s, name->len)) return taken[i].why;
    return NULL;
}

/* True for a token (RFC 9110, 5.6.2) */
static bool is_token(const struct str *s)
{
    for (size_t i = 0; i < s->len; i++) {
        const char c = s->s[i];
        if (!c || !(isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c))) return false;
    }
    return s->len;
}

static bool is_value(const struct str *s)
{
    for (size_t i = 0; i < s->len; i++) {
        const unsigned char c = (unsigned char)s->s[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

static bool header_good(struct step_work *w, const struct node *n)
{
    const struct str name = n->first->v.str, value = n->first->next->v.str;
    const char *taken = header_taken(&name);
    if (!is_token(&name))
        diag(w->c->diags, E_CHECK_HEADER, n->first->span,
             "this isn't a header's name, which has only letters, digits, hyphens and a few signs");
    else if (taken)
        diag(w->c->diags, E_CHECK_HEADER, n->first->span, "a check can't set `%.*s`: %s", (int)name.len, name.s, taken);
    else if (!is_value(&value))
        diag(w->c->diags, E_CHECK_HEADER, n->first->next->span,
             "a header's value is one line, without control characters");
    else if (name.len + value.len + 2 > PBC_STEP_BYTES_MAX)
        diag(w->c->diags, E_CHECK_HEADER, n->span, "a header of a check has at most %u bytes", PBC_STEP_BYTES_MAX);
    else
        return true;
    return false;
}

/* Return the first clause before `n` that sets the same header; NULL: none. */
static const struct node *set_before(const struct step_work *w, const struct node *n)
{
    const struct str name = n->first->v.str;
    node_each(m, w->options)
    {
        if (m == n) return NULL;
        if (!is_clause(m, CL_HEADER)) continue;
        const struct str other = m->first->v.str;
        if (other.len == name.len && !strncasecmp(other.s, name.s, name.len)) return m;
    }
    return NULL;
}

static bool add_header(struct step_work *w, const struct node *n)
{
    char line[PBC_STEP_BYTES_MAX];
    const struct str name = n->first->v.str, value = n->first->next->v.str;
    const struct node *before = set_before(w, n);
    if (!header_good(w, n)) return true;
    if (before) {
        diag(w->c->diags, E_CHECK_HEADER, n->span, "this check sets `%.*s` twice", (int)name.len, name.s);
        diag_note(w->c->diags, before->span, "the first one is here");
        return true;
    }
    memcpy(line, name.s, name.len);
    memcpy(line + name.len, ": ", 2);
    memcpy(line + name.len + 2, value.s, value.len);
    return add_step(w, PBC_STEP_HEADER, n->span, line, name.len + 2 + value.len);
}

void steps_of_http(struct step_work *w)
{
    const struct node *body = NULL;
    node_each(n, w->options)
    {
        if (is_clause(n, CL_BODY_HAS)) body = n;
        if (is_clause(n, CL_HEADER) && !add_header(w, n)) return;
    }
    if (!body) return;
    if (w->check->method == PBC_METHOD_HEAD) {
        diag(w->c->diags, E_CHECK_OPTION, body->span, "the response to HEAD has no body: use GET");
        return;
    }
    add_bytes(w, PBC_STEP_HAS, body->first);
}
