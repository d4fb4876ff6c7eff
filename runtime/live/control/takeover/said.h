/* An instance's description of itself, for the process that takes over, and for its parent in case of a crash: a
 * program, numbers, states as bytes in a file. */
#pragma once

#include "runtime/live/control/control_state.h"
#include "runtime/parent/between/handoff.h"

/* A file in memory: first the program's text, then remains of earlier programs, the next hops, and states. */
struct said_file {
    uint8_t *at;
    uint64_t len, used; /* used: bytes before the states */
};

/* Write all of HELLO except the parts that follow from the file and from descriptors. */
void hello_of(const struct control *control, struct handoff_hello *h);
/* Write the running program's text at the file's beginning, then the remains of earlier programs and the next hops
 * in use. False: out of memory, or too much for the file. */
bool hello_program(struct control *control, struct handoff_hello *h, struct said_file *f);
/* Write the next hops behind the h->program and h->former bytes already there. */
void hello_hops(struct control *control, struct handoff_hello *h, struct said_file *f);

/* Hold all workers, with no packet on its way between them. False: not reached; they are held anyway. */
bool hold_all(const struct carry *carry);
void release_all(const struct carry *carry);
/* Write the instance's state behind the used part of the file, while all workers are held; each worker's part is empty
 * then. sockets: for a takeover that hands over sockets (luggage_archive waits for what is under way). `a` is left at
 * the state's end. False: a change is under way, or no room. */
bool luggage_write(struct control *control, struct handoff_luggage *l, const struct said_file *f, bool sockets,
                   struct archive *a);
/* Write the workers' states at `a`, with their flows. sockets: also the ports' state. False: a worker has unfinished
 * work, or no room. */
bool luggage_write_workers(const struct control *control, struct handoff_luggage *l, const struct said_file *f,
                           bool sockets, struct archive *a);
