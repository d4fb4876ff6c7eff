/* A state file: its folder, its name, its lock, and its lines as text */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* True if the name is a file name, and fits in a line */
bool state_is_name(const char *name);
/* Write RUN/INODE of the caller's namespace */
int state_folder(const char *run, char path[PATH_MAX]);
/* Write the path of an instance's file. Return 0 or a negative errno: -EINVAL: not a name. */
int state_path_of(const char *run, const char *name, char path[PATH_MAX]);
/* The same, and make its folder */
int state_make_folder(const char *run, const char *name, char path[PATH_MAX]);
/* Open and lock the file. Return a descriptor or a negative errno; -EWOULDBLOCK: its owner lives. */
int state_take(const char *path, int flags);
/* True if the open file is still at that path: its last owner may have removed it */
bool state_is_current(int fd, const char *path);
/* Return the complete file, zero-terminated, which the caller frees */
char *state_read(int fd);
/* The same, by its path. NULL: the file is missing, or out of memory. */
char *state_read_at(const char *path);
long state_owner_of(const char *path);
/* True if a live instance holds its lock; a pid may be another process's by now */
bool state_is_owned(const char *path);
#define STATE_WORKS "works\t" /* before the pid of the owner's worker */
/* Return the number after a word at the start of a line; 0: none */
long state_number(const char *text, const char *word);
/* Cut a line into its words: kind, what, before, after; NULL for missing ones */
void state_cut(char *line, char *word[4]);
/* True if the words form one line, with three tabs */
bool state_is_line(const char *line);
int state_append(int fd, const char *line);
/* True if the file has that line, in force */
bool state_has_line(int fd, const char *line);
/* Write a state file's name without its suffix; false: not a state file */
bool state_instance(const char *file, char name[80]);
