/* Random pools and services: every balance, mode, option and kind of endpoint, branches with conditions, shares. */
#include <stdio.h>
#include <string.h>

#include "tests/lib/draw_priv.h"

enum { ENDPOINTS_MAX = 48, ENDPOINT_TEXT = 96 };

/* Endpoints so far: each may appear only once. */
struct endpoints {
    char text[ENDPOINTS_MAX][ENDPOINT_TEXT];
    unsigned count;
};

static void put_pool(struct draw *d, unsigned n)
{
    static const char *const balances[] = {"maglev", "round_robin", "least_conn", "random", "source"};

    put(d, "pool pool%u {\n", n);
    if (!one_in(d, 3)) put(d, " balance %s\n", balances[below(d, 5)]);
    if (one_in(d, 4)) put(d, " slow start %us\n", 1 + below(d, 5));
    if (one_in(d, 4)) put(d, " on down keep\n");
    if (!d->proxies && one_in(d, 3))
        put(d, " source 198.18.%u.1-198.18.%u.%u, 2001:db6::%u ports %u-%u\n", n, n, 1 + below(d, 3), n + 1, 5000,
            5000 + below(d, 4));
    for (unsigned i = 0, count = 1 + below(d, 3); i < count; i++) {
        put(d, " server a%u 198.19.%u.%u", i, n, i + 1);
        if (one_in(d, 2)) put(d, " weight %u", below(d, 4));
        put(d, "%s\n server b%u 2001:db7:%u::%u%s\n", one_in(d, 6) ? " backup" : "", i, n, i + 1,
            one_in(d, 6) ? " backup" : "");
    }
    put(d, "}\n");
}

/* Write an address, `self` or any, with a protocol and ports. */
static void endpoint(struct draw *d, char out[ENDPOINT_TEXT])
{
    static const char *const protocols[] = {"tcp", "udp", "sctp", "any"};
    const struct text before = *d->out;
    const char *echo = "icmp, icmp6";
    const unsigned port = d->s->ports[below(d, STOCK_PORTS)], least = port ? port : 1;

    switch (below(d, 6)) {
    case 0:
    case 1: put(d, "any "); break;
    case 2: put(d, "self "); break;
    case 3: put_v6(d, d->s->v6[below(d, STOCK_V6)].addr), put(d, " "), echo = "icmp6"; break;
    default: put_v4(d, d->s->v4[below(d, STOCK_V4)].addr), put(d, " "), echo = "icmp";
    }
    switch (below(d, 8)) {
    case 0: put(d, "%s", echo); break;
    case 1: put(d, "any/any"); break;
    case 2: put(d, "%s/any", protocols[below(d, 4)]); break;
    case 3:
        put(d, "%s/%u-%u", protocols[below(d, 4)], least > 5 ? least - 5 : 1,
            least < 65530 ? least + 1 + below(d, 5) : 65535);
        break;
    default: put(d, "%s/%u", protocols[below(d, 4)], least);
    }
    snprintf(out, ENDPOINT_TEXT, "%.*s", (int)(d->out->len - before.len), d->out->s + before.len);
    d->out->len = before.len;
}

/* True if the endpoint is new, and its address is one that a host can have. */
static bool is_usable(const struct endpoints *all, const char *text)
{
    if (text[0] == '0' || strncmp(text, "::", 2) == 0 || strncmp(text, "ff", 2) == 0) return false;
    if (strchr(text, '.') && text[0] == '2' && text[1] >= '2' && text[2] >= '4' && text[2] <= '9') return false;
    for (unsigned i = 0; i < all->count; i++)
        if (strcmp(all->text[i], text) == 0) return false;
    return true;
}

static void put_shares(struct draw *d, unsigned pools)
{
    const unsigned first = below(d, pools), percent = below(d, 101);

    if (pools == 1 || one_in(d, 2))
        put(d, " -> pool%u\n", first);
    else
        put(d, " -> pool%u %u%%, pool%u %u%%\n", first, percent, (first + 1) % pools, 100 - percent);
}

static void put_when(struct draw *d, unsigned pools)
{
    put(d, "%c when", DRAW_LINE);
    if (one_in(d, 2)) {
        put_ports(d, "source port");
        put_ip_fields(d);
    } else {
        put_addresses(d, "from");
        if (one_in(d, 3)) put_ports(d, "to port");
    }
    put_link_fields(d);
    put_shares(d, pools);
}

/* Put a service's options; `text` is its endpoint. */
static void put_options(struct draw *d, unsigned mode, const char *text)
{
    const bool tcp = strstr(text, "tcp") || strstr(text, " any/"), address = text[0] != 'a' && text[0] != 's';

    if (address && one_in(d, 3)) put(d, " announce\n");
    if (one_in(d, 4)) put(d, " affinity source %us\n", 1 + below(d, 9));
    if (one_in(d, 4)) put(d, " idle %us\n", 1 + below(d, 9));
    if (one_in(d, 4)) put(d, " max flows %u\n", 1 + below(d, 20));
    if (one_in(d, 4)) put(d, " max flows %u per source\n", 1 + below(d, 5));
    if (one_in(d, 4)) put(d, " rate news%u\n", below(d, 2));
    if (tcp && mode < 2 && one_in(d, 4)) put(d, " syn cookies\n");
    if (tcp && one_in(d, 3)) put(d, one_in(d, 2) ? " mss clamp auto\n" : " mss clamp %u\n", 536 + below(d, 1000));
}

/* Put a service that terminates connections: it has few ports, and its conditions test only the packet's sender. */
static bool put_proxy(struct draw *d, unsigned n, unsigned pools, const char *text)
{
    const char *ports = strstr(text, "tcp/");
    const bool address = text[0] != 'a' && text[0] != 's';

    if (!d->proxies || !ports || strstr(ports, "any") || one_in(d, 4)) return false;
    put(d, "service s%u on %s {\n mode proxy%s\n", n, text, one_in(d, 2) ? " http" : "");
    if (address && one_in(d, 3)) put(d, " announce\n");
    if (one_in(d, 4)) put(d, " max flows %u\n", 1 + below(d, 20));
    if (one_in(d, 2)) put(d, " rate news%u\n", below(d, 2));
    if (one_in(d, 3)) {
        put(d, "%c when", DRAW_LINE);
        put_addresses(d, "from");
        put_shares(d, pools);
    }
    put(d, "%c else", DRAW_LINE);
    put_shares(d, pools);
    put(d, "}\n");
    return true;
}

/* Append the frames of a wire service to its endpoint. */
static void add_wire(struct draw *d, char text[ENDPOINT_TEXT])
{
    const size_t len = strlen(text);
    const unsigned number = d->s->tags[below(d, STOCK_TAGS)] % 4095;
    char tags[32] = "";

    switch (below(d, 5)) {
    case 0: break;
    case 1: strcpy(tags, " vlan any"); break;
    case 2: strcpy(tags, " vlan none"); break;
    case 3: snprintf(tags, sizeof tags, " vlan %u-%u", number > 4 ? number - 4 : 0, number); break;
    default: snprintf(tags, sizeof tags, " vlan %u", number);
    }
    snprintf(text + len, ENDPOINT_TEXT - len, "%s%s", one_in(d, 2) ? "" : one_in(d, 2) ? " on i0" : " on i1", tags);
}

/* Put a wire service whose connections the inline stack terminates. */
static void put_inline(struct draw *d, unsigned n, unsigned pools, const char *text)
{
    static const char *const elsewhere[] = {"original", "reject", "program \"/run/s\""};
    const bool http = one_in(d, 4);

    put(d, "service s%u on %s {\n mode proxy inline%s\n", n, text, http ? " http" : "");
    if (one_in(d, 4)) put(d, " max flows %u\n", 1 + below(d, 20));
    if (one_in(d, 2)) put(d, " rate news%u\n", below(d, 2));
    if (one_in(d, 4)) put(d, " on overload pass\n bytes first\n");
    for (unsigned i = below(d, 3); i > 0; i--) {
        put(d, "%c when", DRAW_LINE);
        put_addresses(d, "from");
        if (one_in(d, 2))
            put(d, " -> %s\n", elsewhere[below(d, http ? 2 : 3)]);
        else
            put_shares(d, pools);
    }
    put(d, "}\n");
}

static bool may_stand_in_wire(const struct draw *d, const char *text)
{
    return d->proxies && strstr(text, "tcp/") && text[0] != 's';
}

static void put_one_service(struct draw *d, unsigned n, unsigned pools, struct endpoints *all)
{
    static const char *const modes[] = {"passthrough",  "passthrough keep source", "dsr l2", "dsr rewrite", "dsr ipip",
                                        "dsr gue 6080", "dsr gue 6080 variant 1"};
    static const char *const none[] = {"", " on no server reset\n", " on no server drop\n", " on no server pass\n"};
    char text[ENDPOINT_TEXT];
    const unsigned mode = below(d, sizeof modes / sizeof *modes);

    endpoint(d, text);
    const bool wire = may_stand_in_wire(d, text) && one_in(d, 2);
    if (wire) add_wire(d, text);
    if (!is_usable(all, text) || all->count == ENDPOINTS_MAX) return;
    strcpy(all->text[all->count++], text);
    if (wire) {
        put_inline(d, n, pools, text);
        return;
    }
    if (put_proxy(d, n, pools, text)) return;
    put(d, "service s%u on %s {\n mode %s\n%s", n, text, modes[mode], none[below(d, 4)]);
    put_options(d, mode, text);
    for (unsigned i = below(d, 4); i > 0; i--) put_when(d, pools);
    if (one_in(d, 5)) {
        put(d, " when source port -40000");
        put_shares(d, pools);
    } else {
        put(d, "%c else", DRAW_LINE);
        put_shares(d, pools);
    }
    put(d, "}\n");
}

void put_services(struct draw *d)
{
    const unsigned pools = 1 + below(d, 3), services = 1 + below(d, one_in(d, 4) ? 30 : 6);
    struct endpoints all = {.count = 0};

    d->proxies = one_in(d, 2);
    put(d, "meter news0 = 100/s per source\nmeter news1 = 300/s burst 5\n");
    for (unsigned i = 0; i < pools; i++) put_pool(d, i);
    for (unsigned i = 0; i < services; i++) put_one_service(d, i, pools, &all);
}
