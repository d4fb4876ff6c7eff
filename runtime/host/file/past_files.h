/* Files of the history of programs that ran: programs and texts in ten places, and a list of them. They are in a
 * folder, or in memory. A stranger may control the process that asks, so it gets only these files, and limited room. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_PLACES = 10 };
/* Numbers of files: place N's program is HISTORY_PROGRAM + N, its text HISTORY_TEXT + N; files of live sets' members
 * are beside them. */
enum { HISTORY_PROGRAM, HISTORY_TEXT = HISTORY_PLACES, HISTORY_LIST = 2 * HISTORY_PLACES, HISTORY_SETS, HISTORY_FILES };
enum {
    HISTORY_FILE_MOST = 64 << 20,    /* bytes of a file */
    HISTORY_FOLDER_MOST = 128 << 20, /* bytes of all files in a folder */
    HISTORY_MEMORY_MOST = 16 << 20,  /* the same in memory */
    HISTORY_LIST_MOST = 64 << 10
};

struct past_files;

/* Return the history of a folder, made with the first file; NULL as folder: in memory. NULL: out of memory. */
struct past_files *past_files_new(const char *folder);
void past_files_free(struct past_files *h); /* Free the history; files in a folder stay. NULL is fine */

/* Replace a file completely; without bytes, remove it. Return 0 or a negative errno, -EFBIG: no room. */
int past_files_keep(struct past_files *h, unsigned file, const void *bytes, size_t len);
/* Open a file to read it. Return a descriptor, or a negative errno. */
int past_files_open(const struct past_files *h, unsigned file);
