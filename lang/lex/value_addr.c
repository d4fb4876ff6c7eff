/* Addresses in the source: IPv4 and IPv6, prefixes, ranges, with a port; and words with colons, which may have
 * another meaning. A word that is not an address is reported with a reason. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"

static int parse_addr(int af, const char *s, size_t len, struct addr *out)
{
    char text[INET6_ADDRSTRLEN];
    *out = (struct addr){.family = af == AF_INET ? 4 : 6};
    if (len >= sizeof(text)) return -EINVAL;
    memcpy(text, s, len);
    text[len] = '\0';
    return inet_pton(af, text, out->bytes) == 1 ? 0 : -EINVAL;
}

int parse_addr4(const char *s, size_t len, struct addr *out) { return parse_addr(AF_INET, s, len, out); }

int parse_addr6(const char *s, size_t len, struct addr *out) { return parse_addr(AF_INET6, s, len, out); }

static void addr_error(struct parser *p, struct token *t, const char *s, size_t len)
{
    const char *why = "";
    if (memchr(s, '%', len))
        why = ": it can't have a zone (%), so name the interface with `on`";
    else if (!memchr(s, ':', len))
        for (size_t i = 0, n = 0; i < len; i++) {
            n = isdigit((unsigned char)s[i]) ? n * 10 + (size_t)(s[i] - '0') : 0;
            if (n > 255) why = ": each of the four numbers goes from 0 to 255";
            if (s[i] == '0' && (i == 0 || s[i - 1] == '.') && i + 1 < len && isdigit((unsigned char)s[i + 1]))
                why = ": the numbers can't have leading zeros, which some tools read as octal";
            if (n > 999) break;
        }
    lex_error(p, t, E_ADDRESS, "`%.*s` isn't an address%s", (int)len, s, why);
    if (p->panic) return;
    if (memchr(s, '.', len) && memchr(s, ':', len))
        diag_advise(
            p->diags,
            "write the port of a range at its end, as in 10.0.0.1-10.0.0.9:80; in a nat, write ports after `ports`");
    else if (len && s[len - 1] == '.')
        diag_advise(p->diags, "write a prefix, such as 10.0.0.0/24");
}

static int any_addr(const char *s, size_t len, struct addr *out)
{
    return memchr(s, ':', len) ? parse_addr6(s, len, out) : parse_addr4(s, len, out);
}

const char *mac_meant(struct arena *arena, const char *s, size_t len)
{
    char text[] = "xx:xx:xx:xx:xx:xx";
    const size_t each = len == 17 ? 2 : 4; /* forms 02-00-00-00-00-01, 0200.0000.0001 */
    size_t digits = 0;
    if (len != 17 && len != 14) return NULL;
    for (size_t i = 0; i < len; i++) {
        if (i % (each + 1) == each) {
            if (s[i] != (each == 2 ? '-' : '.')) return NULL;
        } else if (isxdigit((unsigned char)s[i])) {
            text[digits / 2 * 3 + digits % 2] = s[i];
            digits++;
        } else {
            return NULL;
        }
    }
    return arena_strndup(arena, text, sizeof(text) - 1);
}

/* Return a netmask as a prefix length, or -1 if its bits are not ones followed by zeros. */
static int mask_length(const char *s, size_t len)
{
    struct addr mask;
    if (parse_addr4(s, len, &mask) != 0) return -1;
    uint32_t bits =
        (uint32_t)mask.bytes[0] << 24 | (uint32_t)mask.bytes[1] << 16 | (uint32_t)mask.bytes[2] << 8 | mask.bytes[3];
    int n = bits ? __builtin_popcount(bits) : 0;
    uint32_t straight = n ? UINT32_MAX << (32 - n) : 0;
    return bits == straight ? n : -1;
}

/* Read other tools' form for the end of an address: `/-64`, or a mask `/::ffff:ffff:ffff:ffff`. */
static bool suffix_mask(const char *s, size_t len, uint8_t mask[16])
{
    struct addr given;
    uint64_t n = 0;
    memset(mask, 0, 16);
    if (len > 1 && s[0] == '-' && parse_uint(s + 1, len - 1, &n) == 0 && n > 0 && n <= 128) {
        for (unsigned bit = 128 - (unsigned)n; bit < 128; bit++) mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        return true;
    }
    if (parse_addr6(s, len, &given) != 0) return false;
    memcpy(mask, given.bytes, 16);
    return true;
}

/* Return the length of a mask of ones followed by zeros, or -1. */
static int straight_length(const uint8_t mask[16])
{
    unsigned n = 0;
    while (n < 128 && mask[n / 8] & 0x80 >> n % 8) n++;
    for (unsigned bit = n; bit < 128; bit++)
        if (mask[bit / 8] & 0x80 >> bit % 8) return -1;
    return (int)n;
}

/* Offer help with IPv6 suffixes: a rule can ask for the bytes at their place in the header. False: `s` is not a
 * mask. */
static bool offer_suffix(struct parser *p, const struct addr *a, const char *s, size_t len)
{
    enum { DST = 24, SRC = 8 }; /* offsets of the addresses in the header */
    uint8_t mask[16];
    char value[3 * 16 + 1] = "", masked[3 * 16 + 1] = "";
    unsigned first = 0;
    bool whole = true;
    if (a->family != 6 || !suffix_mask(s, len, mask)) return false;
    if (s[0] != '-' && straight_length(mask) >= 0) {
        diag_suggest(p->diags, SPAN_NONE, "/%d", straight_length(mask));
        return true;
    }
    while (first < 15 && !mask[first]) first++;
    for (unsigned i = first, at = 0; i < 16; i++) {
        const char *blank = i == first ? "" : " ";
        whole &= mask[i] == 0xff;
        snprintf(masked + at, sizeof masked - at, "%s%02x", blank, mask[i]);
        at += (unsigned)snprintf(value + at, sizeof value - at, "%s%02x", blank, a->bytes[i] & mask[i]);
    }
    diag_advise(p->diags,
                "to match the end of an address, compare its bytes: `ip6 bytes l3 at %u is x\"%s\"%s%s%s` for the "
                "destination, `at %u` for the source",
                DST + first, value, whole ? "" : " mask x\"", whole ? "" : masked, whole ? "" : "\"", SRC + first);
    return true;
}

bool offer_mask(struct parser *p, const char *s, size_t len, const char *mask, size_t mask_len)
{
    struct addr a;
    return any_addr(s, len, &a) == 0 && offer_suffix(p, &a, mask, mask_len);
}

static void scan_prefix(struct parser *p, const char *s, size_t len, const char *slash, struct token *t)
{
    struct value v = {.kind = VALUE_PREFIX};
    size_t left = (size_t)(slash - s), right = len - left - 1;
    if (any_addr(s, left, &v.prefix.addr) != 0) {
        addr_error(p, t, s, left);
        return;
    }
    unsigned max = v.prefix.addr.family == 4 ? 32 : 128;
    uint64_t n = 0;
    int mask = mask_length(slash + 1, right);
    if (parse_uint(slash + 1, right, &n) != 0 || n > max) {
        t->span.start = (uint32_t)(slash - p->text);
        lex_error(p, t, E_ADDRESS, "`/%.*s` isn't a prefix length: IPv%u has /0 to /%u", (int)right, slash + 1,
                  v.prefix.addr.family, max);
        if (!p->panic && max == 32 && mask >= 0) diag_suggest(p->diags, SPAN_NONE, "/%d", mask);
        if (!p->panic) offer_suffix(p, &v.prefix.addr, slash + 1, right);
        return;
    }
    v.prefix.len = (uint8_t)n;
    give_value(p, t, PREFIX, N_PREFIX, v);
}

/* True for HH:MM, and for H:MM, which is reported if a time is needed. */
static bool is_clock(const char *s, size_t len)
{
    if (len < 4 || len > 5 || !isdigit((unsigned char)s[0]) || (len == 5 && !isdigit((unsigned char)s[1])))
        return false;
    s += len - 3;
    return s[0] == ':' && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]);
}

/* Read a port. False after a report. */
static bool token_port(struct parser *p, struct token *t, const char *port, size_t len, uint16_t *out)
{
    uint64_t n;
    if (parse_uint(port, len, &n) != 0 || n > 65535) {
        t->span.start = (uint32_t)(port - p->text);
        lex_error(p, t, E_NUMBER, "`%.*s` isn't a port: ports go from 0 to 65535", (int)len, port);
        return false;
    }
    *out = (uint16_t)n;
    return true;
}

void give_endpoint(struct parser *p, struct token *t, struct value v, const char *port, size_t len)
{
    if (token_port(p, t, port, len, &v.endpoint.port)) give_value(p, t, ENDPOINT, N_ENDPOINT, v);
}

static void give_endpoint_range(struct parser *p, struct token *t, struct addr_pair *pair, const char *port, size_t len)
{
    const struct value v = {.kind = VALUE_ADDR_RANGE, .addr_range = pair};
    if (token_port(p, t, port, len, &pair->port)) give_value(p, t, ENDPOINT_RANGE, N_ENDPOINT_RANGE, v);
}

/* Read a range of addresses. NULL after a report. */
static struct addr_pair *range_of(struct parser *p, const char *s, size_t len, const char *dash, struct token *t)
{
    struct addr_pair *pair = arena_alloc(p->arena, sizeof(*pair));
    const size_t left = (size_t)(dash - s), right = len - left - 1;
    if (any_addr(s, left, &pair->lo) != 0)
        addr_error(p, t, s, left);
    else if (any_addr(dash + 1, right, &pair->hi) != 0)
        addr_error(p, t, dash + 1, right);
    else if (pair->lo.family != pair->hi.family)
        lex_error(p, t, E_ADDRESS, "a range can't mix families: `%.*s` begins in IPv%u and ends in IPv%u", (int)len, s,
                  pair->lo.family, pair->hi.family);
    else
        return pair;
    return NULL;
}

static void scan_addr_range(struct parser *p, const char *s, size_t len, const char *dash, struct token *t)
{
    const char *colon = memchr(dash, ':', len - (size_t)(dash - s));
    const size_t left = (size_t)(dash - s), right = len - left - 1;
    const bool with_port = colon && memchr(s, '.', left) && !memchr(s, ':', left) &&
                           !memchr(colon + 1, ':', len - (size_t)(colon + 1 - s));
    if (is_clock(s, left) && is_clock(dash + 1, right)) {
        give_value(p, t, COLON_RANGE, N_TIME_RANGE, (struct value){.kind = VALUE_STR, .str = {s, len}});
        return;
    }
    struct addr_pair *pair = range_of(p, s, with_port ? (size_t)(colon - s) : len, dash, t);
    if (pair && with_port)
        give_endpoint_range(p, t, pair, colon + 1, len - (size_t)(colon - s) - 1);
    else if (pair)
        give_value(p, t, ADDR_RANGE, N_ADDR_RANGE, (struct value){.kind = VALUE_ADDR_RANGE, .addr_range = pair});
}

void scan_bracketed(struct parser *p, const char *s, size_t len, struct token *t)
{
    struct value v = {.kind = VALUE_ENDPOINT};
    const char *close = memchr(s, ']', len);
    size_t inside = (size_t)(close - s) - 1;
    const char *dash = memchr(s, '-', inside + 1);
    struct addr_pair *pair = dash ? range_of(p, s + 1, inside, dash, t) : NULL;
    if (dash && !pair) return;
    if (dash ? pair->lo.family != 6 : parse_addr6(s + 1, inside, &v.endpoint.addr) != 0) {
        addr_error(p, t, s + 1, inside);
    } else if (close + 1 == s + len) {
        lex_error(p, t, E_ADDRESS, "write brackets only around an address with a port, such as [2001:db8::1]:80");
        if (!p->panic) diag_suggest(p->diags, SPAN_NONE, "%.*s", (int)inside, s + 1);
    } else if (dash) {
        give_endpoint_range(p, t, pair, close + 2, len - inside - 3);
    } else {
        give_endpoint(p, t, v, close + 2, len - inside - 3);
    }
}

/* True for groups of up to eight hex digits between single colons. */
static bool is_groups(const char *s, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == ':' ? digits == 0 : !isxdigit((unsigned char)s[i])) return false;
        digits = s[i] == ':' ? 0 : digits + 1;
    }
    return digits > 0;
}

/* Read a word with a colon that is not a name: an address of some form, or a ratio, time or MAC. */
void scan_colons(struct parser *p, const char *s, size_t len, struct token *t)
{
    struct value v = {.kind = VALUE_ADDR};
    const char *slash = memchr(s, '/', len), *dash = memchr(s, '-', len), *colon = memchr(s, ':', len);
    if (slash) {
        scan_prefix(p, s, len, slash, t);
    } else if (dash) {
        scan_addr_range(p, s, len, dash, t);
    } else if (parse_addr4(s, (size_t)(colon - s), &v.addr) == 0) {
        struct value e = {.kind = VALUE_ENDPOINT, .endpoint.addr = v.addr};
        give_endpoint(p, t, e, colon + 1, len - (size_t)(colon - s) - 1);
    } else if (parse_addr6(s, len, &v.addr) == 0) {
        give_value(p, t, ADDR, N_ADDR, v);
    } else if (is_groups(s, len)) {
        give_value(p, t, COLON_WORD, N_RATIO, (struct value){.kind = VALUE_STR, .str = {s, len}});
    } else {
        addr_error(p, t, s, len);
    }
}

void scan_dots(struct parser *p, const char *s, size_t len, struct token *t)
{
    struct value v = {.kind = VALUE_ADDR};
    const char *slash = memchr(s, '/', len), *dash = memchr(s, '-', len);
    if (dash) {
        scan_addr_range(p, s, len, dash, t);
    } else if (slash) {
        scan_prefix(p, s, len, slash, t);
    } else if (parse_addr4(s, len, &v.addr) == 0) {
        give_value(p, t, ADDR, N_ADDR, v);
    } else {
        const char *dot = memchr(s, '.', len), *mac = mac_meant(p->arena, s, len);
        const bool two = !memchr(dot + 1, '.', len - (size_t)(dot - s) - 1);
        if (mac)
            lex_error(p, t, E_ADDRESS, "`%.*s` isn't a MAC address: separate its pairs by colons", (int)len, s);
        else if (isalpha((unsigned char)s[len - 1]) || s[len - 1] == '%' || two)
            lex_error(p, t, E_NUMBER, "`%.*s` is neither an address nor a number (fractions aren't possible)", (int)len,
                      s);
        else
            addr_error(p, t, s, len);
        if (mac && !p->panic) diag_suggest(p->diags, SPAN_NONE, "%s", mac);
    }
}
