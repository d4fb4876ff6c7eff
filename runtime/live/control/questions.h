/* Answers to questions, one function for each row of question.def. `with` is the struct control. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/live/control/control_state.h"

#define QUESTION(ident, ...) void asked_##ident(void *with, struct call *c);
#include "runtime/ctl/question.def"
