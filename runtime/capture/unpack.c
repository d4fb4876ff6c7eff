#include "runtime/capture/unpack.h"

#include <string.h>

#define PACKER(ident, magic, len, name, tool) extern const struct unpacker unpack_##ident;
#define PACKER_OTHER(ident, magic, len, name, tool)
#include "runtime/capture/packer.def"

static const struct row {
    const char *magic;
    size_t len;
    struct packer packer;
} rows[] = {
#define PACKER(ident, magic, len, name, tool)       {magic, len, {name, tool, &unpack_##ident}},
#define PACKER_OTHER(ident, magic, len, name, tool) {magic, len, {name, tool, NULL}},
#include "runtime/capture/packer.def"
};

const struct packer *packer_of(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (len >= rows[i].len && !memcmp(bytes, rows[i].magic, rows[i].len)) return &rows[i].packer;
    return NULL;
}
