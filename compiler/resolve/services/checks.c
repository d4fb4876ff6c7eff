/* Read `check NAME = KIND …`, the expected reply of a healthy server. The live runtime runs checks; every mistake is
 * found here. */
#include <string.h>

#include "compiler/resolve/services/check_steps.h"

enum { KIND_BITS_ALL = (1 << PBC_CHECK_KINDS) - 1 };
#define OF(kind) (1 << PBC_CHECK_##kind)

static const enum clause kinds[PBC_CHECK_KINDS] = {
    [PBC_CHECK_TCP] = CL_TCP,   [PBC_CHECK_HTTP] = CL_HTTP, [PBC_CHECK_HTTPS] = CL_HTTPS,
    [PBC_CHECK_ICMP] = CL_ICMP, [PBC_CHECK_UDP] = CL_UDP,
};

/* Kinds of checks that have an option; 0: all */
static const uint8_t option_kinds[CL_COUNT] = {
    [CL_SEND] = OF(TCP) | OF(UDP),
    [CL_EXPECT] = OF(TCP) | OF(UDP) | OF(HTTP) | OF(HTTPS),
    [CL_EXPECT_HAS] = OF(TCP) | OF(UDP),
    [CL_HEADER] = OF(HTTP) | OF(HTTPS),
    [CL_HOST] = OF(HTTP) | OF(HTTPS),
    [CL_SNI] = OF(HTTPS),
    [CL_VERIFY_OFF] = OF(HTTPS),
    [CL_VERIFY_CA] = OF(HTTPS),
    [CL_BODY_HAS] = OF(HTTP) | OF(HTTPS),
    [CL_PORT] = KIND_BITS_ALL & ~OF(ICMP),
    [CL_WITHOUT_PROXY] = OF(TCP) | OF(HTTP) | OF(HTTPS),
};

struct check_work {
    struct compile *c;
    const struct node *kind_node;
    struct clauses options;
    struct pbc_check check;
};

static const struct node *option(const struct check_work *w, enum clause clause) { return w->options.of[clause]; }

static void check_option_kinds(const struct check_work *w)
{
    for (unsigned i = 0; i < CL_COUNT; i++) {
        const struct node *n = w->options.of[i];
        if (!n || !option_kinds[i] || option_kinds[i] >> w->check.kind & 1) continue;
        diag(w->c->diags, E_CHECK_OPTION, n->span, "`%s` isn't an option of `%s` checks", node_words(n),
             node_words(w->kind_node));
        diag_note(w->c->diags, w->kind_node->span, "the kind of check is here");
    }
}

static void statuses_of(struct check_work *w, const struct node *expect)
{
    struct number_set s = {0};
    node_each(n, expect)
    {
        const bool range = n->kind == N_RANGE, class = n->kind == N_STATUS;
        const uint64_t lo = range ? n->v.range.lo : class ? n->v.i * 100 : n->v.i;
        const uint64_t hi = range ? n->v.range.hi : class ? lo + 99 : lo;
        if (lo < 100 || hi > 599)
            diag(w->c->diags, E_OUT_OF_RANGE, n->span,
                 "this isn't a status: statuses go from 100 to 599, classes from 1xx to 5xx");
        else if (lo > hi)
            diag(w->c->diags, E_OUT_OF_RANGE, n->span, "write %u-%u: a range begins with its smaller number",
                 (unsigned)hi, (unsigned)lo);
        else
            numbers_add(w->c, &s, (uint32_t)lo, (uint32_t)hi);
    }
    numbers_normalise(&s);
    w->check.status = image_share(w->c->image, PBC_RANGES, s.r, s.n);
    w->check.status_count = s.n;
}

/* Read the statuses that an http or https check expects, in one list. */
static void expect_of_http(struct check_work *w, const struct node *options)
{
    const struct node *expect = option(w, CL_EXPECT);
    node_each(n, options)
    {
        if (!is_clause(n, CL_EXPECT) || n == expect) continue;
        diag(w->c->diags, E_CLAUSE_TWICE, n->span, "`expect` is written twice in this check");
        diag_note(w->c->diags, expect->span, "the first one is here");
    }
    if (!expect) {
        diag(w->c->diags, E_CHECK_NEEDS, w->kind_node->span,
             "`%s` needs `expect` with the good status, such as `expect 200`", node_words(w->kind_node));
        diag_suggest(w->c->diags, span_after(whole_clause(w->kind_node)), " expect 200");
    } else if (expect->first && (expect->first->kind == N_BYTES || expect->first->kind == N_STRING)) {
        diag(w->c->diags, E_CHECK_OPTION, expect->first->span,
             "after `expect`, write a status such as 200, 3xx or 200-399; to look for a text, write `body has`");
    } else {
        statuses_of(w, expect);
    }
}

static void steps_of(struct check_work *w, const struct node *options)
{
    struct step_work steps = {.c = w->c, .options = options, .kind = w->kind_node, .check = &w->check};
    w->check.steps = w->c->image->steps_count;
    switch (w->check.kind) {
    case PBC_CHECK_TCP: steps_of_tcp(&steps); break;
    case PBC_CHECK_UDP: steps_of_udp(&steps); break;
    case PBC_CHECK_HTTP:
    case PBC_CHECK_HTTPS:
        expect_of_http(w, options);
        steps_of_http(&steps);
        break;
    default: break;
    }
}

static void verify_of(struct check_work *w)
{
    const struct node *off = option(w, CL_VERIFY_OFF), *ca = option(w, CL_VERIFY_CA);
    if (off) w->check.flags |= PBC_CHECK_NO_VERIFY;
    if (off && ca) {
        diag(w->c->diags, E_CHECK_VERIFY, off->span, "`verify off` and `verify ca` exclude each other");
        diag_note(w->c->diags, ca->span, "the other option is here");
    } else if (w->check.kind == PBC_CHECK_HTTPS && !off && !w->check.sni && !w->check.host) {
        diag(w->c->diags, E_CHECK_VERIFY, w->kind_node->span,
             "to verify the server's certificate, add `sni` or `host`; to accept any certificate, write `verify off`");
    }
}

/* True if a text has a blank or a control character, which would end its place in a request. */
static bool has_blank(const struct str *s)
{
    for (size_t i = 0; i < s->len; i++)
        if (s->s[i] && ((unsigned char)s->s[i] <= ' ' || s->s[i] == 0x7f)) return true;
    return false;
}

static void check_path(struct check_work *w)
{
    const struct node *method = w->kind_node->first, *path = method ? method->next : NULL;
    if (!path || path->kind != N_STRING) return;
    const struct str s = path->v.str;
    const bool options = is_choice(method, CL_HTTP_OPTIONS), whole = options && s.len == 1 && s.s[0] == '*';
    w->check.method = options ? PBC_METHOD_OPTIONS : is_choice(method, CL_HTTP_HEAD) ? PBC_METHOD_HEAD : PBC_METHOD_GET;
    w->check.path = text_without_zero(w->c, path);
    if (s.len && s.s[0] != '/' && !whole)
        diag(w->c->diags, E_CHECK_PATH, path->span,
             options ? "a path begins with `/`, or is `*`" : "a path begins with `/`");
    else if (has_blank(&s))
        diag(w->c->diags, E_CHECK_PATH, path->span,
             "a path can't have blanks or control characters: write %%20 for a blank");
}

static void host_of(struct check_work *w)
{
    const struct node *host = option(w, CL_HOST);
    w->check.host = clause_string(w->c, host);
    if (host && host->first && has_blank(&host->first->v.str))
        diag(w->c->diags, E_CHECK_HEADER, host->first->span, "a host name can't have blanks or control characters");
}

static uint32_t milliseconds(struct check_work *w, const struct node *n, uint32_t fallback_ms)
{
    const uint64_t ns = clause_duration(w->c, n, fallback_ms * 1000000ull);
    if (ns >= 1000000 && ns <= 86400ull * 1000000000 && ns % 1000000 == 0) return (uint32_t)(ns / 1000000);
    diag(w->c->diags, E_OUT_OF_RANGE, n->span, "`%s` of a check goes from 1 ms to 1 day", node_words(n));
    return fallback_ms;
}

static void times_of(struct check_work *w)
{
    static const struct number_kind count = {
        .what = "a number of checks", .range = "`rise` and `fall` go from 1 to 65535", .least = 1, .most = 65535};
    static const struct number_kind port = {
        .what = "a port to check", .range = "ports go from 1 to 65535", .least = 1, .most = 65535};
    w->check.every_ms = milliseconds(w, option(w, CL_EVERY), 2000);
    w->check.timeout_ms = milliseconds(w, option(w, CL_TIMEOUT), 1000);
    w->check.rise = (uint16_t)clause_number(w->c, option(w, CL_RISE), &count, 2);
    w->check.fall = (uint16_t)clause_number(w->c, option(w, CL_FALL), &count, 3);
    w->check.port = (uint16_t)clause_number(w->c, option(w, CL_PORT), &port, 0);
}

static void from_of(struct check_work *w)
{
    const struct node *from = option(w, CL_FROM);
    const struct node_value v = from && from->first ? value_of(w->c, from->first) : (struct node_value){0};
    if (!v.node) return;
    if (v.node->kind == N_ADDR) {
        w->check.from_family = v.node->v.addr.family;
        addr_words(&v.node->v.addr, w->check.from);
    } else if (v.node->kind == N_NAME) {
        symbol_want(w->c, v.node, SYM(CONST), "constant");
    } else {
        report_wrong_value(w->c, from->first, v, "an address");
    }
}

static void resolve_check(struct compile *c, struct symbol *s)
{
    struct check_work w = {.c = c, .kind_node = s->decl->first->next};
    struct pbc_check *slot;
    if (!w.kind_node) return;
    while (kinds[w.check.kind] != clause_of(w.kind_node)) w.check.kind++;
    const struct node rest = {.kind = N_CHECK, .first = w.kind_node->next};
    clauses_find(c, &rest, &w.options, "check");
    check_option_kinds(&w);
    w.check.name = text_of(c, s->name);
    w.check.place = place_of(c, s->span);
    check_path(&w);
    host_of(&w);
    w.check.sni = clause_string(c, option(&w, CL_SNI));
    const struct node *ca = option(&w, CL_VERIFY_CA);
    w.check.ca = ca && ca->first ? path_of_file(c, ca->first, "`ca`") : 0;
    if (option(&w, CL_PASSIVE)) w.check.flags |= PBC_CHECK_PASSIVE;
    if (option(&w, CL_VIA_SERVICE)) w.check.flags |= PBC_CHECK_VIA_SERVICE;
    if (option(&w, CL_WITHOUT_PROXY)) w.check.flags |= PBC_CHECK_WITHOUT_PROXY;
    steps_of(&w, &rest);
    verify_of(&w);
    times_of(&w);
    from_of(&w);
    slot = image_add_checks(c->image);
    if (!slot) {
        report_full(c, s->span, "checks", 1u << 16);
        return;
    }
    *slot = w.check;
    s->index = c->image->checks_count - 1;
}

void resolve_checks(struct compile *c)
{
    for (struct symbol *s = c->symbols->first; s; s = s->next)
        if (s->kind == SYM_CHECK) resolve_check(c, s);
}
