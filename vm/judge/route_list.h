/* Moved: vm/judge/routes.h has it. */
#pragma once

#include "vm/judge/routes.h"
