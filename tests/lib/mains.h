/* Test programs that are linked once into one executable, which runs the one whose name it is called by. */
#ifndef TESTS_LIB_MAINS_H
#define TESTS_LIB_MAINS_H

struct named_main {
    const char *name;
    int (*plain)(void); /* NULL if it takes arguments */
    int (*with)(int argc, char **argv);
};
extern const struct named_main named_mains[]; /* ends with a NULL name; made by mains.awk */

#endif
