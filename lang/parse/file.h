/* One file, without what it includes. */
#pragma once

#include "lang/lex/lex.h"

/* Parse a file that is in `sources`. log: its tokens are added to it; NULL: nobody asks for them. */
struct node *parse_alone(struct arena *arena, struct sources *sources, struct diags *d, uint32_t file,
                         struct token_log *log);
