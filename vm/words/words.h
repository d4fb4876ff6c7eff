/* Words for people: names, numbers, meters, addresses, and what services say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/pbc.h"

struct program;

/* Names of protocols and ICMP types, from the rows of proto.def and icmp.def. action_name stands in tables.h,
 * reason_name in packet/pkt.h. Every returned string is static. */

/* The name of an IP protocol number, or NULL where the table has none. */
const char *proto_name(unsigned number);

/* The number of a name of that table, or PROTO_UNKNOWN. */
enum { PROTO_UNKNOWN = 256 };
unsigned proto_number(const char *name);
/* Does its header begin with ports? Those whose does, in words: */
bool proto_has_ports(unsigned number);
#define PROTOS_WITH_PORTS "tcp, udp and sctp"

/* The same for ICMP types; family is 4 (ICMP) or 6 (ICMPv6). */
const char *icmp_type_name(unsigned family, unsigned type);

/* Numbers as people read them: 67,652. Returns buf. */
enum { TEXT_NUMBER = 32 };
const char *text_number(uint64_t n, char buf[TEXT_NUMBER]);
/* What ends a noun behind such a number. */
static inline const char *text_plural(uint64_t n) { return n == 1 ? "" : "s"; }

/* A meter in a line, "200/s burst 400 per source entries 65536"; cut to fit, always terminated. */
void meter_text(const struct pbc_meter *m, char *buf, size_t len);

/* Addresses as text: an address, a prefix or a range; and address files, as they are published: one of them a line,
 * with `#` and `;` before comments (Spamhaus DROP and its like), what `ipset save` writes, sets as nft lists them.
 * Bytes in, ranges and faults out: who reads the file, and what becomes of the ranges, is the caller's. */

struct addr_member {
    uint8_t family;      /* 4 or 6: which of the two is set */
    struct pbc_range v4; /* host order */
    struct pbc_range6 v6;
};

enum addr_fault {
    ADDR_GOOD,
    ADDR_NONE,      /* nothing like an address */
    ADDR_HOST_BITS, /* bits are set past the prefix's length */
    ADDR_LENGTH,    /* a prefix length that the family does not have */
    ADDR_FAMILIES,  /* a range whose end is no address of its beginning's family */
    ADDR_BACKWARDS, /* a range that ends before it begins */
    ADDR_ZONE,      /* fe80::1%eth0 */
    ADDR_BLANKS,    /* more than one on a line */
    ADDR_NAME,      /* the name of a host */
    /* of the file's form */
    ADDR_JSON,    /* the file is JSON */
    ADDR_PAGE,    /* a web page */
    ADDR_LISTING, /* what `ipset list` prints */
    ADDR_COMMAND, /* a command that does not only make a set and add to it */
    ADDR_KIND,    /* a set of something else */
    ADDR_SECOND,  /* a second set of one family */
    ADDR_NOMATCH, /* an ipset entry that takes away */
    ADDR_OPTION,  /* a word behind an entry that says nothing of it */
    ADDR_BRACES,  /* a brace, bracket or quote without its other half */
    ADDR_NO_SET,  /* a listing in which no set of addresses stands */
};

/* One member's text, without blanks around it. */
enum addr_fault addr_text_member(const char *s, size_t len, struct addr_member *m);

/* What is wrong with that text, in one sentence for people; cut to fit. */
void addr_fault_describe(const char *s, size_t len, enum addr_fault fault, char *buf, size_t buf_len);

/* A bad line: all of it, and where in it the member's text stands. */
struct addr_bad_line {
    uint32_t line, col;   /* from 1 */
    const char *text;     /* of the line, no newline, cut some way behind the member; the caller's bytes */
    size_t text_len, len; /* of the line; of the member in it */
    enum addr_fault fault;
};

struct addr_reader {
    void *arg;
    void (*member)(void *arg, const struct addr_member *m);
    void (*bad)(void *arg, const struct addr_bad_line *l);
};

/* All of the text, in order; each entry is judged by itself, so that one pass names every bad one. What stands in its
 * first line tells the form. A listing may hold one set of each family; more are a fault, since which is meant can't be
 * told. Lines end in LF or CRLF, a byte order mark is skipped. Linear, no memory. False, and nothing is called, if the
 * text holds zero bytes: then it is no text. */
bool addr_text_read(const char *text, size_t len, const struct addr_reader *reader);

/* What services, pools and checks say besides where packets go, in the words of the language: for listings and
 * comparisons. What stands as if nothing were written is left out. */

/* `idle`, `affinity`, `syn cookies`, `mss`, `announce` and what a proxy service says, each behind `between`. Not the
 * mode, nor bounds (`max flows`, `rate`). */
void service_print(const struct program *p, uint32_t service, const char *between, FILE *out);
/* Likewise of a pool: its check, `on down`, `retries`, `drain`, `slow start`. */
void pool_print(const struct program *p, uint32_t pool, const char *between, FILE *out);
/* A server's own check and MAC. */
void server_print(const struct program *p, uint32_t server, const char *between, FILE *out);
/* A duration: `2h4m`. */
void duration_print(uint64_t ns, FILE *out);
/* The kind of a check and all that it says, `between` its parts. */
void check_print(const struct program *p, uint32_t check, const char *between, FILE *out);

/* What proxy services say, in the words of the language: for listings and comparisons. Lists are written out, whatever
 * they are called. */

/* A condition that a connection's first bytes meet: `sni "a.example", "*.b.example"`. */
void stream_cond_print(const struct program *p, const struct pbc_cond *c, FILE *out);
/* Options of a proxy service, each behind `between`; nothing where it says none. */
void proxy_print(const struct program *p, uint32_t service, const char *between, FILE *out);
