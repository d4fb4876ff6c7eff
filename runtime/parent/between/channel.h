/* Bytes and descriptors between the two processes. Errors are negative errno; -ENODATA: the peer has ended. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Deadline for a send or receive, in ns of the monotonic clock: afterwards -ETIMEDOUT, even if a part was moved.
 * CHANNEL_ANY: no deadline. */
#define CHANNEL_ANY UINT64_MAX
uint64_t channel_until(uint64_t wait_ns);

/* Send all bytes, with `count` descriptors, which stay the caller's */
int channel_send(int fd, const void *bytes, size_t len, const int fds[], unsigned count, uint64_t until_ns);
/* Send `left` parts in sequence, as channel_send does; the parts are modified. */
int channel_send_parts(int fd, struct iovec parts[], unsigned left, const int fds[], unsigned count, uint64_t until_ns);

/* Receive exactly `len` bytes and up to `room` descriptors, their number in *count. More descriptors are closed, and
 * are an error. Received descriptors are close-on-exec. */
int channel_receive(int fd, void *bytes, size_t len, int fds[], unsigned room, unsigned *count, uint64_t until_ns);
