/* `check NAME = KIND …`: what a healthy server answers. Stored for the live runtime; every mistake is found here. */
#include <string.h>

#include "compiler/resolve/service_priv.h"

enum { KIND_BITS_ALL = (1 << PBC_CHECK_KINDS) - 1 };
#define OF(kind) (1 << PBC_CHECK_##kind)

static const char *const kind_names[PBC_CHECK_KINDS] = {"tcp", "http", "https", "icmp", "udp"};

/* Which option belongs to which kinds. */
static const struct option_row {
    const char *word;
    unsigned kinds;
} options[] = {
    {"send", OF(TCP) | OF(UDP)},
    {"expect", OF(TCP) | OF(UDP) | OF(HTTP) | OF(HTTPS)},
    {"host", OF(HTTP) | OF(HTTPS)},
    {"sni", OF(HTTPS)},
    {"verify off", OF(HTTPS)},
    {"verify ca", OF(HTTPS)},
    {"body has", OF(HTTP) | OF(HTTPS)},
    {"every", KIND_BITS_ALL},
    {"timeout", KIND_BITS_ALL},
    {"rise", KIND_BITS_ALL},
    {"fall", KIND_BITS_ALL},
    {"port", KIND_BITS_ALL & ~OF(ICMP)},
    {"from", KIND_BITS_ALL},
    {"passive", KIND_BITS_ALL},
    {"via service", KIND_BITS_ALL},
};
enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

struct check_work {
    struct compile *c;
    const struct node *kind_node;
    struct clause_row rows[OPTIONS];
    struct pbc_check check;
};

static const struct node *option(const struct check_work *w, const char *word)
{
    return clause_get(w->rows, OPTIONS, word);
}

static void check_option_kinds(const struct check_work *w)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct node *n = w->rows[i].node;

        if (!n || options[i].kinds >> w->check.kind & 1) continue;
        diag(w->c->diags, E_CHECK_OPTION, n->span, "`%s` says nothing to a check of kind `%s`", options[i].word,
             kind_names[w->check.kind]);
        diag_note(w->c->diags, w->kind_node->span, "the kind is named here");
    }
}

/* Bytes to send, or that an answer must begin with. */
static uint32_t bytes_of(struct check_work *w, const struct node *n)
{
    struct pbc_pattern pattern = {.layer = PBC_PAYLOAD};
    const struct str bytes = n->v.str;

    if (bytes.len == 0 || bytes.len > sizeof(pattern.value)) {
        diag(w->c->diags, E_CHECK_BYTES, n->span, "a check sends and expects 1 to %zu bytes; these are %zu",
             sizeof(pattern.value), bytes.len);
        return PBC_NONE;
    }
    pattern.len = (uint8_t)bytes.len;
    memcpy(pattern.value, bytes.s, bytes.len);
    memset(pattern.mask, 0xff, bytes.len);
    return image_share(w->c->image, PBC_PATTERNS, &pattern, 1);
}

static void statuses_of(struct check_work *w, const struct node *expect)
{
    struct number_set s = {0};

    node_each(n, expect)
    {
        const uint64_t lo = n->kind == N_STATUS ? n->v.i * 100 : n->v.i, hi = n->kind == N_STATUS ? lo + 99 : lo;

        if (lo < 100 || hi > 599)
            diag(w->c->diags, E_OUT_OF_RANGE, n->span,
                 "this is not a status: they go from 100 to 599, classes from 1xx to 5xx");
        else
            numbers_add(w->c, &s, (uint32_t)lo, (uint32_t)hi);
    }
    numbers_normalise(&s);
    w->check.status = image_share(w->c->image, PBC_RANGES, s.r, s.n);
    w->check.status_count = s.n;
}

static void expect_of(struct check_work *w)
{
    const struct node *expect = option(w, "expect"), *send = option(w, "send");
    const bool http = w->check.kind == PBC_CHECK_HTTP || w->check.kind == PBC_CHECK_HTTPS;

    w->check.send = send && send->first ? bytes_of(w, send->first) : PBC_NONE;
    w->check.expect = PBC_NONE;
    if (w->check.kind == PBC_CHECK_UDP && (!send || !expect)) {
        diag(w->c->diags, E_CHECK_NEEDS, w->kind_node->span,
             "a udp check needs what to send and what to expect: no answer says nothing");
        diag_fix(w->c->diags, "udp send x\"..\" expect x\"..\"");
    } else if (http && !expect) {
        diag(w->c->diags, E_CHECK_NEEDS, w->kind_node->span, "an %s check needs the status that it expects",
             kind_names[w->check.kind]);
        diag_fix(w->c->diags, "add `expect 200`");
    }
    if (!expect || !expect->first || w->check.kind == PBC_CHECK_ICMP) return;
    if (http != (expect->first->kind != N_BYTES))
        diag(w->c->diags, E_CHECK_OPTION, expect->first->span,
             http ? "an http check expects a status, such as 200 or 3xx" : "a tcp or udp check expects bytes, x\"..\"");
    else if (http)
        statuses_of(w, expect);
    else
        w->check.expect = bytes_of(w, expect->first);
}

static void verify_of(struct check_work *w)
{
    const struct node *off = option(w, "verify off"), *ca = option(w, "verify ca");

    if (off) w->check.flags |= PBC_CHECK_NO_VERIFY;
    if (off && ca) {
        diag(w->c->diags, E_CHECK_VERIFY, off->span, "`verify off` and `verify ca` exclude each other");
        diag_note(w->c->diags, ca->span, "the other is here");
    } else if (w->check.kind == PBC_CHECK_HTTPS && !off && !w->check.sni && !w->check.host) {
        diag(w->c->diags, E_CHECK_VERIFY, w->kind_node->span,
             "the server's certificate can't be verified without a name: give `sni` or `host`, or say `verify off`");
    }
}

static void path_of(struct check_work *w)
{
    const struct node *path = w->kind_node->first;

    if (!path || path->kind != N_STRING) return;
    w->check.path = clause_string(w->c, w->kind_node);
    if (path->v.str.len && path->v.str.s[0] != '/')
        diag(w->c->diags, E_CHECK_PATH, path->span, "a path begins with `/`");
}

static uint32_t milliseconds(struct check_work *w, const char *word, uint32_t fallback_ms)
{
    const struct node *n = option(w, word);
    const uint64_t ns = clause_duration(w->c, n, fallback_ms * 1000000ull);

    if (ns >= 1000000 && ns <= 86400ull * 1000000000 && ns % 1000000 == 0) return (uint32_t)(ns / 1000000);
    diag(w->c->diags, E_OUT_OF_RANGE, n->span, "`%s` of a check goes from 1 ms to 1 day", word);
    return fallback_ms;
}

static void times_of(struct check_work *w)
{
    static const struct number_kind count = {
        .what = "a number of checks", .range = "`rise` and `fall` go from 1 to 65535", .least = 1, .most = 65535};
    static const struct number_kind port = {
        .what = "a port to check", .range = "it goes from 1 to 65535", .least = 1, .most = 65535};

    w->check.every_ms = milliseconds(w, "every", 2000);
    w->check.timeout_ms = milliseconds(w, "timeout", 1000);
    w->check.rise = (uint16_t)clause_number(w->c, option(w, "rise"), &count, 2);
    w->check.fall = (uint16_t)clause_number(w->c, option(w, "fall"), &count, 3);
    w->check.port = (uint16_t)clause_number(w->c, option(w, "port"), &port, 0);
}

static void from_of(struct check_work *w)
{
    const struct node *from = option(w, "from");
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
    for (size_t i = 0; i < OPTIONS; i++) w.rows[i].word = options[i].word;
    while (w.check.kind + 1 < PBC_CHECK_KINDS && !str_is(w.kind_node->v.str, kind_names[w.check.kind])) w.check.kind++;
    const struct node rest = {.kind = N_CHECK, .first = w.kind_node->next};
    clauses_of(c, &rest, w.rows, OPTIONS, "check");
    check_option_kinds(&w);
    w.check.name = text_of(c, s->name);
    w.check.place = place_of(c, s->span);
    path_of(&w);
    w.check.host = clause_string(c, option(&w, "host"));
    w.check.sni = clause_string(c, option(&w, "sni"));
    w.check.ca = clause_string(c, option(&w, "verify ca"));
    w.check.body = clause_string(c, option(&w, "body has"));
    if (option(&w, "passive")) w.check.flags |= PBC_CHECK_PASSIVE;
    if (option(&w, "via service")) w.check.flags |= PBC_CHECK_VIA_SERVICE;
    expect_of(&w);
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
