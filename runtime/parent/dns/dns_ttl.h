/* Times to live of an answer. */
#pragma once

#include <stdint.h>

/* Return the least time to live, in seconds, of the records of an answer to a question for SRV records, aliases among
 * them; at most `most`. -1: the message is malformed. */
int64_t srv_ttl(const uint8_t *bytes, int len, uint32_t most);
