/*
 * This file is how libnats connects, and what it tells of the connection, in its
 * own threads.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/nats_private.h"

enum {
	/* A server that says nothing for two of these has gone. */
	PING_MS = 5000,
	PINGS_OUT = 2,
	/* Ours is the bound that counts, see nats_inbox.c: the thread that
	 * delivers never waits. */
	PENDING_MAX = 1 << 20
};

struct sh_nats_link *
sh_nats_hold_link(struct sh_nats *nats)
{
	struct sh_nats_link *link;

	pthread_mutex_lock(&nats->lock);
	link = nats->link;
	if (link != NULL)
		atomic_fetch_add(&link->users, 1);
	pthread_mutex_unlock(&nats->lock);
	return link;
}

void
sh_nats_drop_link(struct sh_nats_link **link)
{
	struct sh_nats_link *gone = *link;

	*link = NULL;
	if (gone == NULL || atomic_fetch_sub(&gone->users, 1) != 1)
		return;
	natsConnection_Destroy(gone->connection);
	free(gone);
}

/* Half of it is a matter of luck, so that many do not come at once. */
int64_t
sh_nats_pause_ms(const struct sh_nats *nats, int attempt)
{
	int64_t pause = nats->backoff_first_ms;

	while (attempt-- > 0 && pause < nats->backoff_max_ms)
		pause *= 2;
	if (pause > nats->backoff_max_ms)
		pause = nats->backoff_max_ms;
	return pause / 2 + nats_NowInNanoSeconds() / 1000 % (pause / 2 + 1);
}

/* --- what libnats tells ---------------------------------------------------- */

static int64_t
on_pause(natsConnection *connection, int attempts, void *arg)
{
	return sh_nats_pause_ms(arg, attempts - 1);
}

static void
set_up(struct sh_nats *nats, natsConnection *connection)
{
	pthread_mutex_lock(&nats->lock);
	nats->phase = SH_NATS_CONNECTED;
	nats->away_since_ms = 0;
	pthread_cond_signal(&nats->work);
	nats->payload_max = natsConnection_GetMaxPayload(connection);
	if (nats->gap_due)
		sh_nats_put_news(nats, SH_NATS_BREAK, NULL);
	nats->gap_due = false;
	sh_nats_put_news(nats, SH_NATS_UP, NULL);
	pthread_mutex_unlock(&nats->lock);
}

static void
on_connected(natsConnection *connection, void *arg)
{
	set_up(arg, connection);
}

static const char *
last_error(natsConnection *connection)
{
	const char *text = NULL;
	natsStatus status = natsConnection_GetLastError(connection, &text);

	if (text != NULL && text[0] != '\0')
		return text;
	return status == NATS_OK ? "the server has closed the connection"
				 : natsStatus_GetText(status);
}

/* One whose password all servers refuse ends for want of a server: that is no news. */
static bool
is_news(enum sh_nats_phase before, enum sh_nats_phase now, const char *why)
{
	return before == SH_NATS_CONNECTED || before == SH_NATS_CONNECTING ||
	    (now == SH_NATS_GIVEN_UP &&
		strcmp(why, natsStatus_GetText(NATS_NO_SERVER)) != 0);
}

static void
set_down(struct sh_nats *nats, enum sh_nats_phase phase, const char *why)
{
	pthread_mutex_lock(&nats->lock);
	if (nats->phase == SH_NATS_CONNECTED) {
		nats->gap_due = true;
		nats->away_since_ms = sh_clock_ms();
	}
	if (is_news(nats->phase, phase, why))
		sh_nats_put_news(nats, SH_NATS_DOWN, why);
	nats->phase = phase;
	pthread_cond_signal(&nats->work);
	pthread_mutex_unlock(&nats->lock);
}

static void
on_disconnected(natsConnection *connection, void *arg)
{
	set_down(arg, SH_NATS_BROKEN, last_error(connection));
}

/* Its last call. A server that refuses a password twice, for instance, makes libnats
 * give up. */
static void
on_closed(natsConnection *connection, void *arg)
{
	struct sh_nats *nats = arg;

	set_down(nats, SH_NATS_GIVEN_UP, last_error(connection));
	sh_nats_drop(nats);
}

static void
on_trouble(natsConnection *connection, natsSubscription *subscription,
    natsStatus status, void *arg)
{
	struct sh_nats *nats = arg;

	pthread_mutex_lock(&nats->lock);
	if (status == NATS_SLOW_CONSUMER)
		sh_nats_put_news(nats, SH_NATS_LOST, NULL);
	else
		sh_nats_put_news(nats, SH_NATS_TROUBLE, last_error(connection));
	pthread_mutex_unlock(&nats->lock);
}

/* --- connecting ------------------------------------------------------------ */

static natsStatus
set_identity(const struct sh_nats *nats, natsOptions *options)
{
	natsStatus status = natsOptions_SetName(options, nats->name);

	if (status != NATS_OK || nats->password[0] == '\0')
		return status;
	if (nats->user[0] == '\0')
		return natsOptions_SetToken(options, nats->password);
	return natsOptions_SetUserInfo(options, nats->user, nats->password);
}

/* A number of libnats' options, which are int. */
static int
as_int(size_t value)
{
	return value > INT32_MAX ? INT32_MAX : (int)value;
}

static natsStatus
set_bounds(struct sh_nats *nats, natsOptions *options)
{
	natsStatus s = natsOptions_SetTimeout(options, nats->timeout_ms);

	if (s == NATS_OK)
		s = natsOptions_SetWriteDeadline(options, nats->timeout_ms);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(options, PING_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPingsOut(options, PINGS_OUT);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(options, -1);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectBufSize(
		    options, as_int(nats->queue_max));
	if (s == NATS_OK)
		s = natsOptions_SetMaxPendingMsgs(options, PENDING_MAX);
	/* One thread delivers for all subscriptions, in the order in which
	 * messages have come: that is the order of each publisher. */
	if (s == NATS_OK)
		s = natsOptions_UseGlobalMessageDelivery(options, true);
	if (s == NATS_OK)
		s = natsOptions_SetFailRequestsOnDisconnect(options, true);
	return s;
}

static natsStatus
set_calls(struct sh_nats *nats, natsOptions *options)
{
	natsStatus s =
	    natsOptions_SetCustomReconnectDelay(options, on_pause, nats);

	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(options, on_trouble, nats);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(options, on_closed, nats);
	if (s == NATS_OK)
		s = natsOptions_SetDisconnectedCB(
		    options, on_disconnected, nats);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(options, on_connected, nats);
	if (s == NATS_OK)
		s = natsOptions_SetRetryOnFailedConnect(
		    options, true, on_connected, nats);
	return s;
}

static natsStatus
make_options(struct sh_nats *nats, natsOptions **out)
{
	natsStatus s = natsOptions_Create(out);

	if (s == NATS_OK)
		s = nats_SetMessageDeliveryPoolSize(1);
	if (s == NATS_OK)
		s = natsOptions_SetServers(
		    *out, (const char **)nats->urls, (int)nats->url_count);
	if (s == NATS_OK)
		s = set_identity(nats, *out);
	if (s == NATS_OK)
		s = set_bounds(nats, *out);
	if (s == NATS_OK)
		s = set_calls(nats, *out);
	return s;
}

/* What was not there yet is down from now on, and libnats or the sender goes on
 * trying. */
static void
set_not_up(struct sh_nats *nats, const char *why)
{
	pthread_mutex_lock(&nats->lock);
	if (is_news(nats->phase, SH_NATS_GIVEN_UP, why))
		sh_nats_put_news(nats, SH_NATS_DOWN, why);
	if (nats->phase == SH_NATS_CONNECTING)
		nats->phase = SH_NATS_BROKEN;
	pthread_mutex_unlock(&nats->lock);
}

static void
set_link(struct sh_nats *nats, natsConnection *connection)
{
	struct sh_nats_link *link = sh_xcalloc(1, sizeof(*link));

	link->connection = connection;
	atomic_init(&link->users, 1);
	pthread_mutex_lock(&nats->lock);
	nats->link = link;
	pthread_mutex_unlock(&nats->lock);
}

/* Make the connection; why it is not there yet goes into text. */
static natsStatus
connect_once(struct sh_nats *nats, natsConnection **out, char *text, size_t cap)
{
	natsOptions *options = NULL;
	natsStatus status = make_options(nats, &options);
	const char *why = NULL;

	if (status == NATS_OK)
		status = natsConnection_Connect(out, options);
	if (status == NATS_NOT_YET_CONNECTED)
		natsConnection_GetLastError(*out, &why);
	else if (status != NATS_OK)
		why = nats_GetLastError(NULL);
	if (status == NATS_NOT_YET_CONNECTED && (why == NULL || why[0] == '\0'))
		why = "no server answers";
	if (why == NULL || why[0] == '\0')
		why = natsStatus_GetText(status);
	snprintf(text, cap, "%s", why);
	natsOptions_Destroy(options);
	return status;
}

int
sh_nats_connect(struct sh_nats *nats)
{
	natsConnection *connection = NULL;
	char text[256];
	natsStatus status;

	sh_nats_hold(nats); /* for on_closed */
	status = connect_once(nats, &connection, text, sizeof(text));
	if (status != NATS_OK)
		set_not_up(nats, text);
	if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED) {
		sh_nats_drop(nats);
		return -EIO;
	}
	set_link(nats, connection);
	if (status == NATS_OK)
		set_up(nats, connection);
	return 0;
}
