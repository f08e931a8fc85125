/*
 * This file takes letters from other threads to the loop of this process, in
 * the order in which they were posted; it does not know what they say.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

struct sh_loop;

enum {
	/* for sh_mailbox_put(): of whichever loop there is */
	SH_MAILBOX_ANY = 0,
	/* letters of that kind that wait at most */
	SH_MAILBOX_MAX = 1 << 20
};

/* Lies in the memory of who posts it, until one of the two is called. */
struct sh_letter {
	/* in a turn of the loop, on its own stack */
	void (*open)(struct sh_letter *letter);
	/* instead, when the loop ends first; may be NULL */
	void (*drop)(struct sh_letter *letter);
	STAILQ_ENTRY(sh_letter) next;
};

/** Open the mailbox of a loop, if it is not. Its number, which is positive, or
 *  -errno. For the loop's thread. */
int64_t sh_mailbox_open(struct sh_loop *loop);
/** Post a letter to the loop that the number is of. Never waits. 0,
 *  -SHOAL_ESTATE when that loop has ended, or -SHOAL_ENOMEM when there are too
 *  many; then the letter was not taken. For any thread. */
int sh_mailbox_put(int64_t number, struct sh_letter *letter);
/** For loop.c: close it, if it is open, and drop what is in it. */
void sh_mailbox_close(struct sh_loop *loop);
