/* This file takes letters from other threads to the loop of this process. */
#include "config.h"

#include "io/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/panic.h"
#include "io/loop.h"

/* Letters that are opened in one turn. */
enum { BATCH_MAX = 256 };

STAILQ_HEAD(sh_letter_list, sh_letter);

/*
 * One for the whole process, so that a thread may hold on to it when the loop
 * ends. The descriptor is readable exactly while there are letters.
 */
static struct {
	pthread_mutex_t lock; /* of what follows */
	struct sh_letter_list letters;
	size_t count;
	int64_t number; /* of the loop that has it or had it last */
	int fd;         /* -1: closed */

	struct sh_loop *loop; /* of its thread only, as is the next one */
	struct sh_watch *watch;
} box = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.letters = STAILQ_HEAD_INITIALIZER(box.letters),
	.fd = -1 };

static void
make_readable(void)
{
	const uint64_t one = 1;
	ssize_t n = write(box.fd, &one, sizeof(one));

	sh_assert(n == (ssize_t)sizeof(one));
}

static void
make_unreadable(void)
{
	uint64_t count;
	ssize_t n = read(box.fd, &count, sizeof(count));

	sh_assert(n == (ssize_t)sizeof(count));
}

/* Move up to max letters to a list. */
static void
take(struct sh_letter_list *taken, size_t max)
{
	STAILQ_INIT(taken);
	while (max-- > 0 && !STAILQ_EMPTY(&box.letters)) {
		struct sh_letter *letter = STAILQ_FIRST(&box.letters);

		STAILQ_REMOVE_HEAD(&box.letters, next);
		STAILQ_INSERT_TAIL(taken, letter, next);
		box.count--;
	}
}

static void
on_readable(int fd, void *arg)
{
	struct sh_letter_list taken;
	struct sh_letter *letter;

	pthread_mutex_lock(&box.lock);
	take(&taken, BATCH_MAX);
	if (STAILQ_EMPTY(&box.letters))
		make_unreadable();
	pthread_mutex_unlock(&box.lock);
	while ((letter = STAILQ_FIRST(&taken)) != NULL) {
		STAILQ_REMOVE_HEAD(&taken, next);
		letter->open(letter);
	}
}

int64_t
sh_mailbox_open(struct sh_loop *loop)
{
	int fd, r;

	sh_assert(box.loop == NULL || box.loop == loop);
	if (box.loop == loop)
		return box.number;
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = sh_loop_watch(loop, fd, on_readable, NULL, &box.watch);
	if (r < 0) {
		close(fd);
		return r;
	}
	box.loop = loop;
	pthread_mutex_lock(&box.lock);
	box.fd = fd;
	box.number++;
	pthread_mutex_unlock(&box.lock);
	return box.number;
}

static int
try_put(int64_t number, struct sh_letter *letter)
{
	if (box.fd < 0 || (number != SH_MAILBOX_ANY && number != box.number))
		return -SHOAL_ESTATE;
	if (number == SH_MAILBOX_ANY && box.count >= SH_MAILBOX_MAX)
		return -SHOAL_ENOMEM;
	if (STAILQ_EMPTY(&box.letters))
		make_readable();
	STAILQ_INSERT_TAIL(&box.letters, letter, next);
	box.count++;
	return 0;
}

int
sh_mailbox_put(int64_t number, struct sh_letter *letter)
{
	int r;

	pthread_mutex_lock(&box.lock);
	r = try_put(number, letter);
	pthread_mutex_unlock(&box.lock);
	return r;
}

void
sh_mailbox_close(struct sh_loop *loop)
{
	struct sh_letter_list taken;
	struct sh_letter *letter;
	int fd;

	if (box.loop != loop)
		return;
	sh_loop_unwatch(&box.watch);
	box.loop = NULL;
	pthread_mutex_lock(&box.lock);
	fd = box.fd;
	box.fd = -1;
	take(&taken, box.count);
	pthread_mutex_unlock(&box.lock);
	close(fd);
	while ((letter = STAILQ_FIRST(&taken)) != NULL) {
		STAILQ_REMOVE_HEAD(&taken, next);
		if (letter->drop != NULL)
			letter->drop(letter);
	}
}
