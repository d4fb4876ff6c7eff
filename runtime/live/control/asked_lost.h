/* `explain` of packets that a nat takes and that no port sends on. */
#pragma once

#include "runtime/live/control/state.h"
#include "runtime/report/explain/look.h"

/* Write why a packet that a nat translates is lost on its way out: the routes lead it to this machine itself, or by a
 * device that is not served. False: it is not, or that is not known. */
enum { ASKED_LOST = 160 };
bool asked_lost(const struct control *control, const struct explain_look *k, char why[ASKED_LOST]);
