/* Addresses as text: an address, a prefix or a range; and address files, as they are published: one of them a line,
 * with `#` and `;` before comments (Spamhaus DROP and its like), what `ipset save` writes, sets as nft lists them.
 * Bytes in, ranges and faults out: who reads the file, and what becomes of the ranges, is the caller's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/pbc.h"

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
