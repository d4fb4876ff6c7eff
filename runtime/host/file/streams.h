/* Directories of observed connections' bytes (`stream to "DIR"`). File names come from a process that reads
 * strangers' bytes, so each is checked: no name leads out of the directory, and only files of this kind are removed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_NAME_MOST = 232 /* bytes of a file's name, with its zero */ };
enum stream_how { STREAM_MAKE, STREAM_APPEND, STREAM_REMOVE, STREAM_HOWS };

struct stream_dirs;
struct stream_dirs *stream_dirs_new(void); /* NULL: out of memory */
void stream_dirs_free(struct stream_dirs *all);

/* True for a name of such a file: letters, digits and `._-`, without a dot in front, with one of the endings. */
bool stream_name_is_good(const char *name);

/* Make the directory if it is missing, keep it open, and find the files that earlier runs left. path: without a link
 * in the part before its last component. again: repeat the search if it was done before. *earlier: bytes that these
 * files take on disk. Return 0 or a negative errno, -EPERM: other users may write there. */
int stream_dir_begin(struct stream_dirs *all, const char *path, bool again, uint64_t *earlier);
/* Make, append to or remove a file of an open directory. Return a descriptor, 0 for a removed file, or a negative
 * errno: -EINVAL: an invalid name, or not a regular file. */
int stream_dir_file(struct stream_dirs *all, const char *path, const char *name, enum stream_how how);
/* Remove files of earlier runs, the oldest first, until `bytes` are free or none is left. Return the bytes removed. */
uint64_t stream_dir_trim(struct stream_dirs *all, const char *path, uint64_t bytes);
