/* Sections of a program as the kernel has them: read-only tables of a power of two entries, at addresses that the
 * linker fills in. An index that is masked lies inside; that it is the right one, the program's own verifier has
 * proved. */
#pragma once

#define TABLE(type, name)                                                                                              \
    extern type table_##name[];                                                                                        \
    extern const char mask_##name
#define ROW(name, i) table_##name[(uint64_t)(uint32_t)(i)&MASK(name)]
