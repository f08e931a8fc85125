/*
 * This file is the thread that does what may block: connecting, subscribing and
 * writing. It takes commands in their order, all there are at once. What is to be
 * published waits for a connection, but not for ever.
 */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "client/nats_private.h"

enum { LAST_FLUSH_MS = 1000 /* for what was sent before the end */ };

size_t
sh_nats_command_size(const struct sh_nats_command *command)
{
	return sizeof(*command) + 64 + command->len;
}

/* --- commands -------------------------------------------------------------- */

static void
on_message(natsConnection *connection, natsSubscription *subscription,
    natsMsg *message, void *arg)
{
	struct sh_nats *nats = arg;

	/* The news that it is connected again may come by another thread after
	 * the first message. */
	pthread_mutex_lock(&nats->lock);
	if (nats->gap_due &&
	    natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED) {
		sh_nats_put_news(nats, SH_NATS_BREAK, NULL);
		nats->gap_due = false;
	}
	pthread_mutex_unlock(&nats->lock);
	sh_nats_put_message(nats, message);
}

static void
on_complete(void *arg)
{
	sh_nats_drop(arg);
}

static void
tell_trouble(struct sh_nats *nats, natsStatus status)
{
	pthread_mutex_lock(&nats->lock);
	sh_nats_put_news(nats, SH_NATS_TROUBLE, natsStatus_GetText(status));
	pthread_mutex_unlock(&nats->lock);
}

/* It holds us as long as it may call us. When the connection was closed meanwhile it
 * never does. */
static void
follow(struct sh_nats *nats, struct sh_nats_sub *sub)
{
	sh_nats_hold(nats);
	if (natsSubscription_SetOnCompleteCB(
		sub->subscription, on_complete, nats) != NATS_OK)
		sh_nats_drop(nats);
}

/* Without a connection it is done when there is one. */
static void
subscribe(struct sh_nats *nats, struct sh_nats_sub *sub)
{
	natsStatus s;

	if (nats->link == NULL)
		return;
	s = natsConnection_Subscribe(&sub->subscription, nats->link->connection,
	    sub->subject, on_message, nats);
	if (s == NATS_OK)
		follow(nats, sub);
	else if (s != NATS_CONNECTION_CLOSED)
		tell_trouble(nats, s);
}

static void
unsubscribe(struct sh_nats *nats, struct sh_nats_sub *sub)
{
	TAILQ_REMOVE(&nats->subs, sub, link);
	if (sub->subscription != NULL)
		natsSubscription_Unsubscribe(sub->subscription);
	natsSubscription_Destroy(sub->subscription);
	free(sub);
}

static void
tell_dropped(struct sh_nats *nats, const char *why)
{
	pthread_mutex_lock(&nats->lock);
	sh_nats_put_news(nats, SH_NATS_DROPPED, why);
	pthread_mutex_unlock(&nats->lock);
}

/* When the connection is lost just now libnats keeps some of it until it is back. */
static void
publish(struct sh_nats *nats, const struct sh_nats_command *command)
{
	natsConnection *connection = nats->link->connection;
	natsStatus status;

	if (command->reply != NULL)
		status =
		    natsConnection_PublishRequest(connection, command->subject,
			command->reply, command->data, (int)command->len);
	else
		status = natsConnection_Publish(connection, command->subject,
		    command->data, (int)command->len);
	if (status != NATS_OK)
		tell_dropped(nats, natsStatus_GetText(status));
}

static void
obey(struct sh_nats *nats, struct sh_nats_command *command)
{
	switch (command->verb) {
	case SH_NATS_SUBSCRIBE:
		TAILQ_INSERT_TAIL(&nats->subs, command->sub, link);
		subscribe(nats, command->sub);
		break;
	case SH_NATS_UNSUBSCRIBE: unsubscribe(nats, command->sub); break;
	case SH_NATS_PUBLISH: publish(nats, command); break;
	}
}

/* The lock is held: say that there is room when half of the queue is free. */
static void
give_room(struct sh_nats *nats, size_t size)
{
	nats->mail_size -= size;
	if (!nats->wants_room || nats->mail_size > nats->queue_max / 2)
		return;
	nats->wants_room = false;
	sh_nats_put_news(nats, SH_NATS_ROOM, NULL);
}

static void
obey_all(struct sh_nats *nats, struct sh_nats_commands *commands)
{
	struct sh_nats_command *command;
	size_t size = 0;

	while ((command = STAILQ_FIRST(commands)) != NULL) {
		STAILQ_REMOVE_HEAD(commands, next);
		obey(nats, command);
		if (command->verb == SH_NATS_PUBLISH)
			size += sh_nats_command_size(command);
		free(command);
		if (size < nats->queue_max / 4 && !STAILQ_EMPTY(commands))
			continue;
		pthread_mutex_lock(&nats->lock);
		give_room(nats, size);
		pthread_mutex_unlock(&nats->lock);
		size = 0;
	}
}

/* The lock is held: drop what has waited too long for a connection. */
static void
drop_old_mail(struct sh_nats *nats)
{
	int64_t before = sh_clock_ms() - nats->timeout_ms;
	struct sh_nats_command *command;
	bool any = false;

	while ((command = STAILQ_FIRST(&nats->mail)) != NULL &&
	    command->since_ms <= before) {
		STAILQ_REMOVE_HEAD(&nats->mail, next);
		give_room(nats, sh_nats_command_size(command));
		free(command);
		any = true;
	}
	if (any)
		sh_nats_put_news(nats, SH_NATS_DROPPED,
		    "there was no connection for broker.timeout");
}

/* --- connections ----------------------------------------------------------- */

static struct timespec
point_in(int64_t ms)
{
	struct timespec point;

	clock_gettime(CLOCK_MONOTONIC, &point);
	point.tv_sec += ms / 1000;
	point.tv_nsec += ms % 1000 * 1000000;
	point.tv_sec += point.tv_nsec / 1000000000;
	point.tv_nsec %= 1000000000;
	return point;
}

/* The lock is held: wait until something is to be done. */
static void
wait_for_work(struct sh_nats *nats)
{
	const struct sh_nats_command *first = STAILQ_FIRST(&nats->mail);
	struct timespec until;
	int64_t ms;

	if (first == NULL) {
		pthread_cond_wait(&nats->work, &nats->lock);
		return;
	}
	ms = first->since_ms + nats->timeout_ms - sh_clock_ms();
	until = point_in(ms > 0 ? ms : 0);
	pthread_cond_timedwait(&nats->work, &nats->lock, &until);
}

/* Take what can be done. False: it is to end. */
static bool
take_commands(struct sh_nats *nats, struct sh_nats_commands *commands)
{
	bool connected = nats->phase == SH_NATS_CONNECTED;

	STAILQ_CONCAT(commands, &nats->orders);
	if (connected)
		STAILQ_CONCAT(commands, &nats->mail);
	else
		drop_old_mail(nats);
	/* what was sent before the end goes out if it can */
	return !nats->closing || (connected && !STAILQ_EMPTY(commands));
}

/* Subscribe and unsubscribe for a while, without a connection. Whether to go on. */
static bool
wait_for(struct sh_nats *nats, int64_t ms)
{
	struct sh_nats_commands commands = STAILQ_HEAD_INITIALIZER(commands);
	struct timespec until = point_in(ms);
	bool go_on;
	int r = 0;

	pthread_mutex_lock(&nats->lock);
	while (!nats->closing && r == 0) {
		take_commands(nats, &commands);
		pthread_mutex_unlock(&nats->lock);
		obey_all(nats, &commands);
		pthread_mutex_lock(&nats->lock);
		if (!nats->closing && STAILQ_EMPTY(&nats->orders))
			r = pthread_cond_timedwait(
			    &nats->work, &nats->lock, &until);
	}
	go_on = !nats->closing;
	pthread_mutex_unlock(&nats->lock);
	return go_on;
}

/* Whether there is a connection, which libnats may be trying to make. */
static bool
begin(struct sh_nats *nats)
{
	struct sh_nats_sub *sub;
	int attempt = 0;

	while (sh_nats_connect(nats) < 0)
		if (!wait_for(nats, sh_nats_pause_ms(nats, attempt++)))
			return false;
	TAILQ_FOREACH(sub, &nats->subs, link)
		subscribe(nats, sub);
	return true;
}

static void
drop_connection(struct sh_nats *nats)
{
	struct sh_nats_link *link;
	struct sh_nats_sub *sub;

	TAILQ_FOREACH(sub, &nats->subs, link) {
		natsSubscription_Destroy(sub->subscription);
		sub->subscription = NULL;
	}
	pthread_mutex_lock(&nats->lock);
	link = nats->link;
	nats->link = NULL;
	pthread_mutex_unlock(&nats->lock);
	if (link != NULL)
		natsConnection_Close(link->connection);
	sh_nats_drop_link(&link);
}

/* libnats has given the connection up: begin another one. */
static bool
begin_anew(struct sh_nats *nats)
{
	drop_connection(nats);
	if (!wait_for(nats, nats->backoff_max_ms))
		return false;
	pthread_mutex_lock(&nats->lock);
	nats->phase = SH_NATS_BROKEN;
	pthread_mutex_unlock(&nats->lock);
	return begin(nats);
}

/* --- life ------------------------------------------------------------------ */

/* Whether to go on. */
static bool
work(struct sh_nats *nats)
{
	struct sh_nats_commands commands = STAILQ_HEAD_INITIALIZER(commands);
	enum sh_nats_phase phase;
	bool go_on;

	pthread_mutex_lock(&nats->lock);
	go_on = take_commands(nats, &commands);
	phase = nats->phase;
	if (go_on && STAILQ_EMPTY(&commands) && phase != SH_NATS_GIVEN_UP)
		wait_for_work(nats);
	pthread_mutex_unlock(&nats->lock);
	obey_all(nats, &commands);
	if (go_on && phase == SH_NATS_GIVEN_UP)
		go_on = begin_anew(nats);
	return go_on;
}

static void
flush(struct sh_nats *nats)
{
	bool connected;

	pthread_mutex_lock(&nats->lock);
	connected = nats->phase == SH_NATS_CONNECTED;
	pthread_mutex_unlock(&nats->lock);
	if (connected)
		natsConnection_FlushTimeout(
		    nats->link->connection, LAST_FLUSH_MS);
}

static void
forget_commands(struct sh_nats *nats, struct sh_nats_commands *commands)
{
	struct sh_nats_command *command;

	while ((command = STAILQ_FIRST(commands)) != NULL) {
		STAILQ_REMOVE_HEAD(commands, next);
		if (command->verb == SH_NATS_SUBSCRIBE)
			TAILQ_INSERT_TAIL(&nats->subs, command->sub, link);
		free(command);
	}
}

static void
forget_rest(struct sh_nats *nats)
{
	struct sh_nats_sub *sub;

	forget_commands(nats, &nats->orders);
	forget_commands(nats, &nats->mail);
	while ((sub = TAILQ_FIRST(&nats->subs)) != NULL) {
		TAILQ_REMOVE(&nats->subs, sub, link);
		free(sub);
	}
}

void *
sh_nats_send_all(void *arg)
{
	struct sh_nats *nats = arg;

	if (begin(nats)) {
		while (work(nats))
			;
		flush(nats);
	}
	drop_connection(nats);
	forget_rest(nats);
	nats_ReleaseThreadMemory();
	pthread_mutex_lock(&nats->lock);
	nats->sender_gone = true;
	pthread_cond_signal(&nats->gone);
	pthread_mutex_unlock(&nats->lock);
	sh_nats_drop(nats);
	return NULL;
}
