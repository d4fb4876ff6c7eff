/* The directory of recordings and its files, only for their owner (0700, 0600), because they contain traffic.
 *
 *      prey-000001.pcapng  prey-000002.pcapng  ...  prey-1000000.pcapng */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORDING_NAME = 40,
    RECORDINGS_MOST = 4096 /* maximum number of files in a directory */
};

/* Open the directory. Return its descriptor, which the caller closes; or a negative errno with one line in err.
 * make: open it for making files. It is then made if it is missing (only the path's last part), and must belong to
 * this user only. -EBUSY: another process has it open for making files. */
int recordings_open(const char *path, bool make, char *err, size_t err_len);

/* Test, without a change, if files can be made in the directory and if it has room. Return 0, or a negative errno with
 * a line in err. */
int recordings_look(const char *path, char *err, size_t err_len);

/* Return the remedy for a failed write; "": none beyond the errno */
const char *recordings_mend(int failed);

void recording_name(uint64_t number, char name[RECORDING_NAME]);
/* Return the number in a file's name; 0: not a recording */
uint64_t recording_number(const char *name);
/* Return the number if the name is a regular file in the directory, with its size in *bytes; 0: not a recording */
uint64_t recording_there(int dir, const char *name, uint64_t *bytes);

/* Open a file of a recording; no other function opens one. make: for writing, and the file must be new; else for
 * reading. Return a descriptor or a negative errno: -EDQUOT: RECORDINGS_MOST files exist. */
int record_open_file(int dir, uint64_t number, bool make);
/* Shorten a file to `bytes`. Return 0, or a negative errno: -EINVAL: the file is not longer. */
int record_shorten_file(int dir, uint64_t number, uint64_t bytes);
void record_remove_file(int dir, uint64_t number);
/* Remove a file if it is the oldest of several recordings there, or empty; else -EPERM. Only regular files are
 * recordings. Return 0, or a negative errno. */
int record_remove_spare(int dir, uint64_t number);
