/* Host names and globs: their one normal form, their order, and membership in a list of them.
 *
 * A name is labels of letters, digits and inner hyphens, 1 to 63 bytes each, 253 in all (RFC 1123, section 2.1); the
 * last label is not a number. `*` may stand as the whole leftmost label: `*.example.com` is every name with one or more
 * labels before `example.com`, not `example.com` itself. Normal form is lower case without a dot at the end.
 *
 * A list is in order (host_compare) and holds no name that one of its globs covers. All that a glob covers stands right
 * behind it in that order, so the last entry at or before a name is the only one that may match it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/program/program.h"

enum { HOST_MAX = 253, HOST_LABEL_MAX = 63 };

enum host_fault {
    HOST_GOOD,
    HOST_EMPTY,
    HOST_LONG,
    HOST_LABEL_EMPTY,
    HOST_LABEL_LONG,
    HOST_CHARACTER,
    HOST_NOT_ASCII,
    HOST_HYPHEN, /* at the beginning or end of a label */
    HOST_STAR,   /* not the whole leftmost label, or nothing behind it */
    HOST_NUMBER, /* the last label is a number: an address, or the half of one */
};

/* The normal form of a name or glob as it was written. */
enum host_fault host_normal(const char *s, size_t len, char out[HOST_MAX + 1]);

/* Order of normal names, read from their ends: what ends in a name stands right behind it, and first of that the glob,
 * before all that it covers. <0, 0, >0. */
int host_compare(const char *a, const char *b);

/* Is the name, or all that the glob `name` covers, covered by `glob`? Not by itself, and never by what is no glob. */
bool host_covers(const char *glob, const char *name);

/* Is the host in the list? `host` is what a client wrote, in any case, perhaps with a dot at its end, without a port:
 * bytes that no name may have match nothing but a glob's `*`. */
bool names_match(const struct program *p, uint32_t list, const char *host, size_t len);

/* The same, each entry looked at: the rule list's way. */
bool names_match_plain(const struct program *p, uint32_t list, const char *host, size_t len);
