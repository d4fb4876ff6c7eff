/* Moved: vm/stream/http.h has it. */
#pragma once

#include "vm/stream/http.h"
