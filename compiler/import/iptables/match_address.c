/* Matches on source and destination: addresses, protocol, devices, frames */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compiler/import/iptables/iptables_names.h"
#include "compiler/import/iptables/reading.h"

/* Return the prefix length of a netmask, or -1 if its bits are not contiguous. */
static int mask_length(struct reading *r, const char *text, size_t len)
{
    struct list mask = {0};
    if (!list_address(&mask, text, len, r->s->arena) || mask.of[0].lo != mask.of[0].hi) return -1;
    const int bits = mask.of[0].family == 4 ? 32 : 128;
    const wide rest = ~mask.of[0].lo & (bits == 32 ? (wide)0xffffffff : ~(wide)0);
    if (rest & (rest + 1)) return -1;
    int length = bits;
    for (wide left = rest; left; left >>= 1) length--;
    return length;
}

/* Add A, A/LENGTH or A/MASK; bits behind the length need not be 0. */
static bool add_network(struct reading *r, struct list *l, const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    const size_t address_len = slash ? (size_t)(slash - text) : len;
    const size_t at = l->count;
    if (!list_address(l, text, address_len, r->s->arena) || l->of[at].family != r->family)
        return reading_fault(r, "`%.60s` isn't an IPv%u address", text, r->family);
    if (!slash) return true;
    const int bits = r->family == 4 ? 32 : 128;
    const char *mask = slash + 1;
    const size_t mask_len = len - address_len - 1;
    int length = 0;
    if (memchr(mask, '.', mask_len) || memchr(mask, ':', mask_len)) {
        length = mask_length(r, mask, mask_len);
        if (length < 0) {
            rule_unsaid(&r->rule, "prey has no masks with gaps");
            return true;
        }
    } else {
        char digits[4] = {0};
        uint64_t n;
        if (mask_len < sizeof(digits)) memcpy(digits, mask, mask_len);
        if (!reading_number(r, digits, (uint64_t)bits, "prefix length", &n)) return false;
        length = (int)n;
    }
    const wide rest = length == bits ? 0 : (~(wide)0 >> (128 - bits)) >> length;
    l->of[at].lo &= ~rest;
    l->of[at].hi = l->of[at].lo | rest;
    return true;
}

static bool is_all(const struct list *l, unsigned family)
{
    return l->count == 1 && l->of[0].lo == 0 && l->of[0].hi == (family == 4 ? (wide)0xffffffff : ~(wide)0);
}

static bool take_addresses(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    for (const char *at = v[0];; at++) {
        const size_t len = strcspn(at, ",");
        if (!add_network(r, &l, at, len)) return false;
        at += len;
        if (!*at) break;
    }
    if (is_all(&l, r->family))
        r->rule.never |= r->inverted;
    else
        reading_want(r, o->about, l);
    return true;
}

static bool take_span(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    if (!list_address(&l, v[0], strlen(v[0]), r->s->arena) || l.of[0].family != r->family)
        return reading_fault(r, "`%.60s` isn't a range of IPv%u addresses", v[0], r->family);
    reading_want(r, o->about, l);
    return true;
}

/* Take the kinds of `addrtype`; prey has LOCAL and MULTICAST, and of BROADCAST only the address of all networks
 * (ruleset_settle). */
static bool take_address_kinds(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    for (const char *at = v[0]; *at; at += strcspn(at, ","), at += *at == ',') {
        const size_t len = strcspn(at, ",");
        if (len == 5 && !strncmp(at, "LOCAL", len))
            list_word(&l, "self", 4, r->s->arena);
        else if (len == 9 && !strncmp(at, "MULTICAST", len))
            list_address(&l, r->family == 4 ? "224.0.0.0/4" : "ff00::/8", r->family == 4 ? 11 : 8, r->s->arena);
        else if (len == 9 && !strncmp(at, "BROADCAST", len) && o->about == ASK_TO && r->family == 4 && !r->inverted)
            r->rule.broadcast = list_address(&l, "255.255.255.255", 15, r->s->arena);
        else
            rule_unsaid(&r->rule, import_format(r->s, "prey doesn't know whether an address is %.*s",
                                                len > 40 ? 40 : (int)len, at));
    }
    if (l.count) reading_want(r, o->about, l);
    return true;
}

static bool take_protocol(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    unsigned number;
    uint64_t n;
    if (!name_protocol(v[0], &number)) {
        if (!reading_number(r, v[0], 255, "protocol", &n)) return false;
        number = (unsigned)n;
    }
    if (!number) {
        r->rule.never |= r->inverted;
        return true;
    }
    if (!r->inverted) r->proto = number;
    list_number(&l, number, number, r->s->arena);
    reading_want(r, ASK_PROTO, l);
    return true;
}

static bool take_device(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    const char *name = v[0];
    const size_t len = strlen(name);
    /* the kernel's rule for names */
    if (!len || len > 15 || strpbrk(name, "/: ") || !strcmp(name, ".") || !strcmp(name, ".."))
        return reading_fault(r, "`%.60s` isn't a device name", name);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) return reading_fault(r, "a device name has control characters");
    if (!strcmp(name, "+")) {
        r->rule.never |= r->inverted;
        return true;
    }
    if (name[len - 1] == '+') {
        const char *pattern = import_format(r->s, "%.*s*", (int)len - 1, name);
        list_word(&l, pattern, len, r->s->arena);
    } else {
        list_word(&l, name, len, r->s->arena);
    }
    reading_want(r, o->about, l);
    return true;
}

static bool take_fragment(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    list_word(&l, "later", 5, r->s->arena);
    reading_want(r, ASK_FRAGMENT, l);
    return true;
}

const struct option plain_options[] = {
    {"-s", 1, .take = take_addresses, .about = ASK_FROM},
    {"--source", 1, .take = take_addresses, .about = ASK_FROM},
    {"--src", 1, .take = take_addresses, .about = ASK_FROM},
    {"-d", 1, .take = take_addresses, .about = ASK_TO},
    {"--destination", 1, .take = take_addresses, .about = ASK_TO},
    {"--dst", 1, .take = take_addresses, .about = ASK_TO},
    {"-p", 1, .take = take_protocol},
    {"--protocol", 1, .take = take_protocol},
    {"--proto", 1, .take = take_protocol},
    {"-i", 1, .take = take_device, .about = ASK_ON},
    {"--in-interface", 1, .take = take_device, .about = ASK_ON},
    {"-o", 1, .take = take_device, .about = ASK_OUT_ON},
    {"--out-interface", 1, .take = take_device, .about = ASK_OUT_ON},
    {"-f", 0, .take = take_fragment},
    {"--fragment", 0, .take = take_fragment},
    {"-c", 2, .take = take_nothing},
    {"--set-counters", 2, .take = take_nothing},
    {0},
};

static bool take_mac(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    char mac[18];
    unsigned char b[6];
    char rest;
    if (strlen(v[0]) != 17 ||
        sscanf(v[0], "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) != 6)
        return reading_fault(r, "`%.60s` isn't a MAC address", v[0]);
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    list_word(&l, mac, 17, r->s->arena);
    reading_want(r, ASK_ETHER_FROM, l);
    return true;
}

static bool take_packet_kind(struct reading *r, const struct option *o, const char *const *v)
{
    struct list l = {.negated = r->inverted};
    const bool unicast = !strcasecmp(v[0], "unicast") || !strcasecmp(v[0], "host");
    if (!unicast && strcasecmp(v[0], "broadcast") != 0) {
        rule_unsaid(&r->rule, "prey can match broadcast frames or all group frames, but not only multicast frames");
        return true;
    }
    l.negated ^= unicast;
    list_word(&l, unicast ? "multicast" : "broadcast", 9, r->s->arena);
    reading_want(r, ASK_ETHER_TO, l);
    return true;
}

static bool take_reverse(struct reading *r, const struct option *o, const char *const *v)
{
    r->rule.urpf_failed = true;
    r->rule.urpf_passed = false;
    return true;
}

static const struct option of_iprange[] = {
    {"--src-range", 1, .take = take_span, .about = ASK_FROM},
    {"--dst-range", 1, .take = take_span, .about = ASK_TO},
    {0},
};
static const struct option of_addrtype[] = {
    {"--src-type", 1, .take = take_address_kinds, .about = ASK_FROM},
    {"--dst-type", 1, .take = take_address_kinds, .about = ASK_TO},
    {.name = "--limit-iface-in"},
    {.name = "--limit-iface-out"},
    {0},
};
static const struct option of_mac[] = {{"--mac-source", 1, .take = take_mac}, {0}};
static const struct option of_pkttype[] = {{"--pkt-type", 1, .take = take_packet_kind}, {0}};
static const struct option of_rpfilter[] = {
    {"--invert", 0, .take = take_reverse},
    {.name = "--loose"},
    {"--validmark", 0, .take = take_flag, .into = offsetof(struct reading, rule.by_mark)},
    {.name = "--accept-local"},
    {0},
};

static bool begin_reverse(struct reading *r, const struct module *m) { return r->rule.urpf_passed = true; }

const struct module matches_of_address[] = {
    {"iprange", .options = of_iprange},
    {"addrtype", .options = of_addrtype},
    {"mac", .options = of_mac},
    {"pkttype", .options = of_pkttype},
    {"rpfilter", .options = of_rpfilter, .begin = begin_reverse},
    {"physdev", .why = "prey has no condition for bridge ports; `preyrun --bridge` judges bridged frames"},
    {0},
};
