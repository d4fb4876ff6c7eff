/* Forms of other tools, and their equivalents in this language: `flags syn`, `from port 22`, `over 5/s`. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lang/lex/tokens.tab.h"
#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

/* Words of other tools for prey's, several separated by blanks. */
static const struct {
    const char *theirs;
    int ours;
    const char *text;
} synonyms[] = {
    {"allow permit pass", ACCEPT, "accept"},
    {"block deny discard", DROP, "drop"},
    {"jump call goto", DO, "do"},
    {"saddr src", FROM, "from"},
    {"daddr dst", TO, "to"},
    {"dport", PORT, "port"},
    {"sport", SOURCE, "source port"},
    {"ipv4", IP, "ip"},
    {"ipv6", IP6, "ip6"},
    {"icmpv6", ICMP6, "icmp6"},
    {"iif iifname", ON, "on"},
    {"oif oifname via", OUT, "out on"},
    {"ct ctstate keep", STATE, "state"},
    {"protocol l4proto", PROTO, "proto"},
    {"or", COMMA, ","},
    {"table", SET, "set"},
    {"define", CONST, "const"},
    {"backend upstream", POOL, "pool"},
    {"frontend listen", SERVICE, "service"},
    {"zone", INTERFACE, "interface"},
    {"to-ports", PORTS, "ports"},
    {"to", ARROW, "->"},
    {"to", MAPS_TO, "<->"},
    {"default_backend", ELSE, "else ->"},
    {"maxconn", MAX, "max flows"},
    {"lb_algo scheduler", BALANCE, "balance"},
    {"wait", AFTER, "after"},
    {"inter interval delay_loop", EVERY, "every"},
    {"tcp-reset reset", RST, "rst"},
    {"port-unreachable icmp-port-unreachable", UNREACHABLE, "unreachable"},
    {"admin-prohibited icmp-admin-prohibited", PROHIBITED, "prohibited"},
};

/* True if the list, words between blanks, has the span's word in either case. */
static bool is_one_of(const struct parser *p, struct span span, const char *words)
{
    const size_t len = span.end - span.start;
    for (const char *s = words; *s; s += strspn(s, " ")) {
        const size_t n = strcspn(s, " ");
        if (n == len && strncasecmp(s, p->text + span.start, n) == 0) return true;
        s += n;
    }
    return false;
}

const char *synonym(const struct parser *p, struct span span, const int *expected, int n)
{
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
        if (is_one_of(p, span, synonyms[i].theirs) && expects(expected, n, synonyms[i].ours)) return synonyms[i].text;
    return NULL;
}

static const struct {
    int at;
    bool edit;
    const char *words, *ours;
} forms[] = {
#define FOREIGN(at, edit, words, ours) {at, edit, words, ours},
#include "lang/parse/foreign.def"
};

/* True if a token can be here; options of a translation are also known right behind its first word. */
static bool may_stand(const struct parser *p, int token, const int *expected, int n)
{
    return expects(expected, n, token) ||
           (token == PORTS && p->header.start[0].kind == NAT && p->stmt.tokens == 2 && expects(expected, n, OUT));
}

static bool offer_form(struct parser *p, struct span span, const int *expected, int n)
{
    if (n > ALL_NAMES && p->stmt.tokens > 1) return false; /* a name is needed */
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (!may_stand(p, forms[i].at, expected, n) || !is_one_of(p, span, forms[i].words)) continue;
        if (forms[i].edit)
            diag_suggest(p->diags, span, "%s", forms[i].ours);
        else
            diag_advise(p->diags, "%s", forms[i].ours);
        return true;
    }
    return false;
}

static struct span habit_span(const struct parser *p, struct str word)
{
    const uint32_t at = (uint32_t)(word.s - p->text);
    return (struct span){p->file, at, at + (uint32_t)word.len};
}

/* Help with `from port 22`: `port` was taken as the name of a set. */
static bool offer_source_port(struct parser *p, struct span span)
{
    const struct str port = word_before(p, span.start), from = word_before(p, (uint32_t)(port.s - p->text));
    if (!is_word_at(p, habit_span(p, port), "port") || !is_word_at(p, habit_span(p, from), "from")) return false;
    diag_suggest(p->diags, span_join(habit_span(p, from), span), "source port %s", quote(p, span));
    diag_advise(p->diags, "write `source port %s`, without `from`", quote(p, span));
    return true;
}

/* Help with `over 5/s`, `within 10Mbit/s`, `rate 5/s`. */
static bool offer_meter(struct parser *p, struct span span)
{
    const struct span word = habit_span(p, word_before(p, span.start));
    if (!is_word_at(p, word, "over") && !is_word_at(p, word, "within") && !is_word_at(p, word, "rate")) return false;
    diag_advise(p->diags, "give the rate a name: `meter m = %s per source` outside the firewall, then `%s m` here",
                quote(p, span), quote(p, word));
    return true;
}

/* Help with TOS or traffic class: the DSCP is its upper six bits (RFC 2474). */
static bool offer_dscp(struct parser *p, struct span span)
{
    const struct span word = next_word(p, span.end);
    uint64_t tos;
    if (!is_word_at(p, span, "tos") && !is_word_at(p, span, "tclass")) return false;
    if (!word_number(p, word, &tos) || tos > 255 || tos & 3) {
        diag_advise(p->diags,
                    "write `dscp N` with a quarter of this value: the DSCP is the upper six bits of the byte");
        return true;
    }
    diag_suggest(p->diags, span_join(span, word), "dscp %u", (unsigned)tos / 4);
    diag_advise(p->diags, "write `dscp %u`: the DSCP is the upper six bits of this byte", (unsigned)tos / 4);
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
        diag_advise(p->diags, "remove `in`: `on` means the input interface");
        return true;
    }
    if (word_find(p->text + word.start, len) != NAME) return false;
    diag_suggest(p->diags, span, "on");
    return true;
}

/* Help with `tcp 443` and `tcp dport 443`: a protocol and its ports are one value. */
static bool offer_pair(struct parser *p, struct span span)
{
    struct span ports = next_word(p, span.end);
    while (is_one_of(p, ports, "to port dport")) ports = next_word(p, ports.end);
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
    if (memchr(address.s, ':', len)) return false; /* the address is an IPv6 one */
    diag_suggest(p->diags, habit_span(p, address), "%.*s tcp/%.*s", (int)len, address.s, (int)(address.len - len - 1),
                 colon + 1);
    return true;
}

/* Help with `firewall f in on wan`: the direction follows the interfaces. */
static bool offer_order(struct parser *p, struct span span)
{
    const struct span way = habit_span(p, word_before(p, span.start)), device = next_word(p, span.end);
    if (!is_word_at(p, way, "in") && !is_word_at(p, way, "out") && !is_word_at(p, way, "forward")) return false;
    if (device.end == device.start || p->text[device.end] == ',') return false;
    diag_suggest(p->diags, span_join(way, device), "on %s %s", quote(p, device), quote(p, way));
    return true;
}

/* Help with `out not on wan`: `not` follows `on`. */
static bool offer_not_on(struct parser *p, struct span span)
{
    const struct span on = next_word(p, span.end);
    if (!is_word_at(p, on, "on")) return false;
    diag_suggest(p->diags, span_join(span, on), "on not");
    return true;
}

/* Help with `ports p = file "x"`. */
static bool offer_include(struct parser *p, struct span span)
{
    const int first = p->stmt.start[0].kind;
    if (!is_word_at(p, habit_span(p, word_before(p, span.start)), "file")) return false;
    if (first != PORTS && first != MACS && first != NAMES) return false;
    diag_advise(
        p->diags,
        "only sets of addresses can be in a file of their own: write `%s` in a rule file, and `include` that file",
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
    diag_advise(p->diags, "prey can't match TCP options: compare bytes, as in `tcp bytes l4 at 20 is x\"02 04\"`; to "
                          "set the MSS, write `mss clamp N` in a nat or service");
    return true;
}

/* Help with `to ::1:2:3:4 mask ::ffff:ffff:ffff:ffff`, an address and a mask in separate words. */
static bool offer_mask_word(struct parser *p, struct span span)
{
    const struct str address = word_before(p, span.start);
    const char *mask = p->text + skip_blanks(p, span.end);
    return is_word_at(p, span, "mask") &&
           offer_mask(p, address.s, address.len, mask, strspn(mask, "0123456789abcdefABCDEF:."));
}

/* Help with several interfaces in the declaration of one, or if a firewall takes one. */
static bool offer_interfaces(struct parser *p, int found)
{
    const int first = p->stmt.start[0].kind;
    const bool list = found == COMMA || found == LBRACE || found == LPAREN || found == STRING;
    if (!list || p->stmt.tokens < 2 || (first != INTERFACE && !(first == FIREWALL && found == LPAREN))) return false;
    diag_advise(p->diags, "%s", SEVERAL_INTERFACES);
    return true;
}

/* True for a word that begins a condition of rules, prey's or another tool's. */
static bool is_condition(const struct parser *p, int found, struct span span)
{
    static const int ours[] = {
        FROM, TO,     PORT,   SOURCE, ON,  OUT,  STATE, FLAGS, VLAN, ETHER, FRAGMENT, OPTIONS,
        OVER, WITHIN, DURING, TCP,    UDP, SCTP, ICMP,  ICMP6, IP,   IP6,   PROTO,
#define IP_NUMBER(token, text, values, wanted) token,
#include "lang/words/word.def"
    };
    const int n = sizeof(ours) / sizeof(ours[0]);
    return expects(ours, n, found) || synonym(p, span, ours, n);
}

/* Help with a statement that begins with its conditions, as nft's do: `tcp dport 22 accept`. */
static bool offer_verdict_first(struct parser *p, int found, struct span span, const int *expected, int n)
{
    if (p->stmt.tokens != 1 || !is_condition(p, found, span)) return false;
    if (expects(expected, n, MASQUERADE) && expects(expected, n, FORWARD))
        diag_advise(p->diags, "begin with the translation: `masquerade from 10.0.0.0/8 out on \"eth0\"`");
    else if (expects(expected, n, ACCEPT) && expects(expected, n, MIRROR))
        diag_advise(p->diags, "begin with the verdict: `accept tcp to port 22`");
    else
        return false;
    return true;
}

/* Help with `masquerade from lan ct state new ...`: a nat asks for less than a firewall. */
static bool offer_nat_condition(struct parser *p, int found, struct span span, const int *expected, int n)
{
    const int first = p->stmt.start[0].kind;
    if (p->header.start[0].kind != NAT || p->stmt.tokens < 2 || takes_values(expected, n)) return false;
    if (found == PORT && expects(expected, n, PORTS)) return false; /* `port` is a typing mistake for `ports` */
    if (!is_condition(p, found, span) && !is_one_of(p, span, "limit rate mark fwmark meta urpf-failed")) return false;
    if (first == SOURCE && !expects(expected, n, OUT))
        diag_advise(p->diags, "write conditions before `->`");
    else if (first == MASQUERADE || first == SOURCE)
        diag_advise(p->diags, "a nat has only the conditions `from`, `to`, protocol, ports, `on` and `out on`: write "
                              "other conditions in a firewall");
    else if (first == FORWARD && found != PORT && found != TO)
        diag_advise(p->diags, "a `forward` has only the conditions `on` and `from`, then protocol and port "
                              "(`tcp/443`): write other conditions in a firewall");
    else if (first == MAP)
        diag_advise(p->diags, "a `map` has only the condition `out on`: write other conditions in a firewall");
    else
        return false;
    return true;
}

/* Help with pf's `(wan)`, the addresses of an interface. */
static bool offer_own_address(struct parser *p, int found, struct span span)
{
    const struct span word = habit_span(p, word_before(p, span.start));
    if (found != LPAREN || p->stmt.tokens < 2) return false;
    if (is_word_at(p, word, "->") && p->header.start[0].kind == NAT)
        diag_advise(p->diags, "remove this address: `masquerade` translates to the interface's own address");
    else if (is_one_of(p, word, "from to forward"))
        diag_advise(p->diags, "write `self` for this machine's addresses");
    else
        return false;
    return true;
}

/* Help with pf's `lan:network`, and nft's `masquerade to :1024-65535`. */
static bool offer_behind_colon(struct parser *p, int found, struct span span)
{
    if (found == COLON && p->header.start[0].kind == NAT && p->stmt.start[0].kind != FORWARD) {
        diag_advise(p->diags, "write ports after `ports`: `ports 1024-65535`");
        return true;
    }
    if (found != COLON || !is_one_of(p, next_word(p, span.end), "network broadcast peer")) return false;
    diag_advise(p->diags, "write an interface's network as a set: `set lan_net = 10.0.0.0/24`");
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
        diag_advise(p->diags, "write the flags that must be set after `has`, and those that must be clear after "
                              "`lacks`: `flags has syn lacks ack`");
    return is_flag(found) || found == SLASHED;
}

/* True for `weight=5`: behind a word of the language, and not in a declaration. */
static bool is_option(const struct parser *p, struct span sign)
{
    const struct str word = word_before(p, sign.start);
    return p->stmt.tokens > 2 && word.len && word_find(word.s, word.len) != NAME && p->text[sign.start + 1] != '=';
}

/* Help with `keep-source`: two of prey's words written as one. */
static bool offer_apart(struct parser *p, struct span span, const int *expected, int n)
{
    const char *dash = memchr(p->text + span.start, '-', span.end - span.start);
    const size_t len = dash ? (size_t)(dash - p->text) - span.start : 0, rest = span.end - span.start - len - 1;
    if (!dash || !expects(expected, n, word_find(p->text + span.start, len)) || word_find(dash + 1, rest) == NAME)
        return false;
    diag_suggest(p->diags, span, "%.*s %.*s", (int)len, p->text + span.start, (int)rest, dash + 1);
    return true;
}

/* Help with `server a 10.0.0.1 check inter 2s`: the word behind `check` was taken for a check's name. */
static bool offer_check_options(struct parser *p, struct span span)
{
    const struct str option = word_before(p, span.start);
    const struct span check = habit_span(p, word_before(p, (uint32_t)(option.s - p->text)));
    if (!is_word_at(p, check, "check") || !is_one_of(p, habit_span(p, option), "inter fastinter downinter rise fall"))
        return false;
    diag_advise(p->diags, "write `check alive = tcp every 2s rise 2 fall 3` outside the pool, then `check alive` here");
    return true;
}

/* Help with `-> 403` in a service. */
static bool offer_status(struct parser *p, int found, struct span span)
{
    const struct str arrow = word_before(p, span.start);
    if (found != INT || p->header.start[0].kind != SERVICE || arrow.len != 2 || memcmp(arrow.s, "->", 2) != 0)
        return false;
    diag_advise(p->diags, "a service can't answer requests: name a pool whose server can, or reject these clients in a "
                          "firewall: `reject tcp from ADDRESSES to ADDRESS port 80`");
    return true;
}

bool offer_habit(struct parser *p, int found, struct span span, const int *expected, int n)
{
    const bool word = found == NAME || token_is_word(found), condition = expects(expected, n, FRAGMENT);
    if (n < ALL_NAMES && expects(expected, n, HAS) && expects(expected, n, LACKS)) return offer_flags(p, found, span);
    if (found == GE) return offer_range(p, span);
    if (found == COLON_WORD) return offer_hours(p, span);
    if (offer_check_options(p, span) || offer_status(p, found, span)) return true;
    if (found == RATE || found == BANDWIDTH) return offer_meter(p, span);
    if (found == STRING && offer_include(p, span)) return true;
    if (found == LBRACE && expects(expected, n, SLASHED)) return offer_service(p, span);
    if (offer_interfaces(p, found) || offer_own_address(p, found, span) || offer_behind_colon(p, found, span))
        return true;
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
    if (found == NOT && n == 1 && offer_not_on(p, span)) return true;
    if (word && n == 1 && expects(expected, n, LBRACE) && p->stmt.start[0].kind == NAT) {
        diag_advise(p->diags,
                    "write the interfaces in the nat's statements: `nat NAME { masquerade from ... out on ... }`");
        return true;
    }
    if (condition && (found == INT || found == RANGE || found == NAME) && offer_source_port(p, span)) return true;
    if (condition && word && (offer_dscp(p, span) || offer_on(p, span))) return true;
    if (found == ON && expects(expected, n, OUT) && p->header.start[0].kind == NAT) {
        diag_suggest(p->diags, span, "out on");
        return true;
    }
    if (word && (offer_form(p, span, expected, n) || offer_verdict_first(p, found, span, expected, n) ||
                 offer_nat_condition(p, found, span, expected, n)))
        return true;
    return found == NAME && n < ALL_NAMES && offer_apart(p, span, expected, n);
}
