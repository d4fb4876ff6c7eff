/* The executor in the kernel, on the side that runs: KERNEL, the message behind HELLO. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct handoff_begin;
struct handoff_hello;

/* Describe in HELLO the executor in the kernel, if this instance has it. Its maps pass (h->kernel) where those of the
 * process that said BEGIN are laid out alike. *lacks: a line if their contents can't go over otherwise. */
void yield_kernel_hello(const struct control *control, const struct handoff_begin *b, struct handoff_hello *h,
                        const char **lacks);
/* Send KERNEL, if HELLO has announced it. Return 0 or a negative errno. */
int yield_kernel_say(const struct control *control, const struct handoff_hello *h, int fd, uint64_t until_ns);
/* Return the bytes that bindings of its flows may take in the file. */
uint64_t yield_kernel_bytes(const struct control *control);
