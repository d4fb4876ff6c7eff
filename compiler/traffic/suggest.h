/* preyc --suggest: rules that let in what captures show to begin. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "compiler/traffic/traffic.h"

/* Write a rule file: by default all is dropped; let in is what was seen to begin and, of TCP, was answered, by service
 * and by source networks, none wider than these prefixes. It has been compiled, its tests have passed, and where the
 * captures can be read twice they have been judged by it: the first lines say what came of it. 0, or -1 after a line on
 * standard error. */
int suggest(const struct traffic *t, uint8_t width4, uint8_t width6, FILE *out);
