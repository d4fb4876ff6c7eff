/* `servers NAME FIRST-LAST[:PORT]`: as many servers as there are addresses in the range. */
#include <stdio.h>
#include <string.h>

#include "compiler/resolve/service.h"

bool server_port_good(struct compile *c, const struct node *n, uint16_t port)
{
    if (port) return true;
    diag(c->diags, E_OUT_OF_RANGE, n->span, "0 is not a port to serve: ports of servers go from 1 to 65535");
    diag_advise(c->diags, "without a port the server gets the one that the client asked for");
    return false;
}

static void check_hosts(struct compile *c, const struct node *n, const struct addr *lo, const struct addr *hi)
{
    /* What is no host's lies at both ends of the numbers. */
    if (!addr_is_one_host(lo) || !addr_is_one_host(hi))
        diag(c->diags, E_SERVER_ADDRESS, n->span, "no server can have one of these addresses");
}

uint32_t server_range_of(struct compile *c, const struct node *n, struct server_range *r)
{
    const struct node_value v = n ? value_of(c, n) : (struct node_value){0};
    struct addr lo, hi;
    *r = (struct server_range){0};
    if (!v.node) return 0;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return 0;
    }
    if (v.node->kind != N_ADDR_RANGE && v.node->kind != N_ENDPOINT_RANGE) {
        report_wrong_value(c, n, v, "a range of addresses, with a port or without");
        return 0;
    }
    if (!address_ends(c, v.node, &lo, &hi)) {
        const struct addr first = hi;
        hi = lo, lo = first;
    }
    check_hosts(c, n, &lo, &hi);
    if (v.node->kind == N_ENDPOINT_RANGE) server_port_good(c, n, v.node->v.addr_range->port);
    const u128 more = lo.family == 4 ? addr_v4(&hi) - addr_v4(&lo) : addr_v6(&hi) - addr_v6(&lo);
    if (more >= ADDRESSES_MOST)
        diag(c->diags, E_ADDRESSES, n->span, "these are more than %u servers", (unsigned)ADDRESSES_MOST);
    r->first = lo;
    r->count = more < ADDRESSES_MOST ? (uint32_t)more + 1 : ADDRESSES_MOST;
    r->port = v.node->v.addr_range->port;
    return r->count;
}

struct str server_range_name(struct compile *c, const struct node *n, uint32_t i)
{
    const struct str name = n->first->v.str;
    const size_t room = name.len + sizeof "-4294967295";
    char *text = arena_alloc(c->arena, room);
    const int len = snprintf(text, room, "%.*s-%u", (int)name.len, name.s, i + 1);
    return (struct str){text, (size_t)len};
}
