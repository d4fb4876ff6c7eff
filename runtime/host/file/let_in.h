/* Access lists (acl(5)) by which groups may use a control socket. They apply to files only, and only the file's
 * owner may set them. A change of the file's own group would need CAP_CHOWN, and allow only one group. */
#pragma once

#include "runtime/base/options/sets_group.h"

/* Let only the groups connect to the socket that this user has just made at that path. Return 0, or a negative
 * errno; -EOPNOTSUPP: the file system has no such lists. */
int socket_let_in(const char *path, const struct sets_group *groups, unsigned count);
/* Let the groups list and pass a folder that not everyone may list; other users keep their access. The same errors;
 * -ENOSPC: the list is full. */
int folder_let_in(const char *path, const struct sets_group *groups, unsigned count);
