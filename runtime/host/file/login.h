/* Login users of processes. A change of user (su, sudo) does not change them. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define LOGIN_NONE UINT32_MAX

/* Return the login user of a process (/proc/PID/loginuid, proc(5)); LOGIN_NONE: no user has logged in, the process
 * is gone, or this kernel does not record it. */
uint32_t login_of(pid_t pid);
