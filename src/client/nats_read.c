/*
 * This file reads messages of one subject from a stream of JetStream: what the
 * latest is, and then all up to it through a consumer that goes with the request.
 */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/nats_private.h"
#include "client/nats_request.h"
#include "client/nats_stream.h"

struct reading {
	struct sh_nats_request request;
	const char *stream, *subject;
	uint64_t made_ns, behind;
	size_t max;
	int64_t deadline_ms;
	struct sh_nats_reading result;
	natsMsg **messages; /* those of result.list */
	size_t cap;
	sh_nats_read_fn *fn;
	void *arg;
};

static int
fail(struct reading *reading, natsStatus status, jsErrCode code)
{
	return sh_nats_request_result(&reading->request, status, code);
}

/* --- the messages ---------------------------------------------------------- */

/* Only the latest are wanted: the first one gives way. */
static void
give_way(struct reading *reading)
{
	struct sh_nats_reading *result = &reading->result;

	natsMsg_Destroy(reading->messages[0]);
	result->count--;
	memmove(reading->messages, reading->messages + 1,
	    result->count * sizeof(*reading->messages));
	memmove(result->list, result->list + 1,
	    result->count * sizeof(*result->list));
}

static int
grow(struct reading *reading)
{
	size_t cap = reading->cap == 0 ? 16 : reading->cap * 2;
	void *list, *messages;

	list = sh_try_grow(
	    reading->result.list, cap, sizeof(*reading->result.list));
	if (list == NULL)
		return -SHOAL_ENOMEM;
	reading->result.list = list;
	messages =
	    sh_try_grow(reading->messages, cap, sizeof(*reading->messages));
	if (messages == NULL)
		return -SHOAL_ENOMEM;
	reading->messages = messages;
	reading->cap = cap;
	return 0;
}

/* Takes the message. */
static int
keep(struct reading *reading, natsMsg *message, uint64_t sequence)
{
	struct sh_nats_reading *result = &reading->result;

	if (result->count == reading->max && result->count > 0)
		give_way(reading);
	if (reading->max == 0 ||
	    (result->count == reading->cap && grow(reading) < 0)) {
		natsMsg_Destroy(message);
		return reading->max == 0 ? 0 : -SHOAL_ENOMEM;
	}
	reading->messages[result->count] = message;
	result->list[result->count++] = (struct sh_nats_kept){
		.sequence = sequence,
		.data = natsMsg_GetData(message),
		.len = (size_t)natsMsg_GetDataLength(message),
	};
	return 0;
}

/* --- asking ---------------------------------------------------------------- */

static int
find_stream(struct reading *reading, uint64_t *last_out)
{
	jsErrCode code = (jsErrCode)0;
	jsStreamInfo *info = NULL;
	natsStatus s = js_GetStreamInfo(
	    &info, reading->request.js, reading->stream, NULL, &code);

	if (s != NATS_OK)
		return fail(reading, s, code);
	reading->result.made_ns = (uint64_t)info->Created;
	*last_out = info->State.LastSeq;
	jsStreamInfo_Destroy(info);
	return 0;
}

/* The latest of the subject: 1, 0: there is none. It is asked of who leads the
 * stream, so that nothing which was published before is missed. */
static int
find_last(struct reading *reading, natsMsg **out)
{
	jsErrCode code = (jsErrCode)0;
	natsStatus s = js_GetLastMsg(out, reading->request.js, reading->stream,
	    reading->subject, NULL, &code);

	if (s == NATS_NOT_FOUND)
		return 0;
	return s == NATS_OK ? 1 : fail(reading, s, code);
}

static int
take_sequence(struct reading *reading, natsMsg *message, uint64_t *out)
{
	jsMsgMetaData *data = NULL;
	natsStatus s = natsMsg_GetMetaData(&data, message);

	if (s != NATS_OK)
		return fail(reading, s, (jsErrCode)0);
	*out = data->Sequence.Stream;
	jsMsgMetaData_Destroy(data);
	return 0;
}

/* Take one from the consumer. 1: it was the last; 0; negative. first says that it is
 * the first, which shows whether the one asked for is still there. */
static int
take(struct reading *reading, natsSubscription *subscription, bool first)
{
	int64_t left = reading->deadline_ms - sh_clock_ms();
	natsMsg *message = NULL;
	uint64_t sequence = 0;
	natsStatus s;
	int r;

	if (left <= 0)
		return fail(reading, NATS_TIMEOUT, (jsErrCode)0);
	s = natsSubscription_NextMsg(&message, subscription, left);
	if (s != NATS_OK)
		return fail(reading, s, (jsErrCode)0);
	r = take_sequence(reading, message, &sequence);
	if (r == 0 && first && reading->behind != 0)
		reading->result.gap = sequence != reading->behind;
	if (r < 0 || sequence <= reading->behind)
		natsMsg_Destroy(message);
	else
		r = keep(reading, message, sequence);
	return r < 0 ? r : sequence >= reading->result.last;
}

static int
read_all(struct reading *reading)
{
	jsErrCode code = (jsErrCode)0;
	natsSubscription *subscription = NULL;
	jsSubOptions options;
	bool first = true;
	natsStatus s;
	int r = 0;

	jsSubOptions_Init(&options);
	options.Stream = reading->stream;
	options.Ordered = true;
	if (reading->behind != 0) {
		options.Config.DeliverPolicy = js_DeliverByStartSequence;
		options.Config.OptStartSeq = reading->behind;
	}
	s = js_SubscribeSync(&subscription, reading->request.js,
	    reading->subject, NULL, &options, &code);
	if (s != NATS_OK)
		return fail(reading, s, code);
	while (r == 0) {
		r = take(reading, subscription, first);
		first = false;
	}
	natsSubscription_Unsubscribe(subscription);
	natsSubscription_Destroy(subscription);
	return r < 0 ? r : 0;
}

/* There are messages of this subject, the last one is given (taken). */
static int
read_up_to(struct reading *reading, natsMsg *last)
{
	uint64_t sequence = natsMsg_GetSequence(last);

	reading->result.last = sequence;
	if (reading->behind == 0 && reading->max <= 1)
		return keep(reading, last, sequence);
	natsMsg_Destroy(last);
	if (sequence > reading->behind)
		return read_all(reading);
	reading->result.gap = sequence < reading->behind;
	return 0;
}

static void
ask_read(struct sh_nats_request *request)
{
	struct reading *reading = (void *)request;
	natsMsg *last = NULL;
	uint64_t stream_last = 0;
	int r = find_stream(reading, &stream_last);

	reading->deadline_ms = sh_clock_ms() + request->timeout_ms;
	if (r == 0 && reading->behind != 0 &&
	    reading->made_ns != reading->result.made_ns) {
		reading->result.gap = true;
		reading->behind = 0;
	}
	if (r == 0)
		r = find_last(reading, &last);
	if (r > 0) {
		r = read_up_to(reading, last);
	} else if (r == 0) {
		reading->result.last = stream_last;
		if (reading->behind != 0)
			reading->result.gap = stream_last != reading->behind;
	}
	request->result = r;
}

/* --- the request ----------------------------------------------------------- */

static void
tell_read(struct sh_nats_request *request)
{
	struct reading *reading = (void *)request;

	reading->fn(request->result,
	    request->result == 0 ? &reading->result : NULL, reading->arg);
}

static void
free_read(struct sh_nats_request *request)
{
	struct reading *reading = (void *)request;
	size_t i;

	for (i = 0; i < reading->result.count; i++)
		natsMsg_Destroy(reading->messages[i]);
	free(reading->messages);
	free(reading->result.list);
	free(reading);
}

static bool
copy_read(struct reading *reading, const struct sh_nats_read *read)
{
	size_t stream = strlen(read->stream) + 1;
	size_t subject = strlen(read->subject) + 1;
	char *at = sh_try_calloc(1, stream + subject);

	reading->request.texts = at;
	if (at == NULL)
		return false;
	reading->stream = memcpy(at, read->stream, stream);
	reading->subject = memcpy(at + stream, read->subject, subject);
	reading->made_ns = read->made_ns;
	reading->behind = read->behind;
	reading->max = read->max;
	return true;
}

int
sh_nats_read_stream(struct sh_loop *loop, struct sh_nats *nats,
    const struct sh_nats_read *read, sh_nats_read_fn *fn, void *arg,
    struct sh_nats_request **out)
{
	struct reading *reading = sh_try_calloc(1, sizeof(*reading));
	int r;

	if (reading == NULL || !copy_read(reading, read)) {
		free(reading);
		return -SHOAL_ENOMEM;
	}
	reading->request.ask = ask_read;
	reading->request.tell = tell_read;
	reading->request.free = free_read;
	reading->fn = fn;
	reading->arg = arg;
	r = sh_nats_request_start(loop, nats, &reading->request);
	if (r == 0)
		*out = &reading->request;
	return r;
}
