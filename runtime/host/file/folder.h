/* Folders of files whose names an untrusted process gives */
#pragma once

#include <stdbool.h>

/* Return the folder of the path's file without links, which the caller frees; NULL if there is none */
char *folder_of(const char *path);
/* True for `top` and paths below it. Both have no links; NULL as `top`: false. */
bool folder_is_below(const char *folder, const char *top);
/* Open a folder by its full path to look files up in it (O_PATH). No part of the path may be a link, so that the
 * owner of a folder above can't redirect the path by a new link. Return a descriptor or a negative errno, -ELOOP: a
 * link. */
int folder_open(const char *folder);
/* Return the path's last part */
const char *folder_name_in(const char *path);

/* Paths that an unrestricted process has named; all 0: none */
struct known_paths {
    char *all[1024];
    unsigned count;
};
bool known_has(const struct known_paths *k, const char *path);
/* Add a path, once. If there is no room, the path stays unknown. */
void known_add(struct known_paths *k, const char *path);
void known_fini(struct known_paths *k);
