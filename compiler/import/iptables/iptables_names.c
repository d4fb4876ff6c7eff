/* Tables of protocols, ICMP types and codes, and TCP flags */
#include "compiler/import/iptables/iptables_names.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "vm/words/words.h"

struct numbered {
    const char *name;
    uint8_t number;
    int8_t code;
};

static const struct numbered *row_of_name(const struct numbered *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(rows[i].name, name)) return &rows[i];
    return NULL;
}
#define NAMED(rows, name) row_of_name(rows, sizeof(rows) / sizeof(rows[0]), name)

bool name_protocol(const char *name, unsigned *number)
{
    static const struct numbered rows[] = {
        {"all", 0, -1},       {"ip", 0, -1},         {"ipencap", 4, -1},   {"igp", 9, -1},   {"ipsec-esp", 50, -1},
        {"ipsec-ah", 51, -1}, {"ipv6-icmp", 58, -1}, {"icmpv6", 58, -1},   {"ipip", 94, -1}, {"etherip", 97, -1},
        {"encap", 98, -1},    {"fc", 133, -1},       {"ipv6-mh", 135, -1}, {"mh", 135, -1},
    };
    const struct numbered *row = NAMED(rows, name);
    char lower[24] = "";
    for (size_t i = 0; name[i] && i + 1 < sizeof(lower); i++) lower[i] = (char)tolower((unsigned char)name[i]);
    *number = row ? row->number : proto_number(lower);
    return row || (*number && *number != PROTO_UNKNOWN);
}

/* ICMP types and codes as iptables names them; code -1: every code of the type */
static const struct numbered icmp[] = {
    {"echo-reply", 0, -1},
    {"pong", 0, -1},
    {"destination-unreachable", 3, -1},
    {"network-unreachable", 3, 0},
    {"host-unreachable", 3, 1},
    {"protocol-unreachable", 3, 2},
    {"port-unreachable", 3, 3},
    {"fragmentation-needed", 3, 4},
    {"source-route-failed", 3, 5},
    {"network-unknown", 3, 6},
    {"host-unknown", 3, 7},
    {"network-prohibited", 3, 9},
    {"host-prohibited", 3, 10},
    {"TOS-network-unreachable", 3, 11},
    {"TOS-host-unreachable", 3, 12},
    {"communication-prohibited", 3, 13},
    {"host-precedence-violation", 3, 14},
    {"precedence-cutoff", 3, 15},
    {"source-quench", 4, -1},
    {"redirect", 5, -1},
    {"network-redirect", 5, 0},
    {"host-redirect", 5, 1},
    {"TOS-network-redirect", 5, 2},
    {"TOS-host-redirect", 5, 3},
    {"echo-request", 8, -1},
    {"ping", 8, -1},
    {"router-advertisement", 9, -1},
    {"router-solicitation", 10, -1},
    {"time-exceeded", 11, -1},
    {"ttl-exceeded", 11, -1},
    {"ttl-zero-during-transit", 11, 0},
    {"ttl-zero-during-reassembly", 11, 1},
    {"parameter-problem", 12, -1},
    {"ip-header-bad", 12, 0},
    {"required-option-missing", 12, 1},
    {"timestamp-request", 13, -1},
    {"timestamp-reply", 14, -1},
    {"address-mask-request", 17, -1},
    {"address-mask-reply", 18, -1},
};

/* ICMPv6 types and codes as ip6tables names them; code -1: every code of the type */
static const struct numbered icmp6[] = {
    {"destination-unreachable", 1, -1},
    {"no-route", 1, 0},
    {"communication-prohibited", 1, 1},
    {"beyond-scope", 1, 2},
    {"address-unreachable", 1, 3},
    {"port-unreachable", 1, 4},
    {"failed-policy", 1, 5},
    {"reject-route", 1, 6},
    {"packet-too-big", 2, -1},
    {"time-exceeded", 3, -1},
    {"ttl-exceeded", 3, -1},
    {"ttl-zero-during-transit", 3, 0},
    {"ttl-zero-during-reassembly", 3, 1},
    {"parameter-problem", 4, -1},
    {"bad-header", 4, 0},
    {"unknown-header-type", 4, 1},
    {"unknown-option", 4, 2},
    {"echo-request", 128, -1},
    {"ping", 128, -1},
    {"echo-reply", 129, -1},
    {"pong", 129, -1},
    {"mld-listener-query", 130, -1},
    {"mld-listener-report", 131, -1},
    {"mld-listener-done", 132, -1},
    {"mld-listener-reduction", 132, -1},
    {"router-solicitation", 133, -1},
    {"router-advertisement", 134, -1},
    {"neighbour-solicitation", 135, -1},
    {"neighbor-solicitation", 135, -1},
    {"neighbour-advertisement", 136, -1},
    {"neighbor-advertisement", 136, -1},
    {"redirect", 137, -1},
};

bool name_icmp(unsigned family, const char *name, unsigned *type, int *code)
{
    const struct numbered *row = family == 6 ? NAMED(icmp6, name) : NAMED(icmp, name);
    if (!row) return false;
    *type = row->number;
    *code = row->code;
    return true;
}

bool name_flags(const char *list, uint8_t *bits)
{
    static const struct numbered rows[] = {
        {"FIN", 1, 0},  {"SYN", 2, 0},  {"RST", 4, 0},   {"PSH", 8, 0},  {"ACK", 16, 0},
        {"URG", 32, 0}, {"ECE", 64, 0}, {"CWR", 128, 0}, {"ALL", 63, 0}, {"NONE", 0, 0},
    };
    const char *at = list;
    *bits = 0;
    do {
        char name[8];
        const size_t len = strcspn(at, ",");
        if (!len || len >= sizeof(name)) return false;
        memcpy(name, at, len);
        name[len] = '\0';
        const struct numbered *row = NAMED(rows, name);
        if (!row) return false;
        *bits |= row->number;
        at += len;
    } while (*at++);
    return true;
}
