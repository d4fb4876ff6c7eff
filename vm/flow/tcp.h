/* Moved: vm/flow/flow.h has it. */
#pragma once

#include "vm/flow/flow.h"
