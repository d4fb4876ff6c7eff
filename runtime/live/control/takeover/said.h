/* An instance's own account, for the process that takes over from it, and for its parent in case it crashes: a program,
 * numbers, states as bytes in a file. */
#pragma once

#include "runtime/live/control/control_state.h"
#include "runtime/parent/between/handoff.h"

/* A file in memory: at its beginning the program's text, what programs before have left, the next hops; then states. */
struct said_file {
    uint8_t *at;
    uint64_t len, used; /* used: bytes of all before the states */
};

/* Write all of HELLO but what follows from the file and from descriptors. */
void hello_of(const struct control *control, struct handoff_hello *h);
/* Write the text of the program that runs at the file's beginning, and behind it what programs before have left, and
 * the next hops in use. False: out of memory, or too much for the file. */
bool hello_program(struct control *control, struct handoff_hello *h, struct said_file *f);
/* Write the next hops behind what is there, of h->program and h->former bytes. */
void hello_hops(struct control *control, struct handoff_hello *h, struct said_file *f);

/* Hold all workers, with no packet on its way between them. False: they never came to that; they are held all the
 * same. */
bool hold_all(const struct carry *carry);
void release_all(const struct carry *carry);
/* Write the states behind what is used of the file, while all workers are held; workers: theirs, too, which are parts
 * without bytes else; sockets: for sockets that go over also what ports know of theirs, and what luggage_archive waits
 * for. False: a worker is in the middle of something, or there is no room. */
bool luggage_write(struct control *control, struct handoff_luggage *l, const struct said_file *f, bool workers,
                   bool sockets);
