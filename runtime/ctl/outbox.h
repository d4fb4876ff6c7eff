/* Bytes that wait for a client to read them. */
#pragma once

#include "runtime/ctl/message.h"

struct outbox {
    char *bytes;
    size_t begin, end, room;
};

/* Append a message. False: out of memory, or more than `most` bytes would wait. */
bool outbox_put(struct outbox *out, enum message_kind kind, const void *body, size_t len, size_t most);
/* Send as much as the socket takes at once. Return 0, or a negative errno if the reader is gone. */
int outbox_send(struct outbox *out, int fd);
size_t outbox_waits(const struct outbox *out);
void outbox_fini(struct outbox *out);
