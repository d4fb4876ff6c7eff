/* The executor in the kernel, on the side that runs: KERNEL, the message behind HELLO. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct handoff_hello;

/* Set h->kernel, if this instance judges in the kernel; with h->refused if it can't say what lies in its maps. */
void yield_kernel_hello(const struct control *control, struct handoff_hello *h);
/* Say KERNEL, if HELLO has announced it. Return 0 or a negative errno. */
int yield_kernel_say(const struct control *control, const struct handoff_hello *h, int fd, uint64_t until_ns);
/* Return the bytes that bindings of its flows may take in the file. */
uint64_t yield_kernel_bytes(const struct control *control);
