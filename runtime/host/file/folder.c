#include "runtime/host/file/folder.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

char *folder_of(const char *path)
{
    char copy[PATH_MAX];
    return strlen(path) < sizeof copy ? realpath(dirname(strcpy(copy, path)), NULL) : NULL;
}

bool folder_is_below(const char *folder, const char *top)
{
    const size_t len = top ? strlen(top) : 0;
    return len && !strncmp(folder, top, len) && (!folder[len] || folder[len] == '/');
}

const char *folder_name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
