/* An instruction in the first bytes (first.h). */
#include <string.h>

#include "vm/stream/first.h"

enum { CHECK_LEN = 2, LENGTH_LEN = 2, INSTRUCTION_MIN = LENGTH_LEN + sizeof "1.1.1.1:1" - 1 + CHECK_LEN };

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static enum stream_read instruction_needs(struct instruction *i, uint32_t need)
{
    i->len = need;
    return READ_MORE;
}

/* True for ::ffff:a.b.c.d. */
static bool holds_v4(const struct stream_addr *a)
{
    return a->v6 && !a->addr[0] && !a->addr[1] && a->addr[2] == 0xffff;
}

/* Read an address (IPv6 in brackets), then `between`, then a port up to the end. */
static bool read_target(struct stream_addr *a, const uint8_t *s, uint32_t len, char between)
{
    const bool v6 = len > 0 && s[0] == '[';
    const uint8_t *end = v6 ? memchr(s, ']', len) : memchr(s, between, len);
    if (!end) return false;
    const uint8_t *port = end + (v6 ? 2 : 1), *from = s + v6;
    if (port >= s + len || port[-1] != (uint8_t)between) return false;
    if (!stream_addr_read(a, v6, from, (uint32_t)(end - from)) || holds_v4(a)) return false;
    return stream_port_read(&a->port, 1, port, (uint32_t)(s + len - port));
}

static enum stream_read read_checked(struct instruction *i, const uint8_t *bytes, uint32_t n)
{
    const uint32_t len = 10u * (bytes[0] - (uint32_t)'0') + (bytes[1] - (uint32_t)'0'), sum_at = len - CHECK_LEN;
    uint32_t sum = 0;
    if (len < INSTRUCTION_MIN || len > INSTRUCTION_MAX) return READ_BAD;
    if (n < len) return instruction_needs(i, len);
    for (uint32_t k = 0; k < sum_at; k++) sum += bytes[k];
    for (uint32_t k = sum_at; k < len; k++)
        if (bytes[k] < ' ' || bytes[k] > '~') return READ_BAD;
    i->len = len;
    i->sum_holds = bytes[sum_at] == '0' + sum % 100 / 10 && bytes[sum_at + 1] == '0' + sum % 10;
    return read_target(&i->target, bytes + LENGTH_LEN, sum_at - LENGTH_LEN, ':') ? READ_WHOLE : READ_BAD;
}

static enum stream_read read_padded(struct instruction *i, const uint8_t *bytes, uint32_t n)
{
    uint32_t end = INSTRUCTION_PADDED;
    if (bytes[0] != '1' && bytes[0] != '2') return READ_BAD;
    if (n < INSTRUCTION_PADDED) return instruction_needs(i, INSTRUCTION_PADDED);
    while (bytes[end - 1] == ' ') end--;
    i->len = INSTRUCTION_PADDED;
    i->nat = bytes[0] == '1' ? INSTRUCTION_NAT_KEEP : INSTRUCTION_NAT_OURS;
    i->sum_holds = true;
    return end > 2 && read_target(&i->target, bytes + 2, end - 2, ' ') ? READ_WHOLE : READ_BAD;
}

enum stream_read instruction_read(struct instruction *i, const uint8_t *bytes, uint32_t n)
{
    *i = (struct instruction){.len = 0};
    if (n > 0 && !is_digit(bytes[0])) return READ_OTHER;
    if (n < LENGTH_LEN) return instruction_needs(i, INSTRUCTION_MIN);
    if (bytes[1] == ' ') return read_padded(i, bytes, n);
    return is_digit(bytes[1]) ? read_checked(i, bytes, n) : READ_BAD;
}
