/* Print groups as rules, and a packet of each as a test. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/traffic/grouped.h"
#include "vm/words/words.h"

enum { NETS_IN_RULE = 4 };

static const struct service_name {
    uint8_t proto; /* 0: both TCP and UDP */
    uint16_t port;
    const char *name;
} names[] = {
    {6, 21, "FTP"},          {6, 22, "SSH"},     {6, 25, "SMTP"},       {0, 53, "DNS"},      {17, 67, "DHCP"},
    {17, 68, "DHCP_ANSWER"}, {6, 80, "HTTP"},    {17, 123, "NTP"},      {6, 143, "IMAP"},    {17, 161, "SNMP"},
    {6, 443, "HTTPS"},       {17, 443, "QUIC"},  {17, 500, "IKE"},      {17, 514, "SYSLOG"}, {6, 587, "SUBMISSION"},
    {6, 993, "IMAPS"},       {6, 3306, "MYSQL"}, {6, 5432, "POSTGRES"}, {17, 5353, "MDNS"},  {17, 51820, "WIREGUARD"},
    {1, 8, "PING"},          {58, 128, "PING6"},
};

/* Protocols that are words of the language, and the families in which the number means that protocol. */
static const struct spoken {
    const char *word;
    uint32_t families;
} spoken[256] = {
#define PROTO(...)
#define SPOKEN(ident, number, name, families)                    [number] = {name, families},
#define UPPER(ident, number, name, families, there, header, sum) [number] = {name, families},
#include "vm/proto.def"
};

/* Return the protocol's word in the language; NULL: none. */
static const char *proto_word(const struct begin *b)
{
    const struct spoken *s = &spoken[b->proto];
    return s->families & (b->family == 4 ? KIND_IP4 : KIND_IP6) ? s->word : NULL;
}

static void print_proto(const struct begin *b, FILE *out)
{
    const char *word = proto_word(b);
    if (word)
        fputs(word, out);
    else
        fprintf(out, "proto %u", b->proto);
}

static bool is_icmp(const struct begin *b) { return b->proto == 1 || b->proto == 58; }

/* Write the rule's name without the number that distinguishes equal names. */
static void base_name(const struct group *g, char name[GROUP_NAME])
{
    const struct begin *b = g->to[0];
    const char *word = proto_word(b);
    const bool counted = b->has_port || is_icmp(b);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct service_name *n = &names[i];
        if (n->port != g->ports[0] || (n->proto ? n->proto != b->proto : b->proto != 6 && b->proto != 17)) continue;
        snprintf(name, GROUP_NAME, "%s", n->name);
        return;
    }
    if (word && !counted)
        snprintf(name, GROUP_NAME, "%s", word);
    else
        snprintf(name, GROUP_NAME, "%s_%u", word ? word : "proto", counted ? g->ports[0] : b->proto);
    for (char *at = name; *at; at++) *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
}

static int device_name_order(const void *x, const void *y)
{
    struct group *const *a = x, *const *b = y;
    const int names_order = strcmp((*a)->name, (*b)->name);
    return names_order ? names_order : *a < *b ? -1 : 1;
}

/* Number rules of one name: NAME, NAME_2, NAME_3. False: out of memory. */
static bool name_all(const struct groups *g)
{
    struct group **of = calloc(g->count + 1u, sizeof(*of));
    if (!of) return false;
    for (unsigned i = 0; i < g->count; i++) {
        of[i] = &g->of[i];
        base_name(of[i], of[i]->name);
    }
    if (g->count) qsort(of, g->count, sizeof(*of), device_name_order);
    for (unsigned i = 0, end; i < g->count; i = end)
        for (end = i + 1; end < g->count && !strcmp(of[end]->name, of[i]->name); end++)
            snprintf(of[end]->name, GROUP_NAME, "%.16s_%u", of[i]->name, end - i + 1);
    free(of);
    return true;
}

static void print_net(const struct net *n, uint8_t family, FILE *out)
{
    char text[64];
    address_text(family, n->addr, text);
    fputs(text, out);
    if (n->length < (family == 4 ? 32 : 128)) fprintf(out, "/%u", n->length);
}

static void print_nets(const struct group *g, FILE *out)
{
    for (unsigned i = 0; i < g->net_count; i++) {
        if (i) fputs(", ", out);
        print_net(&g->nets[i], g->to[0]->family, out);
    }
}

static void print_sets(const struct groups *g, FILE *out)
{
    for (unsigned i = 0; i < g->count; i++) {
        if (g->of[i].net_count <= NETS_IN_RULE) continue;
        fprintf(out, "set %s_clients = ", g->of[i].name);
        print_nets(&g->of[i], out);
        fputc('\n', out);
    }
}

static void print_to(const struct group *g, FILE *out)
{
    char text[64];
    for (unsigned i = 0; i < g->to_count; i++) {
        if (!g->to[i]->to_self) address_text(g->to[i]->family, g->to[i]->dst, text);
        fprintf(out, "%s%s", i ? ", " : " to ", g->to[i]->to_self ? "self" : text);
    }
}

static void print_ports(const struct group *g, FILE *out)
{
    fputs(" port ", out);
    for (unsigned i = 0, end; i < g->port_count; i = end) {
        for (end = i + 1; end < g->port_count && g->ports[end] == g->ports[end - 1] + 1;) end++;
        fprintf(out, "%s%u", i ? ", " : "", g->ports[i]);
        if (end > i + 1) fprintf(out, "-%u", g->ports[end - 1]);
    }
}

static void print_type(const struct begin *b, uint16_t type, FILE *out)
{
    if (type == (b->proto == 1 ? 8 : 128))
        fputs(" type echo-request", out);
    else
        fprintf(out, " type %u", type);
}

static void print_on(const struct groups *all, const struct begin *b, FILE *out)
{
    if (b->iface) fprintf(out, " on \"%s\"", all->iface_names[b->iface]);
}

static void print_rule(const struct groups *all, const struct group *g, FILE *out)
{
    const struct begin *b = g->to[0];
    fputs("  accept ", out);
    print_proto(b, out);
    if (is_icmp(b)) print_type(b, g->ports[0], out);
    fputs(" from ", out);
    if (g->net_count > NETS_IN_RULE)
        fprintf(out, "%s_clients", g->name);
    else
        print_nets(g, out);
    print_to(g, out);
    if (b->has_port) print_ports(g, out);
    print_on(all, b, out);
    fprintf(out, " state new as %s  # began %" PRIu64 " time%s, first by frame %" PRIu64 "\n", g->name, g->seen,
            g->seen == 1 ? "" : "s", g->sample->first_frame);
}

static void print_side(uint8_t family, const uint32_t addr[4], bool self, bool has_port, unsigned port, FILE *out)
{
    char text[64];
    if (!self) address_text(family, addr, text);
    if (self)
        fputs("self", out);
    else
        fprintf(out, family == 6 && has_port ? "[%s]" : "%s", text);
    if (has_port) fprintf(out, ":%u", port);
}

/* Print the packet that began the connection, in the notation of tests; `port`, unless negative, replaces its
 * destination port. */
static void print_packet(const struct groups *all, const struct begin *b, int port, FILE *out)
{
    print_proto(b, out);
    fputc(' ', out);
    print_side(b->family, b->src, false, b->has_port, b->src_port, out);
    fputs(" -> ", out);
    print_side(b->family, b->dst, b->to_self, b->has_port, port < 0 ? b->port : (unsigned)port, out);
    if (is_icmp(b)) print_type(b, b->port, out);
    if (b->proto == 6) fputs(" syn", out);
    print_on(all, b, out);
    fputc('\n', out);
}

/* Return the lowest port that no rule names; 0: none is free. */
static int free_port(const struct groups *g)
{
    bool taken[1 << 16] = {true};
    int port = 1;
    for (unsigned i = 0; i < g->count; i++)
        for (unsigned k = 0; k < g->of[i].port_count; k++) taken[g->of[i].ports[k]] = true;
    while (port < 1 << 16 && taken[port]) port++;
    return port & 0xffff;
}

static void print_test(const struct groups *g, FILE *out)
{
    const struct begin *tcp = NULL;
    fputs("\ntest \"connections in the capture\" {\n", out);
    for (unsigned i = 0; i < g->count; i++) {
        fprintf(out, "  expect accept by %s: ", g->of[i].name);
        print_packet(g, g->of[i].sample, -1, out);
        if (!tcp && g->of[i].sample->proto == 6) tcp = g->of[i].sample;
    }
    if (tcp) fputs("  expect drop by default: ", out);
    if (tcp) print_packet(g, tcp, free_port(g), out);
    fputs("}\n", out);
}

bool groups_print(const struct groups *g, FILE *out)
{
    if (!name_all(g)) return false;
    print_sets(g, out);
    fputs("\nfirewall suggested default drop {\n  accept state established, related as OPEN  # packets of accepted "
          "connections\n  accept icmp6 type nd                       # IPv6 needs neighbour discovery\n",
          out);
    for (unsigned i = 0; i < g->count; i++) print_rule(g, &g->of[i], out);
    fputs("}\n", out);
    if (g->count) print_test(g, out);
    return true;
}
