/* Moved: vm/forward/service.h has it. */
#pragma once

#include "vm/forward/service.h"
