/* Shared by the files that read and judge a test's packets. A packet is read in packet.c (the two sides) and part.c
 * (the parts). The first words of its client, and the proxy server that these reach, are in said.c */
#pragma once

#include "compiler/ruletest/ruletest.h"

enum { SAID_HEADERS = 16 };

/* The words as written; NULL for absent text */
struct test_said {
    struct str sni, alpn, host, path, method;
    struct str header[SAID_HEADERS][2]; /* name and value of each */
    uint32_t headers;
    uint8_t *bytes;          /* a ClientHello if sni or alpn is given, then a request if a part of one is given */
    uint32_t hello, request; /* bytes of each; 0: none */
};

/* Write said->bytes into the arena. */
void said_write(struct arena *a, struct test_said *said);

/* Return the branch of a proxy service that such a connection takes; PBC_NONE: the service closes it, according to
 * *why. key: of the client's packets. */
uint32_t said_branch(struct program *p, uint32_t service, const struct test_said *said, const struct key *key,
                     const char **why);
/* Choose the server for a packet that was let through to a proxy service: set v->server, and *served gives the
 * reason. True immediately for any other packet. said: NULL if only the packet's payload is sent. Unsent words count
 * as absent, as after the service's `first bytes within`. False if the service closes the connection; served->how
 * gives the reason, except if no server is left. */
bool said_connect(struct test_run *r, const struct test_said *said, const struct frame_payload *payload,
                  const struct key *key, struct verdict *v, struct served *served);
/* Choose a server for a connection on a branch with pools: set v->server, or return false and set v->reason. */
bool said_give(struct test_run *r, struct chooser *chooser, uint32_t branch, const struct key *key, uint64_t affinity,
               struct verdict *v, struct served *served);

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
    struct test_said **said; /* the client's first words; NULL: not allowed here */
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
