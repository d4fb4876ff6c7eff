/* Paths of files: single files, or all or part of a folder's; each once. */
#ifndef TESTS_LIB_SOME_FILES_H
#define TESTS_LIB_SOME_FILES_H

#include <stddef.h>

struct some_files {
    char **paths; /* owned */
    size_t count;
};

/* Add a folder's files with that ending, sorted by name. part: number of files, evenly spread; 0: all. A path with
 * the ending is added even if the file doesn't exist; any other path is left out. */
void some_files_add(struct some_files *f, const char *path, const char *ending, size_t part);
void some_files_free(struct some_files *f);

#endif
