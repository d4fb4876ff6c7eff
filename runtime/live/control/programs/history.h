/* The programs that ran last: `history` and `rollback`. Their files are the parent's
 * (runtime/host/file/past_files.h). A program that begins to run while it is already the newest one gets no new
 * entry. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Read what earlier processes have left. */
void history_begin(struct control *control);
/* Add the program in force, if it has begun to run since the last call. */
void history_step(struct control *control);
/* Note that the newest program has passed its trial. */
void history_confirmed(struct control *control);

/* Return how many programs ago the last deliberately kept program ran. Skipped are unconfirmed trials, and the
 * program in force, even if it also ran before such a trial. 0: none, with one line in err. */
unsigned history_before(const struct control *control, char *err, size_t err_len);
/* Return the program that ran `back` programs ago (0: the one in force), or NULL with one line in err. *entry: its
 * entry, valid until the next history_step. */
struct past_entry;
struct program *history_program(const struct control *control, unsigned back, const struct past_entry **entry,
                                char *err, size_t err_len);
