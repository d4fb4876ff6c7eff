/* Confirmation. A start (--confirm) ends unless somebody confirms it; a loaded program gives its place back to the
 * program before it. So an operator who locks himself out gets the machine back. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Begin to wait for the confirmation of a start, if asked for. */
void confirm_begin(struct control *control);
enum { CONFIRM_TEXT = 120 };
/* Return what the line `ready` says of that, with the word; "" if nothing waits. */
const char *confirm_text(const struct control *control, char text[CONFIRM_TEXT]);
/* Wait `ns` for the confirmation of a loaded program. Without confirmation, how->back runs again. `how` and all it
 * points to are owned here from now on. */
void confirm_load(struct control *control, uint64_t ns, const struct confirm *how);
bool confirm_waits(const struct control *control);
/* Return the name of the program that comes back, in words where the one on trial has the same. Something waits. */
const char *confirm_back(const struct control *control);
/* True if a start's time has expired without confirmation. */
bool confirm_is_over(const struct control *control, uint64_t now_ns);
/* When the time has expired, report it and return to the old program. False: prey must end. */
bool confirm_step(struct control *control, uint64_t now_ns);
/* The program that comes back, if one does, is written for another process; it reads it as hostile. False: it is
 * damaged, or memory is out. */
struct archive;
void confirm_back_write(const struct control *control, struct archive *a);
bool confirm_back_read(struct control *control, struct archive *a);
/* Write what else is known of the wait, or read it behind that. */
void confirm_archive(struct control *control, struct archive *a);
/* End the wait for confirmation, if there is one. */
void confirm_settle(struct control *control);
