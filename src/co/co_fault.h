/*
 * This file says in which handler the process dies; it does not keep it from
 * dying.
 */
#pragma once

/** Report SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT with one line to the
 *  log's descriptor, then let them do what they do by default. 0 or -errno. */
int sh_co_fault_install(void);
