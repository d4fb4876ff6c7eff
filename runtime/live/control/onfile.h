/* What the file of the command line holds now, beside the program that runs: a reload or a start takes that one. */
#pragma once

#include "runtime/live/control/state.h"

/* Look, into control->onfile: what was read is read again only where the file is another one, or has changed. What came
 * by standard input is as it was. */
void onfile_look(struct control *control);
