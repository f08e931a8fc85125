/*
 * Waiting for what the system does: descriptors, children, signals.
 *
 * Each of these looks first, and returns without waiting when there is
 * something already, in a cancelled coroutine too. A wait that fails consumes
 * nothing: no byte, no child, no signal.
 */
#pragma once

#include <sys/types.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_readiness { SHOAL_READABLE = 1, SHOAL_WRITABLE = 2 };

/**
 * Wait until a descriptor is readable or writable. An error and the end of what
 * the other side sends count as both of these: the next call on the descriptor
 * tells.
 *
 * @param fd          borrowed; stays open until this returns. Not the
 *                    descriptor of a struct shoal_conn, which shoal reads itself
 * @param what        SHOAL_READABLE, SHOAL_WRITABLE or both
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  which of those asked for, more than 0; -SHOAL_ETIMEDOUT;
 *          -SHOAL_ECANCELED; -SHOAL_EINVAL for another what; -EBADF;
 *          -SHOAL_ENOMEM, see shoal_co_may_wait(); another -errno when it
 *          cannot be waited for
 * Context  coroutine
 * Suspends until then
 * See      poll(2), epoll_ctl(2)
 */
SHOAL_API int shoal_co_wait_fd(int fd, unsigned what, int timeout_ms);

/**
 * Wait for the end of a child of this process, and reap it. Other children are
 * left alone.
 *
 * @param pid         of the child
 * @param status_out  as waitpid(2) gives it, for WIFEXITED() and the like; set
 *                    only on success; NULL for nothing
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  0; -SHOAL_ETIMEDOUT or -SHOAL_ECANCELED, with the child not reaped;
 *          -SHOAL_ENOENT when there is no such child, or somebody else has
 *          reaped it; -SHOAL_EINVAL when pid is not positive; -EMFILE, -ENFILE;
 *          -SHOAL_ENOMEM, see shoal_co_may_wait()
 * Context  coroutine
 * Suspends until then
 * See      pidfd_open(2), waitid(2) P_PIDFD
 */
SHOAL_API int shoal_co_wait_child(pid_t pid, int *status_out, int timeout_ms);

/**
 * Wait for a signal. All that wait for the same one get it.
 *
 * From the first wait for it on a signal stays blocked until shoal_run()
 * returns, so one that comes between two waits is neither lost nor does it end
 * the process: the next wait gets it. One that was blocked and pending before
 * the first wait counts too. When shoal_run() returns, signals that came and
 * were not waited for are thrown away and may act again; those that the program
 * had blocked itself are left as they are.
 *
 * The signal is blocked in this thread only: a program with other threads
 * blocks it in all of them before they start. Programs that are executed
 * inherit the block, see posix_spawnattr_setsigmask(3).
 *
 * In a worker all signals are blocked from the beginning, and SIGTERM and
 * SIGQUIT are the worker's own.
 *
 * @param signo       of a signal, real-time ones too
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  signo; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_EINVAL when there
 *          is no such signal, or it cannot be waited for: SIGKILL, SIGSTOP,
 *          SIGABRT and those of faults; -SHOAL_EPERM for a signal of the
 *          worker's own; -EMFILE, -ENFILE; -SHOAL_ENOMEM, see
 *          shoal_co_may_wait()
 * Context  coroutine
 * Suspends until then
 * See      signalfd(2), sigwait(3), signal(7)
 */
SHOAL_API int shoal_co_wait_signal(int signo, int timeout_ms);

#ifdef __cplusplus
}
#endif
