/* Messages that may grow, between two processes that may be of two versions: a head states how long the body is. If
 * a body is shorter than the receiver's struct, the rest of the struct is zero; if it is longer, its rest is read
 * and ignored. So a new field at a struct's end does not change the protocol (handoff.h). Errors are as in
 * channel.h; -EPROTO: no such message. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    MESSAGE_LENGTH = 4,     /* bytes of the head: length of the body, from 1 on */
    MESSAGE_MOST = 1 << 20, /* most bytes of a body that is received */
    MESSAGE_SOON = 64       /* most bytes of a body for message_send_soon */
};

/* An unknown word (also a message) with this bit is ignored by its receiver. Any other unknown word ends the
 * takeover. */
#define MESSAGE_NOTICE (UINT32_C(1) << 31)

/* Send a message, with `count` descriptors, which stay the caller's. */
int message_send(int fd, const void *body, size_t len, const int fds[], unsigned count, uint64_t until_ns);
/* Send a message without waiting; if it does not fit, it is not sent. Return 0 or a negative errno. */
int message_send_soon(int fd, const void *body, size_t len);

/* Receive a message into `size` bytes of body, and up to `room` descriptors, their number in *count: they are the
 * caller's, even on failure. More descriptors are closed, and are an error. */
int message_receive(int fd, void *body, size_t size, int fds[], unsigned room, unsigned *count, uint64_t until_ns);
/* Receive a word, into the first 4 bytes of a message; notices before it are skipped. */
int message_word(int fd, uint32_t *word, uint64_t until_ns);

/* A message that is received in parts, without waiting and without descriptors; all zero at first. */
struct message_part {
    uint32_t have, len; /* bytes so far, with the head; length of the body, once the head is there */
};
/* Take the bytes that have come. Return 1: the body is complete, and the next one begins; 0: incomplete; a negative
 * errno. `body` must be the same until it is complete. */
int message_take(int fd, struct message_part *part, void *body, size_t size);
