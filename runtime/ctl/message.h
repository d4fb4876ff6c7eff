/* Messages of the control socket, in both directions: one byte for the kind, four for the length (little-endian), and
 * that many bytes.
 *
 *   client   QUESTION: one JSON object whose `ask` is a word of question.def; at most one descriptor comes with it: a
 *            file in memory with a program or members of a live set. The next question may follow after the END of
 *            the answer.
 *   server   any number of DOCUMENT (JSON), TEXT (a line) and BYTES, then one END: its first byte is the exit status,
 *            the rest a line of text about the result. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_kind {
    MESSAGE_QUESTION = 'q',
    MESSAGE_DOCUMENT = 'j',
    MESSAGE_TEXT = 't',
    MESSAGE_BYTES = 'b',
    MESSAGE_END = 'e',
};
enum { MESSAGE_HEAD = 5, MESSAGE_QUESTION_MOST = 1 << 16, MESSAGE_ANSWER_MOST = 16 << 20 };

/* Questions by number. */
enum question {
#define QUESTION(ident, ...) QUESTION_##ident,
#include "runtime/ctl/question.def"
    QUESTIONS
};
extern const char *const question_words[QUESTIONS];

struct message {
    char kind; /* enum message_kind */
    uint32_t len;
    const char *body; /* valid until the inbox is filled again; a zero follows */
};

/* Received bytes, in parts as the socket gives them. Empty when all but `most` is zero. */
struct inbox {
    uint32_t most; /* most bytes of a message's body */
    char *bytes;
    size_t begin, end, room;
    char kept; /* the byte that the zero behind a body replaces */
    bool cut;
};

/* Return room for more bytes, *len of them, or NULL if out of memory. inbox_filled reports the bytes that were put
 * there. */
char *inbox_room(struct inbox *in, size_t *len);
void inbox_filled(struct inbox *in, size_t len);
/* Take the next message. 1: complete; 0: not yet; -EPROTO: its kind is not in `kinds`; -EMSGSIZE: too long. */
int inbox_next(struct inbox *in, const char *kinds, struct message *m);
/* True if a message has begun to arrive. */
bool inbox_begun(const struct inbox *in);
void inbox_fini(struct inbox *in);

/* Write the header of a message with a body of `len` bytes. */
void message_head(char head[MESSAGE_HEAD], enum message_kind kind, size_t len);
