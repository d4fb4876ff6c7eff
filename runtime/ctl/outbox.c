/* A growing buffer with a beginning and an end; sent bytes make room */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/ctl/client_priv.h"

enum { KEPT_ROOM = 1 << 16 /* bytes; an empty outbox keeps no more */ };

size_t outbox_waits(const struct outbox *out) { return out->end - out->begin; }

static bool outbox_grow(struct outbox *out, size_t len)
{
    if (out->begin) memmove(out->bytes, out->bytes + out->begin, outbox_waits(out));
    out->end -= out->begin;
    out->begin = 0;
    if (out->room - out->end >= len) return true;
    const size_t room = 2 * out->end + len;
    char *more = realloc(out->bytes, room);
    if (!more) return false;
    out->bytes = more;
    out->room = room;
    return true;
}

bool outbox_put(struct outbox *out, enum message_kind kind, const void *body, size_t len, size_t most)
{
    const size_t whole = MESSAGE_HEAD + len;
    if (len > MESSAGE_ANSWER_MOST || whole > most || outbox_waits(out) > most - whole) return false;
    if (out->room - out->end < whole && !outbox_grow(out, whole)) return false;
    message_head(out->bytes + out->end, kind, len);
    if (len) memcpy(out->bytes + out->end + MESSAGE_HEAD, body, len);
    out->end += whole;
    return true;
}

int outbox_send(struct outbox *out, int fd)
{
    while (outbox_waits(out)) {
        const ssize_t sent = send(fd, out->bytes + out->begin, outbox_waits(out), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN ? 0 : -errno;
        out->begin += (size_t)sent;
    }
    out->begin = out->end = 0;
    if (out->room > KEPT_ROOM) outbox_fini(out);
    return 0;
}

void outbox_fini(struct outbox *out)
{
    free(out->bytes);
    *out = (struct outbox){0};
}
