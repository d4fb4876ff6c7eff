/* Rules that lie in files of several kinds: each whole rule file of one. */
#ifndef TESTS_LIB_RULE_FILES_H
#define TESTS_LIB_RULE_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct rule_file {
    const char *name; /* "tests-packets-arp-2" */
    const char *path; /* of a rule file; NULL: the text lies in another file */
    const char *text;
    size_t len;
    bool compiles; /* it does, or something is amiss */
};
typedef void rule_file_fn(void *arg, const struct rule_file *f);

/* By the file's ending. `.t` (tests/packets/): each `rules`. `.md`: each block of rules. `.txt`, of lines that are a
 * rule's conditions (tests/machines/conditions.txt): two for each, a rule file that counts, logs and decides by them,
 * and the filter that preyctl makes of them. Any other: itself. What fn is given is its until it returns. Ends the test
 * where it can't be read. */
void rule_files_of(const char *path, rule_file_fn *fn, void *arg);

#endif
