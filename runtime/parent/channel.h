/* Bytes and descriptors between the two processes. Errors are negative errno; -ENODATA: the other one is gone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A moment of the monotonic clock, in ns, until which both may wait, whatever of it has come by then: -ETIMEDOUT.
 * CHANNEL_ANY: as long as it takes. */
#define CHANNEL_ANY UINT64_MAX
uint64_t channel_until(uint64_t wait_ns);

/* All of the bytes, with so many descriptors beside them, which stay the caller's. */
int channel_send(int fd, const void *bytes, size_t len, const int fds[], unsigned count, uint64_t until_ns);

/* Exactly so many bytes, and what descriptors come beside them: at most `room`, how many in *count; more are closed,
 * and are a fault. They do not outlive an exec. */
int channel_receive(int fd, void *bytes, size_t len, int fds[], unsigned room, unsigned *count, uint64_t until_ns);
