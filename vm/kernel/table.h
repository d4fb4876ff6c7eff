/* Sections of a program in the kernel: read-only tables whose length is a power of two, at addresses that the linker
 * fills in. A masked index lies inside; the program's own verifier has proved that it is the right one. */
#pragma once

#define TABLE(type, name)                                                                                              \
    extern type table_##name[];                                                                                        \
    extern const char mask_##name
#define ROW(name, i) table_##name[(uint64_t)(uint32_t)(i)&MASK(name)]
