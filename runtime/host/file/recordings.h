/* The directory of recordings and its files: its owner's alone (0700, 0600), for they hold what went over the wire.
 *
 *      prey-000001.pcapng  prey-000002.pcapng  ...  prey-1000000.pcapng */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORDING_NAME = 40,
    RECORDINGS_MOST = 4096 /* files in a directory: no more are made */
};

/* Its descriptor, the caller's to close; or a negative errno with one line in err. make: it is made if it is not there
 * (only the path's last part), must be ours alone, and is refused (-EBUSY) while another process has it open to make
 * files; else it is only read. */
int recordings_open(const char *path, bool make, char *err, size_t err_len);

/* Would it be taken to make files in, and is there room? Nothing is made. 0, or a negative errno with a line in err. */
int recordings_look(const char *path, char *err, size_t err_len);

/* What mends that nothing can be written there; "": the errno says enough. */
const char *recordings_mend(int failed);

void recording_name(uint64_t number, char name[RECORDING_NAME]);
/* The number of a file of that name; 0: it is none of a recording. */
uint64_t recording_number(const char *name);
/* The same where a regular file has the name in that directory, and *bytes of it; 0: it is none of a recording. */
uint64_t recording_there(int dir, const char *name, uint64_t *bytes);

/* The one place where files of a recording are opened: to be made, which must be new, or to be read. A descriptor or a
 * negative errno: -EDQUOT, there are RECORDINGS_MOST. */
int record_open_file(int dir, uint64_t number, bool make);
/* Take off what is behind so many bytes of it. 0, or a negative errno: -EINVAL, it has no more. */
int record_shorten_file(int dir, uint64_t number, uint64_t bytes);
void record_remove_file(int dir, uint64_t number);
/* The same where it is the oldest of several recordings there, or has no byte; else -EPERM. Only regular files are
 * recordings. 0, or a negative errno. */
int record_remove_spare(int dir, uint64_t number);
