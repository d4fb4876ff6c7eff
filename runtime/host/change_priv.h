/* Undo functions of the kinds of changes (change.def) */
#pragma once

/* Returned by an undo function: another process or program holds the change now, so it stays recorded, and does not
 * prevent a start */
#define CHANGE_WAITS                         2

#define CHANGE(ident, word, undo, when, doc) int undo(const char *what, const char *before, const char *after);
#include "runtime/host/change.def"
