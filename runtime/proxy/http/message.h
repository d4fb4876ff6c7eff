/* One HTTP message on its way: a request to a server, or an answer to a client.
 *
 *      from ─▶ [ head as it is sent on | body, looked at | not looked at yet ] ─▶ to
 *                `------- ready -----------------------'
 *
 * Body bytes are parsed before they are written, so that the outgoing message ends where its framing says: bytes behind
 * it belong to the next message, and stay. Long parts of known length are moved like a session's plain bytes
 * (relay.h). */
#pragma once

#include "runtime/proxy/loop/relay.h"
#include "vm/stream/first.h"

struct message {
    struct way *way; /* the session's, in that direction: sides, buffer */
    uint32_t ready;  /* number of bytes in the buffer that may be written */
    bool moves;      /* way_move is moving a part */
    bool unchunk;    /* its chunk framing is removed */
    struct http_at at;
    struct body body;
};

enum message_result {
    MESSAGE_WAITS,     /* for a side */
    MESSAGE_AGAIN,     /* go on in another turn, after others */
    MESSAGE_DONE,      /* its last byte was written */
    MESSAGE_CUT,       /* `from` ended too early */
    MESSAGE_BAD,       /* bad framing: body.reason */
    MESSAGE_NO_BUFFER, /* no buffer is free */
    MESSAGE_FROM,      /* a side has failed */
    MESSAGE_TO,
};

/* Move as much of the message as possible now */
enum message_result message_move(struct message *m, struct slab *buffers);
/* Write the ready bytes only. MESSAGE_DONE: all were written. */
enum message_result message_put(struct message *m);
/* Read more bytes into the buffer; take a buffer if there is none. MESSAGE_DONE: bytes have come; MESSAGE_CUT: the end
 * has come; MESSAGE_BAD: the buffer is full. */
enum message_result message_get(struct message *m, struct slab *buffers);
/* Put a head before the bytes that begin at `body` in the buffer, replacing the bytes before them, and make it ready.
 * False if there is no room. */
bool message_lay(struct message *m, uint32_t body, const uint8_t *head, uint32_t n);
/* Give an empty buffer back */
void message_rest(struct message *m, struct slab *buffers);
