/* The program in the command line's file, which a start, SIGHUP and --watch read: its comparison with the running
 * one, and saving the running program there. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Look at the file, for control->onfile, and read it if it was replaced or changed. Standard input is read only
 * once. */
void onfile_look(struct control *control);
/* True if the running program can be saved there. False for standard input, with one line in err. */
bool onfile_may_save(const struct control *control, char *err, size_t err_len);
/* Replace the file by the running program in one step, through the parent. Return 0, or a negative errno with err. */
int onfile_save(struct control *control, char *err, size_t err_len);
