/* Moved: vm/program/program.h has it. */
#pragma once

#include "vm/program/program.h"
