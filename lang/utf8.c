/* Decoder by the table of well-formed byte sequences in RFC 3629, section 4. */
#include "lang/utf8.h"

static int is_tail(unsigned char c) { return (c & 0xc0) == 0x80; }

size_t utf8_next(const char *str, size_t len)
{
    const unsigned char *s = (const unsigned char *)str;
    if (len == 0) return 0;
    if (s[0] < 0x80) return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf) return len >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] >= 0xe0 && s[0] <= 0xef) {
        if (len < 3 || !is_tail(s[1]) || !is_tail(s[2])) return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
        return 3;
    }
    if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3])) return 0;
        if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
        return 4;
    }
    return 0;
}

size_t utf8_valid_len(const char *s, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t n = utf8_next(s + at, len - at);
        if (!n) break;
        at += n;
    }
    return at;
}

size_t utf8_count(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t at = 0, step; at < len; at += step ? step : 1, n++) step = utf8_next(s + at, len - at);
    return n;
}

unsigned utf8_code(const char *str, size_t len)
{
    const unsigned char *s = (const unsigned char *)str;
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = s[0] & first_bits[len];
    for (size_t i = 1; i < len; i++) code = code << 6 | (s[i] & 0x3fu);
    return code;
}

bool utf8_invisible(const char *s, size_t len)
{
    const unsigned c = utf8_code(s, len);
    return (c >= 0x80 && c <= 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}
