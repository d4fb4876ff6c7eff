/* A program that contains many tests and runs the one whose name it is called by. */
#include "tests/lib/mains.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *called = slash ? slash + 1 : argv[0];
    for (const struct named_main *m = named_mains; m->name; m++)
        if (!strcmp(m->name, called)) return m->plain ? m->plain() : m->with(argc, argv);
    fprintf(stderr, "%s: no test of this program is called so\n", called);
    return 2;
}
