/* What the file of the command line holds now, beside the program that runs: a reload or a start takes that one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vm/pbc.h"

struct live;

struct onfile {
    bool differs;    /* it holds another program than the one that runs, or none */
    char fault[300]; /* why it holds none; empty: it does */
    bool known;      /* of the file as this says: */
    uint8_t digest[PBC_DIGEST_LEN];
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec written, changed;
};

/* Look, into l->onfile: what was read is read again only where the file is another one, or has changed. What came by
 * standard input is as it was. */
void onfile_look(struct live *l);
