#include "runtime/base/clean.h"

/* Return the length of the UTF-8 character at s in bytes, or 0 if invalid (overlong, surrogate, past U+10FFFF, cut). */
static unsigned utf8_len(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    const unsigned n = s[0] >= 0xf0 && s[0] < 0xf5   ? 4
                       : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                       : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                                                     : 0;
    for (unsigned i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

char *text_clean(char *s)
{
    for (unsigned char *p = (unsigned char *)s; *p;) {
        const unsigned n = utf8_len(p);
        if (n == 0 || (n == 1 && (*p < 0x20 || *p == 0x7f)))
            *p++ = '?';
        else
            p += n;
    }
    return s;
}
