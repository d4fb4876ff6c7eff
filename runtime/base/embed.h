/* Files of the build as bytes of the program. The assembler puts them in, because compiling them as numbers would
 * take seconds. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of `path`, below one of the compiler's include folders, from `name` to `name_end`, aligned to 8. */
#define EMBED(name, path)                                                                                              \
    __asm__(".pushsection .rodata\n.balign 8\n" #name ":\n.incbin \"" path "\"\n" #name "_end:\n.popsection");         \
    extern const uint8_t name[] __asm__(#name), name##_end[] __asm__(#name "_end")
#define EMBEDDED_LEN(name) (size_t)(name##_end - name)
