/* What the file of the command line holds now, beside the program that runs; a start, SIGHUP and --watch take it. And
 * what runs, saved as that file. */
#pragma once

#include "runtime/live/control/state.h"

/* Look, into control->onfile: what was read is read again only where the file is another one, or has changed. What came
 * by standard input is as it was. */
void onfile_look(struct control *control);
/* Can what runs be saved there? Standard input is no file. */
bool onfile_may_save(const struct control *control, char *err, size_t err_len);
/* Replace the file by what runs, at once and whole, by the parent. 0, or a negative errno with one line in err. */
int onfile_save(struct control *control, char *err, size_t err_len);
