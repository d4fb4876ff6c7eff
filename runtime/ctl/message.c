/* See message.h. Every length is untrusted: it is checked against the bound before memory is allocated. */
#include "runtime/ctl/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_LEAST = 4096 };

const char *const question_words[QUESTIONS] = {
#define QUESTION(ident, word, ...) word,
#include "runtime/ctl/question.def"
};

void message_head(char head[MESSAGE_HEAD], enum message_kind kind, size_t len)
{
    head[0] = (char)kind;
    for (unsigned i = 1; i < MESSAGE_HEAD; i++, len >>= 8) head[i] = (char)(len & 0xff);
}

static size_t held(const struct inbox *in) { return in->end - in->begin; }

/* Restore the byte that was overwritten by the zero behind a body. */
static void mend(struct inbox *in)
{
    if (in->cut) in->bytes[in->begin] = in->kept;
    in->cut = false;
}

char *inbox_room(struct inbox *in, size_t *len)
{
    mend(in);
    if (in->begin) memmove(in->bytes, in->bytes + in->begin, held(in));
    in->end -= in->begin;
    in->begin = 0;
    /* The room is doubled, so that an announced length takes no memory before its bytes come. */
    const size_t room = in->room - in->end < ROOM_LEAST / 4 ? 2 * in->end + ROOM_LEAST : in->room;
    char *more = room > in->room ? realloc(in->bytes, room) : in->bytes;
    if (!more) return NULL;
    in->bytes = more;
    in->room = room;
    *len = in->room - in->end - 1;
    return in->bytes + in->end;
}

void inbox_filled(struct inbox *in, size_t len) { in->end += len; }

int inbox_next(struct inbox *in, const char *kinds, struct message *m)
{
    if (!in->bytes) return 0;
    mend(in);
    if (!held(in)) return 0;
    char *at = in->bytes + in->begin;
    if (!*at || !strchr(kinds, *at)) return -EPROTO;
    if (held(in) < MESSAGE_HEAD) return 0;
    uint32_t len = 0;
    for (unsigned i = MESSAGE_HEAD - 1; i > 0; i--) len = len << 8 | (unsigned char)at[i];
    if (len > in->most) return -EMSGSIZE;
    if (held(in) < MESSAGE_HEAD + (size_t)len) return 0;
    *m = (struct message){.kind = *at, .len = len, .body = at + MESSAGE_HEAD};
    in->begin += MESSAGE_HEAD + (size_t)len;
    in->kept = in->bytes[in->begin];
    in->bytes[in->begin] = 0;
    in->cut = true;
    return 1;
}

bool inbox_begun(const struct inbox *in) { return held(in); }

void inbox_fini(struct inbox *in)
{
    free(in->bytes);
    *in = (struct inbox){.most = in->most};
}
