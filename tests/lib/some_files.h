/* Paths of files: named, or of a folder, or some of a folder; each once. */
#ifndef TESTS_LIB_SOME_FILES_H
#define TESTS_LIB_SOME_FILES_H

#include <stddef.h>

struct some_files {
    char **paths; /* owned */
    size_t count;
};

/* A folder's files with that ending, in the order of their names; part: so many of them, evenly spread, 0: all. A
 * file with the ending itself, though it be not there; any other path is left out. */
void some_files_add(struct some_files *f, const char *path, const char *ending, size_t part);
void some_files_free(struct some_files *f);

#endif
