/* Undo functions of the kinds of changes (change.def) */
#pragma once

#define CHANGE(ident, word, undo, when, doc) int undo(const char *what, const char *before, const char *after);
#include "runtime/host/change.def"
