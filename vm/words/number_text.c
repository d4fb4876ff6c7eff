/* Numbers as people read them (words.h). */
#include <stdio.h>

#include "vm/words/words.h"

const char *text_number(uint64_t n, char buf[TEXT_NUMBER])
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    char *to = buf;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return buf;
}
