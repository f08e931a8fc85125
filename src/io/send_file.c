/* This file hands bytes of a file to a socket. It does not wait. */
#include "config.h"

#include "io/send_file.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <time.h>

/* sendfile(2) knows no MSG_NOSIGNAL, and the program may want its SIGPIPE for
 * other descriptors: it is held back, and taken if it was this call's. */
ssize_t
sh_send_file(int to, int fd, off_t *offset, size_t len)
{
	static const struct timespec now;
	sigset_t pipe, before, pending;
	ssize_t n;
	int error;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	n = sendfile(to, fd, offset, len);
	error = errno;
	if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
		(void)sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return n;
}
