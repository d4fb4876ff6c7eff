/* An `include` with a pattern: the files of a folder whose names match, sorted by their bytes. `*` is any run of
 * characters, `?` one byte; a name with a leading dot matches only a pattern with one, as in a shell. */
#include "lang/pattern.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"

bool is_pattern(const char *path) { return strpbrk(path, "*?") != NULL; }

/* Linear but for going back to the last `*`. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL;
    if (*name == '.' && *pattern != '.') return false;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static char *path_joined(struct arena *arena, const char *folder, size_t len, const char *name)
{
    const size_t name_len = strlen(name);
    char *path = arena_alloc(arena, len + name_len + 1);
    memcpy(path, folder, len);
    memcpy(path + len, name, name_len);
    return path;
}

int pattern_files(struct arena *arena, const char *path, uint32_t most, struct paths *out)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    const size_t folder_len = (size_t)(last - path);
    const char *folder = folder_len ? arena_strndup(arena, path, folder_len) : "./";
    *out = (struct paths){0};
    DIR *d = opendir(folder);
    if (!d) return -errno;
    for (const struct dirent *entry;;) {
        errno = 0;
        entry = readdir(d);
        if (!entry || out->count > most) break;
        if (!matches(last, entry->d_name)) continue;
        out->path = heap_grown(out->path, (size_t)out->count + 1, sizeof(*out->path), &out->cap);
        out->path[out->count++] = path_joined(arena, path, folder_len, entry->d_name);
    }
    const int err = out->count > most ? E2BIG : errno;
    closedir(d);
    if (out->count) qsort(out->path, out->count, sizeof(*out->path), by_bytes);
    return -err;
}
