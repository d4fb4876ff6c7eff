/* One message of HTTP on its way: a request to a server, or an answer to a client.
 *
 *      from ─▶ [ head as it is sent on | body, looked at | not looked at yet ] ─▶ to
 *                `------- ready -----------------------'
 *
 * Bytes of the body are looked at before they are written, so that what is sent on ends where we say it ends: what lies
 * behind it belongs to the next message, and stays. Long parts whose length is known are moved as a session's plain
 * bytes are (relay.h). */
#pragma once

#include "runtime/proxy/loop/relay.h"
#include "vm/stream/first.h"

struct message {
    struct way *way; /* the session's, in that direction: sides, buffer */
    uint32_t ready;  /* bytes of the buffer that may be written */
    bool moves;      /* way_move is at a part of it */
    bool unchunk;    /* its chunks are taken off */
    struct http_at at;
    struct body body;
};

enum message_result {
    MESSAGE_WAITS,     /* for a side */
    MESSAGE_AGAIN,     /* others shall have their turn */
    MESSAGE_DONE,      /* its last byte was written */
    MESSAGE_CUT,       /* `from` ended before it was whole */
    MESSAGE_BAD,       /* its framing is: body.reason */
    MESSAGE_NO_BUFFER, /* none is free */
    MESSAGE_FROM,      /* a side has failed */
    MESSAGE_TO,
};

/* Go on with it: all that can be done now. */
enum message_result message_move(struct message *m, struct slab *buffers);
/* Write what is ready, nothing more. MESSAGE_DONE: all of it was. */
enum message_result message_put(struct message *m);
/* Read more behind what the buffer holds, taking one if there is none. MESSAGE_DONE: bytes have come; MESSAGE_CUT: the
 * end has; MESSAGE_BAD: the buffer is full. */
enum message_result message_get(struct message *m, struct slab *buffers);
/* Lay a head before the bytes that begin at `body` in the buffer, in place of what was before them; then it is ready.
 * False: there is no room for it. */
bool message_lay(struct message *m, uint32_t body, const uint8_t *head, uint32_t n);
/* Give an empty buffer back. */
void message_rest(struct message *m, struct slab *buffers);
