/* Error messages on standard error, and cleaning of untrusted text before it is shown. */
#pragma once

#include <stdbool.h>

/* True if standard error is systemd's journal (JOURNAL_STREAM of systemd.exec(5)): a line there may begin with its
 * level, as <3> of sd-daemon(3), which the journal takes off. */
bool complain_to_journal(void);

/* Write the line "preyrun: ..." to standard error and return 2. If the reader takes nothing for a second, the line is
 * lost. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Replace control bytes and invalid UTF-8 by `?`, in place. Return s. */
char *text_clean(char *s);
