/* A state file: its folder, its name, its lock, and its lines as text. */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* A name that is a file name, and that can stand in a line. */
bool state_is_name(const char *name);
/* RUN/INODE of the caller's namespace. */
int state_folder(const char *run, char path[PATH_MAX]);
int state_make_folder(const char *run, char path[PATH_MAX]);
/* The locked file, or a negative errno; -EWOULDBLOCK: its owner lives. */
int state_take(const char *path, int flags);
/* All of the file, ended with a zero; the caller's to free. */
char *state_read(int fd);
long state_owner_of(const char *path);
/* Does an instance that lives hold its lock? A number of a process may be another's by now. */
bool state_is_owned(const char *path);
#define STATE_WORKS "works\t" /* in front of the number of the process that works for the owner */
/* The number behind a word at the beginning of a line; 0: there is none. */
long state_number(const char *text, const char *word);
/* Cut a line into its words: the kind's, what, before, after. Those that are missing are NULL. */
void state_cut(char *line, char *word[4]);
/* Do words stand in one line, with three tabs between? */
bool state_is_line(const char *line);
int state_append(int fd, const char *line);
/* Does the file have that line, in force? */
bool state_has_line(int fd, const char *line);
/* The name of a state file without its end; false: it is none. */
bool state_instance(const char *file, char name[80]);
