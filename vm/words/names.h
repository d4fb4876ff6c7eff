/* Moved: vm/words/words.h has it. */
#pragma once

#include "vm/words/words.h"
