/* The kernel executor, on the running side: KERNEL, the message after HELLO. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct handoff_begin;
struct handoff_hello;

/* Describe the kernel executor in HELLO, if this instance has it. Its maps are handed over (h->kernel) if their
 * layout equals that of the process that sent BEGIN. *lacks: a line if their contents can't be handed over
 * otherwise. */
void yield_kernel_hello(const struct control *control, const struct handoff_begin *b, struct handoff_hello *h,
                        const char **lacks);
/* Send KERNEL, if HELLO has announced it. Return 0 or a negative errno. */
int yield_kernel_say(const struct control *control, const struct handoff_hello *h, int fd, uint64_t until_ns);
/* Return the bytes that bindings of its flows may take in the file. */
uint64_t yield_kernel_bytes(const struct control *control);
