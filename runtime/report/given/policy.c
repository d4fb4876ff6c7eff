/* Policy rules as `ip rule` prints them. IPv4's and IPv6's look alike: a section belongs to one family, which an
 * address in it, or the table `default`, shows. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/report/given/routes_priv.h"
#include "vm/words/words.h"

static bool word_is(const char *word, const char *other) { return !strcmp(word, other); }

bool policy_begins(const char *word)
{
    const size_t digits = strspn(word, "0123456789");
    return digits && word[digits] == ':' && !word[digits + 1];
}

static int read_prefix(struct reading *r, struct rule_read *x, const char *word, bool from)
{
    struct route_rule *rule = &x->policy.rule;
    struct route to = {0};
    if (word_is(word, "all")) return 0;
    if (word_is(word, "default") || !routes_prefix(word, strlen(word), 4, &to))
        return routes_fault(r, "a policy rule needs an address, or a prefix such as 10.0.0.0/8, not", word);
    memcpy(from ? rule->from : rule->to, to.to, sizeof to.to);
    if (from)
        rule->from_bits = to.bits;
    else
        rule->to_bits = to.bits;
    /* The prefix shows the family of the rule's section. */
    uint8_t *told = &r->sections[x->section].family;
    if (*told && *told != to.family)
        return routes_fault(r, "the policy rules before have another family (IPv4 or IPv6) than", word);
    *told = to.family;
    return 0;
}

/* Read `N` or `N-M`. */
static bool read_range(const char *word, uint32_t most, uint32_t range[2])
{
    char first[16];
    const char *dash = strchr(word, '-');
    if (!dash) return routes_number(word, most, &range[0]) && routes_number(word, most, &range[1]);
    if ((size_t)(dash - word) >= sizeof first) return false;
    memcpy(first, word, (size_t)(dash - word));
    first[dash - word] = 0;
    return routes_number(first, most, &range[0]) && routes_number(dash + 1, most, &range[1]);
}

static int read_ports(struct reading *r, const char *word, uint16_t ports[2])
{
    uint32_t range[2];
    if (!read_range(word, UINT16_MAX, range) || range[0] > range[1])
        return routes_fault(r, "a policy rule needs a port or a range of ports, not", word);
    ports[0] = (uint16_t)range[0];
    ports[1] = (uint16_t)range[1];
    return 0;
}

static bool read_hex(const char *word, char end, uint32_t *value, const char **rest)
{
    char *at;
    errno = 0;
    const unsigned long n = strtoul(word, &at, 0);
    *rest = at;
    *value = (uint32_t)n;
    return !errno && at != word && n <= UINT32_MAX && (*at == 0 || *at == end);
}

static int read_mark(struct reading *r, const char *word, struct route_policy *p)
{
    struct route_rule *rule = &p->rule;
    uint32_t mark, mask = UINT32_MAX;
    const char *rest;
    if (!read_hex(word, '/', &mark, &rest) || (*rest && !read_hex(rest + 1, 0, &mask, &rest)))
        return routes_fault(r, "a mark must be a number, or two around a `/`, not", word);
    p->mark = mark;
    p->mask = mask;
    if (mask) rule->asks |= ROUTE_ASKS_MARK;
    if (mask && !(mark & mask)) rule->asks |= ROUTE_ASKS_NO_MARK;
    return 0;
}

/* Read the name of a field in /etc/iproute2/rt_dsfield: AF11 to AF43, CS1 to CS7, EF. */
static bool dsfield_named(const char *word, uint32_t *value)
{
    const bool af = !strncmp(word, "AF", 2) && word[2] >= '1' && word[2] <= '4' && word[3] >= '1' && word[3] <= '3';
    const bool cs = !strncmp(word, "CS", 2) && word[2] >= '1' && word[2] <= '7' && !word[3];
    if (af && !word[4]) *value = (uint32_t)(word[2] - '0') << 5 | (uint32_t)(word[3] - '0') << 3;
    if (cs) *value = (uint32_t)(word[2] - '0') << 5;
    if (word_is(word, "EF")) *value = 0xb8;
    return (af && !word[4]) || cs || word_is(word, "EF");
}

/* Read a TOS, or a DSCP, which is its upper six bits. */
static int read_tos(struct reading *r, const char *word, bool dscp, struct route_rule *rule)
{
    uint32_t value;
    const char *rest;
    const bool named = dsfield_named(word, &value);
    if (!named && (!read_hex(word, 0, &value, &rest) || value > (dscp ? 0x3f : 0xff)))
        return routes_fault(r, "a TOS or DSCP must be a number that fits, or a class such as AF11, not", word);
    rule->tos = (uint8_t)(dscp && !named ? value << 2 : value);
    return 0;
}

static int read_protocol(struct reading *r, const char *word, struct route_rule *rule)
{
    const struct protoent *known = getprotobyname(word); /* protocols as `ip` names them */
    uint32_t value = known && known->p_proto <= UINT8_MAX ? (uint32_t)known->p_proto : proto_number(word);
    if (word_is(word, "ipv6-icmp")) value = IPPROTO_ICMPV6;
    if (value == PROTO_UNKNOWN && !routes_number(word, UINT8_MAX, &value))
        return routes_fault(r, "the protocol is unknown:", word);
    rule->proto = (uint8_t)value;
    return 0;
}

static int read_device(struct reading *r, const char *word, struct rule_read *x)
{
    if (word_is(word, "lo")) {
        x->policy.rule.asks |= ROUTE_ASKS_HERE;
        return 0;
    }
    if (strlen(word) >= sizeof x->device) return routes_fault(r, "the name of a device is too long:", word);
    x->policy.rule.asks |= ROUTE_ASKS_ARRIVAL;
    memcpy(x->device, word, strlen(word) + 1);
    return 0;
}

/* The kernel treats forwarded packets as root's. */
static int read_users(struct reading *r, const char *word, struct route_rule *rule)
{
    uint32_t range[2];
    if (!read_range(word, UINT32_MAX, range))
        return routes_fault(r, "a policy rule needs the number of a user, or a range, not", word);
    if (range[0]) rule->asks |= ROUTE_ASKS_NOTHING;
    return 0;
}

static void be_unseen(struct route_rule *rule)
{
    rule->asks |= ROUTE_ASKS_UNSEEN;
    rule->why = WAY_OTHER;
}

static int read_lookup(struct reading *r, const char *word, struct rule_read *x)
{
    struct route_policy *p = &x->policy;
    p->rule.does = ROUTE_LOOKS_UP;
    if (word_is(word, "[l3mdev-table]")) {
        be_unseen(&p->rule);
        p->rule.does = ROUTE_ASKS;
        return 0;
    }
    uint8_t *told = &r->sections[x->section].family;
    if (word_is(word, "default") && !*told) *told = 4;
    return routes_table(r, word, &p->table);
}

static int read_suppressed(struct reading *r, const char *word, struct route_policy *p)
{
    uint32_t value;
    if (!routes_number(word, 128, &value))
        return routes_fault(r, "a prefix length must be a number from 0 to 128, not", word);
    p->suppressed = (int)value;
    return 0;
}

/* Read a word with its value. Return 1 for any other word. */
static int read_valued(struct reading *r, const char *word, const char *value, struct rule_read *x)
{
    struct route_rule *rule = &x->policy.rule;
    if (word_is(word, "from") || word_is(word, "to")) return read_prefix(r, x, value, word_is(word, "from"));
    if (word_is(word, "tos") || word_is(word, "dsfield")) return read_tos(r, value, false, rule);
    if (word_is(word, "dscp")) return read_tos(r, value, true, rule);
    if (word_is(word, "fwmark")) return read_mark(r, value, &x->policy);
    if (word_is(word, "iif") || word_is(word, "dev")) return read_device(r, value, x);
    if (word_is(word, "ipproto")) return read_protocol(r, value, rule);
    if (word_is(word, "sport")) return read_ports(r, value, rule->src_ports);
    if (word_is(word, "dport")) return read_ports(r, value, rule->dst_ports);
    if (word_is(word, "uidrange")) return read_users(r, value, rule);
    if (word_is(word, "lookup") || word_is(word, "table")) return read_lookup(r, value, x);
    if (word_is(word, "goto")) {
        x->policy.rule.does = ROUTE_GOES_TO;
        if (word_is(value, "none") || routes_number(value, UINT32_MAX, &x->policy.target)) return 0;
        return routes_fault(r, "the target of `goto` must be a number, not", value);
    }
    if (word_is(word, "suppress_prefixlength")) return read_suppressed(r, value, &x->policy);
    if (word_is(word, "oif")) rule->asks |= ROUTE_ASKS_NOTHING;
    if (word_is(word, "tun_id") || word_is(word, "flowlabel")) be_unseen(rule);
    if (word_is(word, "suppress_ifgroup")) x->policy.rule.does = ROUTE_ASKS, rule->why = WAY_OTHER;
    static const char *const rest[] = {"oif", "tun_id", "flowlabel", "suppress_ifgroup", "proto", "protocol", "realms"};
    for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++)
        if (word_is(word, rest[i])) return 0;
    return 1;
}

/* Read a word without a value. False for any other word. */
static bool read_single(const char *word, struct route_policy *p)
{
    if (word_is(word, "not")) p->rule.asks |= ROUTE_ASKS_NOT;
    if (word_is(word, "nop")) p->rule.does = ROUTE_GOES_TO;
    const bool refuses = word_is(word, "blackhole") || word_is(word, "unreachable") || word_is(word, "prohibit");
    if (refuses) p->rule.does = ROUTE_REFUSES;
    return refuses || word_is(word, "not") || word_is(word, "nop") || word_is(word, "[detached]") ||
           word_is(word, "[unresolved]");
}

/* Begin a section if a rule comes after something else, or its priority begins again. */
static int section_begin(struct reading *r, uint32_t priority)
{
    const bool goes_on = r->in_rules && priority >= r->priority;
    if (!goes_on && r->sections_count == SECTIONS_MOST)
        return routes_fault(r, "there are more than 64 lists of policy rules", "");
    if (!goes_on) r->sections[r->sections_count++] = (struct rules_section){.file = r->file, .line = r->line};
    r->in_rules = true;
    r->priority = priority;
    return 0;
}

int policy_read(struct reading *r, char *const words[], unsigned count)
{
    uint32_t priority = (uint32_t)strtoul(words[0], NULL, 10);
    int failed = section_begin(r, priority);
    if (!failed && r->rules_count == RULES_MOST) failed = routes_fault(r, "there are more than 508 policy rules", "");
    if (failed) return failed;
    struct rule_read *x = &r->rules[r->rules_count++];
    *x = (struct rule_read){.policy = {.priority = priority, .suppressed = -1}, .section = r->sections_count - 1};
    x->policy.rule.does = ROUTE_DOES; /* the rule does nothing yet */
    for (unsigned i = 1; i < count && !failed; i++) {
        if (read_single(words[i], &x->policy)) continue;
        if (i + 1 == count) return routes_fault(r, "a policy rule can't end with", words[i]);
        failed = read_valued(r, words[i], words[i + 1], x);
        if (failed == 1) return routes_fault(r, "a policy rule can't have the word", words[i]);
        i++;
    }
    if (!failed && x->policy.rule.does == ROUTE_DOES)
        return routes_fault(r, "the policy rule names no table (`lookup TABLE`)", "");
    return failed;
}

/* True if the rules are the two that IPv6 has by default. */
static bool are_six_alone(const struct reading *r)
{
    static const uint32_t usual[] = {ROUTE_TABLE_LOCAL, ROUTE_TABLE_MAIN};
    static const struct route_rule all = {.does = ROUTE_LOOKS_UP};
    bool alone = r->rules_count == sizeof usual / sizeof *usual;
    for (unsigned i = 0; alone && i < r->rules_count; i++) {
        const struct rule_read *x = &r->rules[i];
        alone = !memcmp(&x->policy.rule, &all, sizeof all) && x->policy.table == usual[i] && x->policy.suppressed < 0;
    }
    return alone;
}

/* Return the family of the only section, which does not show it; 0 if other data does not show it either. */
static uint8_t family_left(const struct reading *r)
{
    bool four = false, six = false;
    for (uint32_t i = 0; i < r->list.count; i++) {
        const struct route *route = &r->list.routes[i];
        four |= route->table != ROUTE_LIST_FIRST && route->family == 4;
        six |= route->table != ROUTE_LIST_FIRST && route->family == 6;
    }
    if (four != six) return four ? 4 : 6;
    return are_six_alone(r) ? 6 : 0;
}

static int ask_family(struct reading *r)
{
    const struct rules_section *only = &r->sections[0];
    r->file = only->file;
    r->line = only->line;
    const int failed = routes_fault(r,
                                    "the policy rules don't show whether they are for IPv4 or IPv6: write the output "
                                    "of `ip rule`, then the output of `ip -6 rule`, to this file",
                                    "");
    r->file = NULL;
    return failed;
}

/* Give each section that shows no family the one that is left: IPv4's comes first. */
static int settle_families(struct reading *r)
{
    bool four = false;
    if (r->sections_count == 1 && !r->sections[0].family) {
        r->sections[0].family = family_left(r);
        return r->sections[0].family ? 0 : ask_family(r);
    }
    for (unsigned i = 0; i < r->sections_count; i++) four |= r->sections[i].family == 4;
    for (unsigned i = 0; i < r->sections_count; i++) {
        if (r->sections[i].family) continue;
        r->sections[i].family = four ? 6 : 4;
        four = true;
    }
    return 0;
}

/* Make the way of IPv4 packets with a TOS unknown, because some routes are for one TOS only. */
static int ask_tos(struct reading *r, bool alone)
{
    static const uint32_t usual[] = {ROUTE_TABLE_LOCAL, ROUTE_TABLE_MAIN, ROUTE_TABLE_DEFAULT};
    struct route_policy p = {.rule = {.family = 4, .asks = ROUTE_ASKS_TOS, .does = ROUTE_ASKS, .why = WAY_OTHER},
                             .suppressed = -1};
    int failed = route_list_rule(&r->list, &p, "");
    p.rule = (struct route_rule){.family = 4};
    for (unsigned i = 0; alone && i < sizeof usual / sizeof *usual && !failed; i++) {
        p.table = usual[i];
        failed = route_list_rule(&r->list, &p, "");
    }
    return failed;
}

int policy_close(struct reading *r)
{
    bool four = false;
    int failed = settle_families(r);
    for (unsigned i = 0; i < r->sections_count; i++) four |= r->sections[i].family == 4;
    if (!failed && r->has_tos) failed = ask_tos(r, !four);
    for (unsigned i = 0; i < r->rules_count && !failed; i++) {
        struct rule_read *x = &r->rules[i];
        x->policy.rule.family = r->sections[x->section].family;
        failed = route_list_rule(&r->list, &x->policy, x->device);
    }
    return failed;
}
