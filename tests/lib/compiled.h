/* Compiles a program from its text. Tests that include the vm's private headers use it too: the compiler's own names
 * would collide there. */
#ifndef TESTS_LIB_COMPILED_H
#define TESTS_LIB_COMPILED_H

struct program;

/* Compile and load. Print the reason as TAP comments and return NULL on an error. */
struct program *compiled_text(const char *text);
/* The same for texts that may be wrong: prints nothing. */
struct program *compiled_if_right(const char *text);

#endif
