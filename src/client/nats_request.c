/* This file runs requests to JetStream, which block, in threads of the loop's. */
#include "config.h"

#include "client/nats_request.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "client/nats_private.h"

static struct sh_nats_request *
request_of(struct sh_job *job)
{
	return (void *)((char *)job - offsetof(struct sh_nats_request, job));
}

int
sh_nats_request_result(
    struct sh_nats_request *request, natsStatus status, jsErrCode code)
{
	const char *why;

	if (status == NATS_OK)
		return 0;
	why = nats_GetLastError(NULL);
	request->why =
	    why != NULL && why[0] != '\0' ? why : natsStatus_GetText(status);
	if (code == JSNotEnabledErr || code == JSNotEnabledForAccountErr ||
	    status == NATS_NO_RESPONDERS)
		return -ENOSYS;
	switch (status) {
	case NATS_NOT_FOUND: return -SHOAL_ENOENT;
	case NATS_TIMEOUT: return -SHOAL_ETIMEDOUT;
	case NATS_CONNECTION_CLOSED:
	case NATS_CONNECTION_DISCONNECTED:
	case NATS_NO_SERVER:
	case NATS_NOT_YET_CONNECTED:
	case NATS_STALE_CONNECTION: return -SHOAL_ENOTCONN;
	case NATS_NO_MEMORY: return -SHOAL_ENOMEM;
	default: return -EIO;
	}
}

static int
open_context(struct sh_nats_request *request)
{
	jsOptions options;

	if (request->link == NULL)
		return -SHOAL_ENOTCONN;
	jsOptions_Init(&options);
	options.Wait = request->timeout_ms;
	return sh_nats_request_result(request,
	    natsConnection_JetStream(
		&request->js, request->link->connection, &options),
	    (jsErrCode)0);
}

static void
run(struct sh_job *job)
{
	struct sh_nats_request *request = request_of(job);

	request->result = open_context(request);
	if (request->result == 0)
		request->ask(request);
	jsCtx_Destroy(request->js);
	request->js = NULL;
	/* the text of the last error is the thread's */
	if (request->why != NULL)
		request->why = strdup(request->why);
	nats_ReleaseThreadMemory();
}

static void
drop(struct sh_job *job)
{
	struct sh_nats_request *request = request_of(job);

	sh_nats_drop_link(&request->link);
	free((char *)request->why);
	free(request->texts);
	request->free(request);
}

static void
done(struct sh_job *job)
{
	struct sh_nats_request *request = request_of(job);

	if (!request->forgotten)
		request->tell(request);
	drop(job);
}

int
sh_nats_request_start(
    struct sh_loop *loop, struct sh_nats *nats, struct sh_nats_request *request)
{
	request->job =
	    (struct sh_job){ .run = run, .done = done, .drop = drop };
	request->link = sh_nats_hold_link(nats);
	request->timeout_ms = nats->timeout_ms;
	if (sh_job_start(loop, &request->job) == 0)
		return 0;
	drop(&request->job);
	return -SHOAL_ENOMEM;
}

void
sh_nats_forget(struct sh_nats_request **request)
{
	if (*request != NULL)
		(*request)->forgotten = true;
	*request = NULL;
}
