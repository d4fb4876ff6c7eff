/* Files of addresses that a live set has as its members: each is read completely, or refused with a line. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/judge/lives.h"

/* Identity of a file, which each change of the file changes; all 0: no file. */
struct file_mark {
    uint64_t device, inode, bytes, changed_ns, modified_ns;
};

/* The addresses in a text: ascending, disjoint ranges, not adjacent. */
struct address_list {
    struct live_base base; /* in memory that the list owns */
    uint64_t members;      /* number of entries in the text, before ranges that overlap or touch are joined */
};
/* Read a text, in any form that sets of the rules read from files, with at most `most` ranges. Return 0, and the
 * caller calls address_list_fini; or a negative errno with one line in err: the first bad line, or a text without
 * addresses. */
int address_list_read(const char *text, size_t len, uint32_t most, struct address_list *l, char *err, size_t err_len);
void address_list_fini(struct address_list *l);

/* The longest file: 1 MiB plus this many bytes for each allowed range, and at most this many MiB. */
enum { ADDRESS_FILE_EACH = 128, ADDRESS_FILE_MIB = 256 };

/* The result of reading a file, as the parent hands it over: in sealed memory, with the ranges of IPv6 behind this
 * struct, then those of IPv4. */
struct address_file {
    struct file_mark mark;
    uint64_t members;
    uint32_t count4, count6;
    char fault[304]; /* one line if the file isn't a list of addresses, else "" */
};
/* Read the file if it differs from `was`. most: maximum number of ranges. Return a descriptor of such memory;
 * ADDRESS_FILE_SAME; ADDRESS_FILE_YOUNG if it was written within the last second, without `hurry`; or another
 * negative errno with one line in err. */
enum { ADDRESS_FILE_SAME = -EALREADY, ADDRESS_FILE_YOUNG = -EINPROGRESS };
int address_file_look(const char *path, const struct file_mark *was, uint32_t most, bool hurry, char *err,
                      size_t err_len);
/* Map such memory, which is not trusted; the caller unmaps *len bytes. Return NULL if it is malformed. */
const struct address_file *address_file_map(int fd, size_t *len);
/* Return the ranges of mapped memory. */
struct live_base address_file_base(const struct address_file *f);
