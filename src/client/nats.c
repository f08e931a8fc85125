/* This file opens and closes a NATS client and takes its commands, for the loop. */
#include "config.h"

#include "client/nats.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/nats_private.h"

enum {
	/* how long the end waits: for what was published to get out, and
	   without a connection for a thread that is not in a connect(2) */
	CLOSE_WAIT_MS = 1000,
	DOWN_WAIT_MS = 100,
	STACK_SIZE = 256 << 10
};

struct sh_nats *
sh_nats_hold(struct sh_nats *nats)
{
	atomic_fetch_add(&nats->users, 1);
	return nats;
}

void
sh_nats_drop(struct sh_nats *nats)
{
	size_t i;

	if (atomic_fetch_sub(&nats->users, 1) != 1)
		return;
	sh_nats_entries_fini(&nats->inbox, 0);
	sh_nats_entries_fini(&nats->batch, nats->batch_at);
	for (i = 0; i < nats->url_count; i++)
		free(nats->urls[i]);
	free(nats->urls);
	free(nats->user);
	explicit_bzero(nats->password, strlen(nats->password));
	free(nats->password);
	free(nats->name);
	pthread_mutex_destroy(&nats->lock);
	pthread_cond_destroy(&nats->work);
	pthread_cond_destroy(&nats->gone);
	free(nats);
}

/* --- opening --------------------------------------------------------------- */

static char *
copy_text(const char *text)
{
	return sh_xstrdup(text != NULL ? text : "");
}

static void
copy_options(struct sh_nats *nats, const struct sh_nats_options *options)
{
	size_t i;

	nats->urls = sh_xcalloc(options->url_count, sizeof(*nats->urls));
	for (i = 0; i < options->url_count; i++)
		nats->urls[i] = sh_xstrdup(options->urls[i]);
	nats->url_count = options->url_count;
	nats->user = copy_text(options->user);
	nats->password = copy_text(options->password);
	nats->name = copy_text(options->name);
	nats->timeout_ms = options->timeout_ms;
	nats->backoff_first_ms = options->backoff_first_ms;
	nats->backoff_max_ms = options->backoff_max_ms;
	nats->queue_max = options->queue_max;
}

/* Conditions with deadlines of the monotonic clock. */
static void
make_locks(struct sh_nats *nats)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&nats->lock, NULL);
	pthread_cond_init(&nats->work, &attributes);
	pthread_cond_init(&nats->gone, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* It starts all threads of libnats, and those inherit its signal mask: the worker
 * reads its signals from a descriptor. Faults stay, which name who crashed. */
static int
start_sender(struct sh_nats *nats)
{
	sigset_t blocked, before;
	pthread_attr_t attributes;
	int r;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGFPE);
	sigdelset(&blocked, SIGILL);
	sigdelset(&blocked, SIGABRT);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	r = pthread_create(&nats->thread, &attributes, sh_nats_send_all, nats);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return r == 0 ? 0 : -SHOAL_ENOMEM;
}

int
sh_nats_open(struct sh_loop *loop, const struct sh_nats_options *options,
    const struct sh_nats_events *events, struct sh_nats **out)
{
	int64_t mailbox = sh_mailbox_open(loop);
	struct sh_nats *nats;

	if (mailbox < 0)
		return -SHOAL_ENOMEM;
	nats = sh_xcalloc(1, sizeof(*nats));
	atomic_init(&nats->users, 2); /* the caller and the sender */
	copy_options(nats, options);
	nats->events = *events;
	nats->mailbox = mailbox;
	make_locks(nats);
	STAILQ_INIT(&nats->orders);
	STAILQ_INIT(&nats->mail);
	nats->away_since_ms = sh_clock_ms();
	TAILQ_INIT(&nats->subs);
	if (start_sender(nats) == 0) {
		*out = nats;
		return 0;
	}
	sh_nats_drop(nats);
	sh_nats_drop(nats);
	return -SHOAL_ENOMEM;
}

/* --- closing --------------------------------------------------------------- */

/* The lock is held. */
static void
wait_for_sender(struct sh_nats *nats, int64_t ms)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!nats->sender_gone && r == 0)
		r = pthread_cond_timedwait(&nats->gone, &nats->lock, &until);
}

/* A sender that does not get through is left behind: it has its own hold. */
void
sh_nats_close(struct sh_nats **nats)
{
	struct sh_nats *gone = *nats;
	bool ended;

	*nats = NULL;
	if (gone == NULL)
		return;
	pthread_mutex_lock(&gone->lock);
	gone->closing = true;
	pthread_cond_signal(&gone->work);
	wait_for_sender(gone,
	    gone->phase == SH_NATS_CONNECTED ? CLOSE_WAIT_MS : DOWN_WAIT_MS);
	ended = gone->sender_gone;
	pthread_mutex_unlock(&gone->lock);
	if (ended)
		pthread_join(gone->thread, NULL);
	else
		pthread_detach(gone->thread);
	sh_nats_drop(gone);
}

/* --- commands -------------------------------------------------------------- */

/* The lock is held. */
static bool
is_away(const struct sh_nats *nats)
{
	return nats->away_since_ms != 0 &&
	    sh_clock_ms() - nats->away_since_ms >= nats->timeout_ms;
}

bool
sh_nats_is_away(struct sh_nats *nats)
{
	bool away;

	pthread_mutex_lock(&nats->lock);
	away = is_away(nats);
	pthread_mutex_unlock(&nats->lock);
	return away;
}

static void
order(struct sh_nats *nats, struct sh_nats_command *command)
{
	pthread_mutex_lock(&nats->lock);
	STAILQ_INSERT_TAIL(&nats->orders, command, next);
	pthread_cond_signal(&nats->work);
	pthread_mutex_unlock(&nats->lock);
}

struct sh_nats_sub *
sh_nats_subscribe(struct sh_nats *nats, const char *subject)
{
	struct sh_nats_command *command = sh_try_calloc(1, sizeof(*command));
	struct sh_nats_sub *sub =
	    sh_try_calloc(1, sizeof(*sub) + strlen(subject) + 1);

	if (command == NULL || sub == NULL) {
		free(command);
		free(sub);
		return NULL;
	}
	memcpy(sub->subject, subject, strlen(subject) + 1);
	command->verb = SH_NATS_SUBSCRIBE;
	command->sub = sub;
	order(nats, command);
	return sub;
}

void
sh_nats_unsubscribe(struct sh_nats *nats, struct sh_nats_sub **sub)
{
	struct sh_nats_command *command;

	if (*sub == NULL)
		return;
	command = sh_xcalloc(1, sizeof(*command));
	command->verb = SH_NATS_UNSUBSCRIBE;
	command->sub = *sub;
	*sub = NULL;
	order(nats, command);
}

static size_t
sum_of(const struct iovec *parts, int count)
{
	size_t sum = 0;
	int i;

	for (i = 0; i < count; i++)
		sum += parts[i].iov_len;
	return sum;
}

static char *
put_text(char *to, const char *text, const char **place)
{
	*place = NULL;
	if (text == NULL)
		return to;
	*place = to;
	return stpcpy(to, text) + 1;
}

/* One block for all: it crosses to another thread, where libnats copies it again. */
static struct sh_nats_command *
make_publish(const char *subject, const char *reply, const struct iovec *parts,
    int count)
{
	size_t len = sum_of(parts, count);
	size_t texts =
	    strlen(subject) + 1 + (reply != NULL ? strlen(reply) + 1 : 0);
	struct sh_nats_command *command =
	    malloc(sizeof(*command) + texts + len);
	char *to;
	int i;

	if (command == NULL)
		return NULL;
	command->verb = SH_NATS_PUBLISH;
	command->sub = NULL;
	to = put_text(command->text, subject, &command->subject);
	to = put_text(to, reply, &command->reply);
	command->data = to;
	command->len = len;
	for (i = 0; i < count; i++)
		if (parts[i].iov_len != 0)
			to = mempcpy(to, parts[i].iov_base, parts[i].iov_len);
	return command;
}

/* The lock is held. */
static int
may_publish(struct sh_nats *nats, size_t len)
{
	if (is_away(nats))
		return -SHOAL_ENOTCONN;
	if (len > INT32_MAX ||
	    (nats->payload_max > 0 && (int64_t)len > nats->payload_max))
		return -SHOAL_EMSGSIZE;
	if (nats->mail_size == 0 || nats->mail_size + len <= nats->queue_max)
		return 0;
	nats->wants_room = true;
	return -SHOAL_EAGAIN;
}

int
sh_nats_publish(struct sh_nats *nats, const char *subject, const char *reply,
    const struct iovec *parts, int count)
{
	struct sh_nats_command *command;
	int r;

	pthread_mutex_lock(&nats->lock);
	r = may_publish(nats, sum_of(parts, count));
	pthread_mutex_unlock(&nats->lock);
	if (r < 0)
		return r;
	command = make_publish(subject, reply, parts, count);
	if (command == NULL)
		return -SHOAL_ENOMEM;
	command->since_ms = sh_clock_ms();
	pthread_mutex_lock(&nats->lock);
	if (STAILQ_EMPTY(&nats->mail))
		pthread_cond_signal(&nats->work);
	STAILQ_INSERT_TAIL(&nats->mail, command, next);
	nats->mail_size += sh_nats_command_size(command);
	pthread_mutex_unlock(&nats->lock);
	return 0;
}
