/* This file forks a child with clean descriptors and signals; it does not
 * know what the child is for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What runs in the child; its result is the exit status. */
typedef int sh_child_fn(void *arg);

struct sh_child {
	pid_t pid;
	int pidfd; /* registered */
};

/** Whether this process may fork: it has one thread only. 0, or -EBUSY with the
 *  reason in why. */
int sh_fork_is_safe(char *why, size_t cap);
/** Fork. In the child, everything that shoal has opened is closed but keep,
 *  signals are as at program start, and fn's result goes to _exit(2). 0, or
 *  -errno with the reason in why. */
int sh_fork(sh_child_fn *fn, void *arg, const int *keep, unsigned keep_count,
    struct sh_child *child, char *why, size_t cap);

/* How a child ended. */
struct sh_exit {
	int signal; /* 0: it exited */
	int status; /* exit status, when signal is 0 */
};

enum { SH_EXIT_UNKNOWN = -1 }; /* no status that a process can have */

/** Collect a child that its pidfd says has ended, and close the pidfd. 1; 0
 *  when it still runs; -errno. */
int sh_reap(struct sh_child *child, struct sh_exit *how);
/** As the first process of a container: collect processes that others have
 *  left to us, up to one that is_ours() knows, which sh_reap() will collect. */
void sh_bury_adopted(bool (*is_ours)(pid_t pid, void *arg), void *arg);
/** Put it into words: "exit status 70", "signal 9 (Killed), maybe out of
 *  memory". Returns buf. */
const char *sh_exit_format(const struct sh_exit *how, char *buf, size_t cap);
