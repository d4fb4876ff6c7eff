/* A file of a recording, read block by block. Its bytes are hostile: nothing is read past their end, and each packet
 * and each step is whole when it is handed out. A file that was cut short (its writer was killed) ends at its last
 * whole block. Of a large file no more is held than a block, and some that follow it. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/record/format.h"

struct film {
    int fd;            /* what `bytes` do not hold yet is read from there */
    uint8_t *bytes;    /* a part of the file */
    size_t len, room;  /* of these */
    size_t at;         /* the next block, in them */
    uint64_t gone;     /* bytes of the file before them */
    uint64_t left;     /* and behind them, as the file was when it was opened */
    const char *fault; /* why the rest is not read, or NULL */
};

/* The descriptor is the film's from then on, also where it fails. 0 or a negative errno. */
int film_open(struct film *f, int fd);
void film_close(struct film *f);

struct scene {
    enum scene_kind { SCENE_CUSTOM, SCENE_PACKET } kind;
    unsigned worker; /* below WORKERS_MOST */
    /* SCENE_CUSTOM: */
    enum record_kind what;
    const uint8_t *body;
    size_t len;
    /* SCENE_PACKET: frame.cap_len bytes at body, tags taken off */
    bool left;
    uint64_t wall_ns;
    struct tape_frame frame;
    const uint8_t *front; /* of a tagged frame its first 12 bytes: those at body follow them; else NULL */
};
/* The next scene, which holds until the one after it is asked for; false: the end, or f->fault says why. What is not
 * ours is passed over. */
bool film_next(struct film *f, struct scene *s);
