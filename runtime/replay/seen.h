/* The frames of lines, for --describe and --write-seen. They are kept while their lines wait for a held frame. */
#pragma once

#include "runtime/replay/replay_priv.h"

struct seen {
    const struct subject *r;
    struct capture_writer *writer; /* --write-seen, or NULL */
    int write_error;               /* negative errno */
    bool mixed;                    /* frames have several link types, which a pcap cannot hold */
    int32_t dlt;                   /* link type of the written frames; -1: none so far */
    struct seen_frame *kept;       /* a ring */
    size_t room, begin, count;
    uint64_t first; /* number of the frame at `begin` */
    uint64_t bytes; /* bytes of the copies */
};

/* Open the file of --write-seen. Return 0, or -1 with a line in err. */
int seen_open(struct seen *s, const struct subject *r, char *err, size_t err_len);
/* Close it. Return 0 or a negative errno. */
int seen_close(struct seen *s);
/* True if the options need it. */
bool seen_wanted(const struct options *o);

enum { SEEN_BYTES_MOST = 1 << 26 };
/* Keep a frame whose line waits. Frames come in order. False: no room, so the first line must not wait longer. */
bool seen_keep(struct seen *s, uint64_t number, const struct capture_frame *f);
/* Return a frame whose line is due; NULL: it was not kept. Earlier frames are dropped now, this one at the next call.
 */
const struct capture_frame *seen_frame(struct seen *s, uint64_t number);
/* Write the frame of a printed line. */
void seen_write(struct seen *s, const struct capture_frame *f);
/* "tcp 192.0.2.1:50000 > 192.0.2.2:80 SYN" */
const char *seen_words(const struct seen *s, const struct vm_in *in, const struct capture_frame *f, char *buf,
                       size_t len);
