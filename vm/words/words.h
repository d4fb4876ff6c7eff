/* Words for people: names, numbers, meters, addresses, and options of services. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/pbc.h"
#include "vm/pbc/records.h"

struct program;

/* Names of protocols and ICMP types, from the rows of proto.def and icmp.def. action_name is in tables.h, reason_name
 * in packet/pkt.h. Each returned string is static. */

/* Return the name of an IP protocol number, or NULL if the table has none. */
const char *proto_name(unsigned number);

/* Return the number of a name in that table, or PROTO_UNKNOWN. */
enum { PROTO_UNKNOWN = 256 };
unsigned proto_number(const char *name);
/* True if the protocol's header begins with ports. The text names those protocols, for messages. */
bool proto_has_ports(unsigned number);
#define PROTOS_WITH_PORTS "tcp, udp and sctp"

/* Return the name of an observe service's branch (enum pbc_does). */
const char *does_name(unsigned does);

/* The same for ICMP types; family is 4 (ICMP) or 6 (ICMPv6). */
const char *icmp_type_name(unsigned family, unsigned type);

/* Write a number with commas: 67,652. Return buf. */
enum { TEXT_NUMBER = 32 };
const char *text_number(uint64_t n, char buf[TEXT_NUMBER]);
/* Return the ending of a noun behind a number. */
static inline const char *text_plural(uint64_t n) { return n == 1 ? "" : "s"; }

/* Print an address, prefix or range. */
void range4_print(const struct pbc_range *r, FILE *out);
void range6_print(const struct pbc_range6 *r, FILE *out);

/* Print a text as a complete string of the language: "a \"b\"". */
void text_put_quoted(const char *text, FILE *out);

/* Write a meter, "200/s burst 400 per source entries 65536"; cut to fit, always terminated. */
void meter_text(const struct pbc_meter *m, char *buf, size_t len);

/* Write an address, as in struct key: "10.0.0.1" or "2001:db8::1". Return buf. */
const char *address_text(unsigned family, const uint32_t addr[4], char buf[INET6_ADDRSTRLEN]);

/* Addresses as text: an address, a prefix or a range; and address files as they are published: one address per line,
 * with comments behind `#` and `;` (Spamhaus DROP and the like), output of `ipset save`, sets as nft lists them.
 * Bytes in, ranges and faults out: the caller reads the file and uses the ranges. */

struct addr_member {
    uint8_t family;      /* 4 or 6: the family that is set */
    struct pbc_range v4; /* host order */
    struct pbc_range6 v6;
};

enum addr_fault {
    ADDR_GOOD,
    ADDR_NONE,      /* nothing like an address */
    ADDR_HOST_BITS, /* bits are set behind the prefix */
    ADDR_LENGTH,    /* a prefix length that the family does not have */
    ADDR_FAMILIES,  /* a range whose ends differ in family, or whose end is no address */
    ADDR_BACKWARDS, /* a range that ends before it begins */
    ADDR_ZONE,      /* an address with a zone: fe80::1%eth0 */
    ADDR_BLANKS,    /* more than one address on a line */
    ADDR_NAME,      /* a host's name */
    /* faults of the file's form */
    ADDR_JSON,    /* the file is JSON */
    ADDR_PAGE,    /* the file is a web page */
    ADDR_LISTING, /* the file is output of `ipset list` */
    ADDR_COMMAND, /* a command that neither makes a set nor adds to it */
    ADDR_KIND,    /* a set of elements other than addresses */
    ADDR_SECOND,  /* a second set of one family */
    ADDR_NOMATCH, /* an ipset entry with `nomatch`, which excludes addresses */
    ADDR_OPTION,  /* an unknown word behind an entry */
    ADDR_BRACES,  /* an unpaired brace, bracket or quote */
    ADDR_NO_SET,  /* a listing without a set of addresses */
};

/* Parse one member's text, without blanks around it. */
enum addr_fault addr_text_member(const char *s, size_t len, struct addr_member *m);

/* Describe the fault of that text in one sentence for people; cut to fit. */
void addr_fault_describe(const char *s, size_t len, enum addr_fault fault, char *buf, size_t buf_len);

/* A bad line, and the place of the member's text in it. */
struct addr_bad_line {
    uint32_t line, col;   /* line and column, from 1 */
    const char *text;     /* the line without newline, truncated behind the member; the caller's bytes */
    size_t text_len, len; /* text_len: length of the line; len: length of the member in it */
    enum addr_fault fault;
};

struct addr_reader {
    void *arg;
    void (*member)(void *arg, const struct addr_member *m);
    void (*bad)(void *arg, const struct addr_bad_line *l);
};

/* Read all of the text, in order. Each entry is checked by itself, so that one pass names every bad entry. The first
 * line gives the form. A listing may hold one set of each family; more are a fault, because the choice would be
 * arbitrary. Lines end in LF or CRLF, a byte order mark is skipped. Takes linear time and no memory. Return false,
 * without a call, if there are zero bytes: the bytes are not text. */
bool addr_text_read(const char *text, size_t len, const struct addr_reader *reader);

/* Options in the words of the language, for listings and comparisons: those of the rows that have words
 * (vm/pbc/fields.def), `between` before each statement. Options at their usual values are left out, except in a
 * listing. */
struct fields_text {
    const char *between, *first; /* first: text before the first option; NULL: `between` */
    uint8_t parts;               /* bits of PART_…: the parts that are printed */
    bool listed;
};
enum { PARTS = (1 << PART_COUNT) - 1 };
void fields_print(const struct program *p, enum fields_of of, uint32_t i, const struct fields_text *how, FILE *out);
/* Return the interface and the tags that the endpoint asks for, each after a blank; "" if it asks for none. */
enum { WIRE_TEXT = 80 };
const char *endpoint_wire_text(const struct program *p, const struct pbc_endpoint *e, char buf[WIRE_TEXT]);
/* Write the destination of the branch: "shop 95%, canary 5%", "original", "no server". */
void branch_print(const struct program *p, const struct pbc_branch *b, FILE *out);
/* Return the branch's destination if that is not a pool, as in the language; NULL: pools, or no server. */
enum { DESTINATION_TEXT = PBC_SOCKET_MAX + sizeof "program \"\"" };
const char *destination_text(const struct program *p, const struct pbc_branch *b, char buf[DESTINATION_TEXT]);
/* Print the target of copies, and their bounds: `mirror sent to file "F" snap 64B`. */
void mirror_print(const struct program *p, const struct pbc_mirror *m, FILE *out);
/* Write the same, cut to the buffer. */
enum { MIRROR_TEXT = 300 };
const char *mirror_text(const struct program *p, const struct pbc_mirror *m, char buf[MIRROR_TEXT]);
/* Print a duration: `2h4m`. */
void duration_print(uint64_t ns, FILE *out);
/* Print a condition on a connection's first bytes: `sni "a.example", "*.b.example"`. */
void stream_cond_print(const struct program *p, const struct pbc_cond *c, FILE *out);
