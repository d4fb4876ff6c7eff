/* A program from its text, also for tests that see the vm from within, where the compiler's own names would collide. */
#ifndef TESTS_LIB_COMPILED_H
#define TESTS_LIB_COMPILED_H

struct program;

/* NULL after printing why as TAP comments. */
struct program *compiled_text(const char *text);
/* The same without a word, for texts that may be wrong. */
struct program *compiled_if_right(const char *text);

#endif
