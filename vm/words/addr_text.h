/* Addresses as text: an address, a prefix or a range; and address files, one of them a line, `#` starts a comment.
 * Bytes in, ranges and faults out: who reads the file, and what becomes of the ranges, is the caller's. */
#ifndef VM_WORDS_ADDR_TEXT_H
#define VM_WORDS_ADDR_TEXT_H

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
};

/* One member's text, without blanks around it. */
enum addr_fault addr_text_member(const char *s, size_t len, struct addr_member *m);

/* What is wrong with that text, in one sentence for people; cut to fit. */
void addr_fault_describe(const char *s, size_t len, enum addr_fault fault, char *buf, size_t buf_len);

/* A bad line: all of it, and where in it the member's text stands. */
struct addr_bad_line {
    uint32_t line, col;   /* from 1 */
    const char *text;     /* of the line, no newline; the caller's bytes */
    size_t text_len, len; /* of the line; of the member in it */
    enum addr_fault fault;
};

struct addr_reader {
    void *arg;
    void (*member)(void *arg, const struct addr_member *m);
    void (*bad)(void *arg, const struct addr_bad_line *l);
};

/* Every line of the text, in order; each is judged by itself, so that one pass names every bad one. Lines end in LF or
 * CRLF, a byte order mark is skipped. Linear, no memory. False, and nothing is called, if the text holds zero bytes:
 * then it is no text. */
bool addr_text_read(const char *text, size_t len, const struct addr_reader *reader);

#endif
