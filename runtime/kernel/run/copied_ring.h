/* Copies of whole frames from the stages (vm/kernel/events.h): their ring, and the stages' data about a program's
 * mirrors and observed endpoints. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Handle a record; called with the oldest first. *c and the bytes behind it are valid during the call. */
typedef void kernel_copied_fn(void *arg, const struct kernel_copied *c, const uint8_t *bytes);

struct kernel_copied_ring;
/* Make the only reader of a kernel's ring. NULL: errno is set. */
struct kernel_copied_ring *kernel_copied_new(const struct kernel *k, kernel_copied_fn *fn, void *arg);
void kernel_copied_free(struct kernel_copied_ring *r); /* NULL is fine */
/* Return the reader's descriptor, readable when a quarter of the ring is full; fewer records are found by polling. */
int kernel_copied_fd(const struct kernel_copied_ring *r);
/* Handle at most `most` records. Return their number. */
unsigned kernel_copied_take(struct kernel_copied_ring *r, unsigned most);

/* True if the maps hold copies. */
bool kernel_copies(const struct kernel *k);
/* Give the stages the program's mirrors and observed endpoints, before its judge is in force. */
void kernel_copies_of(struct kernel *k, const struct program *p);
/* Give them the device of a mirror of the program in force; ifindex 0: missing. longest: longest frame of the
 * device. */
void kernel_copies_device(struct kernel *k, const struct program *p, uint32_t mirror, uint32_t ifindex,
                          uint32_t longest);
/* Take the stages' counts for a mirror of a program, by serial, since the last call. */
struct kernel_mirror kernel_copies_taken(struct kernel *k, uint32_t serial, uint32_t mirror);
/* Return the number of frames of observed connections that found no room. */
uint64_t kernel_unseen(const struct kernel *k);
