#include "compiler/command/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/say.h"
#include "lang/heap.h"

static void add(struct inputs *in, const char *folder, const char *name)
{
    const size_t len = strlen(folder);
    const char *between = len && folder[len - 1] != '/' ? "/" : "";
    const size_t bytes = len + strlen(name) + 2;
    char *path = heap_resized(NULL, bytes, 1);
    snprintf(path, bytes, "%s%s%s", folder, between, name);
    in->names = heap_grown(in->names, (size_t)in->count + 1, sizeof(*in->names), &in->room);
    in->names[in->count++] = path;
}

/* Hidden files, as editors leave them behind, are nobody's rules. */
static int is_rules(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return d->d_name[0] != '.' && dot && strcmp(dot, ".prey") == 0;
}

static int bytewise(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int add_folder(struct inputs *in, const char *folder)
{
    struct dirent **found;
    const int n = scandir(folder, &found, is_rules, bytewise);
    if (n < 0) {
        say(stderr, "preyc: can't read `%s`: %s", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < n; i++) {
        add(in, folder, found[i]->d_name);
        free(found[i]);
    }
    free(found);
    if (n == 0) say(stderr, "preyc: `%s` holds no rule file: their names end in .prey", folder);
    return n ? 0 : -1;
}

int inputs_expand(struct inputs *in, char *const *given, int count)
{
    struct stat st;
    int rc = 0;
    *in = (struct inputs){0};
    for (int i = 0; i < count; i++)
        if (stat(given[i], &st) == 0 && S_ISDIR(st.st_mode))
            rc |= add_folder(in, given[i]);
        else
            add(in, "", given[i]);
    return rc;
}

void inputs_free(struct inputs *in)
{
    for (uint32_t i = 0; i < in->count; i++) free(in->names[i]);
    free(in->names);
    *in = (struct inputs){0};
}
