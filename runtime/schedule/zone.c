/* Names of zones, which are files that the C library reads. The C library silently takes an unknown zone for UTC, so
 * each zone is looked up here first. */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/schedule/schedule.h"

enum { PATH_LEN = 1024, NAME_MOST = 200, ZONES_MOST = 5000, FOLDERS = 16 };

static const char *zone_folder(void)
{
    const char *set = getenv("TZDIR");
    return set && *set ? set : "/usr/share/zoneinfo";
}

static bool is_zone_file(const char *path)
{
    char magic[4];
    FILE *f = fopen(path, "rb");
    const bool good = f && fread(magic, sizeof magic, 1, f) == 1 && memcmp(magic, "TZif", 4) == 0;
    if (f) fclose(f);
    return good;
}

/* True if a name has only letters, digits and the punctuation of zone names, and no path out of the folder */
static bool is_name(const char *s)
{
    const size_t len = strlen(s);
    if (len == 0 || len > NAME_MOST || *s == '/' || strstr(s, "..") || strstr(s, "//")) return false;
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") == len;
}

bool zone_known(const char *name)
{
    char path[PATH_LEN];
    if (!is_name(name)) return false;
    const int len = snprintf(path, sizeof path, "%s/%s", zone_folder(), name);
    return len > 0 && len < PATH_LEN && is_zone_file(path);
}

/* Result of the walk over the files, because nftw passes no argument */
static __thread struct {
    char **names;
    size_t count, skip;
} found;

static int note_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
    const char *name = path + found.skip;
    if (type != FTW_F || found.count == ZONES_MOST) return 0;
    name += *name == '/';
    if (!strncmp(name, "posix/", 6) || !strncmp(name, "right/", 6) || !is_name(name) || !is_zone_file(path)) return 0;
    char *copy = strdup(name);
    if (copy) found.names[found.count++] = copy;
    return 0;
}

char **zones_list(size_t *n)
{
    const char *folder = zone_folder();
    *n = 0;
    found.names = calloc(ZONES_MOST, sizeof *found.names);
    found.count = 0;
    found.skip = strlen(folder);
    if (!found.names) return NULL;
    nftw(folder, note_file, FOLDERS, 0);
    *n = found.count;
    return found.names;
}

void zones_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}
