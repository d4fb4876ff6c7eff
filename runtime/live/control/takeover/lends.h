/* The parent's steering programs and memory of frames (--io xdp), and the inline stack, sent to the process that
 * takes over. */
#pragma once

#include <stdint.h>

struct carry;

/* Return the number of messages: one for each interface and each worker. */
uint32_t lends_count(const struct carry *carry);
/* Return the number of descriptors in each message of the inline stack, one for each worker; 0: none. */
uint32_t lends_wire(const struct carry *carry);
/* Send all these messages. Return 0 or a negative errno. */
int lends_say(const struct carry *carry, int fd, uint64_t deadline);
