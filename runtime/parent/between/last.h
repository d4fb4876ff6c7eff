/* The service's last written state, in memory that outlives it: mapped before the fork, and allocated as it is used.
 * There are two halves, of which one is complete while the other is written. */
#pragma once

#include "runtime/parent/between/handoff.h"

#define LAST_MOST (UINT64_C(1) << 30) /* bytes of a half's file */

struct last_half {
    struct handoff_hello hello;     /* data of HELLO, without descriptors */
    struct handoff_luggage luggage; /* data of LUGGAGE, without ports */
    uint64_t len;                   /* number of valid bytes in `file` */
    uint8_t file[];                 /* [LAST_MOST] as the file of a takeover */
};

struct last;

struct last *last_new(void);    /* map the memory; NULL: out of memory */
void last_free(struct last *l); /* NULL is fine */

/* In the service, by one thread: return the half to be written next. */
struct last_half *last_next(const struct last *l);
/* Make the half that was written last valid: it counts from now on. */
void last_put(struct last *l);
/* Invalidate both halves: a crash then ends the instance. */
void last_forget(struct last *l);

/* In the parent, once the service is gone: return the valid half, whose contents may be hostile; NULL: none. */
const struct last_half *last_of(const struct last *l);
