/* This file is <shoal/listener.h>. */
#include "config.h"

#include <shoal/listener.h>

#include <shoal/error.h>

#include "worker/worker.h"

int
shoal_listener_stop(const char *name, unsigned flags, int deadline_ms)
{
	const struct sh_worker *worker = sh_worker_current();
	bool close = (flags & SHOAL_LISTENER_CLOSE) != 0;

	if (worker == NULL)
		return -SHOAL_EPERM;
	if (name == NULL || (flags & ~(unsigned)SHOAL_LISTENER_CLOSE) != 0 ||
	    deadline_ms < SHOAL_FOREVER)
		return -SHOAL_EINVAL;
	return sh_worker_ask_listener(worker, SH_MESSAGE_ASK_STOP, name,
	    sh_message_ask(close, deadline_ms));
}

int
shoal_listener_start(const char *name)
{
	const struct sh_worker *worker = sh_worker_current();

	if (worker == NULL)
		return -SHOAL_EPERM;
	if (name == NULL)
		return -SHOAL_EINVAL;
	return sh_worker_ask_listener(worker, SH_MESSAGE_ASK_START, name, 0);
}

bool
shoal_listener_is_stopped(const char *name)
{
	const struct sh_worker *worker = sh_worker_current();

	return worker != NULL && name != NULL &&
	    sh_worker_is_stopped(worker, name);
}
