/* Messages that may grow, between two processes that may be of two versions: a head states how long the body is. A
 * body that is shorter than the receiver's struct leaves the rest of that zero; of a longer one the rest is read,
 * and means nothing. So a field at a struct's end is no other protocol (handoff.h). Errors are as in channel.h;
 * -EPROTO: no such message. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    MESSAGE_LENGTH = 4,     /* bytes of the head: length of the body, from 1 on */
    MESSAGE_MOST = 1 << 20, /* bytes of a body that is received */
    MESSAGE_SOON = 64       /* bytes of a body for message_send_soon, at most */
};

/* A word, which is a message too, with this bit may be left unknown: who does not know it goes on as if it had not
 * come. Any other unknown word ends the talk. */
#define MESSAGE_NOTICE (UINT32_C(1) << 31)

/* Send one, with `count` descriptors, which stay the caller's. */
int message_send(int fd, const void *body, size_t len, const int fds[], unsigned count, uint64_t until_ns);
/* Send one without waiting; what does not fit is not sent. Return 0 or a negative errno. */
int message_send_soon(int fd, const void *body, size_t len);

/* Receive one into `size` bytes of body, and up to `room` descriptors, their number in *count: they are the caller's,
 * on failure, too. More descriptors are closed, and are an error. */
int message_receive(int fd, void *body, size_t size, int fds[], unsigned room, unsigned *count, uint64_t until_ns);
/* Receive a word, into the first 4 bytes of a message; notices that come before it are left. */
int message_word(int fd, uint32_t *word, uint64_t until_ns);

/* One that is received bit by bit, without waiting and without descriptors; all zero at first. */
struct message_part {
    uint32_t have, len; /* bytes so far, with the head; length of the body, once the head is there */
};
/* Take what is there. Return 1: the body is whole, and the next one begins; 0: there is more to come; a negative errno.
 * `body` is the same until it is whole. */
int message_take(int fd, struct message_part *part, void *body, size_t size);
