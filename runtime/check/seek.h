/* A search for bytes in a reply that comes in parts. It is linear in the reply's length, whatever the bytes are, and
 * its state is one number (Knuth, Morris, Pratt: Fast pattern matching in strings, 1977) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seek {
    const uint8_t *want; /* bytes to find, which stay the caller's */
    uint32_t len;        /* number of bytes to find, at least 1 */
    uint16_t *back;      /* [len]: the longest proper prefix of want[0..i] that is also its suffix */
};

/* Prepare a search for 1 to UINT16_MAX bytes. False: out of memory. */
bool seek_init(struct seek *s, const uint8_t *want, uint32_t len);
void seek_fini(struct seek *s);

/* Go on with n bytes. *matched: bytes of `want` that the reply ends with so far, 0 at first. Return the number of
 * bytes read: up to the end of the first match, where *matched is `len`; if there is none, all of them. */
size_t seek_on(const struct seek *s, uint32_t *matched, const uint8_t *bytes, size_t n);
