/* State of reading a test's packet, shared by packet.c (the two sides) and part.c (the parts). */
#pragma once

#include "compiler/ruletest/said.h"

#define FORM(f) (1u << FORM_##f)
enum { /* forms of protocols with ports */
       FORMS_PORTS = 0
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum) | ((there)&KIND_PORTS ? FORM(ident) : 0)
#include "vm/proto.def"
};
#define FORMS_ICMP (FORM(ICMP) | FORM(ICMP6))
#define FORMS_IP   (FORMS_PORTS | FORMS_ICMP | FORM(PROTO))
#define FORMS_ALL  (FORMS_IP | FORM(ARP))

/* A packet while its parts are read */
struct packet_work {
    struct compile *c;
    const struct node *node;
    struct frame_spec *p;
    const struct facts *self;
    bool bad;
    struct test_said **said; /* first words of the client; NULL: not allowed here */
    struct side {
        const struct node *node, *port; /* port: NULL if none is written */
        struct addr addr;
        bool self;
        uint32_t words[4]; /* address, set once the family is known */
    } src, dst;
};

/* Take one part (flags, vlan, ttl, …). `first`: the packet's first part. Sets w->bad after a report. */
void test_part_take(struct packet_work *w, const struct node *first, const struct node *n);
/* Read the addresses of a tunnel, with `self` taken from the test; false after a report (packet.c). */
bool test_tunnel_of(struct packet_work *w, const struct node *src, const struct node *dst, struct frame_tunnel *t);
