/* What goes over the control socket, either way: messages of one byte that says what they are, four of length (little
 * end first) and that many bytes.
 *
 *   client   a QUESTION, one JSON object whose `ask` is a word of question.def; at most one descriptor comes with it:
 *            a file in memory that holds a program. The next question may follow when the answer has ended.
 *   server   any number of DOCUMENT (JSON), TEXT (a line) and BYTES, then one END: its first byte is the exit status,
 *            the rest says in words how it went. */
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

/* The questions, by number. */
enum question {
#define QUESTION(ident, ...) QUESTION_##ident,
#include "runtime/ctl/question.def"
    QUESTIONS
};
extern const char *const question_words[QUESTIONS];

struct message {
    char kind; /* enum message_kind */
    uint32_t len;
    const char *body; /* of the inbox, until it is filled again; a zero follows */
};

/* Bytes that came, in pieces as the socket gives them. Zeroed but for `most` it is empty. */
struct inbox {
    uint32_t most; /* bytes of a message's body */
    char *bytes;
    size_t begin, end, room;
    char kept; /* the byte under the zero behind a body */
    bool cut;
};

/* Room for some bytes more, *len of them; NULL: memory is out. inbox_filled says how many came. */
char *inbox_room(struct inbox *in, size_t *len);
void inbox_filled(struct inbox *in, size_t len);
/* 1: the next message is whole; 0: there is none yet; -EPROTO: it is of no kind in `kinds`; -EMSGSIZE: too long. */
int inbox_next(struct inbox *in, const char *kinds, struct message *m);
/* Is part of a message there? */
bool inbox_begun(const struct inbox *in);
void inbox_fini(struct inbox *in);

/* The bytes before a body. */
void message_head(char head[MESSAGE_HEAD], enum message_kind kind, size_t len);
