/* Values that are valid only in some places: kinds that a word of the grammar takes, meanings of words with colons
 * or a slash, and errors for numbers without their unit. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

static unsigned want_of(const struct node *n)
{
    switch (n->kind) {
    case N_INT: return W_INT;
    case N_RANGE: return W_RANGE;
    case N_ADDR: return W_ADDR;
    case N_PREFIX: return W_PREFIX;
    case N_ADDR_RANGE: return W_ADDR_RANGE;
    case N_ENDPOINT: return W_ENDPOINT;
    case N_ENDPOINT_RANGE: return W_ENDPOINT_RANGE;
    case N_MAC: return W_MAC;
    case N_STRING: return W_STRING;
    case N_BYTES: return W_BYTES;
    case N_PERCENT: return W_PERCENT;
    case N_STATUS: return W_STATUS;
    case N_DURATION: return W_DURATION;
    case N_RATE: return W_RATE;
    case N_BANDWIDTH: return W_BANDWIDTH;
    case N_SIZE: return W_SIZE;
    case N_TIME: return W_TIME;
    case N_NAME: return W_NAME;
    case N_ANY: return W_ANY;
    case N_SELF: return W_SELF;
    case N_NONE: return W_NONE;
    default: return W_RATIO;
    }
}

/* Words in the order of enum want. */
static const char *const want_words[] = {
    "numbers",        "ranges",
    "addresses",      "prefixes",
    "address ranges", "addresses with a port",
    "MACs",           "strings",
    "hex bytes",      "percentages",
    "status classes", "durations",
    "rates",          "bandwidths",
    "sizes",          "ratios",
    "times",          "names",
    "`any`",          "`self`",
    "`none`",         "address ranges with a port",
};

static const char *describe(struct parser *p, unsigned wants)
{
    char text[256];
    size_t n = 0;
    unsigned left = (unsigned)__builtin_popcount(wants);
    text[0] = '\0';
    for (unsigned i = 0; i < sizeof(want_words) / sizeof(want_words[0]); i++) {
        if (!(wants & 1u << i)) continue;
        left--;
        const char *between = n == 0 ? "" : left ? ", " : " and ";
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", between, want_words[i]);
    }
    return arena_strndup(p->arena, text, n);
}

static int hex(char c) { return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10; }

static bool mac_of(const struct str *s, uint8_t mac[6])
{
    if (s->len != 17) return false;
    for (size_t i = 0; i < 17; i++)
        if (i % 3 == 2 ? s->s[i] != ':' : !isxdigit((unsigned char)s->s[i])) return false;
    for (size_t i = 0; i < 6; i++) mac[i] = (uint8_t)(hex(s->s[3 * i]) << 4 | hex(s->s[3 * i + 1]));
    return true;
}

/* Return the minutes since midnight of HH:MM, 00:00 to 24:00; -1: not a time. */
static int minutes_of(const char *s, size_t len)
{
    if (len != 5 || s[2] != ':') return -1;
    for (size_t i = 0; i < 5; i++)
        if (i != 2 && !isdigit((unsigned char)s[i])) return -1;
    int h = (s[0] - '0') * 10 + s[1] - '0', m = (s[3] - '0') * 10 + s[4] - '0';
    return m < 60 && h * 60 + m <= 24 * 60 ? h * 60 + m : -1;
}

static bool ratio_of(struct parser *p, struct node *n)
{
    const struct str s = n->v.str;
    struct node *parts = NULL;
    for (size_t at = 0; at <= s.len;) {
        const char *colon = memchr(s.s + at, ':', s.len - at);
        size_t len = colon ? (size_t)(colon - s.s) - at : s.len - at;
        uint64_t i;
        if (parse_uint(s.s + at, len, &i) != 0) return false;
        uint32_t start = n->span.start + (uint32_t)at;
        parts = chain(parts, int_leaf(p, N_INT, i, (struct span){n->span.file, start, start + (uint32_t)len}));
        at += len + 1;
    }
    n->v.kind = VALUE_NONE;
    adopt(n, parts);
    return true;
}

/* Give a raw colon word the meaning that `wants` allows: MAC before time before ratio, from the narrowest shape on. */
static bool value_settle(struct parser *p, struct node *n, unsigned wants)
{
    uint8_t mac[6];
    int minutes = minutes_of(n->v.str.s, n->v.str.len);
    if ((wants & W_MAC) && mac_of(&n->v.str, mac)) {
        n->kind = N_MAC;
        n->v.kind = VALUE_MAC;
        memcpy(n->v.mac, mac, sizeof(mac));
        return true;
    }
    if ((wants & W_TIME) && minutes >= 0) {
        n->kind = N_TIME;
        n->v = (struct value){.kind = VALUE_INT, .i = (uint64_t)minutes};
        return true;
    }
    return (wants & W_RATIO) && ratio_of(p, n);
}

/* Report colons that mean something else here. */
static void colon_error(struct parser *p, struct node *n, unsigned wants, const char *where)
{
    const char *word = quote(p, n->span);
    const struct str s = n->v.str;
    if ((wants & (W_ADDR | W_PREFIX)) && !(wants & W_RANGE)) {
        build_error(p, E_ADDRESS, n->span, "`%s` isn't an address", word);
    } else if ((wants & W_MAC) && !(wants & W_INT)) {
        build_error(p, E_ADDRESS, n->span, "`%s` isn't a MAC address, which has six pairs of hex digits", word);
    } else {
        build_error(p, E_VALUE, n->span, "%s takes %s, not `%s`", where, describe(p, wants), word);
        const char *colon = memchr(s.s, ':', s.len);
        if ((wants & W_RANGE) && !memchr(colon + 1, ':', s.len - (size_t)(colon - s.s) - 1))
            diag_suggest(p->diags, SPAN_NONE, "%.*s-%.*s", (int)(colon - s.s), s.s, (int)(s.s + s.len - colon - 1),
                         colon + 1);
    }
}

struct node *colon_ratio(struct parser *p, struct node *colon)
{
    if (value_settle(p, colon, W_RATIO)) return colon;
    build_error(p, E_VALUE, colon->span, "`%s` isn't a ratio such as 5:3:1", quote(p, colon->span));
    return NULL;
}

/* Return `8:00` with its leading zero; NULL if that is not a time. */
static const char *with_zero(struct parser *p, const char *s, size_t len)
{
    char text[8];
    const int n = snprintf(text, sizeof(text), "%s%.*s", len == 4 ? "0" : "", (int)(len > 5 ? 5 : len), s);
    return len <= 5 && minutes_of(text, (size_t)n) >= 0 ? arena_strndup(p->arena, text, (size_t)n) : NULL;
}

struct node *colon_time(struct parser *p, struct node *colon)
{
    if (value_settle(p, colon, W_TIME)) return colon;
    build_error(p, E_VALUE, colon->span, "`%s` isn't a time from 00:00 to 24:00", quote(p, colon->span));
    const char *meant = with_zero(p, colon->v.str.s, colon->v.str.len);
    if (meant) diag_suggest(p->diags, SPAN_NONE, "%s", meant);
    return NULL;
}

struct node *colon_time_range(struct parser *p, struct node *colon)
{
    const char *s = colon->v.str.s, *dash = memchr(s, '-', colon->v.str.len);
    const size_t left = (size_t)(dash - s), right = colon->v.str.len - left - 1;
    const int from = minutes_of(s, left), to = minutes_of(dash + 1, right);
    if (from < 0 || to < 0) {
        const char *begin = with_zero(p, s, left), *end = with_zero(p, dash + 1, right);
        build_error(p, E_VALUE, colon->span, "`%s` isn't a range of times from 00:00 to 24:00", quote(p, colon->span));
        if (begin && end) diag_suggest(p->diags, SPAN_NONE, "%s-%s", begin, end);
        return NULL;
    }
    uint32_t at = colon->span.start;
    colon->v.kind = VALUE_NONE;
    adopt(colon, int_leaf(p, N_TIME, (uint64_t)from, (struct span){colon->span.file, at, at + 5}));
    return adopt(colon, int_leaf(p, N_TIME, (uint64_t)to, (struct span){colon->span.file, at + 6, at + 11}));
}

/* Units to suggest for values that lack their unit. */
static const struct {
    unsigned wants;
    const char *text, *why;
} units[] = {
    {W_DURATION, "s", " for seconds"},
    {W_DURATION, "ms", " for milliseconds"},
    {W_RATE | W_BANDWIDTH, "/s", " for packets"},
    {W_RATE | W_BANDWIDTH, "Mbit/s", " for bits"},
    {W_RATE, "/s", ""},
    {W_RATE, "/m", ""},
    {W_RATE, "/h", ""},
    {W_SIZE, "B", ""},
    {W_SIZE, "KiB", ""},
    {W_PERCENT, "%", ""},
};

/* Report a bare number where a unit is mandatory, with suggestions. */
static bool unit_missing(struct parser *p, const struct node *n, unsigned wants, const char *where)
{
    const unsigned with_unit = wants & (W_DURATION | W_RATE | W_BANDWIDTH | W_SIZE | W_PERCENT);
    if (n->kind != N_INT || (wants & W_INT) || !with_unit) return false;
    const char *num = quote(p, n->span);
    build_error(p, E_UNIT_MISSING, n->span, "%s needs a unit after `%s`", where, num);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].wants == with_unit) diag_suggest_for(p->diags, units[i].why, "%s%s", num, units[i].text);
    return true;
}

/* Report `-1`, which reads as a range that is open below, if only a number is allowed. */
static bool below_zero(struct parser *p, const struct node *n, unsigned wants, const char *where)
{
    const char *word = quote(p, n->span);
    if (n->kind != N_RANGE || word[0] != '-' || !(wants & W_INT) || wants & W_RANGE) return false;
    build_error(p, E_VALUE, n->span, "%s takes no negative number such as `%s`", where, word);
    diag_guess(p->diags, SPAN_NONE, "%s", word + 1);
    return true;
}

struct node *want(struct parser *p, struct node *value, unsigned wants, const char *where)
{
    if (!value) return NULL;
    if ((wants & W_NONE) && value->kind == N_NAME && strcmp(value->v.str.s, "none") == 0) {
        value->kind = N_NONE;
        value->v = (struct value){.kind = VALUE_NONE};
    }
    /* a raw word without a meaning yet */
    if (value->kind == N_RATIO && value->v.kind == VALUE_STR) {
        if (value_settle(p, value, wants)) return value;
        colon_error(p, value, wants, where);
        return NULL;
    }
    if (want_of(value) & wants) return value;
    if (unit_missing(p, value, wants, where) || below_zero(p, value, wants, where)) return NULL;
    build_error(p, E_VALUE, value->span, "%s takes %s, not `%s`", where, describe(p, wants), quote(p, value->span));
    if (value->kind == N_STRING && wants & W_PREFIX)
        diag_advise(p->diags, "write the host's addresses: the compiler doesn't look up host names");
    return NULL;
}

struct node *want_list(struct parser *p, struct node *list, unsigned wants, const char *where)
{
    node_each(n, list) want(p, n, wants, where);
    return list;
}

/* Read tcp/443, tcp/80-90, udp/any, tcp/web. */
struct node *proto_ports(struct parser *p, struct str word, struct span span)
{
    const char *slash = memchr(word.s, '/', word.len);
    const size_t left = (size_t)(slash - word.s), right = word.len - left - 1;
    const struct span port_span = {span.file, span.start + (uint32_t)left + 1, span.end};
    struct node *port = leaf(p, N_INT, port_span);
    if (right == 3 && memcmp(slash + 1, "any", 3) == 0) {
        port->kind = N_ANY;
    } else if (is_name(slash + 1, right)) {
        port = name_node(p, (struct str){slash + 1, right}, port_span);
    } else if (parse_int_or_range(slash + 1, right, port) != 0) {
        build_error(p, E_VALUE, port_span,
                    "`%s` isn't a port: write a number, a range, a name or `any` after the slash", quote(p, port_span));
        return NULL;
    }
    const struct span proto_span = {span.file, span.start, span.start + (uint32_t)left};
    static const enum clause protos[] = {CL_TCP, CL_UDP, CL_SCTP, CL_ANY, CL_NONE};
    struct node *name = name_node(p, (struct str){word.s, left}, proto_span);
    const struct node *proto = one_of(p, name, "the protocol before `/`", protos);
    if (!proto) return NULL;
    struct node *n = tree(p, N_PROTO_PORTS, span, port);
    n->v = proto->v;
    return n;
}

struct node *server_at(struct parser *p, struct node *value, struct span keyword, unsigned wants)
{
    const bool many = wants & W_ADDR_RANGE;
    const unsigned others = many ? W_ADDR | W_ENDPOINT : W_ADDR_RANGE | W_ENDPOINT_RANGE;
    struct node *at = want(p, value, wants | W_NAME, many ? "`servers`" : "`server`");
    if (!at && value && want_of(value) & others) diag_suggest(p->diags, keyword, many ? "server" : "servers");
    return at;
}

struct node *server_host(struct parser *p, struct node *word, struct node *host)
{
    return one_of(p, word, "`server`", (const enum clause[]){CL_NAME, CL_NONE}) ? host : NULL;
}

struct node *servers_host(struct parser *p, struct str word, struct span at, struct node *host)
{
    struct node *is = one_of(p, name_node(p, word, at), "`servers`", (const enum clause[]){CL_NAME, CL_SRV, CL_NONE});
    return is && host ? clause(p, clause_of(is), host->span, kids(host)) : NULL;
}

struct node *servers_at(struct parser *p, struct node *name, struct node *value, struct span keyword)
{
    if (!value || value->kind != N_STRING) return server_at(p, value, keyword, W_ADDR_RANGE | W_ENDPOINT_RANGE);
    const struct node *is =
        name ? one_of(p, name_node(p, name->v.str, name->span), "`servers`", (const enum clause[]){CL_SRV, CL_NONE})
             : NULL;
    return is ? clause(p, CL_SRV, value->span, value) : NULL;
}

struct node *segment_size(struct parser *p, struct node *value)
{
    if (value && value->kind == N_NAME && strcmp(value->v.str.s, "pmtu") == 0) {
        build_error(p, E_VALUE, value->span, "to follow the MTU of the path, write `mss clamp auto`");
        diag_suggest(p->diags, SPAN_NONE, "auto");
        return NULL;
    }
    return want(p, value, W_INT | W_NAME, "`mss clamp`");
}

struct node *server_ref(struct parser *p, struct str word, struct span span)
{
    const char *slash = memchr(word.s, '/', word.len);
    const size_t left = (size_t)(slash - word.s), right = word.len - left - 1;
    if (!is_name(slash + 1, right)) {
        build_error(p, E_VALUE, span, "`%s` isn't a server: write POOL/SERVER", quote(p, span));
        return NULL;
    }
    const struct span pool = {span.file, span.start, span.start + (uint32_t)left};
    const struct span server = {span.file, span.start + (uint32_t)left + 1, span.end};
    return tree(
        p, N_SERVER_REF, span,
        chain(name_node(p, (struct str){word.s, left}, pool), name_node(p, (struct str){slash + 1, right}, server)));
}

/* Read source/24,/64: the key of a meter is a prefix of these lengths. */
struct node *per_prefix(struct parser *p, struct str word, struct span span, struct node *len6)
{
    const char *slash = memchr(word.s, '/', word.len);
    const size_t left = (size_t)(slash - word.s), right = word.len - left - 1;
    uint64_t n4, n6 = 0;
    struct span at = {span.file, span.start + (uint32_t)left + 1, span.end};
    if (!((left == 6 && memcmp(word.s, "source", 6) == 0) || (left == 11 && memcmp(word.s, "destination", 11) == 0))) {
        at = (struct span){span.file, span.start, span.start + (uint32_t)left};
        build_error(p, E_VALUE, at, "write source, destination or source/24,/64 here, or flow after `per`");
    } else if (parse_uint(slash + 1, right, &n4) != 0 || n4 > (len6 ? 32 : 128)) {
        build_error(p, E_ADDRESS, at, "`%s` isn't a prefix length", quote(p, at));
    } else if (len6 && (parse_uint(len6->v.str.s + 1, len6->v.str.len - 1, &n6) != 0 || n6 > 128)) {
        build_error(p, E_ADDRESS, len6->span, "`%s` isn't a prefix length for IPv6", quote(p, len6->span));
    } else {
        const struct span name = {span.file, span.start, span.start + (uint32_t)left};
        struct node *six = len6 ? int_leaf(p, N_INT, n6, len6->span) : NULL;
        return chain(choice(p, left == 6 ? CL_SOURCE : CL_DESTINATION, name), chain(int_leaf(p, N_INT, n4, at), six));
    }
    return NULL;
}

struct node *idle_of(struct parser *p, struct span span, struct node *end, struct node *time)
{
    static const enum clause ends[] = {CL_CLIENT, CL_SERVER, CL_NONE};
    const struct node *which = one_of(p, end, "`idle` of one end", ends);
    const bool client = which && which->v.i == CL_CLIENT;
    if (!which) return NULL;
    span.end = end->span.end;
    return clause(p, client ? CL_IDLE_CLIENT : CL_IDLE_SERVER, span,
                  want(p, time, W_DURATION | W_NAME, client ? "`idle client`" : "`idle server`"));
}
