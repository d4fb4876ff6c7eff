/* Unpackers of compressed files. Each has its own file; packer.def lists them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limit on the memory that a file may demand: the window of xz or zstd. */
#define UNPACK_MEMORY (UINT64_C(256) << 20)

/* One step's input and output; the step moves both forward. */
struct unpack_step {
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    size_t out_left;
    bool whole; /* output: the input so far is complete; the file may end here, or another member may follow */
};

struct unpacker {
    /* Return the state, or NULL if memory is out. */
    void *(*open)(void);
    /* Return NULL, or the fault in the bytes. */
    const char *(*step)(void *state, struct unpack_step *s);
    void (*close)(void *state);
};

struct packer {
    const char *name, *tool;         /* name and command, such as "gzip" and "gzip -dc" */
    const struct unpacker *unpacker; /* unpacker of this compressor; NULL: the compressor is only recognised */
};

/* Return the compressor whose magic number begins the bytes, or NULL. */
const struct packer *packer_of(const uint8_t *bytes, size_t len);
