/* Moved: vm/packet/edit/edit.h has it. */
#pragma once

#include "vm/packet/edit/edit.h"
