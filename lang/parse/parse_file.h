/* One file, without those it includes. */
#pragma once

#include "lang/lex/lex.h"

/* Parse a file that is in `sources`. log: gets its tokens; NULL: no log. */
struct node *parse_alone(struct arena *arena, struct sources *sources, struct diags *d, uint32_t file,
                         struct token_log *log);
