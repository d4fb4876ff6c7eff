/* Times to live in an answer. */
#pragma once

#include <stdint.h>

/* Return the least time to live, in seconds and at most `most`, of the records in an answer about SRV records, with
 * those of aliases. -1: the message is malformed. */
int64_t srv_ttl(const uint8_t *bytes, int len, uint32_t most);
