/* A recording's file, read block by block. Its bytes are hostile: nothing is read past their end, and each packet
 * and step is complete when handed out. A file that was cut short (its writer was killed) ends at its last whole
 * block. Only one block of a large file, and some that follow it, are in memory. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/record/format.h"

struct film {
    int fd;            /* the file, for bytes not yet in `bytes` */
    uint8_t *bytes;    /* bytes of the file that are in memory */
    size_t len, room;  /* bytes held; bytes allocated */
    size_t at;         /* offset of the next block */
    uint64_t gone;     /* bytes of the file before `bytes` */
    uint64_t left;     /* bytes of the file after `bytes`, by its size when opened */
    const char *fault; /* reason why the rest is not read, in `why`, or NULL */
    char why[80];
};

/* Open a film, which owns the descriptor from now on, even on failure. Return 0 or a negative errno. */
int film_open(struct film *f, int fd);
void film_close(struct film *f);

struct scene {
    enum scene_kind { SCENE_CUSTOM, SCENE_PACKET } kind;
    unsigned worker; /* number of the worker, below WORKERS_MOST */
    /* for SCENE_CUSTOM: kind of record, and its bytes */
    enum record_kind what;
    const uint8_t *body;
    size_t len;
    /* for SCENE_PACKET: frame.cap_len bytes at body, without tags */
    bool left;
    uint64_t wall_ns;
    struct tape_frame frame;
    const uint8_t *front; /* first 12 bytes of a tagged frame, continued at body; else NULL */
};
/* Read the next scene, valid until the next call. Foreign blocks are skipped. False: the end, or a fault in f->fault.
 */
bool film_next(struct film *f, struct scene *s);
