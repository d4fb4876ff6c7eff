/* Whose recording a pcapng is: the addresses of the machine that wrote it. For readers who know nothing else of it. */
#pragma once

#include "runtime/base/self.h"

/* Add the addresses that a custom block of a pcapng tells (bytes from its enterprise number on), if it is one of a
 * recording that tells a world. self NULL: add none. The bytes are hostile. 1: it is one, 0: it is not, -ENOMEM. */
int own_read(const uint8_t *block, size_t len, struct self *self);
