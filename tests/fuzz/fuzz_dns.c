/* Fuzzes the DNS reader with any bytes as a message, in memory of exactly that length. The result is bounded and
 * repeatable, and the message without its last byte has no more addresses. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/answers/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int read_once(const uint8_t *bytes, uint32_t len, struct message *m, struct message_address *out)
{
    memset(m, 0, sizeof *m);
    memset(out, 0, MESSAGE_ADDRESSES * sizeof *out);
    if (message_read(bytes, len, m) != MESSAGE_READ) return -1;
    if (m->section != 12 || m->len < 5 || m->section + m->len > len || m->len > 259) abort();
    if (m->host_len > MESSAGE_HOST_MOST || strlen(m->host) != m->host_len) abort();
    return message_addresses(bytes, len, m, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct message m, again;
    static struct message_address out[MESSAGE_ADDRESSES], twice[MESSAGE_ADDRESSES];
    if (len > 2 * MESSAGE_MOST) return 0;
    const int count = read_once(bytes, (uint32_t)len, &m, out);
    if (count > (int)len / 11) abort();
    if (read_once(bytes, (uint32_t)len, &again, twice) != count || memcmp(&m, &again, sizeof m) ||
        memcmp(out, twice, sizeof out))
        abort();
    if (len && read_once(bytes, (uint32_t)len - 1, &again, twice) > (count < 0 ? (int)len : count)) abort();
    return 0;
}
