/* Unpackers: bytes of a compressed file in, what it holds out. One file each; packer.def names them all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that unpacking may take, where the file says how much: a window of xz or zstd. */
#define UNPACK_MEMORY (UINT64_C(256) << 20)

/* What one step has: it moves both ends forward. */
struct unpack_step {
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    size_t out_left;
    bool whole; /* set: what was taken so far is whole, and the file may end here, or another member follow */
};

struct unpacker {
    /* NULL: no memory. */
    void *(*open)(void);
    /* NULL, or what is wrong with the bytes. */
    const char *(*step)(void *state, struct unpack_step *s);
    void (*close)(void *state);
};

struct packer {
    const char *name, *tool;         /* "gzip", "gzip -dc" */
    const struct unpacker *unpacker; /* NULL: known by name alone */
};

/* The compressor whose magic number the bytes begin with, or NULL. */
const struct packer *packer_of(const uint8_t *bytes, size_t len);
