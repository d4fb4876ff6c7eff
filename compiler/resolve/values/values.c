/* Scalar values: follow constants, take addresses and numbers from nodes, and check their bounds. */
#include "compiler/resolve/values/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct number_kind plain_port_kind = {.what = "a port", .range = "ports go from 0 to 65535", .most = 65535};
const struct number_kind listed_port_kind = {
    .what = "a port", .range = "ports go from 0 to 65535", .most = 65535, .ports = true};
const struct number_kind gue_port_kind = {
    .what = "a port of GUE", .range = "ports of GUE go from 1 to 65535", .least = 1, .most = 65535};
const struct number_kind vlan_kind = {.what = "a VLAN", .range = "VLANs go from 0 to 4094", .most = 4094};
const struct number_kind icmp_code_kind = {.what = "an ICMP code", .range = "ICMP codes go from 0 to 255", .most = 255};

/* Return a constant's address and the port written behind it as one value. NULL: after a report. */
static struct node_value with_port(struct compile *c, const struct node *n)
{
    const struct node_value host = value_of(c, n->first);
    uint32_t port;
    if (!host.node || !number_one(c, n->last, &plain_port_kind, &port)) return (struct node_value){NULL, NULL};
    if (host.node->kind == N_ENDPOINT) {
        diag(c->diags, E_WRONG_VALUE, n->span, "`%s` already has a port", n->first->v.str.s);
        diag_note(c->diags, host.constant->span, "declared here");
        return (struct node_value){NULL, NULL};
    }
    if (host.node->kind != N_ADDR) return host;
    struct node *both = node_new(c->arena, N_ENDPOINT, n->span);
    both->v = (struct value){.kind = VALUE_ENDPOINT, .endpoint = {.addr = host.node->v.addr, .port = (uint16_t)port}};
    return (struct node_value){both, host.constant};
}

struct node_value value_of(struct compile *c, const struct node *n)
{
    if (is_clause(n, CL_ENDPOINT)) return with_port(c, n);
    struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;
    if (!sym || sym->kind != SYM_CONST) return (struct node_value){n, NULL};
    sym->used = true;
    return (struct node_value){sym->decl->first->next, sym};
}

void addr_words(const struct addr *a, uint32_t words[4])
{
    const unsigned count = a->family == 4 ? 1 : 4;
    memset(words, 0, 4 * sizeof(*words));
    for (unsigned i = 0; i < count; i++)
        words[i] = (uint32_t)a->bytes[4 * i] << 24 | (uint32_t)a->bytes[4 * i + 1] << 16 |
                   (uint32_t)a->bytes[4 * i + 2] << 8 | a->bytes[4 * i + 3];
}

void addr_print(const struct addr *a, char buf[64])
{
    if (!inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, buf, 64)) buf[0] = '\0';
}

/* Names of value kinds for people */
static const char *const value_names[N_COUNT] = {
    [N_INT] = "a number",
    [N_STRING] = "a quoted string",
    [N_BYTES] = "hex bytes",
    [N_ADDR] = "an address",
    [N_PREFIX] = "a prefix",
    [N_ADDR_RANGE] = "a range of addresses",
    [N_RANGE] = "a range of numbers",
    [N_MAC] = "a MAC address",
    [N_ENDPOINT] = "an address with a port",
    [N_ENDPOINT_RANGE] = "a range of addresses with a port",
    [N_PERCENT] = "a percentage",
    [N_STATUS] = "a status class",
    [N_PROTO_PORTS] = "a protocol with ports",
    [N_DURATION] = "a duration",
    [N_RATE] = "a rate",
    [N_BANDWIDTH] = "a bandwidth",
    [N_SIZE] = "a size",
    [N_RATIO] = "a ratio",
    [N_TIME] = "a time of day",
};

const char *value_name(const struct node *n)
{
    return value_names[n->kind] ? value_names[n->kind] : node_kind_name(n->kind);
}

void report_wrong_value(struct compile *c, const struct node *at, struct node_value v, const char *wanted)
{
    if (v.constant) {
        diag(c->diags, E_WRONG_VALUE, at->span, "`%s` is %s, but this place takes %s", v.constant->name.s,
             value_name(v.node), wanted);
        diag_note(c->diags, v.constant->span, "declared here");
    } else {
        diag(c->diags, E_WRONG_VALUE, at->span, "this is %s, but this place takes %s", value_name(v.node), wanted);
    }
}

bool address_ends(struct compile *c, const struct node *n, struct addr *lo, struct addr *hi)
{
    char a[64], b[64];
    if (n->kind == N_PREFIX) {
        char net[64], host[64];
        if (prefix_ends(&n->v.prefix.addr, n->v.prefix.len, lo, hi)) return true;
        addr_print(lo, net);
        addr_print(&n->v.prefix.addr, host);
        diag(c->diags, E_HOST_BITS, n->span,
             "the prefix has host bits after bit %u: write the network %s/%u or the host %s", n->v.prefix.len, net,
             n->v.prefix.len, host);
        diag_suggest_for(c->diags, " for the network", "%s/%u", net, n->v.prefix.len);
        diag_suggest_for(c->diags, " for the host", "%s", host);
        return false;
    }
    if (n->kind == N_ADDR) {
        *lo = *hi = n->v.addr;
        return true;
    }
    *lo = n->v.addr_range->lo;
    *hi = n->v.addr_range->hi;
    if (addr_compare(lo, hi) <= 0) return true;
    addr_print(lo, a);
    addr_print(hi, b);
    diag(c->diags, E_REVERSED, n->span, "this range is reversed: %s is above %s", a, b);
    if (n->kind != N_ENDPOINT_RANGE)
        diag_guess(c->diags, SPAN_NONE, "%s-%s", b, a);
    else
        diag_guess(c->diags, SPAN_NONE, lo->family == 6 ? "[%s-%s]:%u" : "%s-%s:%u", b, a, n->v.addr_range->port);
    return false;
}

void numbers_add(struct compile *c, struct number_set *s, uint32_t lo, uint32_t hi)
{
    enum { CAP_MAX = 1 << 17 }; /* four times the most ranges of a normal set of 65,536 numbers */
    if (s->n == s->cap && s->cap == CAP_MAX) numbers_normalise(s);
    if (s->n == s->cap) {
        const uint32_t cap = s->cap ? s->cap * 2 : 4;
        struct pbc_range *r = arena_alloc(c->arena, cap * sizeof(*r));
        if (s->n) memcpy(r, s->r, s->n * sizeof(*r));
        s->r = r;
        s->cap = cap;
    }
    s->r[s->n++] = (struct pbc_range){lo, hi};
}

static int compare_ranges(const void *pa, const void *pb)
{
    const struct pbc_range *a = pa, *b = pb;
    return a->lo != b->lo ? (a->lo < b->lo ? -1 : 1) : a->hi == b->hi ? 0 : a->hi < b->hi ? -1 : 1;
}

void numbers_normalise(struct number_set *s)
{
    uint32_t kept = 0;
    if (s->n > 1) qsort(s->r, s->n, sizeof(*s->r), compare_ranges);
    for (uint32_t i = 0; i < s->n; i++) {
        struct pbc_range *last = kept ? &s->r[kept - 1] : NULL;
        if (!last || s->r[i].lo > last->hi + 1)
            s->r[kept++] = s->r[i];
        else if (s->r[i].hi > last->hi)
            last->hi = s->r[i].hi;
    }
    s->n = kept;
}

bool numbers_hold(const struct number_set *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->r[i].lo <= n && n <= s->r[i].hi) return true;
    return false;
}

bool expand(struct compile *c, struct span at, uint64_t entries)
{
    const bool told = c->symbols->expanded > EXPAND_MAX; /* one report for each file: everything after it fails alike */
    c->symbols->expanded += entries;
    if (c->symbols->expanded <= EXPAND_MAX) return true;
    if (told) return false;
    diag(c->diags, E_EXPANSION, at,
         "the lists of this file have more than %u entries, counting the members of each name", (unsigned)EXPAND_MAX);
    return false;
}

static bool in_bounds(struct compile *c, const struct node *n, const struct number_kind *kind, uint64_t value)
{
    if (value >= kind->least && value <= kind->most) return true;
    diag(c->diags, E_OUT_OF_RANGE, n->span, "%" PRIu64 " isn't %s: %s", value, kind->what, kind->range);
    if (kind->less && value < kind->least) diag_advise(c->diags, "%s", kind->less);
    return false;
}

bool range_is_forward(struct compile *c, const struct node *n, uint64_t first, uint64_t last)
{
    if (first <= last) return true;
    diag(c->diags, E_REVERSED, n->span, "this range is reversed: %" PRIu64 " is above %" PRIu64, first, last);
    diag_guess(c->diags, SPAN_NONE, "%" PRIu64 "-%" PRIu64, last, first);
    return false;
}

static bool range_ends(struct compile *c, const struct node *n, const struct number_kind *kind, uint32_t *lo,
                       uint32_t *hi)
{
    const uint64_t first = n->v.range.open_lo ? kind->least : n->v.range.lo;
    const uint64_t last = n->v.range.open_hi ? kind->most : n->v.range.hi;
    if (!in_bounds(c, n, kind, first) || !in_bounds(c, n, kind, last)) return false;
    if (!range_is_forward(c, n, first, last)) return false;
    *lo = (uint32_t)first;
    *hi = (uint32_t)last;
    return true;
}

static const struct word *word_of(const struct number_kind *kind, struct str s)
{
    for (const struct word *w = kind->words; w && w->name; w++)
        if (str_is(s, w->name)) return w;
    return NULL;
}

/* Report an unknown name, with the nearest word of the language or constant. */
static bool report_no_word(struct compile *c, const struct node *n, const struct number_kind *kind)
{
    const char *names[64];
    size_t count = 0;
    if (!kind->words) {
        symbol_want(c, n, SYM(CONST) | (kind->ports ? SYM(PORTS) : 0), kind->ports ? "ports list" : "constant");
        return false;
    }
    if (symbol_find(c->symbols, SPACE_VALUES, n->v.str)) {
        symbol_want(c, n, SYM(CONST), "constant");
        return false;
    }
    diag(c->diags, E_NO_SUCH_WORD, n->span, "no %s is called `%s`", kind->words_what, n->v.str.s);
    for (const struct word *w = kind->words; w->name && count < 64; w++) names[count++] = w->name;
    const char *nearest = diag_nearest(n->v.str.s, names, count);
    if (nearest) diag_guess(c->diags, SPAN_NONE, "%s", nearest);
    return false;
}

/* Read a word of the language; a constant of the same name would be ambiguous, and is reported. */
static bool word_value(struct compile *c, const struct node *n, const struct number_kind *kind, uint32_t *out)
{
    const struct word *w = word_of(kind, n->v.str);
    struct symbol *sym = symbol_find(c->symbols, SPACE_VALUES, n->v.str);
    if (w && sym && sym->kind == SYM_CONST) {
        sym->used = true;
        diag(c->diags, E_AMBIGUOUS_WORD, n->span, "`%s` is both the %s %u and a constant: rename the constant", w->name,
             kind->words_what, w->value);
        diag_note(c->diags, sym->span, "the constant is declared here");
        return false;
    }
    if (w) *out = w->value;
    return w != NULL;
}

bool numbers_add_node(struct compile *c, const struct node *n, const struct number_kind *kind, struct symbol *from,
                      struct number_set *out, const struct symbol **name)
{
    uint32_t lo, hi;
    struct node_value v;
    if (n->kind == N_NAME && kind->words && word_of(kind, n->v.str)) {
        if (!word_value(c, n, kind, &lo)) return false;
        numbers_add(c, out, lo, lo);
        return true;
    }
    struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;
    if (kind->ports && sym && sym->kind == SYM_PORTS) {
        sym->used = true;
        if (!ports_resolve(c, sym, from, n->span) || !expand(c, n->span, sym->ports.n)) return false;
        for (uint32_t i = 0; i < sym->ports.n; i++) numbers_add(c, out, sym->ports.r[i].lo, sym->ports.r[i].hi);
        *name = sym;
        return true;
    }
    v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) return report_no_word(c, v.node, kind);
    if (v.node->kind == N_INT) {
        if (!in_bounds(c, n, kind, v.node->v.i)) return false;
        lo = hi = (uint32_t)v.node->v.i;
    } else if (v.node->kind != N_RANGE) {
        report_wrong_value(c, n, v, kind->what);
        return false;
    } else if (!range_ends(c, v.node, kind, &lo, &hi)) {
        return false;
    }
    numbers_add(c, out, lo, hi);
    return true;
}

bool numbers_of(struct compile *c, const struct node *first, const struct number_kind *kind, struct symbol *from,
                struct number_set *out, const struct symbol **name)
{
    const struct symbol *list = NULL;
    bool good = true;
    unsigned count = 0;
    for (const struct node *n = first; n; n = n->next, count++)
        good = numbers_add_node(c, n, kind, from, out, &list) && good;
    numbers_normalise(out);
    if (name) *name = count == 1 ? list : NULL;
    return good;
}

bool mac_one(struct compile *c, const struct node *n, uint64_t *mac)
{
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME)
        symbol_want(c, v.node, SYM(CONST), "constant");
    else if (v.node->kind != N_MAC)
        report_wrong_value(c, n, v, "a MAC address");
    if (v.node->kind != N_MAC) return false;
    *mac = 0;
    for (unsigned i = 0; i < 6; i++) *mac = *mac << 8 | v.node->v.mac[i];
    return true;
}

bool number_one(struct compile *c, const struct node *n, const struct number_kind *kind, uint32_t *out)
{
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (n->kind == N_NAME && word_of(kind, n->v.str)) return word_value(c, n, kind, out);
    if (v.node->kind == N_NAME) return report_no_word(c, v.node, kind);
    if (v.node->kind != N_INT) {
        report_wrong_value(c, n, v, kind->what);
        return false;
    }
    if (!in_bounds(c, n, kind, v.node->v.i)) return false;
    *out = (uint32_t)v.node->v.i;
    return true;
}
