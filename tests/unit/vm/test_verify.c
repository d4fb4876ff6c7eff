/* The verifier: one good image, and every check broken one at a time. Each case has the whole line that the operator
 * gets; the digest is right in all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/forward/balance/lb.h"

static uint32_t long_string(struct imgbuild *b, size_t len)
{
    char *s = calloc(len + 1, 1);
    memset(s, 'x', len);
    const uint32_t at = img_string(b, s);
    free(s);
    return at;
}

/* FAULT(name, line, change of `b`): a name for each check. */
/* Add pools of one server each. */
static void more_pools(struct imgbuild *b, uint32_t count, uint32_t name)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t server = img_add_servers(b, (struct pbc_server){.name = name, .pool = b->pools_count, .family = 4});
        img_add_pools(b, (struct pbc_pool){.name = name, .servers = server, .server_count = 1, .check = PBC_NONE});
    }
}

/* Give the first pool servers of both families, so three tables. */
static void many_tables(struct imgbuild *b, uint32_t tables)
{
    b->settings->maglev = LB_SLOTS_MAX;
    b->pools[0].balance = LB_MAGLEV;
    more_pools(b, tables - 3, 0);
}

/* Add 4,096 addresses to translate to, for one server after the other. */
static void many_sources(struct imgbuild *b)
{
    b->set4[2] = (struct pbc_range){0xcb007000, 0xcb007fff};
    b->pools[0].source_count = 0;
    b->pools[0].source_port_lo = b->pools[0].source_port_hi = 0;
    more_pools(b, 17, 0);
    for (uint32_t i = 1; i < b->pools_count; i++) {
        b->pools[i].sources = b->pools[i].source_count = 1;
        b->pools[i].source_port_lo = b->pools[i].source_port_hi = 5;
    }
}

/* Add addresses of one family, which also count with the servers of the other, because ports are reserved for all
 * pairs. */
static void many_mixed(struct imgbuild *b)
{
    many_sources(b);
    for (uint32_t i = b->pools[1].servers; i < b->servers_count; i++) b->servers[i].family = 6;
}

/* Add the maximum number of statements, each from the maximum number of sets. */
static void many_nats(struct imgbuild *b)
{
    enum { MANY_SETS = 4102 };
    while (b->sets_count < MANY_SETS) img_add_sets(b, (struct pbc_set){.first4 = 0});
    while (b->nats_count < 4096) img_add_nats(b, b->nats[0]);
    for (uint32_t i = 6; i < 4096; i++) b->nats[i].from_count = MANY_SETS;
}

/* Add more sets than a pool's `source` may have */
static void many_sets(struct imgbuild *b)
{
    while (b->sets_count < 2 + PBC_SOURCES_MAX) img_add_sets(b, (struct pbc_set){.first4 = 0});
}

/* Add 8,192 branches that share a condition with 4,096 operands */
static void many_branches(struct imgbuild *b)
{
    const struct pbc_branch otherwise = b->branches[1], when = {.conds = b->conds_count, .cond_count = 1, .shares = 2};
    img_add_conds(b, (struct pbc_cond){.kind = COND_DSCP, .first = b->ranges_count, .count = 4096});
    for (uint32_t i = 0; i < 4096; i++) img_add_ranges(b, (struct pbc_range){0, 1});
    b->branches[1] = when;
    while (b->branches_count < 8192) img_add_branches(b, when);
    img_add_branches(b, otherwise);
    b->services[0].branch_count = b->branches_count;
}

/* Add statements with 4,096 and with one range of ports */
static void many_ranges(struct imgbuild *b)
{
    const uint32_t first = b->ranges_count;
    for (uint32_t i = 0; i < PBC_NAT_PORTS_MAX; i++) img_add_ranges(b, (struct pbc_range){1024 + 2 * i, 1024 + 2 * i});
    for (uint32_t i = 0; i < 2; i++) {
        b->nats[i].ports = first;
        b->nats[i].port_count = i ? 1 : PBC_NAT_PORTS_MAX;
        b->nats[i].port_lo = 1024;
        b->nats[i].port_hi = (uint16_t)b->ranges[first + b->nats[i].port_count - 1].hi;
    }
}

/* Add ranges of ports from port_lo to port_hi, of which the second begins in the first */
static void ranges_overlap(struct imgbuild *b)
{
    b->nats[0].ports = b->ranges_count;
    b->nats[0].port_count = 2;
    b->nats[0].port_lo = 500;
    b->nats[0].port_hi = 520;
    img_add_ranges(b, (struct pbc_range){500, 510});
    img_add_ranges(b, (struct pbc_range){510, 520});
}

/* Make a program without flows that remembers their verdicts */
static void forget_flows(struct imgbuild *b)
{
    b->services_count = b->endpoints_count = b->branches_count = b->shares_count = b->nats_count = 0;
    b->meta->services = 0;
    b->conds_count = COND_FAMILY + 1;
    for (uint32_t i = 0; i < b->rules_count; i++) b->rules[i].conds = b->rules[i].cond_count = 0;
}

/* Add a copy limited by the meter of a service's rate, which is the fourth */
static void mirror_at_a_services_rate(struct imgbuild *b)
{
    b->rules[4].verdict = PBC_V_MIRROR;
    img_add_mirrors(b, (struct pbc_mirror){.rule = 4,
                                           .to = PBC_MIRROR_SOCKET,
                                           .target = img_string(b, "ids"),
                                           .meter = b->services[0].rate,
                                           .snap = PBC_SNAP_MAX});
}

/* Add a valid live set. */
static struct pbc_live *with_live(struct imgbuild *b)
{
    const struct pbc_live live = {.name = img_string(b, "caught"), .size = 1, .in = PBC_NONE, .never = PBC_NONE};
    img_add_lives(b, live);
    return &b->lives[b->lives_count - 1];
}

static struct pbc_live *with_answers(struct imgbuild *b)
{
    struct pbc_live *live = with_live(b);
    live->answers = 1;
    return live;
}

/* Add a set of seventeen addresses. */
static uint32_t seventeen(struct imgbuild *b)
{
    const uint32_t first = b->set4_count;
    for (uint32_t i = 0; i < PBC_RESOLVERS_MOST + 1; i++) img_add_set4(b, (struct pbc_range){10 * i, 10 * i});
    img_add_sets(b, (struct pbc_set){.first4 = first, .count4 = PBC_RESOLVERS_MOST + 1});
    return b->sets_count - 1;
}

/* Take the first server's address from this name. */
static struct pbc_named *with_named(struct imgbuild *b, const char *host)
{
    img_add_named(b, (struct pbc_named){.host = img_string(b, host)});
    b->servers[0].flags |= PBC_SERVER_NAMED;
    return &b->named[b->named_count - 1];
}

/* Take the first server's address from a name, unknown, at `probe` steps from its hash. */
static struct pbc_named *unknown_named(struct imgbuild *b, uint16_t probe)
{
    struct pbc_named *row = with_named(b, "a.example");
    struct pbc_server *s = &b->servers[row->server];
    row->flags = (uint32_t)probe << PBC_NAMED_PROBE;
    s->flags |= PBC_SERVER_UNKNOWN;
    program_named_place("a.example", row, s->family, s->addr);
    return row;
}

/* Add one with a list of one name; NULL: without a list. */
static struct pbc_live *live_with_names(struct imgbuild *b, const char *host, uint32_t kind)
{
    struct pbc_live *live = with_live(b);
    if (host) img_add_hosts(b, img_string(b, host));
    img_add_names(b, (struct pbc_names){.first = b->hosts_count - (host != NULL), .count = host != NULL, .kind = kind});
    live->names = b->names_count;
    return live;
}

#define FAULTS(FAULT)                                                                                                  \
    FAULT(strings_missing, "section `strings` is missing", b->strings_count = 0)                                       \
    FAULT(strings_start, "section `strings` doesn't start with the empty string", b->strings[0] = 'x')                 \
    FAULT(strings_end, "section `strings` doesn't end with NUL", b->strings[b->strings_count - 1] = 'x')               \
    FAULT(meta_missing, "section `meta` is missing", b->meta_count = 0)                                                \
    FAULT(edition, "meta: the edition is 2, but this prey reads edition 1", b->meta->edition = 2)                      \
    FAULT(meta_flags, "meta: unknown flags 0x1003", b->keep_needs = true; b->meta->flags = 0x1003)                     \
    FAULT(reach, "meta: the reach of 65536 bytes is longer than any frame", b->meta->reach = 65536)                    \
    FAULT(would_past, "meta: function 99 doesn't exist", b->meta->would = 99)                                          \
    FAULT(would_missing, "meta: function 0 doesn't exist", img_add_would_twins(b, 0))                                  \
    FAULT(would_classifiers, "meta: there are classifiers without `audit`, but no function without `audit`",           \
          b->meta->would_classifiers = 1)                                                                              \
    FAULT(would_twins, "section `would_twins` has 1 entries for 0 rules and 0 firewalls",                              \
          b->meta->would = b->funcs_count - 1;                                                                         \
          img_add_would_twins(b, 0))                                                                                   \
    FAULT(would_list, "rule 0: its list doesn't exist, or doesn't hold the rule", b->meta->would = b->funcs_count - 1; \
          img_add_would_twins(b, 0); img_add_would_rules(b, b->rules[0]))                                              \
    FAULT(would_services, "meta: functions of services must come before function 1", b->meta->would = 1;               \
          img_add_would_twins(b, 0))                                                                                   \
    FAULT(would_classifier, "meta: classifier 9 doesn't exist", b->meta->would = b->funcs_count - 1;                   \
          b->meta->would_classifiers = 9; img_add_would_twins(b, 0))                                                   \
    FAULT(meta_streams, "meta: function 3 for first bytes doesn't fit the program's functions and proxies",            \
          b->meta->streams = 3)                                                                                        \
    FAULT(meta_needs, "meta: the flags are 0x8, but the conditions, services, nats and interfaces need 0x778",         \
          b->keep_needs = true;                                                                                        \
          b->meta->flags = PBC_NEEDS_SELF | PBC_KEEPS_FLOWS)                                                           \
    FAULT(settings_missing, "section `settings` is missing", b->settings_count = 0)                                    \
    FAULT(settings_flows, "settings: a limit is too large", b->settings->flows = 100000001)                            \
    FAULT(settings_routes, "settings: a limit is too large", b->settings->routes = PBC_ROUTES_MOST + 1)                \
    FAULT(settings_half_open, "settings: a limit is 0", b->settings->half_open = 0)                                    \
    FAULT(settings_time, "settings: a timeout is longer than a year", b->settings->udp_ns = UINT64_MAX)                \
    FAULT(memo_rule, "memo 0: rule 99 doesn't exist", b->memos[0].rule = 99)                                           \
    FAULT(memo_list, "memo 0: rule 3 belongs to another list", b->memos[0].rule = 3)                                   \
    FAULT(memo_logs, "memo 0: rule 0 decides nothing, or logs", b->memos[0].rule = 0)                                  \
    FAULT(memo_do, "memo 0: rule 1 decides nothing, or logs", b->memos[0].rule = 1)                                    \
    FAULT(memo_asks, "memo 0: rule 2 has a condition that may change within a flow", b->rules[2].conds = COND_TTL)     \
    FAULT(memo_firewall, "memo 2: firewall 2 doesn't exist", b->memos[2].firewall = 2)                                 \
    FAULT(memo_twice, "memo 2 is out of order", b->memos[2].firewall = 0)                                              \
    FAULT(memo_flows, "memo 0: the program keeps no flows", forget_flows(b))                                           \
    FAULT(meta_source, "meta 0: a string is past the end of `strings`", b->meta->source = b->strings_count)            \
    FAULT(set4_backwards, "set4 1: range runs backwards", b->set4[1].lo++)                                             \
    FAULT(set6_backwards, "set6 0: range runs backwards", b->set6[0].lo_hi = b->set6[0].hi_hi + 1)                     \
    FAULT(set6_backwards_low, "set6 1: range runs backwards", b->set6[1].lo_lo = 10)                                   \
    FAULT(mac_wide, "mac 1 has more than 48 bits", b->macs[1] |= 1ull << 48)                                           \
    FAULT(set_name, "set 0: a string is past the end of `strings`", b->sets[0].name = PBC_NONE)                        \
    FAULT(set_file, "set 1: a string is past the end of `strings`", b->sets[1].place.file = PBC_NONE)                  \
    FAULT(set_past4, "set 1: its ranges go past the end of `set4`", b->sets[1].count4 = 2)                             \
    FAULT(set_wraps, "set 1: its ranges go past the end of `set4`", b->sets[1].first4 = UINT32_MAX)                    \
    FAULT(live_nameless, "live set 0 has no name", with_live(b)->name = 0)                                             \
    FAULT(live_twice, "live set 1 has the name of live set 0", with_live(b); with_live(b))                             \
    FAULT(live_size, "live set 0: size 0 isn't possible", with_live(b)->size = 0)                                      \
    FAULT(live_in, "live set 0: `in` isn't a static set", with_live(b)->in = b->sets_count)                            \
    FAULT(live_never, "live set 0: `never` isn't a static set", with_live(b)->never = 1; b->sets[1].live = 1;          \
          img_add_live_nodes(b, (struct pbc_live_node){0}))                                                            \
    FAULT(live_flags, "live set 0: unknown flags 0x4", with_live(b)->flags = 4)                                        \
    FAULT(live_reserved, "live set 0: reserved bytes aren't zero", with_live(b)->reserved[3] = 1)                      \
    FAULT(live_file, "live set 0: the path of its file is invalid", with_live(b); b->lives[0].file = b->lives[0].name) \
    FAULT(live_file_refuse, "live set 0 has both `refuse` and a file", with_live(b);                                   \
          b->lives[0].file = img_string(b, "/x"); b->lives[0].flags = PBC_LIVE_REFUSE)                                 \
    FAULT(live_file_add, "live set 0: a rule adds to a set with `file` or `names`", with_live(b);                      \
          b->lives[0].file = img_string(b, "/x"); img_add_adds(b, (struct pbc_add){.live = 0}))                        \
    FAULT(live_from, "live set 0 has resolvers, but no `answers`", with_live(b)->from = 1)                             \
    FAULT(live_answers, "live set 0: its list for `answers` isn't a list of hosts",                                    \
          with_live(b)->answers = b->names_count + 1)                                                                  \
    FAULT(live_texts, "live set 0: its list for `answers` isn't a list of hosts", b->names[0].kind = PBC_NAMES_TEXTS;  \
          with_live(b)->answers = 1)                                                                                   \
    FAULT(live_resolvers, "live set 0: `from` isn't a static set", with_answers(b)->from = b->sets_count)              \
    FAULT(live_wide, "live set 0: `from` has more than 16 ranges", with_answers(b)->from = seventeen(b))               \
    FAULT(live_answers_file, "live set 0 has both `answers` and a file", with_answers(b)->file = img_string(b, "/x"))  \
    FAULT(live_answers_add, "live set 0: a rule adds to a set with `answers`", with_answers(b);                        \
          img_add_adds(b, (struct pbc_add){.live = 0}))                                                                \
    FAULT(live_names, "live set 0: its list of names doesn't exist, or isn't a list of hosts",                         \
          with_live(b)->names = 9)                                                                                     \
    FAULT(live_names_texts, "live set 0: its list of names doesn't exist, or isn't a list of hosts",                   \
          live_with_names(b, "a.example", PBC_NAMES_TEXTS))                                                            \
    FAULT(live_names_none, "live set 0: its list has no names", live_with_names(b, NULL, PBC_NAMES_HOSTS))             \
    FAULT(live_names_glob, "live set 0: its list of names has a glob",                                                 \
          live_with_names(b, "*.example", PBC_NAMES_HOSTS))                                                            \
    FAULT(live_names_refuse, "live set 0 has names, and also a file, `answers` or `refuse`",                           \
          live_with_names(b, "a.example", PBC_NAMES_HOSTS)->flags = PBC_LIVE_REFUSE)                                   \
    FAULT(live_names_file, "live set 0 has names, and also a file, `answers` or `refuse`",                             \
          live_with_names(b, "a.example", PBC_NAMES_HOSTS)->file = img_string(b, "/x"))                                \
    FAULT(live_node, "live node 0: live set doesn't exist", img_add_live_nodes(b, (struct pbc_live_node){0}))          \
    FAULT(set_node, "set 1: live node doesn't exist", with_live(b); b->sets[1].live = 1)                               \
    FAULT(set_circle, "a part of set 1 isn't an earlier set", with_live(b); b->sets[1].live = 1;                       \
          img_add_live_nodes(b, (struct pbc_live_node){.out = 1}))                                                     \
    FAULT(add_other, "add 0: rule 2 doesn't have this `add`", img_add_adds(b, (struct pbc_add){.rule = 2}))            \
    FAULT(set_past6, "set 1: its ranges go past the end of `set6`", b->sets[1].first6 = 3)                             \
    FAULT(set_overlaps, "set 0: ranges aren't in order, or touch", b->set4[0].hi = b->set4[1].lo)                      \
    FAULT(set_touches, "set 0: ranges aren't in order, or touch", b->set4[0].hi = b->set4[1].lo - 1)                   \
    FAULT(set6_touches, "set 0: ranges aren't in order, or touch", b->set6[0].hi_hi = b->set6[1].lo_hi;                \
          b->set6[0].hi_lo = 0)                                                                                        \
    FAULT(set6_carries, "set 0: ranges aren't in order, or touch", b->set6[0].hi_hi = b->set6[1].lo_hi - 1;            \
          b->set6[1].lo_lo = 0)                                                                                        \
    FAULT(set6_last, "set 0: ranges aren't in order, or touch", b->set6[0].hi_hi = b->set6[0].hi_lo = UINT64_MAX)      \
    FAULT(macset_name, "MAC set 0: a string is past the end of `strings`", b->macsets[0].name = PBC_NONE)              \
    FAULT(macset_file, "MAC set 0: a string is past the end of `strings`", b->macsets[0].place.file = PBC_NONE)        \
    FAULT(macset_past, "MAC set 0: its members go past the end of `macs`", b->macsets[0].count4 = 3)                   \
    FAULT(macset_v6, "MAC set 0 has IPv6 ranges", b->macsets[0].count6 = 1)                                            \
    FAULT(macset_order, "MAC set 0: members aren't in order", b->macs[0] = b->macs[1])                                 \
    FAULT(names_name, "names 0: a string is past the end of `strings`", b->names[0].name = PBC_NONE)                   \
    FAULT(names_file, "names 0: a string is past the end of `strings`", b->names[0].place.file = PBC_NONE)             \
    FAULT(names_past, "names 0: the entries go past the end of `hosts`", b->names[0].count = 3)                        \
    FAULT(names_wrap, "names 0: the entries go past the end of `hosts`", b->names[0].first = UINT32_MAX)               \
    FAULT(names_reserved, "names 0: reserved bytes aren't zero", b->names[0].reserved = 1)                             \
    FAULT(names_twice, "names 0: the entries aren't in order, or an entry covers another entry",                       \
          b->hosts[1] = b->hosts[0])                                                                                   \
    FAULT(names_order, "names 0: the entries aren't in order, or an entry covers another entry",                       \
          b->hosts[1] = img_string(b, "aaaa.example"))                                                                 \
    FAULT(names_cover, "names 0: the entries aren't in order, or an entry covers another entry",                       \
          b->hosts[0] = b->hosts[1];                                                                                   \
          b->hosts[1] = img_string(b, "a.shop.example"))                                                               \
    FAULT(host_string, "host 1: a string is past the end of `strings`", b->hosts[1] = PBC_NONE)                        \
    FAULT(host_empty, "names 0: a host's name isn't in normal form", b->hosts[0] = 0)                                  \
    FAULT(host_upper, "names 0: a host's name isn't in normal form", b->hosts[0] = img_string(b, "Shop.example"))      \
    FAULT(host_dot, "names 0: a host's name isn't in normal form", b->hosts[0] = img_string(b, "shop.example."))       \
    FAULT(host_star, "names 0: a host's name isn't in normal form", b->hosts[1] = img_string(b, "*"))                  \
    FAULT(range_backwards, "range 1 runs backwards", b->ranges[1].lo = 451)                                            \
    FAULT(range_wide, "range 1 ends past 65535, but a condition compares 16-bit numbers with it",                      \
          b->ranges[1].hi = 65536)                                                                                     \
    FAULT(pattern_layer, "pattern 0: unknown layer 4", b->patterns[0].layer = 4)                                       \
    FAULT(pattern_empty, "pattern 0 has 0 bytes, but 1 to 64 are possible", b->patterns[0].len = 0)                    \
    FAULT(pattern_long, "pattern 1 has 65 bytes, but 1 to 64 are possible", b->patterns[1].len = 65)                   \
    FAULT(pattern_far, "pattern 0 goes past the end of any frame", b->patterns[0].at = 65534)                          \
    FAULT(pattern_reserved, "pattern 0: reserved bytes aren't zero", b->patterns[0].reserved[2] = 1)                   \
    FAULT(pattern_value, "pattern 1: the value has bits outside the mask", b->patterns[1].value[0] = 1)                \
    FAULT(pattern_mask, "pattern 1: the mask goes past the pattern's length", b->patterns[1].mask[63] = 1)             \
    FAULT(iface_name, "interface 1: a string is past the end of `strings`", b->ifaces[1].name = PBC_NONE)              \
    FAULT(iface_device, "interface 0: a string is past the end of `strings`", b->ifaces[0].device = PBC_NONE)          \
    FAULT(iface_long, "interface 0: its name is too long", b->ifaces[0].device = long_string(b, 16))                   \
    FAULT(iface_clamp, "interface 0: a clamp needs own addresses, but `meta` lacks their flag", b->ifaces[0].mss = 1;  \
          b->nats_count = b->endpoints_count = 0; b->meta->flags &= ~(uint32_t)PBC_NEEDS_SELF)                         \
    FAULT(iface_reserved, "interface 1: its reserved bytes aren't zero", b->ifaces[1].reserved = 1)                    \
    FAULT(iface_within, "interface 1: the pattern around it isn't the longest that matches its name",                  \
          b->ifaces[0].device = img_string(b, "eth*"))                                                                 \
    FAULT(firewall_name, "firewall 0: a string is past the end of `strings`", b->firewalls[0].name = PBC_NONE)         \
    FAULT(firewall_file, "firewall 0: a string is past the end of `strings`", b->firewalls[0].place.file = PBC_NONE)   \
    FAULT(firewall_iface, "firewall 1: interface 2 doesn't exist", b->firewalls[1].iface = 2)                          \
    FAULT(firewall_direction, "firewall 1: unknown direction 4", b->firewalls[1].direction = 4)                        \
    FAULT(firewall_default, "firewall 1: default 3 isn't a verdict", b->firewalls[1].default_verdict = 3)              \
    FAULT(firewall_other, "firewall 1: unknown `other frames` 3", b->firewalls[1].other = 3)                           \
    FAULT(firewall_audit, "firewall 1: unknown audit 1", b->firewalls[1].audit = 1)                                    \
    FAULT(firewall_past, "firewall 1: its rules go past the end of `rules`", b->firewalls[1].rule_count = 6)           \
    FAULT(firewall_wraps, "firewall 1: its rules go past the end of `rules`", b->firewalls[1].rules = UINT32_MAX)      \
    FAULT(firewall_takes, "firewall 0: rule 3 belongs to another list", b->firewalls[0].rule_count = 4)                \
    FAULT(chain_name, "chain 0: a string is past the end of `strings`", b->chains[0].name = PBC_NONE)                  \
    FAULT(chain_past, "chain 1: its rules go past the end of `rules`", b->chains[1].rule_count = 2)                    \
    FAULT(chain_takes, "chain 0: rule 7 belongs to another list", b->chains[0].rule_count = 4)                         \
    FAULT(rule_name, "rule 1: a string is past the end of `strings`", b->rules[1].name = PBC_NONE)                     \
    FAULT(rule_file, "rule 1: a string is past the end of `strings`", b->rules[1].place.file = PBC_NONE)               \
    FAULT(rule_comment, "rule 1: a string is past the end of `strings`", b->rules[1].comment = PBC_NONE)               \
    FAULT(rule_name_long, "rule 1: a name or path has more than 4096 bytes", b->rules[1].name = long_string(b, 4097))  \
    FAULT(rule_file_long, "rule 1: a name or path has more than 4096 bytes",                                           \
          b->rules[1].place.file = long_string(b, 4097))                                                               \
    FAULT(rule_left_out, "rule 2: its list doesn't exist, or doesn't hold the rule", b->firewalls[0].rule_count = 2)   \
    FAULT(rule_no_firewall, "rule 3: its list doesn't exist, or doesn't hold the rule", b->rules[3].list = 2;          \
          b->firewalls[1].rule_count = 0)                                                                              \
    FAULT(rule_no_chain, "rule 7: its list doesn't exist, or doesn't hold the rule",                                   \
          b->rules[7].list = 2 | PBC_LIST_CHAIN;                                                                       \
          b->chains[1].rule_count = 0)                                                                                 \
    FAULT(rule_conds, "rule 3: its conditions go past the end of `conds`",                                             \
          b->rules[3].cond_count = b->conds_count + 1)                                                                 \
    FAULT(rule_conds_wrap, "rule 3: its conditions go past the end of `conds`", b->rules[3].conds = UINT32_MAX)        \
    FAULT(rule_verdict, "rule 2: unknown verdict 11", b->rules[2].verdict = PBC_V_COUNTED)                             \
    FAULT(rule_answer, "rule 2: unknown reply 4", b->rules[2].answer = 4)                                              \
    FAULT(rule_flags, "rule 2: unknown flags 0x8", b->rules[2].flags = 8)                                              \
    FAULT(rule_mirror, "rule 2: mirror 1 doesn't fit the rule", b->rules[2].mirror = 1)                                \
    FAULT(rule_add, "rule 2: number 1 of an `add` doesn't fit the rule", b->rules[2].add = 1)                          \
    FAULT(rule_port, "rule 2: port 5 doesn't fit its verdict", b->rules[2].port = 5)                                   \
    FAULT(rule_gue, "rule 2: port 0 doesn't fit its verdict", b->rules[2].verdict = PBC_V_DECAP_GUE)                   \
    FAULT(memo_decap, "memo 0: rule 2 decides nothing, or logs", b->rules[2].verdict = PBC_V_DECAP_IPIP)               \
    FAULT(rule_do, "rule 1: chain 2 doesn't exist", b->rules[1].chain = 2)                                             \
    FAULT(rule_not_do, "rule 2 has chain 0, but isn't a `do`", b->rules[2].chain = 0)                                  \
    FAULT(rule_return, "rule 0 is a `return`, but isn't in a chain", b->rules[0].verdict = PBC_V_RETURN)               \
    FAULT(cond_kind, "condition 0: unknown kind 37", b->conds[0].kind = COND_COUNT)                                    \
    FAULT(cond_flags, "condition 0: unknown flags 0x10", b->conds[0].flags = 16)                                       \
    FAULT(cond_reserved, "condition 0: reserved bytes aren't zero", b->conds[0].reserved = 1)                          \
    FAULT(cond_name, "condition 0: a string is past the end of `strings`", b->conds[0].name = PBC_NONE)                \
    FAULT(cond_file, "condition 0: a string is past the end of `strings`", b->conds[0].place.file = PBC_NONE)          \
    FAULT(cond_arg, "condition 3 (from): unknown argument 0x1", b->conds[COND_FROM].arg = 1)                           \
    FAULT(cond_not_flags, "condition 17 (flags) has a flag for `not` or `any`, which this kind can't have",            \
          b->conds[COND_FLAGS].flags = PBC_COND_NOT)                                                                   \
    FAULT(cond_not_bytes, "condition 24 (bytes) has a flag for `not` or `any`, which this kind can't have",            \
          b->conds[COND_BYTES].flags = PBC_COND_ANY)                                                                   \
    FAULT(cond_ranges, "condition 5 (port): the operands go past the end of their section",                            \
          b->conds[COND_PORT].first = 2)                                                                               \
    FAULT(cond_sets, "condition 4 (to): the operands go past the end of their section", b->conds[COND_TO].count = 3)   \
    FAULT(cond_macs, "condition 15 (ether from): the operands go past the end of their section",                       \
          b->conds[COND_ETHER_FROM].first = 1)                                                                         \
    FAULT(cond_none, "condition 19 (fragment): the operands go past the end of their section",                         \
          b->conds[COND_FRAGMENT].count = 1)                                                                           \
    FAULT(cond_wraps, "condition 5 (port): the operands go past the end of their section",                             \
          b->conds[COND_PORT].first = UINT32_MAX)                                                                      \
    FAULT(cond_pattern, "condition 24 (bytes): the number of patterns isn't 1", b->conds[COND_BYTES].count = 2)        \
    FAULT(cond_iface, "condition 10 (on): interface doesn't exist", b->ranges[2].hi = 2)                               \
    FAULT(cond_not_over, "condition 26 (over) has a flag for `not` or `any`, which this kind can't have",              \
          b->conds[COND_OVER].flags = PBC_COND_NOT)                                                                    \
    FAULT(cond_meter, "condition 26 (over): the operands go past the end of their section",                            \
          b->conds[COND_OVER].first = 4)                                                                               \
    FAULT(cond_meters, "condition 27 (within): the number of meters isn't 1", b->conds[COND_WITHIN].count = 2)         \
    FAULT(cond_meter_ip, "condition 27 (within): unknown argument 0x0", b->conds[COND_WITHIN].arg = 0)                 \
    FAULT(cond_schedule, "condition 25 (during): unknown argument 0x4", b->conds[COND_DURING].arg = 4)                 \
    FAULT(meter_name, "meter 0: a string is past the end of `strings`", b->meters[0].name = PBC_NONE)                  \
    FAULT(meter_file, "meter 2: a string is past the end of `strings`", b->meters[2].place.file = PBC_NONE)            \
    FAULT(meter_per, "meter 0: unknown key 4", b->meters[0].per = 4)                                                   \
    FAULT(meter_unit, "meter 1: unknown unit 2", b->meters[1].unit = 2)                                                \
    FAULT(meter_len4, "meter 0: invalid prefix length", b->meters[0].len4 = 33)                                        \
    FAULT(meter_len6, "meter 0: invalid prefix length", b->meters[0].len6 = 129)                                       \
    FAULT(meter_len, "meter 1: invalid prefix length", b->meters[1].len4 = 1)                                          \
    FAULT(meter_entries, "meter 0: its 0 entries don't fit its key", b->meters[0].entries = 0)                         \
    FAULT(meter_keyless, "meter 1: its 9 entries don't fit its key", b->meters[1].entries = 9)                         \
    FAULT(meter_table, "the meters have 4194305 entries in total, but at most 4194304 are possible",                   \
          b->meters[0].entries = (1 << 22) + 1)                                                                        \
    FAULT(meter_time, "meter 0: unknown time of 7 ns", b->meters[0].per_ns = 7)                                        \
    FAULT(meter_no_rate, "meter 0: its rate is out of bounds", b->meters[0].count = 0)                                 \
    FAULT(meter_rate, "meter 2: its rate is out of bounds", b->meters[2].count = 1000000001)                           \
    FAULT(meter_bandwidth, "meter 1: its rate is out of bounds", b->meters[1].count = 125000000001)                    \
    FAULT(meter_no_burst, "meter 1: its burst is out of bounds", b->meters[1].burst = 0)                               \
    FAULT(meter_burst, "meter 0: its burst is out of bounds", b->meters[0].burst = 7 * 8760 + 1)                       \
    FAULT(meter_huge, "meter 2: its burst is out of bounds", b->meters[2].burst = UINT64_MAX)                          \
    FAULT(meter_reserved, "meter 2: reserved bytes aren't zero", b->meters[2].reserved[3] = 1)                         \
    FAULT(log_meter, "rule 0: meter 4 doesn't exist", b->rules[0].log_meter = 5)                                       \
    FAULT(log_keyed, "rule 0: meter 0 has a key or counts bytes, so it can't limit a log", b->rules[0].log_meter = 1)  \
    FAULT(log_bytes, "rule 0: meter 1 has a key or counts bytes, so it can't limit a log", b->rules[0].log_meter = 2)  \
    FAULT(schedule_name, "schedule 1: a string is past the end of `strings`", b->schedules[1].name = PBC_NONE)         \
    FAULT(schedule_zone, "schedule 0: a string is past the end of `strings`", b->schedules[0].zone = PBC_NONE)         \
    FAULT(schedule_file, "schedule 0: a string is past the end of `strings`", b->schedules[0].place.file = PBC_NONE)   \
    FAULT(schedule_past, "schedule 1: its spans go past the end of `spans`", b->schedules[1].count = 2)                \
    FAULT(schedule_shares, "schedule 1: schedules share spans", b->schedules[0].count = 3)                             \
    FAULT(schedule_wraps, "schedule 1: its spans go past the end of `spans`", b->schedules[1].first = UINT32_MAX)      \
    FAULT(schedule_reserved, "schedule 1: reserved bytes aren't zero", b->schedules[1].reserved = 1)                   \
    FAULT(span_dates, "span 0: invalid dates", b->spans[0].first = 1)                                                  \
    FAULT(span_from, "span 0: invalid time", b->spans[0].from = 1440)                                                  \
    FAULT(span_to, "span 1: invalid time", b->spans[1].to = 1441)                                                      \
    FAULT(span_none, "span 1: invalid time", b->spans[1].to = 0)                                                       \
    FAULT(span_days, "span 2: invalid time", b->spans[2].days = 128)                                                   \
    FAULT(span_reserved, "span 2: reserved bytes aren't zero", b->spans[2].reserved[2] = 1)                            \
    FAULT(meter_number, "instruction 34 (jnover): meter doesn't exist", b->code[34].imm = 4)                           \
    FAULT(flows_a, "instruction 36 (jnflows): grain doesn't exist", b->code[36].a = 2)                                 \
    FAULT(cond_grain, "condition 28 (flows over): the operands go past the end of their section",                      \
          b->conds[COND_FLOWS_OVER].first = 2)                                                                         \
    FAULT(cond_no_grain, "condition 28 (flows over): the number of grains isn't 1",                                    \
          b->conds[COND_FLOWS_OVER].count = 0)                                                                         \
    FAULT(grain_len4, "grain 1: invalid prefix length, or its reserved bytes aren't zero", b->grains[1].len4 = 33)     \
    FAULT(grain_len6, "grain 0: invalid prefix length, or its reserved bytes aren't zero", b->grains[0].len6 = 129)    \
    FAULT(grain_reserved, "grain 0: invalid prefix length, or its reserved bytes aren't zero",                         \
          b->grains[0].reserved = 1)                                                                                   \
    FAULT(grain_twice, "two grains are equal, the second of them grain 1", b->grains[1] = b->grains[0])                \
    FAULT(cond_flows, "condition 28 (flows over) has a flag for `not` or `any`, which this kind can't have",           \
          b->conds[COND_FLOWS_OVER].flags = PBC_COND_NOT)                                                              \
    FAULT(cond_state, "condition 18 (state): unknown argument 0x1300", b->conds[COND_STATE].arg = 0x1300)              \
    FAULT(meter_a, "instruction 35 (jnwithin): the opcode doesn't take one of the operands", b->code[35].a = 1)        \
    FAULT(chain_itself, "chain 0 calls itself", b->rules[6].chain = 0)                                                 \
    FAULT(chain_circle, "chain 0 calls itself", b->rules[7].verdict = PBC_V_DO; b->rules[7].chain = 0)                 \
    FAULT(no_function, "function 0 is missing", b->funcs_count = 0; b->code_count = 0)                                 \
    FAULT(func_name, "function 1: a string is past the end of `strings`", b->funcs[1].name = PBC_NONE)                 \
    FAULT(func_gap, "function 1 doesn't begin where the previous function ends", b->funcs[1].first++)                  \
    FAULT(func_empty, "function 0 is empty", b->funcs[0].count = 0)                                                    \
    FAULT(func_past, "function 5 goes past the end of `code`", b->funcs[5].count++)                                    \
    FAULT(func_short, "instruction 57 belongs to no function", b->funcs[5].count--)                                    \
    FAULT(func_uncalled, "function 2 is never called", b->code[14] = b->code[13]; b->code[15] = b->code[13])           \
    FAULT(opcode, "instruction 3: unknown opcode 255", b->code[3].op = 255)                                            \
    FAULT(unreachable, "instruction 5 (default): no path leads to this instruction", b->code[4].to = 4)                \
    FAULT(unused_a, "instruction 4 (jump): the opcode doesn't take one of the operands", b->code[4].a = 1)             \
    FAULT(unused_to, "instruction 3 (decide): the opcode doesn't take one of the operands", b->code[3].to = 1)         \
    FAULT(unused_imm, "instruction 6 (pass): the opcode doesn't take one of the operands", b->code[6].imm = 1)         \
    FAULT(slot, "instruction 0 (jany): the slot doesn't exist", b->code[0].a = 16)                                     \
    FAULT(half_low, "instruction 23 (jin): half doesn't exist", b->code[23].a = 19)                                    \
    FAULT(half_high, "instruction 23 (jin): half doesn't exist", b->code[23].a = 32)                                   \
    FAULT(half_backwards, "instruction 23 (jin): range runs backwards", b->code[23].imm = 2 << 16 | 1)                 \
    FAULT(map_half, "instruction 25 (jmap): half doesn't exist", b->code[25].a = 0)                                    \
    FAULT(map, "instruction 25 (jmap): map doesn't exist", b->code[25].imm = 1)                                        \
    FAULT(set_side, "instruction 10 (jnset): the side doesn't exist", b->code[10].a = 2)                               \
    FAULT(set_number, "instruction 10 (jnset): set doesn't exist", b->code[10].imm = 2)                                \
    FAULT(mac_side, "instruction 28 (jmac): the side doesn't exist", b->code[28].a = 2)                                \
    FAULT(mac_number, "instruction 28 (jmac): set doesn't exist", b->code[28].imm = 1)                                 \
    FAULT(mack_side, "instruction 30 (jmack): the side doesn't exist", b->code[30].a = 2)                              \
    FAULT(mack_none, "instruction 30 (jmack): the kind of address doesn't exist", b->code[30].imm = 0)                 \
    FAULT(mack_kind, "instruction 30 (jmack): the kind of address doesn't exist", b->code[30].imm = 4)                 \
    FAULT(pattern, "instruction 32 (jpat): pattern doesn't exist", b->code[32].imm = 2)                                \
    FAULT(header_kind, "instruction 37 (jhdr): the number isn't one that only the IP header has",                      \
          b->code[37].a = COND_COUNT)                                                                                  \
    FAULT(header_key, "instruction 38 (jnhdr): the number isn't one that only the IP header has",                      \
          b->code[38].a = COND_TTL)                                                                                    \
    FAULT(header_words, "instruction 37 (jhdr): the number isn't one that only the IP header has",                     \
          b->code[37].a = COND_STATE)                                                                                  \
    FAULT(header_range, "instruction 37 (jhdr): range doesn't exist", b->code[37].imm = b->ranges_count)               \
    FAULT(rule, "instruction 11 (log): rule doesn't exist", b->code[11].imm = 8)                                       \
    FAULT(rule_decides, "instruction 12 (retk): the rule decides nothing", b->code[12].imm = 1)                        \
    FAULT(rule_ends, "instruction 8 (decidek): the rule decides nothing", b->code[8].imm = 7)                          \
    FAULT(rule_firewall, "instruction 8 (decidek): firewall doesn't exist", b->code[8].to = 2)                         \
    FAULT(call_number, "instruction 2 (call): function doesn't exist", b->code[2].imm = 6)                             \
    FAULT(call_register, "instruction 2 (call): the register doesn't exist", b->code[2].a = 8)                         \
    FAULT(call_itself, "instruction 14 (call): calls only go to later functions", b->code[14].imm = 1)                 \
    FAULT(call_back, "instruction 14 (call): calls only go to later functions", b->code[14].imm = 0)                   \
    FAULT(return_register, "instruction 15 (retnz): the register doesn't exist", b->code[15].a = 8)                    \
    FAULT(decide_register, "instruction 3 (decide): the register doesn't exist", b->code[3].a = 8)                     \
    FAULT(decide_firewall, "instruction 3 (decide): firewall doesn't exist", b->code[3].imm = 2)                       \
    FAULT(default_firewall, "instruction 5 (default): firewall doesn't exist", b->code[5].imm = 2)                     \
    FAULT(register_other, "instruction 3 (decide): the register isn't set on every path to this instruction",          \
          b->code[3].a = 1)                                                                                            \
    FAULT(register_one_way, "instruction 3 (decide): the register isn't set on every path to this instruction",        \
          b->code[0].to = 2)                                                                                           \
    FAULT(check_kind, "check 0: unknown kind 5", b->checks[0].kind = 5)                                                \
    FAULT(check_flags, "check 0: unknown flags 0x10", b->checks[0].flags = 16)                                         \
    FAULT(check_method, "check 0: unknown method 3", b->checks[0].method = 3)                                          \
    FAULT(check_reserved, "check 0: reserved bytes aren't zero", b->checks[0].reserved[1] = 1)                         \
    FAULT(check_steps, "check 0: its steps don't begin where the earlier steps end, or are too many",                  \
          b->checks[0].steps = 1)                                                                                      \
    FAULT(check_steps_many, "check 0: its steps don't begin where the earlier steps end, or are too many",             \
          b->checks[0].step_count = 33)                                                                                \
    FAULT(check_steps_past, "check 0: its steps go past the end of `steps`", b->checks[0].step_count = 3)              \
    FAULT(check_steps_tcp, "check 0: its steps aren't possible for its kind", b->checks[0].kind = PBC_CHECK_TCP)       \
    FAULT(check_steps_udp, "check 0: its steps aren't possible for its kind", b->checks[0].kind = PBC_CHECK_UDP)       \
    FAULT(check_steps_icmp, "check 0: its steps aren't possible for its kind", b->checks[0].kind = PBC_CHECK_ICMP)     \
    FAULT(check_steps_send, "check 0: its steps aren't possible for its kind", b->steps[0].kind = PBC_STEP_SEND)       \
    FAULT(check_steps_body, "check 0: its steps aren't possible for its kind", b->steps[0].kind = PBC_STEP_HAS)        \
    FAULT(step_of_none, "step 1 belongs to no check", b->checks[0].step_count = 1)                                     \
    FAULT(step_kind, "step 0: unknown kind 4", b->steps[0].kind = 4)                                                   \
    FAULT(step_gap, "step 1: its bytes don't begin where the earlier bytes end, or their number isn't possible",       \
          b->steps[1].bytes = 17)                                                                                      \
    FAULT(step_empty, "step 0: its bytes don't begin where the earlier bytes end, or their number isn't possible",     \
          b->steps[0].len = 0)                                                                                         \
    FAULT(step_long, "step 1: its bytes don't begin where the earlier bytes end, or their number isn't possible",      \
          b->steps[1].len = 1025)                                                                                      \
    FAULT(step_past, "step 1: its bytes go past the end of `said`", b->steps[1].len = 3)                               \
    FAULT(step_short, "byte 19 of `said` belongs to no step", b->steps[1].len = 1)                                     \
    FAULT(step_reserved, "step 0: reserved bytes aren't zero", b->steps[0].reserved = 1)                               \
    FAULT(step_line, "step 0 isn't one header line of a request", b->said[7] = '\n')                                   \
    FAULT(step_colon, "step 0 isn't one header line of a request", b->said[6] = '-')                                   \
    FAULT(step_blank, "step 0 isn't one header line of a request", b->said[7] = ':')                                   \
    FAULT(check_status, "check 0: its part of section `ranges` goes past the section's end",                           \
          b->checks[0].status_count = b->ranges_count + 1)                                                             \
    FAULT(check_time, "check 0: a time or count is 0", b->checks[0].every_ms = 0)                                      \
    FAULT(check_family, "check 0: unknown family 5", b->checks[0].from_family = 5)                                     \
    FAULT(check_string, "check 0: a string is past the end of `strings`", b->checks[0].path = UINT32_MAX)              \
    FAULT(pool_gap, "pool 1: its servers are missing, or don't begin where the earlier servers end",                   \
          b->pools[1].servers = 1)                                                                                     \
    FAULT(pool_empty, "pool 0: its servers are missing, or don't begin where the earlier servers end",                 \
          b->pools[0].server_count = 0)                                                                                \
    FAULT(pool_past, "pool 1: its servers go past the end of `servers`", b->pools[1].server_count = 2)                 \
    FAULT(pool_other, "pool 0: server 1 belongs to another pool", b->servers[1].pool = 1)                              \
    FAULT(pool_check, "pool 0: check doesn't exist", b->pools[0].check = 1)                                            \
    FAULT(pool_sources, "pool 0: its part of section `sets` goes past the section's end",                              \
          b->pools[0].source_count = b->sets_count + 1)                                                                \
    FAULT(pool_ports, "pool 0: source ports 1024-1 aren't a range, or don't fit its sources",                          \
          b->pools[0].source_port_hi = 1)                                                                              \
    FAULT(pool_balance, "pool 0: unknown balance 5", b->pools[0].balance = 5)                                          \
    FAULT(pool_down, "pool 0: unknown `on down` 2", b->pools[0].on_down = 2)                                           \
    FAULT(pool_header, "pool 0: unknown version 3 of a PROXY header", b->pools[0].send_proxy = 3)                      \
    FAULT(pool_keep, "pool 0: unknown `keep` 2", b->pools[0].keep_none = 2)                                            \
    FAULT(pool_no_source, "pool 1: source ports 0-5 aren't a range, or don't fit its sources",                         \
          b->pools[1].source_port_hi = 5)                                                                              \
    FAULT(pool_many_sources, "pool 0 has more than 4096 source addresses", b->pools[0].sources = 0)                    \
    FAULT(pool_many6, "pool 0 has more than 4096 source addresses", b->sets[1].count4 = 0; b->sets[1].count6 = 1;      \
          b->sets[1].first6 = 0)                                                                                       \
    FAULT(pool_many_sets, "pool 0 has more than 4096 sets of source addresses", many_sets(b);                          \
          b->pools[0].source_count = 4097)                                                                             \
    FAULT(pool_pairs, "pools up to 17 have more than 65536 pairs of a source address and a server together",           \
          many_sources(b))                                                                                             \
    FAULT(pool_mixed, "pools up to 17 have more than 65536 pairs of a source address and a server together",           \
          many_mixed(b))                                                                                               \
    FAULT(server_family, "server 2: unknown family 0", b->servers[2].family = 0)                                       \
    FAULT(server_weight, "server 0: the weight is 1001, but at most 1000 is possible", b->servers[0].weight = 1001)    \
    FAULT(server_check, "server 0: check doesn't exist", b->servers[0].check = 7)                                      \
    FAULT(server_flags, "server 0: unknown flags 0x40", b->servers[0].flags = 64)                                      \
    FAULT(named_server, "named 0: server doesn't exist, or isn't after the previous server",                           \
          with_named(b, "a.example")->server = b->servers_count)                                                       \
    FAULT(named_twice, "named 1: server doesn't exist, or isn't after the previous server",                            \
          with_named(b, "a.example");                                                                                  \
          with_named(b, "a.example"))                                                                                  \
    FAULT(named_host, "named 0: its name isn't a host or service in normal form", with_named(b, "A.example"))          \
    FAULT(named_glob, "named 0: its name isn't a host or service in normal form", with_named(b, "*.example"))          \
    FAULT(named_empty, "named 0: its name isn't a host or service in normal form", with_named(b, ""))                  \
    FAULT(named_service, "named 0: its name isn't a host or service in normal form",                                   \
          with_named(b, "_http.example.net"))                                                                          \
    FAULT(named_service_short, "named 0: its name isn't a host or service in normal form",                             \
          with_named(b, "_http._tcp"))                                                                                 \
    FAULT(named_flags, "named 0: unknown flags 0x2", with_named(b, "_http._tcp.example")->flags = 2)                   \
    FAULT(named_nth, "named 0 has number 1, but isn't one of several servers", with_named(b, "a.example")->nth = 1)    \
    FAULT(named_plain, "named 0: server 0 doesn't have flag NAMED", with_named(b, "a.example");                        \
          b->servers[0].flags = 0)                                                                                     \
    FAULT(named_place, "named 0: the address isn't the place of its name", with_named(b, "a.example");                 \
          b->servers[0].flags |= PBC_SERVER_UNKNOWN)                                                                   \
    FAULT(named_probe, "named 0: the address isn't the place of its name", unknown_named(b, 1)->flags = 0)             \
    FAULT(named_missing, "section `named` has 0 rows for 1 servers", b->servers[0].flags = PBC_SERVER_NAMED)           \
    FAULT(named_unknown, "server 0: flag UNKNOWN is set without flag NAMED", b->servers[0].flags = PBC_SERVER_UNKNOWN) \
    FAULT(origin, "section `origin` has 1 bytes, or no server has a name to look up", with_named(b, "a.example");      \
          img_add_origin(b, 1))                                                                                        \
    FAULT(server_vlan, "server 0: VLANs 4 and 0 aren't possible with flags 0x0", b->servers[0].vlan = 4)               \
    FAULT(server_inner, "server 0: VLANs 0 and 0 aren't possible with flags 0x8",                                      \
          b->servers[0].flags = PBC_SERVER_HAS_INNER)                                                                  \
    FAULT(server_vid, "server 0: VLANs 4095 and 0 aren't possible with flags 0x4",                                     \
          b->servers[0].flags = PBC_SERVER_HAS_VLAN;                                                                   \
          b->servers[0].vlan = 4095)                                                                                   \
    FAULT(server_reserved, "server 0: reserved bytes aren't zero", b->servers[0].reserved = 4)                         \
    FAULT(server_none, "server 3 belongs to no pool", img_add_servers(b, b->servers[2]))                               \
    FAULT(slots, "settings: Maglev tables can't have 16777216 slots", b->settings->maglev = 1 << 24)                   \
    FAULT(slots_together, "the tables of all pools together have more than 67108864 slots", many_tables(b, 65))        \
    FAULT(server_names, "servers up to 16386 have more than 134217728 bytes of names together",                        \
          more_pools(b, 16384, long_string(b, 4095)))                                                                  \
    FAULT(endpoint_to, "endpoint 0: unknown destination 3", b->endpoints[0].to = 3)                                    \
    FAULT(endpoint_family, "endpoint 1: unknown family 4", b->endpoints[1].family = 4)                                 \
    FAULT(endpoint_proto, "endpoint 0: unknown protocol 6", b->endpoints[0].proto = 6)                                 \
    FAULT(endpoint_ports, "endpoint 2: ports run backwards", b->endpoints[2].port_lo = 10)                             \
    FAULT(endpoint_tags, "endpoint 2: unknown tags 5", b->endpoints[2].wire = 5)                                       \
    FAULT(endpoint_vlans, "endpoint 2: VLANs 0-7 run backwards or past 4094, or its kind of tags takes none",          \
          b->endpoints[2].vlan_hi = 7)                                                                                 \
    FAULT(endpoint_iface, "endpoint 2: interface 98 doesn't exist", b->endpoints[2].iface = 99)                        \
    FAULT(endpoint_wire, "endpoint 2: its interface or tags don't fit the mode of its service",                        \
          b->endpoints[2].wire = 1)                                                                                    \
    FAULT(endpoint_other, "service 0: endpoint 1 belongs to another service", b->endpoints[1].service = 1)             \
    FAULT(endpoint_none, "endpoint 2 belongs to no service", b->services[0].endpoint_count = 2)                        \
    FAULT(branch_conds, "branch 0: its conditions go past the end of `conds`",                                         \
          b->branches[0].cond_count = b->conds_count + 1)                                                              \
    FAULT(branch_meter, "branch 0 has a meter as condition", b->branches[0].conds = COND_OVER)                         \
    FAULT(branch_shares, "branch 1: its shares don't begin where the earlier shares end", b->branches[1].shares = 1)   \
    FAULT(branch_past, "branch 1: its shares go past the end of `shares`", b->branches[1].share_count = 2)             \
    FAULT(branch_pool, "branch 0: pool doesn't exist", b->shares[0].pool = 2)                                          \
    FAULT(branch_share, "branch 0: a share can't be 101 %", b->shares[0].percent = 101)                                \
    FAULT(branch_sum, "branch 0: its shares are 96 % together, but must be 100 %", b->shares[0].percent = 91)          \
    FAULT(branch_other, "service 0: branch 1 belongs to another service", b->branches[1].service = 1)                  \
    FAULT(branch_else, "service 0: branch 0: the last branch must be the `else`, and no other branch can be",          \
          b->branches[0].cond_count = 0)                                                                               \
    FAULT(branch_no_else, "service 0: branch 1: the last branch must be the `else`, and no other branch can be",       \
          b->branches[1].cond_count = 1)                                                                               \
    FAULT(branch_none,                                                                                                 \
          "service 0: its branches don't begin where the earlier branches end, or their number isn't possible",        \
          b->services[0].branch_count = 3)                                                                             \
    FAULT(branch_left, "branch 2 belongs to no service", img_add_branches(b, (struct pbc_branch){.shares = 3}))        \
    FAULT(share_none, "share 2 belongs to no branch", b->branches[1].share_count = 0)                                  \
    FAULT(service_mode, "service 0: unknown mode 11", b->services[0].mode = 11)                                        \
    FAULT(service_none, "service 0: unknown `on no server` 3", b->services[0].no_server = 3)                           \
    FAULT(service_proxy, "service 0: proxy 3 doesn't fit its mode, or belongs to another service",                     \
          b->services[0].proxy = 3)                                                                                    \
    FAULT(service_reserved2, "service 0: reserved bytes aren't zero", b->services[0].reserved2[6] = 3)                 \
    FAULT(service_gue, "service 0: GUE port 0 doesn't fit its mode", b->services[0].gue_port = 0)                      \
    FAULT(service_not_gue, "service 0: GUE port 6080 doesn't fit its mode", b->services[0].mode = PBC_MODE_DSR_IPIP)   \
    FAULT(service_variant, "service 0: GUE variant 2 doesn't fit its mode", b->services[0].gue_variant = 2)            \
    FAULT(service_rate, "service 0: meter 4 doesn't exist", b->services[0].rate = 5)                                   \
    FAULT(service_rate_rule, "condition 26 uses the meter of a service's rate", b->services[0].rate = 1)               \
    FAULT(service_rate_log, "rule 0: its log uses the meter of a service's rate", b->services[0].rate = 3)             \
    FAULT(service_rate_mirror, "mirror 0: its limit uses the meter of a service's rate", mirror_at_a_services_rate(b)) \
    FAULT(service_rate_code, "instruction 35 uses the meter of a service's rate", b->code[35].imm = 3)                 \
    FAULT(service_rate_bits, "service 0: its meter 1 doesn't count packets", b->services[0].rate = 2)                  \
    FAULT(service_flags, "service 0: unknown flags 0x8", b->services[0].flags = 8)                                     \
    FAULT(service_cookies, "service 0: `syn cookies` isn't possible in mode dsr gue",                                  \
          b->services[0].flags = PBC_SERVICE_COOKIES)                                                                  \
    FAULT(service_announce, "service 0 announces an endpoint without an address",                                      \
          b->services[0].flags = PBC_SERVICE_ANNOUNCE)                                                                 \
    FAULT(service_cut, "service 0 takes over observed connections, which isn't possible in mode dsr gue",              \
          b->services[0].flags = PBC_SERVICE_CUT)                                                                      \
    FAULT(service_endpoints,                                                                                           \
          "service 0: its endpoints don't begin where the earlier endpoints end, or their number isn't possible",      \
          b->services[0].endpoints = 1)                                                                                \
    FAULT(service_no_endpoints,                                                                                        \
          "service 0: its endpoints don't begin where the earlier endpoints end, or their number isn't possible",      \
          b->services[0].endpoint_count = 0)                                                                           \
    FAULT(service_branches,                                                                                            \
          "service 0: its branches don't begin where the earlier branches end, or their number isn't possible",        \
          b->services[0].branches = 1)                                                                                 \
    FAULT(service_walk, "service 0 has more than 16777216 conditions and operands to try", many_branches(b))           \
    FAULT(nat_string, "nat 1: a string is past the end of `strings`", b->nats[1].name = PBC_NONE)                      \
    FAULT(nat_file, "nat 0: a string is past the end of `strings`", b->nats[0].place.file = PBC_NONE)                  \
    FAULT(nat_kind, "nat 0: unknown kind 4", b->nats[0].kind = 4)                                                      \
    FAULT(nat_backwards, "nat 1: ports run backwards", b->nats[1].port_hi = 1023)                                      \
    FAULT(nat_port, "nat 1: port 0 isn't possible", b->nats[1].port_lo = 0)                                            \
    FAULT(nat_from, "nat 0: its part of section `sets` goes past the section's end", b->nats[0].from = b->sets_count)  \
    FAULT(nat_out, "nat 0 has no output interface", b->nats[0].iface = PBC_NONE)                                       \
    FAULT(nat_family, "nat 0: unknown family 4", b->nats[0].family = 4)                                                \
    FAULT(nat_no_family, "nat 1: unknown family 0", b->nats[1].family = 0)                                             \
    FAULT(nat_to, "nat 1: its addresses to translate to don't fit its kind", b->nats[1].outside_count = 0)             \
    FAULT(nat_to_six, "nat 1: its addresses to translate to don't fit its kind", b->nats[1].family = 6)                \
    FAULT(nat_to_past, "nat 1: its part of section `sets` goes past the section's end",                                \
          b->nats[1].outside = b->sets_count)                                                                          \
    FAULT(nat_to_many, "nats up to 1 have more than 65536 addresses to translate to", b->nats[1].outside = 0)          \
    FAULT(nat_to_none, "nat 0: its addresses to translate to don't fit its kind",                                      \
          (b->nats[0].outside_count = 1, b->nats[0].family = 0))                                                       \
    FAULT(nat_to_one, "nat 1 has fields of a `forward` or `map`, but is neither", b->nats[1].to[0] = 1)                \
    FAULT(nat_forward_outside, "nat 2 has fields of a `source` or `masquerade`, but is neither",                       \
          b->nats[2].outside_count = 1)                                                                                \
    FAULT(nat_forwards, "nat 1 has fields of a `forward` or `map`, but is neither", b->nats[1].target_port = 1)        \
    FAULT(nat_sources, "nat 2: its part of section `sets` goes past the section's end", b->nats[2].from_count = 9999)  \
    FAULT(nat_way, "nat 2: interface doesn't exist", b->nats[2].iface = 99)                                            \
    FAULT(nat_prefix, "nat 2 has a prefix length, but is a `forward`", b->nats[2].len = 8)                             \
    FAULT(nat_number, "nat 2 has a protocol's number, and a protocol's name", b->nats[2].ip_proto = 47)                \
    FAULT(nat_bare_port, "nat 5 has ports, but its protocol has none", b->nats[5].target_port = 80)                    \
    FAULT(nat_bare_tcp, "nat 5: protocol 6 has ports or identifiers, so its name must be given",                       \
          b->nats[5].ip_proto = 6)                                                                                     \
    FAULT(nat_bare_icmp, "nat 5: protocol 58 has ports or identifiers, so its name must be given",                     \
          b->nats[5].ip_proto = 58)                                                                                    \
    FAULT(nat_map_from, "nat 4 is a `map`, but has fields of other kinds", b->nats[4].from_count = 1)                  \
    FAULT(nat_map_port, "nat 4 is a `map`, but has fields of other kinds", b->nats[4].port_hi = 1)                     \
    FAULT(nat_map_family, "nat 4: an address is missing, or doesn't fit the flags or the family",                      \
          b->nats[4].family = 4)                                                                                       \
    FAULT(nat_map_way, "nat 4: interface doesn't exist", b->nats[4].iface = 99)                                        \
    FAULT(nat_map_len, "nat 4: a `map` of IPv6 can't have the prefix length 129", b->nats[4].len = 129)                \
    FAULT(nat_map_none, "nat 4: a `map` of IPv6 can't have the prefix length 0", b->nats[4].len = 0)                   \
    FAULT(nat_map_bits, "nat 4: address bits after the prefix are set", b->nats[4].len = 56)                           \
    FAULT(nat_map_same, "nat 4 maps a prefix to itself", b->nats[4].target[1] = 0x10)                                  \
    FAULT(nat_forward_family, "nat 2: unknown family 5", b->nats[2].family = 5)                                        \
    FAULT(nat_flags, "nat 2: unknown flags 0x8", b->nats[2].flags = 8)                                                 \
    FAULT(nat_flags_two, "nat 2: unknown flags 0x3", b->nats[2].flags = 3)                                             \
    FAULT(nat_conds, "nat 0: its part of section `conds` goes past the section's end", b->nats[0].cond_count = 99999)  \
    FAULT(nat_map_conds, "nat 4: condition 0 isn't possible for its kind", b->nats[4].cond_count = 1)                  \
    FAULT(nat_no_way, "nat 0 has no output interface", b->nats[0].iface = PBC_NONE)                                    \
    FAULT(nat_ways, "nat 0 has more than one condition for the output interface", b->nats[0].conds = COND_OUT_ON;      \
          b->nats[0].cond_count = 1)                                                                                   \
    FAULT(nat_ranges, "nat 0: its part of section `ranges` goes past the section's end",                               \
          (b->nats[0].ports = 99999, b->nats[0].port_count = 1))                                                       \
    FAULT(nat_ranges_none, "nat 0 has a position of port ranges, but no range", b->nats[0].ports = 1)                  \
    FAULT(nat_ranges_ends, "nat 0: its ranges of ports aren't in order, or don't go from port_lo to port_hi",          \
          b->nats[0].port_count = 2)                                                                                   \
    FAULT(nat_ranges_order, "nat 0: its ranges of ports aren't in order, or don't go from port_lo to port_hi",         \
          ranges_overlap(b))                                                                                           \
    FAULT(nat_ranges_many, "nats up to 1 have more than 4096 ranges of ports to translate to", many_ranges(b))         \
    FAULT(nat_ranges_kind, "nat 2 has fields of a `source` or `masquerade`, but is neither",                           \
          b->nats[2].port_count = 1)                                                                                   \
    FAULT(nat_self, "nat 2: an address is missing, or doesn't fit the flags or the family",                            \
          b->nats[2].flags = PBC_NAT_TO_SELF)                                                                          \
    FAULT(nat_not_self, "nat 3: an address is missing, or doesn't fit the flags or the family", b->nats[3].flags = 0)  \
    FAULT(nat_target, "nat 2: an address is missing, or doesn't fit the flags or the family",                          \
          b->nats[2].target[0] = 0)                                                                                    \
    FAULT(nat_asks_self, "nat 3 matches own addresses, but `meta` lacks their flag",                                   \
          b->meta->flags &= ~(uint32_t)PBC_NEEDS_SELF)                                                                 \
    FAULT(nat_proto, "nat 2: unknown protocol 7", b->nats[2].proto = 7)                                                \
    FAULT(nat_echo, "nat 3: `icmp` or `icmp6` isn't of the family of its addresses", b->nats[3].proto = PBC_EP_ECHO4)  \
    FAULT(nat_echo_port, "nat 3 has ports, but forwards echo requests", b->nats[3].target_port = 5)                    \
    FAULT(nat_forward_port, "nat 2: port 0 isn't possible", b->nats[2].port_lo = 0)                                    \
    FAULT(nat_past, "nat 2: its ports of the target go past 65535", b->nats[2].target_port = 65526)                    \
    FAULT(nat_reserved, "nat 3: reserved bytes aren't zero", b->nats[3].reserved2[27] = 1)                             \
    FAULT(nat_walk, "nats up to 4095 have more than 16777216 statements, sets and conditions to try", many_nats(b))    \
    FAULT(services_function, "meta: function 9 for services doesn't fit the program's functions and services",         \
          b->meta->services = 9)                                                                                       \
    FAULT(services_missing, "meta: function 0 for services doesn't fit the program's functions and services",          \
          b->meta->services = 0)                                                                                       \
    FAULT(branch_operand, "instruction 47 (retb): branch doesn't exist", b->code[47].imm = 2)                          \
    FAULT(branch_as_rule,                                                                                              \
          "instruction 48 (retb): the function has instructions for rules and instructions for services",              \
          b->code[47] = ((struct insn){OP_RETK, 0, 0, 0}))                                                             \
    FAULT(services_return, "instruction 44 (retz): only functions that are called can return, or search a classifier", \
          b->code[44] = ((struct insn){.op = OP_RETZ}))                                                                \
    FAULT(services_called, "instruction 14 (call): a function of services can't be called", b->code[14].imm = 3)       \
    FAULT(host_elsewhere, "instruction 49 (host): only the functions of services can end in this way",                 \
          b->code[49].op = OP_HOST)                                                                                    \
    FAULT(role_main, "instruction 8 (retz): only functions that are called can return, or search a classifier",        \
          memset(&b->code[8], 0, 8);                                                                                   \
          b->code[8].op = OP_RETZ)                                                                                     \
    FAULT(role_other,                                                                                                  \
          "instruction 18 (pass): only function 0 and the first function without `audit` can end in this way",         \
          b->code[18].op = OP_PASS)                                                                                    \
    FAULT(falls_out, "instruction 9 (jump): the jump goes past the function's end", b->code[9].op = OP_JUMP)           \
    FAULT(runs_out, "instruction 18 (log): the code goes on past the function's end", b->code[18].op = OP_LOG)         \
    FAULT(jump_out, "instruction 0 (jany): the jump goes past the function's end", b->code[0].to = 9)                  \
    FAULT(jump_far, "instruction 0 (jany): the jump is too long", b->code[0].to = 2001)                                \
    FAULT(path_wrong, "meta: the longest path is given as 1 instructions, but has 71", b->keep_path = true;            \
          b->meta->longest_path = 1)

#define FAULT(name, line, damage)                                                                                      \
    static void break_##name(struct imgbuild *b) { damage; }
FAULTS(FAULT)
#undef FAULT

struct fault {
    const char *name, *line;
    void (*damage)(struct imgbuild *b);
};

static const struct fault faults[] = {
#define FAULT(ident, text, damage_) {.name = #ident, .line = text, .damage = break_##ident},
    FAULTS(FAULT)
#undef FAULT
};

static void expect(struct imgbuild *b, const char *name, const char *line)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    if (p || strcmp(err, line) != 0) fail_msg("%s: expected `%s`, got `%s`", name, line, p ? "a program" : err);
}

static void sample_is_good(void **state)
{
    (void)state;
    struct imgbuild b;
    char err[256] = "";
    img_sample(&b);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    assert_non_null(p);
    program_put(p);
    img_fini(&b);
}

static void placeholders_may_step_aside(void **state)
{
    (void)state;
    for (uint32_t probe = 0; probe <= UINT16_MAX; probe += UINT16_MAX) {
        struct imgbuild b;
        char err[256] = "";
        img_sample(&b);
        unknown_named(&b, (uint16_t)probe);
        struct program *p = img_load(&b, err, sizeof err);
        assert_string_equal(err, "");
        program_put(p);
        img_fini(&b);
    }
}

static void each_fault_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct imgbuild b;
        img_sample(&b);
        faults[i].damage(&b);
        expect(&b, faults[i].name, faults[i].line);
        img_fini(&b);
    }
}

/* Make `count` chains in a row, each with `doubled` rules that call the next; the firewall calls the first. */
static void nest(struct imgbuild *b, unsigned count, unsigned doubled)
{
    img_init(b);
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = 1});
    img_add_rules(b, (struct pbc_rule){.verdict = PBC_V_DO});
    for (uint32_t c = 0; c < count; c++) {
        bool last = c + 1 == count;
        img_add_chains(b, (struct pbc_chain){.rules = b->rules_count, .rule_count = doubled});
        for (unsigned i = 0; i < doubled; i++)
            img_add_rules(b, (struct pbc_rule){.verdict = last ? PBC_V_COUNT : PBC_V_DO,
                                               .list = c | PBC_LIST_CHAIN,
                                               .chain = last ? PBC_NONE : c + 1});
    }
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
}

static void chain_depth(void **state)
{
    (void)state;
    struct imgbuild b;
    char err[256] = "";
    nest(&b, 16, 1);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    program_put(p);
    img_fini(&b);
    nest(&b, 17, 1);
    expect(&b, "17 deep", "chain 16 is nested deeper than 16");
    img_fini(&b);
}

/* The deepest chain comes first, so that the walk knows heights before it comes from above. */
static void chain_depth_known(void **state)
{
    (void)state;
    struct imgbuild b;
    nest(&b, 17, 1);
    for (uint32_t i = 0; i < b.chains_count / 2; i++) { /* reverse the order of the chains */
        uint32_t o = b.chains_count - 1 - i;
        struct pbc_chain c = b.chains[i];
        b.chains[i] = b.chains[o], b.chains[o] = c;
    }
    for (uint32_t i = 0; i < b.rules_count; i++) {
        struct pbc_rule *r = &b.rules[i];
        if (r->chain != PBC_NONE) r->chain = 16 - r->chain;
        if (r->list & PBC_LIST_CHAIN) r->list = (16 - (r->list & ~PBC_LIST_CHAIN)) | PBC_LIST_CHAIN;
    }
    expect(&b, "17 deep, reversed", "chain 15 is nested deeper than 16");
    img_fini(&b);
}

/* Add the name of a file of copies with `len` bytes */
static uint32_t long_name(struct imgbuild *b, unsigned len)
{
    char name[300];
    snprintf(name, sizeof name, "/%0*d.pcapng", (int)len - 7, 0);
    return img_string(b, name);
}

/* Add a rule that copies to a file, one that copies to a device with a rate, one to a socket */
static void mirroring(struct imgbuild *b)
{
    img_init(b);
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = 3});
    img_add_meters(b, (struct pbc_meter){.count = 10, .per_ns = 1000000000, .burst = 10});
    for (uint8_t i = 0; i < 3; i++)
        img_add_rules(b, (struct pbc_rule){.verdict = PBC_V_MIRROR, .chain = PBC_NONE, .mirror = i});
    img_add_mirrors(b, (struct pbc_mirror){.rule = 0,
                                           .to = PBC_MIRROR_FILE,
                                           .target = img_string(b, "a.pcapng"),
                                           .size = PBC_MIRROR_SIZE_MIN,
                                           .snap = 1});
    img_add_mirrors(b, (struct pbc_mirror){.rule = 1,
                                           .to = PBC_MIRROR_DEVICE,
                                           .flags = PBC_MIRROR_SENT,
                                           .target = img_string(b, "123456789012345"),
                                           .meter = 1,
                                           .snap = PBC_SNAP_SENT_MIN});
    img_add_mirrors(b,
                    (struct pbc_mirror){
                        .rule = 2, .to = PBC_MIRROR_SOCKET, .target = img_string(b, "ids-1.A_"), .snap = PBC_SNAP_MAX});
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
}

/* FAULT(change of `b`, line) */
#define MIRROR_FAULTS(FAULT)                                                                                           \
    FAULT(b->rules[0].mirror = 1, "rule 0: mirror 1 doesn't fit the rule")                                             \
    FAULT(b->rules[1].mirror = 3, "rule 1: mirror 3 doesn't fit the rule")                                             \
    FAULT(b->rules[2].verdict = PBC_V_COUNT, "rule 2: mirror 2 doesn't fit the rule")                                  \
    FAULT(b->mirrors[0].rule = 3, "rule 0: mirror 0 doesn't fit the rule")                                             \
    FAULT(b->mirrors[0].to = 3, "mirror 0: unknown target 3")                                                          \
    FAULT(b->mirrors[1].flags = 2, "mirror 1: unknown flags 0x2")                                                      \
    FAULT(b->mirrors[1].reserved = 1, "mirror 1: reserved bytes aren't zero")                                          \
    FAULT(b->mirrors[1].reserved2 = 1, "mirror 1: reserved bytes aren't zero")                                         \
    FAULT(b->mirrors[1].meter = 2, "mirror 1: meter 1 doesn't exist")                                                  \
    FAULT((b->meters[0].per = 1, b->meters[0].entries = 16, b->meters[0].len4 = 32, b->meters[0].len6 = 128),          \
          "mirror 1: its meter counts per source, destination or flow")                                                \
    FAULT(b->mirrors[0].snap = 0, "mirror 0: a copy can't be cut to 0 bytes")                                          \
    FAULT(b->mirrors[1].snap = PBC_SNAP_SENT_MIN - 1, "mirror 1: a copy can't be cut to 13 bytes")                     \
    FAULT(b->mirrors[2].snap = PBC_SNAP_MAX + 1, "mirror 2: a copy can't be cut to 262145 bytes")                      \
    FAULT(b->mirrors[0].size = PBC_MIRROR_SIZE_MIN - 1,                                                                \
          "mirror 0: the size of its file is out of bounds, or its target isn't a file")                               \
    FAULT(b->mirrors[0].size = PBC_MIRROR_SIZE_MAX + 1,                                                                \
          "mirror 0: the size of its file is out of bounds, or its target isn't a file")                               \
    FAULT(b->mirrors[1].size = PBC_MIRROR_SIZE_MIN,                                                                    \
          "mirror 1: the size of its file is out of bounds, or its target isn't a file")                               \
    FAULT(b->mirrors[0].target = 0, "mirror 0: its target is missing or isn't a valid string")                         \
    FAULT(b->mirrors[0].target = img_string(b, "a.pcap"), "mirror 0: its target isn't a valid .pcapng path")           \
    FAULT(b->mirrors[0].target = img_string(b, "a/.pcapng"), "mirror 0: its target isn't a valid .pcapng path")        \
    FAULT(b->mirrors[0].target = long_string(b, 4001), "mirror 0: its target isn't a valid .pcapng path")              \
    FAULT(b->mirrors[0].target = long_name(b, 251), "mirror 0: its target isn't a valid .pcapng path")                 \
    FAULT(b->mirrors[1].target = img_string(b, "1234567890123456"),                                                    \
          "mirror 1: its target isn't a valid interface name")                                                         \
    FAULT(b->mirrors[1].target = img_string(b, ".."), "mirror 1: its target isn't a valid interface name")             \
    FAULT(b->mirrors[1].target = img_string(b, "a/b"), "mirror 1: its target isn't a valid interface name")            \
    FAULT(b->mirrors[1].target = img_string(b, "eth*"), "mirror 1: its target isn't a valid interface name")           \
    FAULT(b->mirrors[2].target = img_string(b, "a b"), "mirror 2: its target isn't a valid socket name")               \
    FAULT(b->mirrors[2].target = long_string(b, 65), "mirror 2: its target isn't a valid socket name")

static void mirrors(void **state)
{
    (void)state;
    struct imgbuild image, *b = &image;
    char err[256] = "";
    mirroring(b);
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    program_put(p);
    img_fini(b);
#define FAULT(damage, line)                                                                                            \
    mirroring(b);                                                                                                      \
    damage;                                                                                                            \
    expect(b, #damage, line);                                                                                          \
    img_fini(b);
    MIRROR_FAULTS(FAULT)
#undef FAULT
}

/* 8 ^ 15 rules to walk, found without walking them. */
static void exponential_list(void **state)
{
    (void)state;
    struct imgbuild b;
    nest(&b, 16, 8);
    expect(&b, "exponential", "firewall 0 has more than 16777216 rules, conditions and operands to try");
    img_fini(&b);
}

/* Conditions that share a long list of operands count as work, too. */
static void shared_operands(void **state)
{
    (void)state;
    struct imgbuild b;
    nest(&b, 1, 1);
    for (uint32_t i = 0; i < 8192; i++) img_add_ranges(&b, (struct pbc_range){i, i});
    for (uint32_t i = 0; i < 4096; i++) img_add_conds(&b, (struct pbc_cond){.kind = COND_PORT, .count = 8192});
    b.rules[0].cond_count = 4096;
    expect(&b, "shared", "firewall 0 has more than 16777216 rules, conditions and operands to try");
    img_fini(&b);
}

/* Make `depth` functions that each call the next `calls` times. */
static void nest_calls(struct imgbuild *b, uint32_t depth, unsigned calls)
{
    img_init(b);
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE});
    for (uint32_t f = 0; f <= depth; f++) {
        img_add_funcs(b, (struct pbc_func){.first = b->code_count, .count = f == depth ? 1 : calls + 1});
        for (unsigned i = 0; f < depth && i < calls; i++) img_add_code(b, (struct insn){.op = OP_CALL, .imm = f + 1});
        img_add_code(b, (struct insn){.op = f ? OP_RETZ : OP_ACCEPT});
    }
}

static void call_depth(void **state)
{
    (void)state;
    struct imgbuild b;
    char err[256] = "";
    nest_calls(&b, PBC_CALL_DEPTH, 1);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    assert_int_equal(p->meta->longest_path, 9);
    program_put(p);
    img_fini(&b);
    nest_calls(&b, PBC_CALL_DEPTH + 1, 1);
    expect(&b, "5 calls", "instruction 0 (call): the calls are nested too deep");
    img_fini(&b);
}

static void long_path(void **state)
{
    (void)state;
    struct imgbuild b;
    nest_calls(&b, PBC_CALL_DEPTH, 32); /* 32 ^ 4 leaves */
    expect(&b, "long path", "the longest path has 2164801 instructions, but at most 1000000 are possible");
    img_fini(&b);
    nest_calls(&b, PBC_CALL_DEPTH, 2000);
    expect(&b, "path past 32 bits", "the longest path has 4294967295 instructions, but at most 1000000 are possible");
    img_fini(&b);
}

/* A target outside counts as an end, because the compiler may ask before its code is verified. */
static void path_of_anything(void **state)
{
    (void)state;
    const struct insn code[] = {{OP_JEQ, 0, 900, 0}, {200, 0, 0, 0}, {OP_CALL, 0, 0, 7}, {OP_RETZ, 0, 0, 0}};
    const struct pbc_func funcs[] = {
        {.count = 2}, {.first = 2, .count = 2}, {.first = 4, .count = 1}, {.first = 9, .count = 1}};
    assert_int_equal(
        pbc_longest_path(&(struct pbc_code){.funcs = funcs, .funcs_count = 4, .code = code, .code_count = 4}), 2);
    assert_int_equal(
        pbc_longest_path(&(struct pbc_code){.funcs = funcs + 1, .funcs_count = 1, .code = code, .code_count = 4}), 2);
    assert_int_equal(pbc_longest_path(&(struct pbc_code){.funcs = funcs, .code = code, .code_count = 4}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_good),
        cmocka_unit_test(placeholders_may_step_aside),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(chain_depth),
        cmocka_unit_test(chain_depth_known),
        cmocka_unit_test(exponential_list),
        cmocka_unit_test(shared_operands),
        cmocka_unit_test(call_depth),
        cmocka_unit_test(long_path),
        cmocka_unit_test(path_of_anything),
        cmocka_unit_test(mirrors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
