/* What reading a test's packet takes: its sides in packet.c, its parts in part.c. */
#pragma once

#include "compiler/ruletest/said.h"

#define FORM(f) (1u << FORM_##f)
enum { /* the forms of protocols that have ports */
       FORMS_PORTS = 0
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum) | ((there)&KIND_PORTS ? FORM(ident) : 0)
#include "vm/proto.def"
};
#define FORMS_ICMP (FORM(ICMP) | FORM(ICMP6))
#define FORMS_IP   (FORMS_PORTS | FORMS_ICMP | FORM(PROTO))
#define FORMS_ALL  (FORMS_IP | FORM(ARP))

/* A packet while its parts are taken. */
struct packet_work {
    struct compile *c;
    const struct node *node;
    struct frame_spec *p;
    const struct facts *self;
    bool bad;
    struct test_said **said; /* NULL: nobody asks what the connection's client says first */
    struct side {
        const struct node *node, *port; /* port: NULL where none is written */
        struct addr addr;
        bool self;
        uint32_t words[4]; /* the address, once the family is known */
    } src, dst;
};

/* A part: flags, vlan, ttl and so on. `first`: of the packet's parts, in which it stands. w->bad after a report. */
void test_part_take(struct packet_work *w, const struct node *first, const struct node *n);
/* One address of a tunnel's, with `self` taken from the test's; false after a report (packet.c). */
bool test_tunnel_of(struct packet_work *w, const struct node *src, const struct node *dst, struct frame_tunnel *t);
