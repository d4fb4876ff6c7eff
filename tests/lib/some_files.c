/* See some_files.h. */
#include "tests/lib/some_files.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Move `count` of the `of` paths, evenly spread, to the front, and free the others. Returns the new number. */
static size_t take_part(char **paths, size_t of, size_t count)
{
    if (!count || count >= of) return of;
    for (size_t i = 0; i < count; i++) {
        char *const path = paths[i * of / count];
        paths[i * of / count] = paths[i];
        paths[i] = path;
    }
    for (size_t i = count; i < of; i++) free(paths[i]);
    return count;
}

static void append(struct some_files *f, const char *path)
{
    f->paths = realloc(f->paths, (f->count + 1) * sizeof *f->paths);
    if (!f->paths) abort();
    f->paths[f->count++] = strdup(path);
}

/* Remove paths from `before` on that are already in the list. */
static void once(struct some_files *f, size_t before)
{
    size_t count = before;
    for (size_t i = before, k; i < f->count; i++) {
        for (k = 0; k < count && strcmp(f->paths[k], f->paths[i]); k++) {}
        if (k < count)
            free(f->paths[i]);
        else
            f->paths[count++] = f->paths[i];
    }
    f->count = count;
}

void some_files_add(struct some_files *f, const char *path, const char *ending, size_t part)
{
    char pattern[4096];
    glob_t g = {0};
    struct stat st;
    const size_t before = f->count, len = strlen(path), end = strlen(ending);
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
        snprintf(pattern, sizeof pattern, "%s/*%s", path, ending);
        glob(pattern, 0, NULL, &g);
        for (size_t i = 0; i < g.gl_pathc; i++) append(f, g.gl_pathv[i]);
        f->count = before + take_part(f->paths + before, f->count - before, part);
        globfree(&g);
    } else if (len > end && !strcmp(path + len - end, ending)) {
        append(f, path);
    }
    once(f, before);
}

void some_files_free(struct some_files *f)
{
    for (size_t i = 0; i < f->count; i++) free(f->paths[i]);
    free(f->paths);
}
