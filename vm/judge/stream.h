/* Moved: vm/judge/decide.h has it. */
#pragma once

#include "vm/judge/decide.h"
