/* Access lists (acl(5)) by which groups may use a control socket. They apply to files only, and only the file's
 * owner may set them. A file's single group would need CAP_CHOWN, and there may be several groups. */
#pragma once

#include "runtime/base/options/sets_group.h"

/* Let the groups connect and no other users, to the socket that this user has just made there. Return 0, or a
 * negative errno; -EOPNOTSUPP: the file system has no such lists. */
int socket_let_in(const char *path, const struct sets_group *groups, unsigned count);
/* Let the groups list a folder that not everyone may list, and go through it; users who may already keep that. The
 * same errors; -ENOSPC: the list is full. */
int folder_let_in(const char *path, const struct sets_group *groups, unsigned count);
