/* Rules that are in files of several kinds: each whole rule file of one. */
#ifndef TESTS_LIB_RULE_FILES_H
#define TESTS_LIB_RULE_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct rule_file {
    const char *name; /* "tests-packets-arp-2" */
    const char *path; /* of a rule file; NULL: the text is in another file */
    const char *text;
    size_t len;
    bool compiles; /* it does, or something is amiss */
};
typedef void rule_file_fn(void *arg, const struct rule_file *f);

/* Calls fn with each rule text of a file, which its ending distinguishes. `.t` (tests/packets/) has one in each
 * `rules`, `.md` one in each block of rules, `.txt` two for each line of conditions (tests/machines/conditions.txt):
 * a rule file that counts, logs and decides by them, and the filter that preyctl makes of them. Any other file is
 * one itself. The text lives until fn returns. A file that can't be read ends the test. */
void rule_files_of(const char *path, rule_file_fn *fn, void *arg);

#endif
