/* Confirmation. A start with --confirm ends unless an operator confirms it. If a loaded program stays unconfirmed, its
 * predecessor comes back. So operators who lock themselves out get the machine back. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Begin to wait for the confirmation of a start, if requested. */
void confirm_begin(struct control *control);
enum { CONFIRM_TEXT = 120 };
/* Return the part of the line `ready` about the confirmation, with its word; "" if none is awaited. */
const char *confirm_text(const struct control *control, char text[CONFIRM_TEXT]);
/* Wait `ns` for the confirmation of a loaded program. Without confirmation, how->back runs again. `how` and all it
 * points to are owned here from now on. */
void confirm_load(struct control *control, uint64_t ns, const struct confirm *how);
bool confirm_waits(const struct control *control);
/* Return the name of the program that will return, or words for it if the program on trial has the same name. A
 * confirmation must be pending. */
const char *confirm_back(const struct control *control);
/* True if a start's time has expired without confirmation. */
bool confirm_is_over(const struct control *control, uint64_t now_ns);
/* When the time has expired, report it and return to the old program. False: prey must end. */
bool confirm_step(struct control *control, uint64_t now_ns);
/* Write the program that will return, if any, for another process, or read it. The input is hostile. False: damaged,
 * or out of memory. */
struct archive;
void confirm_back_write(const struct control *control, struct archive *a);
bool confirm_back_read(struct control *control, struct archive *a);
/* Write or read the rest of the wait's state, which follows the program. */
void confirm_archive(struct control *control, struct archive *a);
/* End the wait for confirmation, if there is one. */
void confirm_settle(struct control *control);
