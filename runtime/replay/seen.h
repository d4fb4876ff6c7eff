/* What lines are about: the frame, for words that describe it and for --write-seen. While lines wait for a held frame,
 * their frames are kept. */
#pragma once

#include "runtime/replay/replay_priv.h"

struct seen {
    const struct subject *r;
    struct capture_writer *writer; /* --write-seen, or NULL */
    int write_error;               /* negative errno */
    bool mixed;                    /* frames of several link types, which a pcap can't hold */
    int32_t dlt;                   /* of the frames that were written; -1: none so far */
    struct seen_frame *kept;       /* a ring */
    size_t room, begin, count;
    uint64_t first; /* number of the frame at `begin` */
    uint64_t bytes; /* copied */
};

/* Opens what --write-seen names; 0, or -1 with a line in err. */
int seen_open(struct seen *s, const struct subject *r, char *err, size_t err_len);
/* 0 or a negative errno. */
int seen_close(struct seen *s);
/* Is anything of it asked for? */
bool seen_wanted(const struct options *o);

enum { SEEN_BYTES_MOST = 1 << 26 };
/* The line of this frame waits: keep it. Frames come in order. False: there is no room for more, the first line must
 * not wait any longer. */
bool seen_keep(struct seen *s, uint64_t number, const struct capture_frame *f);
/* A frame whose line is due; NULL: it was not kept. What was kept before is forgotten, it itself at the next call. */
const struct capture_frame *seen_frame(struct seen *s, uint64_t number);
/* A line was printed of it. */
void seen_write(struct seen *s, const struct capture_frame *f);
/* "tcp 192.0.2.1:50000 > 192.0.2.2:80 SYN" */
const char *seen_words(const struct seen *s, const struct vm_in *in, const struct capture_frame *f, char *buf,
                       size_t len);
