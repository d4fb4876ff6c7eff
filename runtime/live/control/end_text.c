/* vm/words/ has the text of IP addresses; this file adds that of MAC addresses */
#include "runtime/live/control/end_text.h"

#include <stdio.h>

#include "vm/words/words.h"

const char *end_text(const struct packet_end *end, char buf[END_TEXT])
{
    const uint32_t *a = end->addr;
    if (end->kind == END_IP4 || end->kind == END_IP6) return address_text(end->kind, a, buf);
    if (end->kind != END_MAC) return NULL;
    snprintf(buf, END_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", a[0] >> 8 & 0xff, a[0] & 0xff, a[1] >> 24,
             a[1] >> 16 & 0xff, a[1] >> 8 & 0xff, a[1] & 0xff);
    return buf;
}
