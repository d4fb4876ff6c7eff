/* How each kind of change is undone: the functions of change.def. */
#ifndef RUNTIME_HOST_CHANGE_PRIV_H
#define RUNTIME_HOST_CHANGE_PRIV_H

#define CHANGE(ident, word, undo, when, doc) int undo(const char *what, const char *before, const char *after);
#include "runtime/host/change.def"
#undef CHANGE

#endif
