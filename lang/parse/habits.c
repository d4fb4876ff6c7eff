/* Habits from other tools, and the same in this language: `flags syn`, `from port 22`, `over 5/s`. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lang/lex/tokens.tab.h"
#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

/* Words of other tools for ours. */
static const struct {
    const char *theirs;
    int ours;
    const char *text;
} synonyms[] = {
    {"allow", ACCEPT, "accept"},
    {"permit", ACCEPT, "accept"},
    {"pass", ACCEPT, "accept"},
    {"block", DROP, "drop"},
    {"deny", DROP, "drop"},
    {"discard", DROP, "drop"},
    {"jump", DO, "do"},
    {"call", DO, "do"},
    {"goto", DO, "do"},
    {"saddr", FROM, "from"},
    {"src", FROM, "from"},
    {"daddr", TO, "to"},
    {"dst", TO, "to"},
    {"dport", PORT, "port"},
    {"sport", SOURCE, "source port"},
    {"ipv4", IP, "ip"},
    {"ipv6", IP6, "ip6"},
    {"icmpv6", ICMP6, "icmp6"},
    {"iif", ON, "on"},
    {"iifname", ON, "on"},
    {"oif", OUT, "out on"},
    {"oifname", OUT, "out on"},
    {"ct", STATE, "state"},
    {"keep", STATE, "state"},
    {"protocol", PROTO, "proto"},
    {"or", COMMA, ","},
    {"table", SET, "set"},
    {"define", CONST, "const"},
    {"backend", POOL, "pool"},
    {"frontend", SERVICE, "service"},
    {"listen", SERVICE, "service"},
    {"upstream", POOL, "pool"},
    {"default_backend", ELSE, "else ->"},
    {"maxconn", MAX, "max flows"},
    {"wait", AFTER, "after"},
    {"tcp-reset", RST, "rst"},
    {"reset", RST, "rst"},
    {"port-unreachable", UNREACHABLE, "unreachable"},
    {"icmp-port-unreachable", UNREACHABLE, "unreachable"},
    {"admin-prohibited", PROHIBITED, "prohibited"},
    {"icmp-admin-prohibited", PROHIBITED, "prohibited"},
};

const char *synonym(const struct parser *p, struct span span, const int *expected, int n)
{
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
        if (is_word_at(p, span, synonyms[i].theirs) && expects(expected, n, synonyms[i].ours)) return synonyms[i].text;
    return NULL;
}

/* Words that begin a condition or a statement in other tools, and our form. `edit`: our form replaces the word. */
static const struct {
    const char *theirs;
    int at; /* token that can stand where the foreign word stood */
    bool edit;
    const char *ours;
} forms[] = {
    {"new", STATE, true, "state new"},
    {"established", STATE, true, "state established"},
    {"related", STATE, true, "state related"},
    {"invalid", STATE, true, "state invalid"},
    {"syn", FLAGS, true, "flags has syn"},
    {"ack", FLAGS, true, "flags has ack"},
    {"in", FRAGMENT, false, "the direction belongs to the firewall: `firewall NAME in default drop { }`"},
    {"out", FRAGMENT, false, "the direction belongs to the firewall: `firewall NAME out default drop { }`"},
    {"forward", FRAGMENT, false, "the direction belongs to the firewall: `firewall NAME forward default drop { }`"},
    {"limit", ACCEPT, false, "bound a rate with a meter: `meter m = 10/s per source` outside, then `drop over m`"},
    {"rate", ACCEPT, false, "bound a rate with a meter: `meter m = 10/s per source` outside, then `drop over m`"},
    {"limit", FROM, false, "bound a rate with a meter: `meter m = 10/s per source` outside, then `over m` here"},
    {"rate", FROM, false, "bound a rate with a meter: `meter m = 10/s per source` outside, then `over m` here"},
    {"urpf-failed", TCP, false, "`urpf-failed` takes no `not`: write a rule `drop urpf-failed` before this one"},
    {"proto", TCP, false, "write all protocols in one list, names or numbers: `proto gre, 41`"},
    {"masquerade", ACCEPT, false,
     "write translation in a block of its own: `nat NAME { masquerade from ... out on ... }`"},
    {"masquerade", FIREWALL, false,
     "write translation in a block of its own: `nat NAME { masquerade from ... out on ... }`"},
    {"interfaces", FIREWALL, false, SEVERAL_INTERFACES},
    {"snat", ACCEPT, false,
     "write translation in a block of its own: `nat NAME { source from ... out on ... -> ... }`"},
    {"mac", BACKUP, false, "a MAC address belongs to one server: write a `server` line for that server"},
    {"slowstart", BACKUP, false, "slow start belongs to the pool: write a line `slow start 30s` there"},
    {"balance", AFFINITY, false, "balancing belongs to the pool: `pool NAME { balance least_conn ... }`"},
    {"redirect", AFFINITY, false, "proxies send requests on unchanged: choose a pool whose server redirects"},
    {"path_beg", SNI, false, "write `path \"/static*\"`: a `*` at the end matches any rest"},
    {"hdr", SNI, false, "write `host \"shop.example\"`, or `header \"NAME\" \"VALUE\"`"},
    {"acl", AFFINITY, false, "write the conditions in the line that needs them: `when host \"a.example\" -> POOL`"},
    {"use_backend", AFFINITY, false, "write `when CONDITION -> POOL`"},
    {"tcp", PASSTHROUGH, false, "write `passthrough`, or `proxy` where a `when` asks what clients say first"},
    {"http", PASSTHROUGH, true, "proxy http"},
    {"nat", PASSTHROUGH, false,
     "write `passthrough`, or `passthrough keep source` where servers answer through this machine"},
    {"dr", PASSTHROUGH, true, "dsr l2"},
    {"tun", PASSTHROUGH, true, "dsr ipip"},
    {"dnat", ACCEPT, false, "write translation in a block of its own: `nat NAME { forward ... -> ... }`"},
};

static bool offer_form(struct parser *p, struct span span, const int *expected, int n)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (!is_word_at(p, span, forms[i].theirs) || !expects(expected, n, forms[i].at)) continue;
        if (forms[i].edit)
            diag_suggest(p->diags, span, "%s", forms[i].ours);
        else
            diag_advise(p->diags, "%s", forms[i].ours);
        return true;
    }
    return false;
}

static struct span span_of(const struct parser *p, struct str word)
{
    const uint32_t at = (uint32_t)(word.s - p->text);
    return (struct span){p->file, at, at + (uint32_t)word.len};
}

/* Help with `from port 22`: `port` was taken as the name of a set. */
static bool offer_source_port(struct parser *p, struct span span)
{
    const struct str port = word_before(p, span.start), from = word_before(p, (uint32_t)(port.s - p->text));
    if (!is_word_at(p, span_of(p, port), "port") || !is_word_at(p, span_of(p, from), "from")) return false;
    diag_suggest(p->diags, span_join(span_of(p, from), span), "source port %s", quote(p, span));
    diag_advise(p->diags, "write `source port %s`, without `from`", quote(p, span));
    return true;
}

/* Help with `over 5/s`, `within 10Mbit/s`, `rate 5/s`. */
static bool offer_meter(struct parser *p, struct span span)
{
    const struct span word = span_of(p, word_before(p, span.start));
    if (!is_word_at(p, word, "over") && !is_word_at(p, word, "within") && !is_word_at(p, word, "rate")) return false;
    diag_advise(p->diags, "a rate has a name: `meter m = %s per source` outside, then `%s m` here", quote(p, span),
                quote(p, word));
    return true;
}

/* Help with TOS or traffic class: the DSCP is its upper six bits (RFC 2474). */
static bool offer_dscp(struct parser *p, struct span span)
{
    const struct span word = next_word(p, span.end);
    uint64_t tos;
    if (!is_word_at(p, span, "tos") && !is_word_at(p, span, "tclass")) return false;
    if (!word_number(p, word, &tos) || tos > 255 || tos & 3) {
        diag_advise(p->diags, "the upper six bits of that byte are the DSCP: write `dscp N`, a quarter of its value");
        return true;
    }
    diag_suggest(p->diags, span_join(span, word), "dscp %u", (unsigned)tos / 4);
    diag_advise(p->diags, "write `dscp %u`: the DSCP is the upper six bits of that byte", (unsigned)tos / 4);
    return true;
}

/* Help with `drop in on "eth1"`, `accept in lan`: `on` asks where a packet came in. */
static bool offer_on(struct parser *p, struct span span)
{
    const struct span word = next_word(p, span.end);
    const uint32_t len = word.end - word.start;
    if (!is_word_at(p, span, "in") || len == 0) return false;
    if (is_word_at(p, word, "on")) {
        diag_suggest(p->diags, span_join(span, word), "on");
        diag_advise(p->diags, "leave out `in`: `on` asks where a packet came in");
        return true;
    }
    if (word_find(p->text + word.start, len) != NAME) return false;
    diag_suggest(p->diags, span, "on");
    return true;
}

/* Help with `tcp 443`, where a protocol and its ports are one value. */
static bool offer_pair(struct parser *p, struct span span)
{
    const struct span ports = next_word(p, span.end);
    if (ports.end == ports.start || ports.start == span.end) return false;
    if (!isdigit((unsigned char)p->text[ports.start]) &&
        word_find(p->text + ports.start, ports.end - ports.start) != NAME)
        return false;
    diag_suggest(p->diags, span_join(span, ports), "%s/%s", quote(p, span), quote(p, ports));
    return true;
}

/* Help with `service www on 192.0.2.1:443 {`: the port was taken for a part of the address. */
static bool offer_service(struct parser *p, struct span span)
{
    const struct str address = word_before(p, span.start);
    const char *colon = address.len ? memrchr(address.s, ':', address.len) : NULL;
    if (p->stmt.start[0].kind != SERVICE || !colon || address.s[0] == '[') return false;
    const size_t len = (size_t)(colon - address.s);
    if (memchr(address.s, ':', len)) return false; /* an IPv6 address */
    diag_suggest(p->diags, span_of(p, address), "%.*s tcp/%.*s", (int)len, address.s, (int)(address.len - len - 1),
                 colon + 1);
    return true;
}

/* Help with `firewall f in on wan`: the direction follows the interfaces. */
static bool offer_order(struct parser *p, struct span span)
{
    const struct span way = span_of(p, word_before(p, span.start)), device = next_word(p, span.end);
    if (!is_word_at(p, way, "in") && !is_word_at(p, way, "out") && !is_word_at(p, way, "forward")) return false;
    if (device.end == device.start || p->text[device.end] == ',') return false;
    diag_suggest(p->diags, span_join(way, device), "on %s %s", quote(p, device), quote(p, way));
    return true;
}

/* Help with `ports p = file "x"`. */
static bool offer_include(struct parser *p, struct span span)
{
    const int first = p->stmt.start[0].kind;
    if (!is_word_at(p, span_of(p, word_before(p, span.start)), "file")) return false;
    if (first != PORTS && first != MACS && first != NAMES) return false;
    diag_advise(p->diags,
                "only sets of addresses can be read from files: write `%s` in another rule file, and "
                "`include` it",
                token_name(first));
    return true;
}

/* Help with `mon 08:00 - 18:00`: the dash between times has no blanks around it. */
static bool offer_hours(struct parser *p, struct span span)
{
    const uint32_t dash = skip_blanks(p, span.end), end = skip_blanks(p, dash + (p->text[dash] == '-'));
    if (p->stmt.start[0].kind != SCHEDULE || p->text[dash] != '-' || !isdigit((unsigned char)p->text[end]))
        return false;
    const struct span hours = {p->file, end, end + (uint32_t)strspn(p->text + end, "0123456789:")};
    diag_suggest(p->diags, span_join(span, hours), "%s-%s", quote(p, span), quote(p, hours));
    return true;
}

/* True for a word for TCP's options: of nft, of iptables, of pf, of protocols' own texts. */
static bool is_tcp_option(const struct parser *p, struct span span)
{
    static const char *const words[] = {"option",   "tcp-option", "mss",        "maxseg",         "tcpmss",
                                        "wscale",   "sack",       "sack-perm",  "sack-permitted", "sackOK",
                                        "fastopen", "timestamp",  "timestamps", "md5sig"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (is_word_at(p, span, words[i])) return true;
    return false;
}

bool offer_tcp_option(struct parser *p, struct span span)
{
    if (!is_tcp_option(p, span)) return false;
    diag_advise(p->diags,
                "no condition asks for TCP options (`options` are IPv4's): ask for bytes, as `tcp bytes l4 at 20 is "
                "x\"02 04\"`, or set the MSS by `mss clamp N` in a nat or service");
    return true;
}

/* Help with `to ::1:2:3:4 mask ::ffff:ffff:ffff:ffff`, an address and a mask in words of their own. */
static bool offer_mask_word(struct parser *p, struct span span)
{
    const struct str address = word_before(p, span.start);
    const char *mask = p->text + skip_blanks(p, span.end);
    return is_word_at(p, span, "mask") &&
           offer_mask(p, address.s, address.len, mask, strspn(mask, "0123456789abcdefABCDEF:."));
}

/* Help with several interfaces where one is declared, or where a firewall takes one. */
static bool offer_interfaces(struct parser *p, int found)
{
    const int first = p->stmt.start[0].kind;
    const bool list = found == COMMA || found == LBRACE || found == LPAREN || found == STRING;
    if (!list || p->stmt.tokens < 2 || (first != INTERFACE && !(first == FIREWALL && found == LPAREN))) return false;
    diag_advise(p->diags, "%s", SEVERAL_INTERFACES);
    return true;
}

static bool is_flag(int token)
{
    static const int flags[] = {FIN, SYN, RST, PSH, ACK, URG, ECE, CWR};
    return expects(flags, sizeof(flags) / sizeof(flags[0]), token);
}

/* Help with `flags syn`, and pf's `flags S/SA`. */
static bool offer_flags(struct parser *p, int found, struct span span)
{
    if (is_flag(found))
        diag_suggest(p->diags, span, "has %s", quote(p, span));
    else if (found == SLASHED)
        diag_advise(p->diags, "name the flags that are set and those that are clear: `flags has syn lacks ack`");
    return is_flag(found) || found == SLASHED;
}

/* True for `weight=5`: behind a word of the language, and not in a declaration. */
static bool is_option(const struct parser *p, struct span sign)
{
    const struct str word = word_before(p, sign.start);
    return p->stmt.tokens > 2 && word.len && word_find(word.s, word.len) != NAME && p->text[sign.start + 1] != '=';
}

/* Help with `keep-source`: two of our words written as one. */
static bool offer_apart(struct parser *p, struct span span, const int *expected, int n)
{
    const char *dash = memchr(p->text + span.start, '-', span.end - span.start);
    const size_t len = dash ? (size_t)(dash - p->text) - span.start : 0, rest = span.end - span.start - len - 1;
    if (!dash || !expects(expected, n, word_find(p->text + span.start, len)) || word_find(dash + 1, rest) == NAME)
        return false;
    diag_suggest(p->diags, span, "%.*s %.*s", (int)len, p->text + span.start, (int)rest, dash + 1);
    return true;
}

bool offer_habit(struct parser *p, int found, struct span span, const int *expected, int n)
{
    const bool word = found == NAME || token_is_word(found), condition = expects(expected, n, FRAGMENT);
    if (n < ALL_NAMES && expects(expected, n, HAS) && expects(expected, n, LACKS)) return offer_flags(p, found, span);
    if (found == GE) return offer_range(p, span);
    if (found == COLON_WORD) return offer_hours(p, span);
    if (found == RATE || found == BANDWIDTH) return offer_meter(p, span);
    if (found == STRING && offer_include(p, span)) return true;
    if (found == LBRACE && expects(expected, n, SLASHED)) return offer_service(p, span);
    if (found == NAME && n < ALL_NAMES && offer_apart(p, span, expected, n)) return true;
    if (offer_interfaces(p, found)) return true;
    if (condition && word && (offer_tcp_option(p, span) || offer_mask_word(p, span))) return true;
    if ((found == TCP || found == UDP || found == SCTP) && expects(expected, n, SLASHED)) return offer_pair(p, span);
    if (found == EQ && is_option(p, span)) {
        diag_suggest(p->diags, span, " ");
        diag_advise(p->diags, "leave out `=`");
        return true;
    }
    if (found == NAME && n == 1 && (expects(expected, n, ON) || expects(expected, n, ARROW))) {
        diag_suggest(p->diags, span, "%s %s", expects(expected, n, ON) ? "on" : "->", quote(p, span));
        return true;
    }
    if (found == ON && expects(expected, n, DEFAULT)) return offer_order(p, span);
    if (condition && (found == INT || found == RANGE || found == NAME) && offer_source_port(p, span)) return true;
    if (condition && word && (offer_dscp(p, span) || offer_on(p, span))) return true;
    return word && offer_form(p, span, expected, n);
}
