/* Rule texts in files of several kinds, each a complete rule file. */
#ifndef TESTS_LIB_RULE_FILES_H
#define TESTS_LIB_RULE_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct rule_file {
    const char *name; /* "tests-packets-arp-2" */
    const char *path; /* path of a rule file; NULL if the text is in another file */
    const char *text;
    size_t len;
    bool compiles; /* the text must compile */
};
typedef void rule_file_fn(void *arg, const struct rule_file *f);

/* Call fn with each rule text of a file, by its ending. A `.t` file (tests/packets/) has one in each `rules`, a
 * `.md` file one in each block of rules. A `.txt` file has two for each line of conditions
 * (tests/machines/conditions.txt): a rule file that counts, logs and decides by them, and the filter that preyctl
 * makes of them. Any other file is itself a rule file. The text lives until fn returns. A file that can't be read
 * ends the test. */
void rule_files_of(const char *path, rule_file_fn *fn, void *arg);

#endif
