/* Own addresses of the machine that wrote a recording, for pcapng readers that use nothing else of the recording. */
#pragma once

#include "runtime/base/self.h"

/* Add the addresses from a custom block (bytes from its enterprise number on) if it is a recording's world. self NULL:
 * add none. The bytes are hostile. Return 1: it is a world, 0: it is not, or -ENOMEM. */
int own_read(const uint8_t *block, size_t len, struct self *self);
