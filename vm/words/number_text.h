/* Numbers as people read them. */
#pragma once

#include <stdint.h>

enum { TEXT_NUMBER = 32 };
/* 67,652. Returns buf. */
const char *text_number(uint64_t n, char buf[TEXT_NUMBER]);
