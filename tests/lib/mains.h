/* Tests that are one program, linked once for all: which of them runs is the name by which it is called. */
#ifndef TESTS_LIB_MAINS_H
#define TESTS_LIB_MAINS_H

struct named_main {
    const char *name;
    int (*plain)(void); /* NULL: it reads arguments */
    int (*with)(int argc, char **argv);
};
extern const struct named_main named_mains[]; /* ends with a name NULL; made by mains.awk */

#endif
