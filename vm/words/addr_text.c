/* One address, prefix or range as text, and its faults (words.h). */
#include <arpa/inet.h>
#include <string.h>

#include "vm/words/words.h"
#include "vm/words/words_priv.h"

typedef unsigned __int128 u128;

/* An address as a number; IPv4 in the low 32 bits. */
struct number {
    unsigned family;
    u128 n;
};

/* Parse four decimal numbers without leading zeros, as inet_pton does; nearly every line is one, so a loop is
 * worthwhile. */
static bool parse_v4(const char *s, size_t len, struct number *a)
{
    size_t i = 0;
    uint32_t address = 0;
    for (unsigned part = 0; part < 4; part++) {
        unsigned n = 0;
        if (part && (i >= len || s[i++] != '.')) return false;
        const size_t digits = i;
        while (i < len && s[i] >= '0' && s[i] <= '9' && i - digits < 3) n = n * 10 + (unsigned)(s[i++] - '0');
        if (i == digits || n > 255 || (i - digits > 1 && s[digits] == '0')) return false;
        address = address << 8 | n;
    }
    *a = (struct number){4, address};
    return i == len;
}

static bool parse_address(const char *s, size_t len, struct number *a)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (parse_v4(s, len, a)) return true;
    if (len >= sizeof text || !memchr(s, ':', len) || memchr(s, '\0', len)) return false;
    memcpy(text, s, len);
    text[len] = '\0';
    if (inet_pton(AF_INET6, text, bytes) != 1) return false;
    *a = (struct number){.family = 6};
    for (unsigned i = 0; i < 16; i++) a->n = a->n << 8 | bytes[i];
    return true;
}

static bool parse_length(const char *s, size_t len, unsigned most, unsigned *out)
{
    unsigned n = 0;
    if (len == 0 || len > 3 || (len > 1 && s[0] == '0')) return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        n = n * 10 + (unsigned)(s[i] - '0');
    }
    *out = n;
    return n <= most;
}

static enum addr_fault guess(const char *s, size_t len)
{
    bool letters = false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%') return ADDR_ZONE;
        if (s[i] == ' ' || s[i] == '\t' || s[i] == ',') return ADDR_BLANKS;
        letters = letters || (s[i] >= 'g' && s[i] <= 'z') || (s[i] >= 'G' && s[i] <= 'Z');
    }
    return letters ? ADDR_NAME : ADDR_NONE;
}

static void set_member(struct addr_member *m, unsigned family, u128 lo, u128 hi)
{
    m->family = (uint8_t)family;
    if (family == 4)
        m->v4 = (struct pbc_range){.lo = (uint32_t)lo, .hi = (uint32_t)hi};
    else
        m->v6 = (struct pbc_range6){
            .lo_hi = (uint64_t)(lo >> 64), .lo_lo = (uint64_t)lo, .hi_hi = (uint64_t)(hi >> 64), .hi_lo = (uint64_t)hi};
}

/* Return the mask of the bits behind the prefix. */
static u128 host_mask(unsigned family, unsigned bits)
{
    const unsigned past = (family == 4 ? 32 : 128) - bits;
    return past >= 128 ? ~(u128)0 : ((u128)1 << past) - 1;
}

static enum addr_fault prefix_member(struct number a, const char *length, size_t len, struct addr_member *m)
{
    unsigned bits;
    if (!parse_length(length, len, a.family == 4 ? 32 : 128, &bits)) return ADDR_LENGTH;
    const u128 host = host_mask(a.family, bits);
    if (a.n & host) return ADDR_HOST_BITS;
    set_member(m, a.family, a.n, a.n | host);
    return ADDR_GOOD;
}

static enum addr_fault range_member(struct number lo, const char *last, size_t len, struct addr_member *m)
{
    struct number hi;
    if (!parse_address(last, len, &hi) || hi.family != lo.family) return ADDR_FAMILIES;
    if (lo.n > hi.n) return ADDR_BACKWARDS;
    set_member(m, lo.family, lo.n, hi.n);
    return ADDR_GOOD;
}

enum addr_fault addr_text_member(const char *s, size_t len, struct addr_member *m)
{
    const char *slash = memchr(s, '/', len), *dash = slash ? NULL : memchr(s, '-', len), *mark = slash ? slash : dash;
    const size_t first = mark ? (size_t)(mark - s) : len;
    struct number a;
    if (!parse_address(s, first, &a)) return guess(s, len);
    if (slash) return prefix_member(a, mark + 1, len - first - 1, m);
    if (dash) return range_member(a, mark + 1, len - first - 1, m);
    set_member(m, a.family, a.n, a.n);
    return ADDR_GOOD;
}

static void add_address_number(struct text *t, unsigned family, u128 n)
{
    uint32_t words[4] = {(uint32_t)(n >> 96), (uint32_t)(n >> 64), (uint32_t)(n >> 32), (uint32_t)n};
    if (family == 4) words[0] = words[3];
    text_add_address(t, words, family == 6);
}

static const char *const form_faults[] = {
    [ADDR_JSON] =
        "this is JSON: write one address, prefix or range per line, or the output of `ipset save` or `nft list`",
    [ADDR_PAGE] = "this is a web page, not a list of addresses",
    [ADDR_LISTING] = "this is the output of `ipset list`: use `ipset save` instead",
    [ADDR_COMMAND] = "only commands of ipset and nft that create a set or add members are possible",
    [ADDR_KIND] = "a set of this type doesn't contain only addresses",
    [ADDR_SECOND] = "this is a second set of the same family: save each set to its own file",
    [ADDR_NOMATCH] =
        "an entry with `nomatch` removes addresses from the set: write `except` in the rules, with its own file",
    [ADDR_OPTION] = "not an option of the entry before it: is a comma or a new line missing?",
    [ADDR_BRACES] = "a brace or quote isn't closed: is the end of the file missing?",
    [ADDR_NO_SET] = "the listing has no set of addresses",
};

/* Name both meanings of a prefix with host bits: the network, and the host. */
static void describe_host_bits(const char *s, size_t len, struct text *t)
{
    const char *slash = memchr(s, '/', len);
    struct number a = {0};
    unsigned bits = 0;
    if (!slash || !parse_address(s, (size_t)(slash - s), &a) ||
        !parse_length(slash + 1, len - (size_t)(slash - s) - 1, a.family == 4 ? 32 : 128, &bits))
        return;
    text_add(t, "the address has bits set past its first %u: this is either the network ", bits);
    add_address_number(t, a.family, a.n & ~host_mask(a.family, bits));
    text_add(t, "/%u or the host ", bits);
    add_address_number(t, a.family, a.n);
}

void addr_fault_describe(const char *s, size_t len, enum addr_fault fault, char *buf, size_t buf_len)
{
    static const char *const hints[] = {
        [ADDR_FAMILIES] = "a range is two addresses of one family",
        [ADDR_BACKWARDS] = "the range runs backwards",
        [ADDR_ZONE] = "an address with a zone belongs to one link, and a set can't contain it",
        [ADDR_BLANKS] = "write one address, prefix or range per line, without spaces in it",
        [ADDR_NAME] = "a set of addresses can't contain host names: their addresses change",
    };
    struct text t = text_of(buf, buf_len);
    if (fault == ADDR_HOST_BITS) {
        describe_host_bits(s, len, &t);
        return;
    }
    if (fault >= ADDR_JSON) {
        text_add(&t, "%s", form_faults[fault]);
        return;
    }
    text_add(&t, "not an address, prefix or range");
    if (fault == ADDR_LENGTH)
        text_add(&t, ": a prefix length goes from 0 to %u", memchr(s, ':', len) ? 128 : 32);
    else if (fault != ADDR_NONE)
        text_add(&t, ": %s", hints[fault]);
}
