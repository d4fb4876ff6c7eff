/* Sending messages as another version would, with fields that this one doesn't know: for preyrun_other */
#define message_send message_send_known
#include "runtime/parent/between/message.c"
#undef message_send
int message_send(int fd, const void *body, size_t len, const int fds[], unsigned count, uint64_t until_ns);

#include <stdlib.h>

enum { UNKNOWN = 24 /* bytes of fields after the known ones */ };

int message_send(int fd, const void *body, size_t len, const int fds[], unsigned count, uint64_t until_ns)
{
    uint8_t *grown = malloc(len + UNKNOWN);
    if (!grown) return -ENOMEM;
    memcpy(grown, body, len);
    memset(grown + len, 0xa5, UNKNOWN);
    const int failed = message_send_known(fd, grown, len + UNKNOWN, fds, count, until_ns);
    free(grown);
    return failed;
}
