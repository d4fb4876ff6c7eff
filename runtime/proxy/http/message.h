/* One HTTP message on its way: a request to a server, or a response to a client.
 *
 *      from ─▶ [ head as it is sent on | body, looked at | not looked at yet ] ─▶ to
 *                `------- ready -----------------------'
 *
 * Body bytes are parsed before they are written, so that the outgoing message ends as in its framing: bytes behind
 * it belong to the next message, and stay. Long parts of known length are moved like a session's plain bytes
 * (relay.h). */
#pragma once

#include "runtime/proxy/loop/relay.h"
#include "vm/stream/first.h"

struct message {
    struct way *way; /* the session's way in that direction: sides and buffer */
    uint32_t ready;  /* number of bytes in the buffer that may be written */
    uint32_t laid;   /* start of its head in the buffer */
    bool more;       /* the buffer was refilled after the head was put there, so written bytes may be gone */
    bool moves;      /* way_move is moving a part */
    bool unchunk;    /* its chunk framing is removed */
    struct http_at at;
    struct body body;
};

/* Move as much of the message as possible now. WAY_DONE: its last byte was written; WAY_CUT: `from` ended too early;
 * WAY_BAD: body.reason. */
enum way_result message_move(struct message *m, struct slab *buffers);
/* Write the ready bytes only. WAY_DONE: all were written. */
enum way_result message_put(struct message *m);
/* Read more bytes into the buffer; take a buffer if there is none. WAY_DONE: bytes have come; WAY_CUT: the end
 * has come; WAY_BAD: the buffer is full. */
enum way_result message_get(struct message *m, struct slab *buffers);
/* Put a head before the bytes that begin at `body` in the buffer, replacing the bytes before them, and make it ready.
 * False if there is no room. */
bool message_lay(struct message *m, uint32_t body, const uint8_t *head, uint32_t n);
/* Make the written bytes ready once more. False if some are gone. */
bool message_back(struct message *m);
/* Give an empty buffer back */
void message_rest(struct message *m, struct slab *buffers);
