/* Programs that come over the control socket: with the question, as a file in memory. */
#pragma once

#include "runtime/ctl/server.h"
#include "vm/program/program.h"

/* The program that came with the call, verified; at most so many bytes. It has to be sealed, so that neither reading it
 * waits for anybody nor its sender changes it meanwhile. NULL: err says why not. */
struct program *handed_program(struct call *c, size_t most, char *err, size_t err_len);
