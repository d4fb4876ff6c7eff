/* damage IN OUT CHANGE...: copies a .pbc with changes, in order:
 *   flip N     flip the bit N (counted from the first byte, modulo the file's size)
 *   cut N      keep only the first N bytes
 *   byte N V   set byte N to V
 *   repair     correct the digest, so that the verifier must find the fault
 * For tests of the loader in the built programs. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/pbc.h"

enum { ROOM = 1 << 24 };
static uint8_t bytes[ROOM];

static void repair(size_t len)
{
    const size_t from = offsetof(struct pbc_header, version);
    if (len > from) pbc_digest(bytes + from, len - from, bytes + offsetof(struct pbc_header, digest));
}

int main(int argc, char **argv)
{
    FILE *in = argc > 2 ? fopen(argv[1], "rb") : NULL;
    size_t len = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    if (len == 0) {
        fprintf(stderr, "usage: damage IN OUT [flip N | cut N | byte N V | repair]...\n");
        return 2;
    }
    fclose(in);
    for (int i = 3; i < argc; i++) {
        const bool has_n = i + 1 < argc;
        const size_t n = has_n ? strtoull(argv[i + 1], NULL, 0) : 0;
        if (strcmp(argv[i], "repair") == 0) {
            repair(len);
            continue;
        }
        if (!has_n) return 2;
        i++;
        if (strcmp(argv[i - 1], "flip") == 0)
            bytes[n / 8 % len] ^= (uint8_t)(1u << n % 8);
        else if (strcmp(argv[i - 1], "cut") == 0)
            len = n < len ? n : len;
        else if (strcmp(argv[i - 1], "byte") == 0 && i + 1 < argc)
            bytes[n % len] = (uint8_t)strtoul(argv[++i], NULL, 0);
        else
            return 2;
    }
    FILE *out = fopen(argv[2], "wb");
    return out && fwrite(bytes, 1, len, out) == len && fclose(out) == 0 ? 0 : 2;
}
