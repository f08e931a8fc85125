/* This file makes streams of JetStream. */
#include "config.h"

#include "client/nats_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "client/nats_private.h"
#include "client/nats_request.h"

struct making {
	struct sh_nats_request request;
	struct sh_nats_stream stream;
	uint64_t made_ns;
	sh_nats_made_fn *fn;
	void *arg;
};

static int64_t
age_ns(const struct sh_nats_stream *stream)
{
	return stream->age_ms * 1000000;
}

static int64_t
per_subject(const struct sh_nats_stream *stream)
{
	return stream->per_subject > 0 ? stream->per_subject : -1;
}

static natsStatus
add(struct making *making, jsStreamInfo **info, jsErrCode *code)
{
	const struct sh_nats_stream *stream = &making->stream;
	const char *subjects[] = { stream->source };
	jsRePublish again;
	jsStreamConfig config;

	jsRePublish_Init(&again);
	again.Source = stream->source;
	again.Destination = stream->target;
	jsStreamConfig_Init(&config);
	config.Name = stream->name;
	config.Description = stream->description;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.MaxMsgsPerSubject = per_subject(stream);
	config.MaxAge = age_ns(stream);
	config.RePublish = &again;
	return js_AddStream(info, making->request.js, &config, NULL, code);
}

/* Somebody may have set replicas, storage and placement: they stay. */
static natsStatus
adapt(struct making *making, jsStreamInfo *info, jsErrCode *code)
{
	jsStreamConfig *config = info->Config;

	if (config->MaxMsgsPerSubject == per_subject(&making->stream) &&
	    config->MaxAge == age_ns(&making->stream))
		return NATS_OK;
	config->MaxMsgsPerSubject = per_subject(&making->stream);
	config->MaxAge = age_ns(&making->stream);
	/* of an age shorter than it the server makes an error */
	if (config->MaxAge > 0 && config->Duplicates > config->MaxAge)
		config->Duplicates = config->MaxAge;
	return js_UpdateStream(NULL, making->request.js, config, NULL, code);
}

static bool
sends_again(const struct making *making, const jsStreamInfo *info)
{
	const jsRePublish *again = info->Config->RePublish;

	return again != NULL && again->Destination != NULL &&
	    strcmp(again->Destination, making->stream.target) == 0;
}

/* Another process may have made it between the two questions. */
static natsStatus
find_or_add(struct making *making, jsStreamInfo **info, jsErrCode *code)
{
	jsCtx *js = making->request.js;
	const char *name = making->stream.name;
	natsStatus s = js_GetStreamInfo(info, js, name, NULL, code);

	if (s != NATS_NOT_FOUND)
		return s;
	s = add(making, info, code);
	if (s != NATS_OK && *code == JSStreamNameExistErr)
		s = js_GetStreamInfo(info, js, name, NULL, code);
	return s;
}

static void
ask_make(struct sh_nats_request *request)
{
	struct making *making = (void *)request;
	jsStreamInfo *info = NULL;
	jsErrCode code = (jsErrCode)0;
	natsStatus s = find_or_add(making, &info, &code);

	if (s == NATS_OK)
		s = adapt(making, info, &code);
	request->result = sh_nats_request_result(request, s, code);
	if (s == NATS_OK && !sends_again(making, info)) {
		request->result = -EIO;
		request->why = "there is a stream with that name which is not "
			       "shoal's; delete it";
	}
	if (s == NATS_OK)
		making->made_ns = (uint64_t)info->Created;
	jsStreamInfo_Destroy(info);
}

static void
tell_make(struct sh_nats_request *request)
{
	struct making *making = (void *)request;

	making->fn(request->result, making->made_ns, request->why, making->arg);
}

static void
free_make(struct sh_nats_request *request)
{
	free((struct making *)(void *)request);
}

/* Copy texts behind each other. */
static const char *
keep(char **at, const char *text)
{
	char *kept = *at;

	*at = stpcpy(kept, text) + 1;
	return kept;
}

static bool
copy_stream(struct making *making, const struct sh_nats_stream *stream)
{
	size_t size = strlen(stream->name) + strlen(stream->description) +
	    strlen(stream->source) + strlen(stream->target) + 4;
	char *at = sh_try_calloc(1, size);

	making->request.texts = at;
	if (at == NULL)
		return false;
	making->stream = *stream;
	making->stream.name = keep(&at, stream->name);
	making->stream.description = keep(&at, stream->description);
	making->stream.source = keep(&at, stream->source);
	making->stream.target = keep(&at, stream->target);
	return true;
}

int
sh_nats_make_stream(struct sh_loop *loop, struct sh_nats *nats,
    const struct sh_nats_stream *stream, sh_nats_made_fn *fn, void *arg,
    struct sh_nats_request **out)
{
	struct making *making = sh_try_calloc(1, sizeof(*making));
	int r;

	if (making == NULL || !copy_stream(making, stream)) {
		free(making);
		return -SHOAL_ENOMEM;
	}
	making->request.ask = ask_make;
	making->request.tell = tell_make;
	making->request.free = free_make;
	making->fn = fn;
	making->arg = arg;
	r = sh_nats_request_start(loop, nats, &making->request);
	if (r == 0)
		*out = &making->request;
	return r;
}
