/* Unquoted words of the source: a name, a number with or without unit, an address in one of its forms. Each function
 * looks at a bounded stretch of text once. The place in the grammar decides later what words with colons mean. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"

#define NS_PER_S UINT64_C(1000000000)

bool is_name(const char *s, size_t len)
{
    if (len == 0 || !(isalpha((unsigned char)s[0]) || s[0] == '_') || s[len - 1] == '-') return false;
    for (size_t i = 1; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-') return false;
    return true;
}

int parse_uint(const char *s, size_t len, uint64_t *out)
{
    unsigned base = 10;
    uint64_t n = 0;
    bool over = false;
    if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
        len -= 2;
    }
    if (len == 0 || s[0] == '_' || s[len - 1] == '_' || (base == 10 && len > 1 && s[0] == '0')) return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '_' && s[i - 1] != '_') continue;
        if (!(base == 16 ? isxdigit(c) : isdigit(c))) return -EINVAL;
        unsigned digit = isdigit(c) ? c - (unsigned)'0' : (unsigned)tolower(c) - 'a' + 10;
        over |= __builtin_mul_overflow(n, base, &n);
        over |= __builtin_add_overflow(n, digit, &n);
    }
    *out = n;
    return over ? -ERANGE : 0;
}

int parse_int_or_range(const char *s, size_t len, struct node *out)
{
    const char *dash = memchr(s, '-', len);
    out->kind = dash ? N_RANGE : N_INT;
    out->v.kind = dash ? VALUE_RANGE : VALUE_INT;
    if (!dash) return parse_uint(s, len, &out->v.i);
    size_t left = (size_t)(dash - s), right = len - left - 1;
    out->v.range.open_lo = left == 0;
    out->v.range.open_hi = right == 0;
    out->v.range.lo = 0;
    out->v.range.hi = UINT64_MAX;
    if (left == 0 && right == 0) return -EINVAL;
    int err = left ? parse_uint(s, left, &out->v.range.lo) : 0;
    return err || !right ? err : parse_uint(dash + 1, right, &out->v.range.hi);
}

void give_value(struct parser *p, struct token *t, int kind, enum node_kind node_kind, struct value v)
{
    t->kind = kind;
    t->node = node_new(p->arena, node_kind, t->span);
    t->node->v = v;
}

static void give_int(struct parser *p, struct token *t, int kind, enum node_kind node_kind, uint64_t i)
{
    give_value(p, t, kind, node_kind, (struct value){.kind = VALUE_INT, .i = i});
}

static void without_zeros(struct parser *p, uint32_t file, const char *s, size_t len)
{
    const uint32_t at = (uint32_t)(s - p->text);
    size_t zeros = 0;
    while (zeros + 1 < len && s[zeros] == '0') zeros++;
    diag_suggest(p->diags, (struct span){file, at, at + (uint32_t)len}, "%.*s", (int)(len - zeros), s + zeros);
}

/* Report an option of iptables or ipvsadm, `--dport`, with prey's word for it. False if these tools lack such an
 * option. */
static bool offer_option(struct parser *p, struct token *t, const char *s, size_t len)
{
    static const struct {
        const char *options, *advice;
    } rows[] = {
        {"-s --src --source", "write `from`"},
        {"-d --dst --destination", "write `to`"},
        {"-i --in-interface", "write `on`"},
        {"-o --out-interface", "write `out on`"},
        {"-p --protocol", "write only the protocol: `tcp`"},
        {"--dport --dports --destination-port", "write `port`"},
        {"--sport --sports --source-port", "write `source port`"},
        {"--ctstate --state", "write `state`"},
        {"--to-ports", "write `ports`"},
        {"--to-source --to-destination --to", "write `->`"},
        {"--random --random-fully --persistent", "remove this word"},
        {"-m --match", "remove this word: conditions need no option before them"},
        {"-j --jump -g --goto", "begin the rule with the verdict: `accept tcp to port 22`"},
        {"--reject-with", "write `with`: `reject with rst`"},
    };
    const char *advice =
        "write a rule such as `accept tcp to port 22`; to translate a ruleset, run: preyc --import iptables FILE";
    if (len < 2 || s[0] != '-' || (s[1] != '-' && !isalpha((unsigned char)s[1]))) return false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (const char *o = rows[i].options; *o; o += strspn(o, " ")) {
            const size_t n = strcspn(o, " ");
            if (n == len && memcmp(o, s, n) == 0) advice = rows[i].advice;
            o += n;
        }
    lex_error(p, t, E_NUMBER, "`%.*s` isn't part of the rule language, which has no options with `-`", (int)len, s);
    if (!p->panic) diag_advise(p->diags, "%s", advice);
    return true;
}

static void number_error(struct parser *p, struct token *t, const char *s, size_t len, int err)
{
    const char *mac = mac_meant(p->arena, s, len);
    if (mac) {
        lex_error(p, t, E_ADDRESS, "`%.*s` isn't a MAC address: separate its pairs by colons", (int)len, s);
        if (!p->panic) diag_suggest(p->diags, SPAN_NONE, "%s", mac);
        return;
    }
    if (err == -ERANGE) {
        lex_error(p, t, E_NUMBER, "`%.*s` is too large: numbers go up to 18446744073709551615", (int)len, s);
        return;
    }
    if (offer_option(p, t, s, len)) return;
    lex_error(p, t, E_NUMBER, "`%.*s` isn't a number", (int)len, s);
    if (!p->panic && len > 1 && s[0] == '0' && isdigit((unsigned char)s[1]))
        without_zeros(p, t->span.file, s, len);
    else if (!p->panic && len == 1 && *s == '-')
        diag_advise(p->diags, "write a range without blanks: 80-90");
}

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", NS_PER_S / 1000}, {"s", NS_PER_S},         {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},  {"d", 86400 * NS_PER_S}, {0},
};
static const struct unit rates[] = {{"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {0}};
static const struct unit bandwidths[] = {
    {"kbit/s", 1000},
    {"Mbit/s", 1000 * 1000},
    {"Gbit/s", 1000 * 1000 * 1000},
    {0},
};
static const struct unit sizes[] = {
    {"B", 1},         {"KB", 1000},     {"MB", 1000 * 1000}, {"GB", 1000 * 1000 * 1000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},    {0},
};

static const struct unit *unit_find(const struct unit *units, const char *s, size_t len)
{
    for (; units->name; units++)
        if (strlen(units->name) == len && memcmp(units->name, s, len) == 0) return units;
    return NULL;
}

static size_t digits_len(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && (isdigit((unsigned char)s[n]) || s[n] == '_')) n++;
    return n;
}

/* Read `5s` or `2h4m`: units from large to small, each once. Return 0 with *ns set, -ERANGE, or -EINVAL if it is not
 * a duration. */
static int parse_duration(const char *s, size_t len, uint64_t *ns)
{
    uint64_t last = UINT64_MAX;
    *ns = 0;
    while (len) {
        size_t digits = digits_len(s, len), letters = 0;
        while (digits + letters < len && isalpha((unsigned char)s[digits + letters])) letters++;
        const struct unit *u = unit_find(durations, s + digits, letters);
        uint64_t n;
        int err = parse_uint(s, digits, &n);
        if (!u || err == -EINVAL || u->factor >= last) return -EINVAL;
        if (err || __builtin_mul_overflow(n, u->factor, &n) || __builtin_add_overflow(*ns, n, ns)) return -ERANGE;
        last = u->factor;
        s += digits + letters;
        len -= digits + letters;
    }
    return 0;
}

/* Return the nearest unit, for "did you mean". */
static const char *unit_nearest(const char *s, size_t len)
{
    static const char *const all[] = {"ms",     "s",      "m", "h",  "d",  "/s", "/m",  "/h",  "kbit/s",
                                      "Mbit/s", "Gbit/s", "B", "KB", "MB", "GB", "KiB", "MiB", "GiB"};
    char unit[16];
    if (len >= sizeof(unit)) return NULL;
    memcpy(unit, s, len);
    unit[len] = '\0';
    static const struct {
        const char *wrong, *right;
    } usual[] = {
        {"sec", "s"},       {"secs", "s"},      {"seconds", "s"}, {"min", "m"},   {"minutes", "m"},
        {"hours", "h"},     {"days", "d"},      {"msec", "ms"},   {"K", "KiB"},   {"k", "KiB"},
        {"M", "MiB"},       {"G", "GiB"},       {"/sec", "/s"},   {"/min", "/m"}, {"/hour", "/h"},
        {"mbps", "Mbit/s"}, {"Mbps", "Mbit/s"}, {"pps", "/s"},    {"w", "d"},
    };
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (strcmp(unit, usual[i].wrong) == 0) return usual[i].right;
    return diag_nearest(unit, all, sizeof(all) / sizeof(all[0]));
}

/* True for durations one after the other, but not from large to small. */
static bool is_duration_mix(const char *s, size_t len)
{
    while (len) {
        size_t digits = digits_len(s, len), letters = 0;
        while (digits + letters < len && isalpha((unsigned char)s[digits + letters])) letters++;
        if (!digits || !unit_find(durations, s + digits, letters)) return false;
        s += digits + letters;
        len -= digits + letters;
    }
    return true;
}

static void unit_error(struct parser *p, struct token *t, const char *s, size_t digits, size_t len)
{
    if (is_duration_mix(s, len)) {
        lex_error(p, t, E_UNIT, "write the units of a duration from large to small, each once, as in 1d2h4m");
        return;
    }
    lex_error(p, t, E_UNIT,
              "`%.*s` isn't a unit: durations have ms s m h d, rates /s /m /h, bandwidths kbit/s Mbit/s Gbit/s, sizes "
              "B KB MB GB KiB MiB GiB",
              (int)(len - digits), s + digits);
    const char *near = unit_nearest(s + digits, len - digits);
    if (p->panic || !near) return;
    diag_guess(p->diags, SPAN_NONE, "%.*s%s", (int)digits, s, near);
    const char *zeros = len - digits != 1         ? NULL
                        : strchr("kK", s[digits]) ? "_000"
                        : s[digits] == 'M'        ? "_000_000"
                        : s[digits] == 'G'        ? "_000_000_000"
                                                  : NULL;
    if (zeros)
        diag_advise(p->diags, "write a size as `%.*s%s`, and a number in full as `%.*s%s`", (int)digits, s, near,
                    (int)digits, s, zeros);
}

static void scaled(struct parser *p, struct token *t, int kind, enum node_kind node_kind, uint64_t n, uint64_t factor)
{
    uint64_t product;
    if (__builtin_mul_overflow(n, factor, &product))
        number_error(p, t, p->text + t->span.start, t->span.end - t->span.start, -ERANGE);
    else
        give_int(p, t, kind, node_kind, product);
}

/* Read a number and the text that touches it. */
static void scan_unit(struct parser *p, const char *s, size_t digits, size_t len, struct token *t)
{
    const char *unit = s + digits;
    size_t unit_len = len - digits;
    const struct unit *u;
    uint64_t n, ns;
    int err = parse_duration(s, len, &ns);
    if (err == 0) {
        give_int(p, t, DURATION, N_DURATION, ns);
        return;
    }
    if (err == -ERANGE || (err = parse_uint(s, digits, &n)) != 0)
        number_error(p, t, s, len, err);
    else if (unit_len == 1 && *unit == '%')
        give_int(p, t, PERCENT, N_PERCENT, n);
    else if (unit_len == 2 && memcmp(unit, "xx", 2) == 0 && n >= 1 && n <= 9 && digits == 1)
        give_int(p, t, STATUS, N_STATUS, n);
    else if (*unit == '/' && (u = unit_find(rates, unit + 1, unit_len - 1)))
        give_value(p, t, RATE, N_RATE, (struct value){.kind = VALUE_RATE, .rate = {n, u->factor}});
    else if ((u = unit_find(bandwidths, unit, unit_len)))
        scaled(p, t, BANDWIDTH, N_BANDWIDTH, n, u->factor);
    else if ((u = unit_find(sizes, unit, unit_len)))
        scaled(p, t, SIZE, N_SIZE, n, u->factor);
    else
        unit_error(p, t, s, digits, len);
}

static void scan_number(struct parser *p, const char *s, size_t len, struct token *t)
{
    struct node n = {0};
    if (len == 1 && *s == '-' && p->stmt.start[0].kind == SCHEDULE) {
        t->kind = DASH;
        return;
    }
    if (date_scan(p, s, len, t)) return;
    if (s[0] == '/' && digits_len(s + 1, len - 1) == len - 1 && len > 1) {
        t->kind = SLASH_LEN;
        t->str = (struct str){s, len};
        return;
    }
    bool hex = len > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    size_t digits = digits_len(s, len);
    if (hex || digits == len || memchr(s, '-', len)) {
        int err = parse_int_or_range(s, len, &n);
        if (err)
            number_error(p, t, s, len, err);
        else
            give_value(p, t, n.kind == N_INT ? INT : RANGE, n.kind, n.v);
    } else if (digits == 0) {
        lex_error(p, t, E_CHARACTER, "`%.*s` is neither a name nor a value", (int)len, s);
    } else {
        scan_unit(p, s, digits, len, t);
    }
}

static void scan_name(struct parser *p, const char *s, size_t len, struct token *t)
{
    if (len > MAX_NAME) {
        lex_error(p, t, E_TOO_LONG, "this name has %zu bytes, but names have at most %d", len, MAX_NAME);
        return;
    }
    t->kind = NAME;
    t->str = (struct str){s, len};
}

/* True for digits, colons and other characters of addresses; a zone after `%` is refused later, with a reason. */
static bool is_hex_colons(const char *s, size_t len)
{
    size_t colons = 0;
    for (size_t i = 0; i < len && s[i] != '%'; i++) {
        colons += s[i] == ':';
        if (!isxdigit((unsigned char)s[i]) && !strchr(":./-", s[i])) return false;
    }
    return colons >= 2;
}

/* True if only addresses can be at this place, judging by the words before it. */
static bool takes_address(const struct parser *p)
{
    const int first = p->stmt.start[0].kind;
    if (p->prev == FROM || p->prev == TO || first == SET || first == SERVER) return true;
    if (first == SERVICE) return p->prev == ON || p->prev == COMMA;
    return word_is_reserved(first) && (p->prev == NOT || p->prev == COMMA);
}

/* Report a word with a dot: a host's name, a device, a MAC as Cisco writes it. */
static void dotted_error(struct parser *p, const char *s, size_t len)
{
    const char *mac = mac_meant(p->arena, s, len);
    if (mac)
        diag_suggest(p->diags, SPAN_NONE, "%s", mac);
    else if (takes_address(p))
        diag_advise(p->diags, "write the host's addresses: the compiler doesn't look up host names");
    else
        diag_suggest_for(p->diags, " for a string", "\"%.*s\"", (int)len, s);
}

/* Read a word that begins with a letter. Return the bytes taken. */
static size_t scan_word(struct parser *p, const char *s, size_t len, struct token *t)
{
    const char *colon = memchr(s, ':', len);
    if (is_name(s, len)) {
        scan_name(p, s, len, t);
        return len;
    }
    if (colon && is_hex_colons(s, len)) {
        scan_colons(p, s, len, t);
        return len;
    }
    if (colon) {
        size_t left = (size_t)(colon - s);
        if (left == 4 && memcmp(s, "self", 4) == 0 && len > 5 && isdigit((unsigned char)colon[1])) {
            give_endpoint(p, t, (struct value){.kind = VALUE_ENDPOINT, .endpoint.is_self = true}, colon + 1, len - 5);
            return len;
        }
        t->span.end = t->span.start + (uint32_t)left;
        return scan_word(p, s, left, t);
    }
    const char *slash = memchr(s, '/', len);
    if (slash && is_name(s, (size_t)(slash - s)) && slash + 1 < s + len && !memchr(s, '.', len) &&
        !memchr(s, '%', len)) {
        t->kind = SLASHED;
        t->str = (struct str){s, len};
    } else if (s[len - 1] == '-') {
        lex_error(p, t, E_NAME, "`%.*s` isn't a name: a name can't end in `-`", (int)len, s);
    } else {
        lex_error(p, t, E_NAME, "`%.*s` isn't a name: names have letters, digits, `_`, and `-` between these", (int)len,
                  s);
        if (!p->panic && memchr(s, '.', len)) dotted_error(p, s, len);
    }
    return len;
}

size_t value_scan(struct parser *p, const char *s, size_t len, struct token *t)
{
    const size_t whole = len;
    if (p->panic) {
        t->kind = RAW_SKIPPED;
        return whole;
    }
    if (len > MAX_WORD) {
        lex_error(p, t, E_TOO_LONG, "this word has %zu bytes, but names have at most %d, and values %d", len, MAX_NAME,
                  MAX_WORD);
        return whole;
    }
    if (len > 1 && s[len - 1] == '-' && s[len] == '>') len--;
    if (len > 1 && s[len - 1] == ':' && s[len - 2] != ':') len--;
    t->span.end = t->span.start + (uint32_t)len;
    if (*s == ':' && (len == 1 || s[1] != ':')) {
        t->kind = COLON;
        t->span.end = t->span.start + 1;
        len = 1;
    } else if (*s == '[') {
        scan_bracketed(p, s, len, t);
    } else if (isalpha((unsigned char)*s) || *s == '_') {
        len = scan_word(p, s, len, t);
    } else if (memchr(s, ':', len)) {
        scan_colons(p, s, len, t);
    } else if (memchr(s, '.', len)) {
        scan_dots(p, s, len, t);
    } else {
        scan_number(p, s, len, t);
    }
    return len;
}
